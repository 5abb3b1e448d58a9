"""Our own pages beneath `/manage/`; its site wraps each of them, and adds its lists."""

from django.urls import URLPattern, path

from portal.manage import picker
from portal.manage.doors import may_manage
from portal.manage.views import assignments, catalogs, packages, people, policies, resources
from portal.navigation import NavEntry, register

urlpatterns: list[URLPattern] = [
    path("", catalogs.home, name="index"),
    path("pick/", picker.pick, name="pick"),
    path("deliveries/", assignments.deliveries, name="deliveries"),
    path("catalogs/add/", catalogs.add, name="catalog_add"),
    path("catalogs/<uuid:catalog_id>/", catalogs.detail, name="catalog"),
    path("catalogs/<uuid:catalog_id>/edit/", catalogs.edit, name="catalog_edit"),
    path("catalogs/<uuid:catalog_id>/delete/", catalogs.delete, name="catalog_delete"),
    path("catalogs/<uuid:catalog_id>/people/", people.index, name="people"),
    path(
        "catalogs/<uuid:catalog_id>/people/<uuid:person_id>/dismiss/",
        people.dismiss,
        name="dismiss",
    ),
    path("catalogs/<uuid:catalog_id>/resources/add/", resources.add, name="resource_add"),
    path(
        "catalogs/<uuid:catalog_id>/resources/<uuid:resource_id>/remove/",
        resources.remove,
        name="resource_remove",
    ),
    path("catalogs/<uuid:catalog_id>/packages/add/", packages.add, name="package_add"),
    path("resources/<uuid:resource_id>/", resources.detail, name="resource"),
    path("resources/<uuid:resource_id>/edit/", resources.edit, name="resource_edit"),
    path("resources/<uuid:resource_id>/roles/add/", resources.add_role, name="role_add"),
    path(
        "resources/<uuid:resource_id>/roles/<uuid:role_id>/", resources.edit_role, name="role_edit"
    ),
    path(
        "resources/<uuid:resource_id>/roles/<uuid:role_id>/remove/",
        resources.remove_role,
        name="role_remove",
    ),
    path("packages/<uuid:package_id>/", packages.detail, name="package"),
    path("packages/<uuid:package_id>/edit/", packages.edit, name="package_edit"),
    path("packages/<uuid:package_id>/give/", assignments.give, name="give"),
    path("packages/<uuid:package_id>/roles/add/", packages.add_role, name="package_role_add"),
    path(
        "packages/<uuid:package_id>/roles/<uuid:role_id>/remove/",
        packages.remove_role,
        name="package_role_remove",
    ),
    path("packages/<uuid:package_id>/policies/add/", policies.add, name="policy_add"),
    path("packages/<uuid:package_id>/<slug:name>/", packages.step, name="package_step"),
    path("policies/<uuid:policy_id>/", policies.edit, name="policy"),
    path("policies/<uuid:policy_id>/delete/", policies.delete, name="policy_delete"),
    path("assignments/end/", assignments.end, name="assignments_end"),
    path("assignments/again/", assignments.again, name="assignments_again"),
    path("assignments/<uuid:assignment_id>/", assignments.detail, name="assignment"),
    path("requests/cancel/", assignments.cancel_requests, name="requests_cancel"),
    path("requests/again/", assignments.try_requests_again, name="requests_again"),
]

register(NavEntry("Manage", "manage:index", visible=may_manage, order=60))
