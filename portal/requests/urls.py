from django.urls import path

from portal.requests import answering, views

app_name = "requests"
urlpatterns = [
    path("", views.index, name="index"),
    path("<uuid:request_id>/", views.detail, name="detail"),
    path("<uuid:request_id>/remind/", views.remind, name="remind"),
    path("<uuid:request_id>/cancel/", views.cancel, name="cancel"),
    path("questions/<uuid:inquiry_id>/answer/", answering.answer, name="answer"),
    path("<uuid:request_id>/again/", views.ask_again, name="again"),
    path("<uuid:request_id>/try-again/", views.try_again, name="try_again"),
]
