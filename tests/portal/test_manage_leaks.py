"""Whoever manages one catalog learns nothing of another, by whatever door he tries.

Every probe runs for a person, for a member of a group, and right after the role was taken.
"""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import RequestFactory
from django.urls import reverse

from entitlements import clock, models
from entitlements.assignments.models import AssignmentState
from entitlements.catalog.appointments import take_role
from entitlements.catalog.permissions import CATALOG_ROLES
from portal.admin.registry import manage
from portal.admin.scoped import visible
from portal.manage.urls import urlpatterns
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ConnectedSystemFactory,
    CustomExtensionFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.files import Opened

LISTS = ("catalog", "accesspackage", "assignmentpolicy", "resource", "assignment", "accessrequest")
NOT_THERE = {404, 405}
"""What does not exist, and what is not done in this way: neither says whether the thing is."""
FOREIGN = re.compile(r"Finance|Foreign|foreign@")


class World:
    """A catalog with one of everything in it; all its names contain that of the catalog."""

    def __init__(self, name, person, shared):
        self.catalog = CatalogFactory(name=name, description=f"{name} things")
        system = ConnectedSystemFactory(kind=f"{name}-kind", name=f"{name} system")
        self.resource = ResourceFactory(
            system=system, external_id=name, name=f"{name} CRM", catalog=self.catalog
        )
        self.role = ResourceRoleFactory(resource=self.resource, name=f"{name} reader")
        self.catalog.catalog_resources.create(resource=shared.resource)
        self.package = AccessPackageFactory(
            catalog=self.catalog, name=f"{name} package", roles=[self.role, shared]
        )
        self.bare = AccessPackageFactory(
            catalog=self.catalog, name=f"{name} without policy", roles=[]
        )
        self.policy = AssignmentPolicyFactory(package=self.package, name=f"{name} policy")
        ApprovalStageFactory(policy=self.policy)
        self.assignment = AssignmentFactory(
            policy=self.policy,
            target=person,
            state=AssignmentState.DELIVERY_FAILED,
            ends_at=clock.now() + timedelta(days=3),
        )
        self.access_request = AccessRequestFactory(
            policy=self.policy, requestor=UserFactory(display_name=f"{name} hopeful")
        )
        self.extension = CustomExtensionFactory(catalog=self.catalog, name=f"{name} extension")
        self.callout = models.Callout.objects.create(
            extension=self.extension,
            stage="approved",
            about_type="accessrequest",
            about_id=self.access_request.pk,
            payload={},
            created_at=clock.now(),
        )
        self.bulk = models.BulkAssignment.objects.create(
            package=self.package,
            policy=self.policy,
            made_by=person,
            source=f"{name} list",
            created_at=clock.now(),
        )
        self.act = models.BulkAct.objects.create(
            kind="end", made_by=person, source=f"{name} rows", created_at=clock.now()
        )
        self.act.rows.create(
            position=1, assignment=self.assignment, target=person, package=self.package
        )
        self.role_import = models.RoleImport.objects.create(
            catalog=self.catalog,
            made_by=person,
            source=f"{name} roles",
            created_at=clock.now(),
        )
        self.attribute = models.ResourceAttribute.objects.create(
            resource=self.resource, name="office", question=f"{name} office?"
        )
        self._keep_apart(name, person)
        for role in (self.role, shared):
            models.Grant.objects.create(user=person, role=role, last_error=f"{name} is broken")

    def _keep_apart(self, name, person):
        self.clash = models.Incompatibility.objects.create(
            package=self.package, other_package=self.bare
        )
        self.prerequisite = models.Prerequisite.objects.create(
            package=self.package, required=self.bare
        )
        roles = (
            self.role,
            ResourceRoleFactory(resource=self.resource, external_id="owner", name=f"{name} writer"),
        )
        first, second = sorted(roles, key=lambda role: role.pk)
        self.role_clash = models.RoleClash.objects.create(
            catalog=self.catalog, first=first, second=second
        )
        self.exception = models.ClashException.objects.create(
            person=person,
            package=self.package,
            other_package=self.bare,
            reason=f"{name} needs both",
            starts_at=clock.now(),
            ends_at=clock.now() + timedelta(days=3),
            proposed_by=UserFactory(display_name=f"{name} proposer"),
            proposed_at=clock.now(),
        )

    @property
    def ids(self):
        return {
            "catalog_id": self.catalog.pk,
            "resource_id": self.resource.pk,
            "role_id": self.role.pk,
            "package_id": self.package.pk,
            "policy_id": self.policy.pk,
            "assignment_id": self.assignment.pk,
            "extension_id": self.extension.pk,
            "callout_id": self.callout.pk,
            "list_id": self.bulk.pk,
            "act_id": self.act.pk,
            "import_id": self.role_import.pk,
            "attribute_id": self.attribute.pk,
            "clash_id": self.clash.pk,
            "role_clash_id": self.role_clash.pk,
            "prerequisite_id": self.prerequisite.pk,
            "exception_id": self.exception.pk,
        }


@pytest.fixture
def shared(db):
    """A role of a resource that both catalogs offer."""
    return ResourceRoleFactory(resource=ResourceFactory(name="Shared drive"), name="Member")


@pytest.fixture
def sales(shared):
    return World("Sales", UserFactory(display_name="Sven Seller"), shared)


@pytest.fixture
def finance(shared):
    person = UserFactory(display_name="Fenja Foreign", email="foreign@kestrel.example")
    return World("Finance", person, shared)


@pytest.fixture(params=["person", "group"])
def viewer(request, sales, finance, client, appoint):
    """An owner of Sales, himself or through a group, who holds something of Finance's too."""
    user = UserFactory(display_name="Olga Owner", email="olga@kestrel.example")
    holder = user
    if request.param == "group":
        holder = GroupFactory(name="Sales leads")
        inner = GroupFactory(name="Sales leads in Bristol", members=[user])
        models.GroupNesting.objects.create(parent=holder, child=inner)
    appoint(holder, sales.catalog)
    # A right on all catalogs at once must open none of them.
    user.user_permissions.add(Permission.objects.get(codename="view_catalog"))
    client.force_login(user)
    user.holder = holder
    return user


@pytest.fixture
def withdraw(viewer, sales):
    """Take every right from the viewer, whose session goes on."""

    def withdraw():
        take_role(viewer.holder, sales.catalog)

    return withdraw


def words_of(response):
    """What somebody reads who opens a page, or a file that it answers with."""
    if response.headers.get("Content-Type") == "application/zip":
        return "".join(data.decode() for data in Opened(response).contents.values())
    return response.getvalue().decode()


def listing(model):
    return reverse(f"manage:entitlements_{model}_changelist")


def file_of(model):
    return reverse(f"manage:entitlements_{model}_export")


def addresses(ids, person):
    """Every address beneath `/manage/` that names something, with these ids in it."""
    for pattern in urlpatterns:
        names = pattern.pattern.converters
        if not names:
            continue
        values = {**ids, "holder_id": person.pk, "name": "retire", "number": 1}
        if pattern.name == "role_clash_remove":
            values["clash_id"] = ids["role_clash_id"]
        yield reverse(f"manage:{pattern.name}", kwargs={name: values[name] for name in names})


# L1: rows and objects


@pytest.mark.parametrize("model", LISTS)
def test_lists_show_only_ones_own(client, viewer, model):
    html = client.get(listing(model)).content.decode()

    assert "Sales" in html
    assert not FOREIGN.search(html)


@pytest.mark.parametrize("model", LISTS)
@pytest.mark.parametrize("query", ["Finance", "Fenja", "foreign@"])
def test_searches_find_nothing_foreign(client, viewer, model, query):
    html = client.get(listing(model), {"q": query}).content.decode()

    assert "Nothing fits" in html


def test_no_page_about_ones_own_names_anything_foreign(client, viewer, sales):
    ids = sales.ids
    shared = models.Resource.objects.get(name="Shared drive")
    pages = [
        reverse("manage:index"),
        reverse("manage:deliveries"),
        *map(file_of, ("assignment", "accessrequest")),
        *addresses(ids, viewer),
        reverse("manage:resource", args=[shared.pk]),
    ]
    for address in pages:
        assert not FOREIGN.search(words_of(client.get(address))), address


def test_what_is_shared_shows_the_own_side_alone(client, viewer, sales):
    shared = models.Resource.objects.get(name="Shared drive")

    html = client.get(reverse("manage:resource", args=[shared.pk])).content.decode()
    assert "Sales package" in html
    assert "Sven Seller" in html
    for show in ("missing", "explained", "unexplained"):
        address = reverse("manage:holders", args=[shared.pk])
        holders = client.get(address, {"show": show}).content.decode()
        assert ("Sven Seller" in holders) == (show == "missing")
        assert not FOREIGN.search(holders)
    row = client.get(listing("resource"), {"q": "Shared"}).content.decode()
    assert re.search(r'data-label="In packages">1<', row)


@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_foreign_answers_like_what_never_was(client, viewer, finance, method):
    foreign = list(addresses(finance.ids, finance.assignment.target))
    never = list(addresses({name: uuid4() for name in finance.ids}, UserFactory.build()))
    assert len(foreign) > 15

    for address, twin in zip(foreign, never, strict=True):
        status = getattr(client, method)(address).status_code
        assert status == getattr(client, method)(twin).status_code, address
        assert status in NOT_THERE, address


def test_a_foreign_thing_beneath_an_own_one_does_not_exist_either(client, viewer, sales, finance):
    mixed = (
        reverse("manage:resource_remove", args=[sales.catalog.pk, finance.resource.pk]),
        reverse("manage:role_edit", args=[sales.resource.pk, finance.role.pk]),
        reverse("manage:role_remove", args=[sales.resource.pk, finance.role.pk]),
        reverse("manage:package_role_remove", args=[sales.package.pk, finance.role.pk]),
        reverse("manage:dismiss", args=[sales.catalog.pk, finance.assignment.target.pk]),
    )
    for address in mixed:
        assert client.get(address).status_code == 404, address
        assert client.post(address).status_code == 404, address
    assert finance.package.roles.filter(pk=finance.role.pk).exists()


@pytest.mark.parametrize("rest", ["add/", "{}/change/", "{}/delete/", "{}/history/"])
def test_the_admins_own_pages_are_not_there_at_all(client, viewer, sales, finance, rest):
    ours = {
        reverse("manage:catalog_add"),
        reverse("manage:package_step", args=[sales.package.pk, "delete"]),
    }
    for world in (sales, finance):
        for model in LISTS:
            address = f"{listing(model)}{rest.format(world.package.pk)}"
            status = client.get(address).status_code
            if address in ours:
                assert status != 404, address
            else:
                assert status == 404, address
    for address in ("/manage/autocomplete/", "/manage/jsi18n/", "/manage/r/1/1/"):
        assert client.get(address).status_code == 404


# L2 to L5: what a form may name


def test_a_foreign_role_is_not_put_into_an_own_package(client, viewer, sales, finance):
    address = reverse("manage:package_role_add", args=[sales.package.pk])

    response = client.post(address, {"role": finance.role.pk})

    assert response.status_code == 422
    assert not sales.package.roles.filter(pk=finance.role.pk).exists()
    assert not FOREIGN.search(response.content.decode())


def test_a_foreign_policy_is_not_used_to_give_an_own_package(client, viewer, sales, finance):
    address = reverse("manage:give", args=[sales.package.pk])
    sent = {"person": f"user:{viewer.pk}", "policy": finance.policy.pk}

    assert client.post(address, sent).status_code == 422
    assert not models.Assignment.objects.filter(target=viewer).exists()


def test_a_package_is_not_moved_into_a_foreign_catalog(client, viewer, sales, finance):
    address = reverse("manage:package_edit", args=[sales.package.pk])
    sent = {"name": "Sales package", "description": "x", "catalog": finance.catalog.pk}

    client.post(address, sent)
    sales.package.refresh_from_db()
    assert sales.package.catalog == sales.catalog


def test_a_group_that_is_not_ones_own_is_not_offered(client, viewer, sales):
    address = reverse("manage:resource_add", args=[sales.catalog.pk])
    group = GroupFactory(name="Foreign group")

    assert not FOREIGN.search(client.get(address).content.decode())
    for value in (group.pk, f"group:{group.pk}"):
        response = client.post(address, {"group": value})
        assert response.status_code == 422
        assert not FOREIGN.search(response.content.decode())
    assert sales.catalog.resources.count() == 2


def test_a_foreign_system_is_not_offered(client, viewer, sales, finance):
    address = reverse("manage:resource_add", args=[sales.catalog.pk])

    assert client.get(address, {"system": finance.resource.system_id}).status_code == 404


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (models.AccessPackage, "catalog"),
        (models.AssignmentPolicy, "package"),
        (models.AssignmentPolicy, "allowed_users"),
        (models.Assignment, "package"),
        (models.Assignment, "target"),
        (models.AccessRequest, "policy"),
        (models.Resource, "system"),
    ],
)
def test_the_third_lock_lets_no_admin_form_name_what_is_foreign(viewer, finance, model, field):
    request = RequestFactory().get("/")
    request.user = viewer
    model_admin = manage.get_model_admin(model)
    db_field = model._meta.get_field(field)

    choices = model_admin.formfield_for_dbfield(db_field, request).queryset

    named = " ".join(str(choice) for choice in choices)
    assert not FOREIGN.search(named)
    if field in ("catalog", "package", "policy"):
        assert "Sales" in named


def test_the_second_lock_asks_about_each_object(viewer, sales, finance):
    request = RequestFactory().get("/")
    request.user = viewer

    for name in ("catalog", "package", "policy", "resource", "assignment", "access_request"):
        own, foreign = getattr(sales, name), getattr(finance, name)
        model_admin = manage.get_model_admin(type(own))
        assert model_admin.has_view_permission(request, own)
        assert not model_admin.has_view_permission(request, foreign)
        assert not model_admin.has_change_permission(request, own)
        assert not model_admin.has_delete_permission(request, own)
        assert not model_admin.has_add_permission(request)
        assert model_admin.has_module_permission(request)


def test_a_model_without_a_rule_shows_nothing(viewer):
    assert models.User.objects.exists()
    assert not visible(models.User, viewer).exists()


# L6: filters


@pytest.mark.parametrize("model", LISTS[1:])
def test_a_foreign_catalog_as_a_filter_finds_nothing(client, viewer, finance, model):
    html = client.get(listing(model), {"catalog": finance.catalog.pk}).content.decode()

    assert "Nothing fits" in html
    assert not FOREIGN.search(html)


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("resource", "catalogs__name__startswith"),
        ("resource", "system__sealed_secret__startswith"),
        ("accesspackage", "catalog__name__startswith"),
        ("assignment", "target__email__startswith"),
        ("assignment", "target__password__startswith"),
        ("accessrequest", "requestor__email__startswith"),
    ],
)
def test_nobody_asks_by_address_what_no_filter_offers(client, viewer, model, lookup):
    response = client.get(listing(model), {lookup: "F"})

    assert response.status_code == 400 or "Nothing fits" in response.content.decode()
    assert response.status_code == 400 or not lookup.startswith("target")


# L11: acts on many


@pytest.mark.parametrize("action", ["extend_access", "end_access", "set_up_again"])
def test_foreign_rows_are_not_chosen_for_an_act(client, viewer, sales, finance, action):
    chosen = [sales.assignment.pk, finance.assignment.pk]
    sent = {"action": action, "index": "0", "_selected_action": chosen}

    location = client.post(listing("assignment"), sent)["Location"]

    assert str(sales.assignment.pk) in location
    assert str(finance.assignment.pk) not in location


@pytest.mark.parametrize("name", ["assignments_end", "assignments_extend", "assignments_again"])
def test_foreign_access_is_not_touched(client, viewer, sales, finance, name):
    address = reverse(f"manage:{name}")
    end = finance.assignment.ends_at
    until = {"ends_on": f"{clock.now() + timedelta(days=30):%Y-%m-%d}"}
    assert client.post(address, {"id": finance.assignment.pk, **until}).status_code == 404

    html = client.post(address, {"id": [sales.assignment.pk, finance.assignment.pk], **until})
    assert not FOREIGN.search(html.content.decode())
    finance.assignment.refresh_from_db()
    assert finance.assignment.is_live
    assert finance.assignment.ends_at == end


def test_the_deletion_of_records_is_offered_to_administrators_alone(client, viewer, sales):
    sent = {"action": "delete_records", "index": "0", "_selected_action": sales.access_request.pk}

    assert "Delete records" not in client.get(listing("accessrequest")).text
    assert "requests/delete" not in client.post(listing("accessrequest"), sent).headers.get(
        "Location", ""
    )
    assert client.get(reverse("manage:requests_delete"), {"id": 1}).status_code == 403


@pytest.mark.parametrize("name", ["requests_cancel", "requests_again"])
def test_foreign_requests_are_not_touched(client, viewer, finance, name):
    address = reverse(f"manage:{name}")

    assert client.get(address, {"id": finance.access_request.pk}).status_code == 404
    assert client.post(address, {"id": finance.access_request.pk}).status_code == 404
    finance.access_request.refresh_from_db()
    assert finance.access_request.state == "submitted"


def test_ones_own_requests_elsewhere_are_not_managed(client, viewer, finance):
    AccessRequestFactory(policy=finance.policy, requestor=viewer, target=viewer)

    assert not FOREIGN.search(client.get(listing("accessrequest")).content.decode())


# L14: numbers


def test_numbers_count_only_ones_own(client, viewer):
    html = client.get(reverse("manage:index")).content.decode()
    numbers = re.findall(r"<strong>(\d+)</strong> ([\w ]+)", html)

    assert {words.strip(): int(number) for number, words in numbers} == {
        "roles could not be set up": 2,
        "policy in which nobody can approve": 1,
        "package without a policy": 1,
        "assignment ends within 14 days": 1,
    }
    assert "2 packages · 2 resources" in html


# L15: the picker


def picked(client, query, **changes):
    fields = {"field": "who", "kinds": "user,group", "who-q": query, **changes}
    response = client.get(reverse("manage:pick"), fields)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("query", ["", "O", " O ", "   "])
def test_less_than_two_letters_find_nobody(client, viewer, query):
    assert "<input" not in picked(client, query)


def test_ten_are_found_at_most_and_by_name_alone(client, viewer):
    for number in range(12):
        UserFactory(
            display_name=f"Peter {number:02}",
            email=f"secret{number}@kestrel.example",
            department="Research",
            employee_id="4711",
        )

    html = picked(client, "peter")
    assert html.count("<input") == 10
    assert "Research" in html
    assert "@" not in html
    assert "4711" not in html
    assert "first ten" in html
    assert "<input" not in picked(client, "secret")
    assert "<input" not in picked(client, "kestrel")


def test_the_disabled_are_not_found_and_only_the_kinds_asked_for(client, viewer):
    UserFactory(display_name="Peter Gone", is_active=False)
    UserFactory(display_name="Peter Here")
    GroupFactory(name="Peter's group")

    html = picked(client, "peter")
    assert "Peter Here" in html
    assert "Peter&#x27;s group" in html
    assert "Gone" not in html
    assert "group:" not in picked(client, "peter", kinds="user")
    assert "<input" not in picked(client, "peter", kinds="nonsense")


def test_who_is_chosen_stays_on_top_and_what_is_no_id_is_left_out(client, viewer, ada):
    html = picked(client, "love", who=[f"user:{ada.pk}", "user:x", "planet:1"])

    assert html.count("<input") == 1
    assert "checked" in html
    assert "Nobody else is called so." in html


def test_nobody_else_uses_the_picker(client, viewer, ada):
    client.force_login(ada)
    assert client.get(reverse("manage:pick"), {"field": "a", "a-q": "olga"}).status_code == 404
    client.logout()
    assert client.get(reverse("manage:pick")).status_code == 302


def test_the_directory_is_not_read_out_two_letters_at_a_time(client, viewer, monkeypatch):
    monkeypatch.setattr("portal.manage.picker.SEARCHES_A_MINUTE", 3)
    cache.clear()
    fields = {"field": "who", "kinds": "user", "who-q": "ol"}

    codes = [client.get(reverse("manage:pick"), fields).status_code for _ in range(5)]
    assert codes[:3] == [200, 200, 200]
    assert 429 in codes


# Right after the role was taken


def test_after_the_role_is_taken_nothing_is_there_any_more(client, viewer, sales, withdraw):
    pages = [
        reverse("manage:index"),
        reverse("manage:deliveries"),
        reverse("manage:pick"),
        *map(listing, LISTS),
        *map(file_of, ("assignment", "accessrequest")),
        *addresses(sales.ids, viewer),
    ]
    assert client.get(pages[0]).status_code == 200

    withdraw()

    for address in pages:
        assert client.get(address).status_code == 404, address
        assert client.post(address).status_code == 404, address
    assert 'href="/manage/"' not in client.get(reverse("preferences:index")).content.decode()


def test_whoever_keeps_another_catalog_sees_that_one_alone(
    client, viewer, sales, finance, withdraw, appoint
):
    appoint(viewer.holder, finance.catalog, "reader")
    withdraw()

    for model in LISTS:
        html = client.get(listing(model)).content.decode()
        assert "Finance" in html
        assert "Sales" not in html
    for address in addresses(sales.ids, viewer):
        assert client.get(address).status_code in NOT_THERE, address


# Roles in one's own catalog

NEEDS = {
    "catalog_edit": "change_catalog",
    "catalog_delete": "change_catalog",
    "dismiss": "manage_roles",
    "resource_add": "manage_resources",
    "resource_remove": "manage_resources",
    "package_add": "manage_packages",
    "package_edit": "manage_packages",
    "package_throw_away": "manage_packages",
    "package_duplicate": "manage_packages",
    "package_move": "manage_packages",
    "package_role_add": "manage_packages",
    "package_role_remove": "manage_packages",
    "package_step": "manage_packages",
    "policy_add": "manage_packages",
    "policy_delete": "manage_packages",
    "give": "manage_assignments",
}


@pytest.mark.parametrize("role", list(CATALOG_ROLES))
def test_each_role_opens_the_forms_that_it_may_send(client, sales, appoint, role):
    user = appoint(UserFactory(), sales.catalog, role)
    appoint(UserFactory(), sales.catalog)
    client.force_login(user)
    values = {**sales.ids, "holder_id": user.pk, "name": "retire"}

    for pattern in urlpatterns:
        names = pattern.pattern.converters
        if pattern.name not in NEEDS:
            continue
        address = reverse(f"manage:{pattern.name}", kwargs={name: values[name] for name in names})
        expected = 200 if NEEDS[pattern.name] in CATALOG_ROLES[role] else 403
        assert client.get(address).status_code == expected, (role, pattern.name)


@pytest.mark.parametrize("role", ["package_manager", "assignment_manager", "reader"])
def test_what_a_role_may_not_is_refused_also_when_it_is_sent(client, sales, appoint, role):
    user = appoint(UserFactory(), sales.catalog, role)
    client.force_login(user)
    values = {**sales.ids, "holder_id": user.pk, "name": "retire"}

    for pattern in urlpatterns:
        needed = NEEDS.get(pattern.name)
        if needed is None or needed in CATALOG_ROLES[role]:
            continue
        names = pattern.pattern.converters
        address = reverse(f"manage:{pattern.name}", kwargs={name: values[name] for name in names})
        assert client.post(address, {"name": "x"}).status_code == 403, (role, pattern.name)
    people = reverse("manage:people", args=[sales.catalog.pk])
    assert client.post(people, {"person": f"user:{user.pk}", "role": "owner"}).status_code == 403
