from django.urls import path

from portal.demo import views

app_name = "demo"
urlpatterns = [
    path("", views.index, name="index"),
    path("be/<slug:key>/", views.be, name="be"),
    path("mail/", views.mail, name="mail"),
    path("mail/<uuid:notification_id>/", views.message, name="message"),
    path("mail/<uuid:notification_id>/html/", views.message_as_html, name="message_as_html"),
]
