"""Our own pages beneath `/manage/`; its site wraps each of them, and adds its lists."""

from django.urls import URLPattern, path

from portal.manage import picker
from portal.manage.views import (
    assignments,
    attributes,
    catalogs,
    clashes,
    exceptions,
    extensions,
    giving,
    packages,
    pending,
    people,
    policies,
    resources,
    versions,
    ways,
)
from portal.navigation import NavEntry, register
from portal.places import may_manage

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
    path("catalogs/<uuid:catalog_id>/extensions/add/", extensions.add, name="extension_add"),
    path("extensions/<uuid:extension_id>/", extensions.detail, name="extension"),
    path("extensions/<uuid:extension_id>/edit/", extensions.edit, name="extension_edit"),
    path(
        "extensions/<uuid:extension_id>/secret/", extensions.change_secret, name="extension_secret"
    ),
    path("extensions/<uuid:extension_id>/test/", extensions.test, name="extension_test"),
    path("extensions/<uuid:extension_id>/again/", extensions.send_again, name="extension_again"),
    path("extensions/<uuid:extension_id>/delete/", extensions.delete, name="extension_delete"),
    path("calls/", extensions.calls, name="calls"),
    path("calls/<uuid:callout_id>/answer/", extensions.answer, name="callout_answer"),
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
    path("resources/<uuid:resource_id>/attributes/add/", attributes.add, name="attribute_add"),
    path(
        "resources/<uuid:resource_id>/attributes/<uuid:attribute_id>/remove/",
        attributes.remove,
        name="attribute_remove",
    ),
    path("packages/<uuid:package_id>/", packages.detail, name="package"),
    path("packages/<uuid:package_id>/edit/", packages.edit, name="package_edit"),
    path("packages/<uuid:package_id>/give/", assignments.give, name="give"),
    path("packages/<uuid:package_id>/give/example.csv", giving.sample, name="give_sample"),
    path("give/<uuid:list_id>/", giving.detail, name="give_list"),
    path("give/<uuid:list_id>/start/", giving.start, name="give_start"),
    path("give/<uuid:list_id>/drop/", giving.drop, name="give_drop"),
    path("give/<uuid:list_id>/result.csv", giving.result, name="give_result"),
    path("packages/<uuid:package_id>/roles/add/", packages.add_role, name="package_role_add"),
    path(
        "packages/<uuid:package_id>/roles/<uuid:role_id>/remove/",
        packages.remove_role,
        name="package_role_remove",
    ),
    path("packages/<uuid:package_id>/policies/add/", policies.add, name="policy_add"),
    path("packages/<uuid:package_id>/ways/", ways.simulate, name="package_ways"),
    path("packages/<uuid:package_id>/clashes/", clashes.of_package, name="clashes"),
    path("packages/<uuid:package_id>/clashes/add/", clashes.add, name="clash_add"),
    path("packages/<uuid:package_id>/clashes/export/", clashes.export_package, name="clashes_file"),
    path("packages/<uuid:package_id>/prerequisites/add/", clashes.require, name="require"),
    path("packages/<uuid:package_id>/exceptions/add/", exceptions.propose, name="exception_add"),
    path("packages/<uuid:package_id>/<slug:name>/", packages.step, name="package_step"),
    path("policies/<uuid:policy_id>/", policies.edit, name="policy"),
    path("policies/<uuid:policy_id>/draft/", policies.edit_draft, name="policy_draft"),
    path(
        "policies/<uuid:policy_id>/draft/throw-away/",
        versions.throw_away,
        name="policy_throw_away",
    ),
    path("policies/<uuid:policy_id>/pending/", pending.index, name="policy_pending"),
    path("policies/<uuid:policy_id>/versions/", versions.index, name="policy_versions"),
    path(
        "policies/<uuid:policy_id>/versions/<int:number>/restore/",
        versions.restore,
        name="policy_restore",
    ),
    path("policies/<uuid:policy_id>/delete/", policies.delete, name="policy_delete"),
    path("clashes/<uuid:clash_id>/remove/", clashes.remove, name="clash_remove"),
    path(
        "prerequisites/<uuid:prerequisite_id>/remove/",
        clashes.require_no_more,
        name="require_no_more",
    ),
    path("role-clashes/<uuid:clash_id>/remove/", clashes.remove_roles, name="role_clash_remove"),
    path("exceptions/<uuid:exception_id>/", exceptions.detail, name="exception"),
    path("exceptions/<uuid:exception_id>/end/", exceptions.end, name="exception_end"),
    path("catalogs/<uuid:catalog_id>/clashes/", clashes.of_catalog, name="catalog_clashes"),
    path("catalogs/<uuid:catalog_id>/clashes/add/", clashes.add_roles, name="role_clash_add"),
    path(
        "catalogs/<uuid:catalog_id>/clashes/export/",
        clashes.export_catalog,
        name="catalog_clashes_file",
    ),
    path("assignments/end/", assignments.end, name="assignments_end"),
    path("assignments/again/", assignments.again, name="assignments_again"),
    path("assignments/<uuid:assignment_id>/", assignments.detail, name="assignment"),
    path("assignments/<uuid:assignment_id>/extend/", assignments.extend, name="assignment_extend"),
    path(
        "assignments/<uuid:assignment_id>/answers/",
        assignments.correct,
        name="assignment_answers",
    ),
    path("requests/cancel/", assignments.cancel_requests, name="requests_cancel"),
    path("requests/again/", assignments.try_requests_again, name="requests_again"),
]

register(NavEntry("Manage", "manage:index", visible=may_manage, order=60))
