from django.urls import path

from portal.navigation import NavEntry, register
from portal.preferences import views

app_name = "preferences"
urlpatterns = [
    path("", views.index, name="index"),
    path("theme/", views.theme, name="theme"),
]

register(NavEntry("Settings", "preferences:index", place="menu", icon="gear", order=80))
register(NavEntry("Sign-in and security", "mfa_index", place="menu", icon="lock", order=81))
