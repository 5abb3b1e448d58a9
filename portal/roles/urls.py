from django.urls import path

from portal.navigation import NavEntry, register
from portal.places import oversees
from portal.roles import service_accounts, views

app_name = "roles"
urlpatterns = [
    path("", views.index, name="index"),
    path("person/", views.person, name="person"),
    path("service-accounts/", service_accounts.index, name="services"),
    path(
        "service-accounts/<uuid:account_id>/<slug:step>/",
        service_accounts.switch,
        name="service_switch",
    ),
    path("<slug:key>/", views.role, name="role"),
    path("<slug:key>/<uuid:holder_id>/dismiss/", views.dismiss, name="dismiss"),
]

register(NavEntry("Roles", "roles:index", place="menu", icon="shield", order=71, visible=oversees))
