from django.urls import path

from portal.navigation import NavEntry, register
from portal.organizations import acts, views
from portal.places import may_manage_organizations

app_name = "organizations"
urlpatterns = [
    path("", views.index, name="index"),
    path("add/", views.add, name="add"),
    path("find/", acts.find, name="find"),
    path("<uuid:organization_id>/", views.detail, name="detail"),
    path("<uuid:organization_id>/edit/", views.edit, name="edit"),
    path("<uuid:organization_id>/configure/", acts.promote, name="promote"),
    path("<uuid:organization_id>/delete/", acts.delete, name="delete"),
    path("<uuid:organization_id>/sponsors/add/", acts.add_sponsor, name="sponsor_add"),
    path(
        "<uuid:organization_id>/sponsors/<slug:kind>/<uuid:person_id>/remove/",
        acts.remove_sponsor,
        name="sponsor_remove",
    ),
]

register(
    NavEntry(
        "Organizations",
        "organizations:index",
        place="menu",
        icon="people",
        order=65,
        visible=may_manage_organizations,
    )
)
