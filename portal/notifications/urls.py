from django.urls import path

from portal.navigation import NavEntry, register
from portal.notifications import views

app_name = "notifications"
urlpatterns = [
    path("", views.index, name="index"),
    path("read/", views.mark_read, name="mark_read"),
    path("<uuid:notification_id>/", views.open_one, name="open"),
]

register(
    NavEntry(
        "Notifications",
        "notifications:index",
        count=views.unread,
        order=10,
        place="tools",
        icon="bell",
    )
)
