from django.urls import path

from portal.navigation import NavEntry, register
from portal.packages import views

app_name = "packages"
urlpatterns = [
    path("", views.index, name="index"),
    path("<uuid:package_id>/", views.detail, name="detail"),
    path("<uuid:package_id>/request/", views.ask, name="ask"),
]

register(
    NavEntry("My access", "packages:index", order=10, areas=("packages", "access", "requests"))
)
