from django.urls import path

from portal.navigation import NavEntry, register
from portal.places import has_team
from portal.team import views

app_name = "team"
urlpatterns = [
    path("", views.index, name="index"),
    path("copy/", views.copy, name="copy"),
    path("<uuid:person_id>/", views.person, name="person"),
    path("access/<uuid:assignment_id>/end/", views.end, name="end"),
]

register(NavEntry("My team", "team:index", visible=has_team, order=30, areas=("team",)))
