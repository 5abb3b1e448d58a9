from django.urls import path

from portal.access import views

app_name = "access"
urlpatterns = [
    path("", views.index, name="index"),
    path("expired/", views.expired, name="expired"),
    path("<uuid:assignment_id>/", views.detail, name="detail"),
    path("<uuid:assignment_id>/extend/", views.extend, name="extend"),
    path("<uuid:assignment_id>/answers/", views.correct, name="correct"),
    path("<uuid:assignment_id>/give-back/", views.give_back, name="give_back"),
]
