"""The pages of catalog owners: what they show, and the one operation that each performs."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from entitlements import clock, models
from entitlements.assignments import grants
from entitlements.assignments.models import AssignmentState
from entitlements.catalog.appointments import role_of
from entitlements.catalog.models import Catalog, PackageState
from entitlements.requests import operations as requests
from entitlements.requests.states import RequestState
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ConnectedSystemFactory,
    GroupFactory,
    ResourceRoleFactory,
    UserFactory,
)

LISTS = {
    "catalogs": "entitlements_catalog_changelist",
    "packages": "entitlements_accesspackage_changelist",
    "policies": "entitlements_assignmentpolicy_changelist",
    "resources": "entitlements_resource_changelist",
    "assignments": "entitlements_assignment_changelist",
    "requests": "entitlements_accessrequest_changelist",
}


@pytest.fixture
def sales(db):
    return CatalogFactory(name="Sales", description="What sales uses.")


@pytest.fixture
def olga(sales, appoint):
    return appoint(UserFactory(display_name="Olga Owner", email="olga@kestrel.example"), sales)


@pytest.fixture
def package(sales):
    return AccessPackageFactory(catalog=sales, name="Sales Analyst")


@pytest.fixture
def as_olga(client, olga):
    client.force_login(olga)
    return client


@pytest.fixture
def open_page(as_olga):
    """Get a page of `/manage/` as Olga and return its text."""

    def open_page(name, /, *args, status=200, **query):
        response = as_olga.get(reverse(f"manage:{name}", args=args), query)
        assert response.status_code == status, response
        return response.content.decode()

    return open_page


@pytest.fixture
def send(as_olga):
    """Post a form of `/manage/` as Olga."""

    def send(name, /, *args, **fields):
        return as_olga.post(reverse(f"manage:{name}", args=args), fields)

    return send


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# The overview


def test_the_overview_shows_catalogs_and_what_needs_somebody(open_page, sales, package, ada):
    AccessPackageFactory(catalog=sales, name="Without")
    policy = AssignmentPolicyFactory(package=package)
    ApprovalStageFactory(policy=policy)
    assignment = AssignmentFactory(policy=policy, ends_at=clock.now() + timedelta(days=3))
    role = package.roles.get()
    models.Grant.objects.create(user=assignment.target, role=role, last_error="No such group")

    text = words(open_page("index"))

    assert "1 role could not be set up" in text
    assert "1 policy in which nobody can approve" in text
    assert "1 package without a policy" in text
    assert "1 assignment ends within 14 days" in text
    assert "Sales" in text
    assert "2 packages · 2 resources" in text


def test_an_overview_with_nothing_to_do_says_so(open_page):
    assert "Nothing needs you." in open_page("index")


def test_a_creator_without_a_catalog_is_invited_to_create_one(client, ada):
    ada.user_permissions.add(Permission.objects.get(codename="add_catalog"))
    client.force_login(ada)

    response = client.get(reverse("manage:index"))

    assert "You own no catalog yet" in response.content.decode()
    assert reverse("manage:catalog_add") in response.content.decode()


def test_a_reader_whose_catalogs_are_gone_is_told_whom_to_ask(client, sales, bo, appoint):
    group = models.User.groups.rel.model.objects.create(name="Empty")
    bo.groups.add(group)
    appoint(bo, sales, "reader")
    client.force_login(bo)

    assert reverse("manage:catalog_add") not in client.get(reverse("manage:index")).content.decode()


def test_the_way_in_is_shown_only_to_those_who_manage_something(client, olga, ada):
    client.force_login(olga)
    assert 'href="/manage/"' in client.get(reverse("preferences:index")).content.decode()
    client.force_login(ada)
    assert 'href="/manage/"' not in client.get(reverse("preferences:index")).content.decode()


def test_strangers_and_the_disabled_find_nothing_beneath_manage(client, olga, ada):
    for person in (ada, UserFactory(is_staff=True)):
        client.force_login(person)
        for address in ("/manage/", "/manage/packages/", "/manage/pick/"):
            assert client.get(address).status_code == 404
    client.logout()
    response = client.get("/manage/packages/")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


# Lists


@pytest.mark.parametrize("name", LISTS.values(), ids=LISTS)
def test_an_empty_list_says_what_would_be_there(client, ada, name):
    ada.user_permissions.add(Permission.objects.get(codename="add_catalog"))
    client.force_login(ada)

    html = client.get(reverse(f"manage:{name}")).content.decode()
    assert 'class="empty' in html
    assert "<table" not in html


@pytest.mark.parametrize("name", LISTS.values(), ids=LISTS)
def test_a_search_without_hits_offers_to_clear_it(open_page, name):
    html = open_page(name, q="zzz")

    assert "Nothing fits" in html
    assert "Clear filters" in html


def test_packages_are_listed_with_their_numbers(open_page, package):
    policy = AssignmentPolicyFactory(package=package)
    AssignmentFactory(policy=policy)
    AssignmentFactory(policy=policy, ends_at=clock.now() - timedelta(hours=1))
    AccessRequestFactory(policy=policy, state=RequestState.PENDING_APPROVAL)

    row = words(open_page("entitlements_accesspackage_changelist"))
    assert "Sales Analyst Sales Published 1 1 person 1" in row


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, {"Draft one", "Gone", "Hidden one", "Open one"}),
        ({"state": "draft"}, {"Draft one"}),
        ({"state": "hidden"}, {"Hidden one"}),
        ({"state": "retired"}, {"Gone"}),
        ({"state": "nonsense"}, {"Draft one", "Gone", "Hidden one", "Open one"}),
        ({"policies": "none"}, {"Draft one", "Hidden one"}),
        ({"policies": "none", "state": "draft"}, {"Draft one"}),
        ({"q": "one open"}, {"Open one"}),
    ],
)
def test_packages_are_filtered_and_searched(open_page, sales, query, names):
    AccessPackageFactory(catalog=sales, name="Draft one", state=PackageState.DRAFT)
    AccessPackageFactory(catalog=sales, name="Hidden one", is_hidden=True)
    AccessPackageFactory(catalog=sales, name="Gone", state=PackageState.RETIRED)
    AssignmentPolicyFactory(package=AccessPackageFactory(catalog=sales, name="Open one"))

    html = open_page("entitlements_accesspackage_changelist", **query)
    assert set(re.findall(r">(Draft one|Hidden one|Gone|Open one)</a>", html)) == names


def test_the_catalog_list_is_filtered_by_people_from_outside(open_page, olga, appoint):
    appoint(olga, CatalogFactory(name="Inside", is_external=False))

    html = open_page("entitlements_catalog_changelist", is_external__exact="0")
    assert ">Inside</a>" in html
    assert ">Sales</a>" not in html


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("now", {"Live", "Soon", "Stuck"}),
        ("soon", {"Soon"}),
        ("past", {"Over"}),
        ("trouble", {"Stuck"}),
    ],
)
def test_assignments_are_filtered_by_state(open_page, package, state, shown):
    policy = AssignmentPolicyFactory(package=package)
    for name, settings in {
        "Live": {},
        "Soon": {"ends_at": clock.now() + timedelta(days=2)},
        "Over": {"ends_at": clock.now() - timedelta(hours=1)},
        "Stuck": {"state": AssignmentState.DELIVERY_FAILED},
    }.items():
        AssignmentFactory(policy=policy, target=UserFactory(display_name=name), **settings)

    html = open_page("entitlements_assignment_changelist", state=state)
    assert set(re.findall(r">(Live|Soon|Over|Stuck)</a>", html)) == shown


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        ({"ends": "7"}, {"Soon"}),
        ({"ends": "30"}, {"Soon", "Later"}),
        ({"ends": "never"}, {"Live"}),
        ({"ends": "nonsense"}, {"Live", "Soon", "Later", "Over", "Coming"}),
        ({"began": "7"}, {"Soon", "Over"}),
        ({"began": "30"}, {"Soon", "Over", "Live"}),
        ({"began": "7", "ends": "7"}, {"Soon"}),
    ],
)
def test_assignments_are_filtered_by_dates(open_page, package, filters, shown):
    policy = AssignmentPolicyFactory(package=package)
    for name, began, ends in (
        ("Live", -20, None),
        ("Soon", -2, 2),
        ("Later", -200, 20),
        ("Over", -3, -1),
        ("Coming", 3, None),
    ):
        AssignmentFactory(
            policy=policy,
            target=UserFactory(display_name=name),
            starts_at=clock.now() + timedelta(days=began),
            ends_at=None if ends is None else clock.now() + timedelta(days=ends),
        )

    html = open_page("entitlements_assignment_changelist", **filters)
    assert set(re.findall(r">(Live|Soon|Later|Over|Coming)</a>", html)) == shown


@pytest.mark.parametrize(
    ("state", "shown"), [("waiting", 1), ("moving", 2), ("stuck", 1), ("finished", 2)]
)
def test_requests_are_filtered_by_state(open_page, package, state, shown):
    policy = AssignmentPolicyFactory(package=package)
    for request_state in ("pending_approval", "delivering", "delivery_failed", "denied"):
        AccessRequestFactory(policy=policy, state=request_state)

    html = open_page("entitlements_accessrequest_changelist", state=state)
    assert html.count('name="_selected_action"') == shown


def test_policies_in_which_nobody_can_approve_are_found(open_page, package, bo, gita):
    group = GroupFactory(members=[gita])
    around = GroupFactory()
    models.GroupNesting.objects.create(parent=around, child=group)
    left = UserFactory(is_active=False)
    for name, approvers in {
        "By person": {"approvers": [bo]},
        "By manager": {"manager": True},
        "By nobody": {},
        "By somebody gone": {"approvers": [left]},
        "By group": {"group": group},
        "By nested group": {"group": around},
        "By empty group": {"group": GroupFactory()},
    }.items():
        policy = AssignmentPolicyFactory(package=package, name=name)
        asked = approvers.pop("group", None)
        stage = ApprovalStageFactory(policy=policy, **approvers)
        if asked:
            stage.approvers.create(kind="group", group=asked)
    AssignmentPolicyFactory(package=package, name="Without approval")

    html = open_page("entitlements_assignmentpolicy_changelist", approvers="none")
    found = set(re.findall(r'">(By [a-z ]+)</a>', html))
    assert found == {"By nobody", "By somebody gone", "By empty group"}


def test_lists_are_sorted_and_paged(open_page, sales):
    for number in range(60):
        AccessPackageFactory(catalog=sales, name=f"Package {number:02}", roles=[])

    first = open_page("entitlements_accesspackage_changelist")
    assert "1–50 of 60" in first
    last = open_page("entitlements_accesspackage_changelist", p="2", o="-0")
    assert "51–60 of 60" in last
    assert ">Package 00</a>" in last
    assert 'aria-sort="descending"' in last


@pytest.mark.parametrize("query", [{"zzz": "1"}, {"p": "x"}, {"o": "x.y"}, {"id__in": "x"}])
def test_an_address_that_makes_no_sense_is_no_fault_of_ours(as_olga, query):
    response = as_olga.get(reverse("manage:entitlements_accesspackage_changelist"), query)

    assert response.status_code in (200, 302, 400)


# Catalogs


def test_the_page_of_a_catalog_shows_what_is_in_it(open_page, sales, package, olga):
    text = words(open_page("catalog", sales.pk))

    assert "Sales Analyst Published" in text
    assert str(package.roles.get().resource) in text
    assert "Olga Owner" in text
    assert "Add package" in text


def test_a_creator_creates_a_catalog_and_owns_it(send, olga):
    olga.user_permissions.add(Permission.objects.get(codename="add_catalog"))

    response = send("catalog_add", name="Finance", description="Books", is_enabled="on")

    finance = Catalog.objects.get(name="Finance")
    assert response["Location"] == reverse("manage:catalog", args=[finance.pk])
    assert (finance.is_enabled, finance.is_external) == (True, False)
    assert role_of(olga, finance) == "owner"


def test_others_are_told_that_they_may_not_create_catalogs(open_page):
    assert "not_catalog_creator" in open_page("catalog_add", status=403)


def test_a_name_that_is_taken_comes_back_beside_the_field(send, olga, sales):
    CatalogFactory(name="Finance")

    response = send("catalog_edit", sales.pk, name="finance", is_enabled="on")

    assert response.status_code == 422
    assert response.context["form"].errors["name"] == [
        "“finance” exists already. Choose another name."
    ]


def test_a_catalog_is_changed(send, sales):
    response = send("catalog_edit", sales.pk, name="Sales", description="New", is_external="on")

    assert response.status_code == 302
    sales.refresh_from_db()
    assert (sales.description, sales.is_enabled) == ("New", False)


def test_an_empty_catalog_is_deleted_after_a_question(open_page, send, sales):
    assert "Delete Sales?" in open_page("catalog_delete", sales.pk)
    assert send("catalog_delete", sales.pk).status_code == 302
    assert not Catalog.objects.filter(pk=sales.pk).exists()


def test_a_catalog_with_packages_says_why_it_stays(send, sales, package):
    response = send("catalog_delete", sales.pk)

    assert response.status_code == 403
    assert "has_packages" in response.content.decode()


# People


def test_somebody_is_found_and_appointed(open_page, send, sales, bo):
    found = open_page("pick", field="person", kinds="user", single="1", **{"person-q": "bo ch"})
    assert f'value="user:{bo.pk}"' in found

    response = send("people", sales.pk, person=f"user:{bo.pk}", role="package_manager")

    assert response.status_code == 302
    assert role_of(bo, sales) == "package_manager"
    assert "Package manager" in open_page("people", sales.pk)


@pytest.mark.parametrize("person", ["", "user:nonsense", "group:1", f"user:{'0' * 32}"])
def test_nobody_is_appointed_when_nobody_is_named(send, sales, person):
    response = send("people", sales.pk, person=person, role="reader")

    assert response.status_code == 422
    assert response.context["form"].errors["person"]


def test_a_person_is_found_without_scripts_too(send, sales, bo):
    response = send("people", sales.pk, **{"find": "person", "person-q": "Bo", "role": "owner"})

    assert response.status_code == 200
    assert f'value="user:{bo.pk}"' in response.content.decode()
    assert not response.context["form"].errors
    assert role_of(bo, sales) == ""


def test_a_co_owner_is_dismissed_after_a_question(open_page, send, sales, bo, appoint):
    appoint(bo, sales)

    assert "Dismiss Bo Chen as owner?" in open_page("dismiss", sales.pk, bo.pk)
    send("dismiss", sales.pk, bo.pk, role="owner")
    assert role_of(bo, sales) == ""


def test_whoever_dismisses_himself_lands_on_the_overview(send, sales, olga, bo, appoint):
    appoint(bo, sales)

    response = send("dismiss", sales.pk, olga.pk, role="owner")
    assert response["Location"] == reverse("manage:index")


def test_the_last_owner_cannot_go(send, sales, olga):
    response = send("dismiss", sales.pk, olga.pk, role="owner")

    assert response.status_code == 403
    assert "last_owner" in response.content.decode()


def test_somebody_who_has_no_role_cannot_be_dismissed(send, sales, bo):
    assert send("dismiss", sales.pk, bo.pk).status_code == 404


# Resources


def test_an_owner_offers_his_own_group(open_page, send, sales, olga):
    group = GroupFactory(name="Sales team", description="Sellers")
    group.owners.add(olga)
    GroupFactory(name="Somebody's group")

    html = open_page("resource_add", sales.pk)
    assert "Sales team (security group)" in html
    assert "Somebody" not in html
    response = send("resource_add", sales.pk, group=group.pk)

    resource = sales.resources.get()
    assert response["Location"] == reverse("manage:resource", args=[resource.pk])
    assert (resource.name, resource.description) == ("Sales team", "Sellers")
    assert "Sales team (security group)" not in open_page("resource_add", sales.pk)


def test_an_administrator_finds_any_group_and_other_systems(client, sales):
    client.force_login(UserFactory(is_superuser=True))
    ldap = ConnectedSystemFactory(name="Company LDAP", kind="ldap")
    group = GroupFactory(name="Any group")
    address = reverse("manage:resource_add", args=[sales.pk])

    assert "Company LDAP" in client.get(address).content.decode()
    assert client.post(address, {"group": f"group:{group.pk}"}).status_code == 302
    sent = {"kind": "security_group", "external_id": "cn=crm,dc=kestrel", "name": "CRM"}
    assert client.post(f"{address}?system={ldap.pk}", sent).status_code == 302
    assert set(sales.resources.values_list("name", flat=True)) == {"Any group", "CRM"}
    assert client.get(f"{address}?system=nonsense").status_code == 404
    response = client.post(address, {"group": f"group:{'0' * 32}"})
    assert "group" in response.context["form"].errors


def test_an_owner_cannot_reach_other_systems(as_olga, sales):
    ldap = ConnectedSystemFactory(name="Company LDAP", kind="ldap")
    address = reverse("manage:resource_add", args=[sales.pk])

    assert "Company LDAP" not in as_olga.get(address).content.decode()
    assert as_olga.get(f"{address}?system={ldap.pk}").status_code == 404


@pytest.fixture
def resource(sales, olga):
    """A resource of Sales whose group Olga owns."""
    role = ResourceRoleFactory()
    sales.catalog_resources.create(resource=role.resource)
    models.Group.objects.get(pk=role.resource.external_id).owners.add(olga)
    return role.resource


def test_the_page_of_a_resource_shows_roles_uses_and_what_failed(open_page, resource, sales, ada):
    package = AccessPackageFactory(catalog=sales, name="User of it", roles=resource.roles.all())
    assignment = AssignmentFactory(policy=AssignmentPolicyFactory(package=package), target=ada)
    models.Grant.objects.create(
        user=assignment.target, role=resource.roles.get(), last_error="The group is gone"
    )

    text = words(open_page("resource", resource.pk))
    assert "User of it" in text
    assert "Ada Lovelace: Member The group is gone" in text
    assert "The group is gone" in open_page("deliveries")


def test_nothing_stuck_is_said(open_page):
    assert "Nothing is stuck" in open_page("deliveries")


def test_the_words_of_resource_and_role_are_changed(send, resource):
    role = resource.roles.get()

    assert send("resource_edit", resource.pk, name="CRM", address="https://crm/").status_code == 302
    assert send("role_edit", resource.pk, role.pk, name="In", is_privileged="on").status_code == 302
    response = send("resource_edit", resource.pk, name="CRM", address="javascript:alert(1)")

    resource.refresh_from_db()
    role.refresh_from_db()
    assert (resource.name, resource.address) == ("CRM", "https://crm/")
    assert (role.name, role.is_privileged) == ("In", True)
    assert "address" in response.context["form"].errors


def test_roles_are_added_and_removed(send, open_page, resource):
    assert send("role_add", resource.pk, external_id="owner", name="Owner").status_code == 302
    wrong = send("role_add", resource.pk, external_id="king", name="King")
    assert "external_id" in wrong.context["form"].errors
    owner = resource.roles.get(external_id="owner")
    assert "Remove Owner" in open_page("role_remove", resource.pk, owner.pk)
    assert send("role_remove", resource.pk, owner.pk).status_code == 302
    assert resource.roles.count() == 1
    assert open_page("role_add", resource.pk)
    assert open_page("role_edit", resource.pk, resource.roles.get().pk)
    assert open_page("resource_edit", resource.pk)


def test_somebody_without_the_second_key_reads_why(open_page, package):
    resource = package.roles.get().resource

    assert "not_resource_owner" in open_page("resource", resource.pk)
    assert "not_resource_owner" in open_page("resource_edit", resource.pk, status=403)
    assert "not_resource_owner" in open_page(
        "role_edit", resource.pk, resource.roles.get().pk, status=403
    )


def test_a_resource_leaves_the_catalog_after_a_question(open_page, send, sales, resource):
    assert "Remove" in open_page("resource_remove", sales.pk, resource.pk)
    assert send("resource_remove", sales.pk, resource.pk).status_code == 302
    assert not sales.resources.exists()


# Packages


def test_a_package_is_created_and_gets_a_role(open_page, send, sales, resource):
    send("package_add", sales.pk, name="Sales Admin", description="For admins")
    package = sales.packages.get()
    assert package.state == PackageState.DRAFT
    assert open_page("package_add", sales.pk)

    role = resource.roles.get()
    assert "Add a role to Sales Admin" in open_page("package_role_add", package.pk)
    assert send("package_role_add", package.pk, role=role.pk).status_code == 302
    assert list(package.roles.all()) == [role]
    assert "nobody loses it" in open_page("package_role_remove", package.pk, role.pk)
    assert send("package_role_remove", package.pk, role.pk).status_code == 302
    assert not package.roles.exists()


def test_a_package_needs_a_description(send, sales):
    response = send("package_add", sales.pk, name="Sales Admin")

    assert response.status_code == 422
    assert "description" in response.context["form"].errors


def test_a_package_is_edited(send, open_page, package):
    assert "Sales Analyst" in open_page("package_edit", package.pk)
    response = send("package_edit", package.pk, name="Analyst", description="New", is_hidden="on")

    assert response.status_code == 302
    package.refresh_from_db()
    assert (package.name, package.is_hidden) == ("Analyst", True)


@pytest.mark.parametrize(
    ("step", "state", "is_hidden"),
    [
        ("retire", "retired", False),
        ("hide", "published", True),
        ("show", "published", False),
        ("publish", "published", False),
    ],
)
def test_packages_are_published_retired_hidden_and_listed(
    open_page, send, package, step, state, is_hidden
):
    assert "Sales Analyst?" in open_page("package_step", package.pk, step)
    assert send("package_step", package.pk, step).status_code == 302

    package.refresh_from_db()
    assert (package.state, package.is_hidden) == (state, is_hidden)


def test_an_unused_package_is_deleted_and_a_used_one_says_why_not(send, package, sales):
    AssignmentFactory(policy=AssignmentPolicyFactory(package=package))
    assert "package_used" in send("package_step", package.pk, "delete").content.decode()
    unused = AccessPackageFactory(catalog=sales)
    response = send("package_step", unused.pk, "delete")
    assert response["Location"] == reverse("manage:catalog", args=[sales.pk])


def test_an_unknown_step_does_not_exist(open_page, package):
    open_page("package_step", package.pk, "explode", status=404)


def test_the_page_of_a_package_tells_its_policies_in_words(open_page, package, bo):
    policy = AssignmentPolicyFactory(package=package, name="Employees", duration=30)
    ApprovalStageFactory(policy=policy, position=1, manager=True)
    ApprovalStageFactory(policy=policy, position=2, approvers=[bo])
    named = AssignmentPolicyFactory(package=package, scope="specific", is_enabled=False)
    named.allowed_users.add(bo)
    AssignmentPolicyFactory(package=package, accepts_requests=False)

    text = words(open_page("package", package.pk))
    assert "All members, without guests · for 30 days" in text
    assert re.search(r"their manager\s*, then Bo Chen", text)
    assert "Bo Chen · for 90 days" in text
    assert "New requests off" in text


# Policies

POLICY = {
    "name": "Employees",
    "scope": "all_members",
    "stage_count": "0",
    "expiration": "after_days",
    "duration": "30",
    "is_enabled": "on",
    "accepts_requests": "on",
}


def test_a_policy_with_stages_is_created(send, open_page, package, bo, gita):
    group = GroupFactory()
    fields = {
        **POLICY,
        "stage_count": "2",
        "stage1-relations": "manager",
        "stage1-fallbacks": f"user:{bo.pk}",
        "stage1-decision_days": "3",
        "stage2-approvers": [f"user:{gita.pk}", f"group:{group.pk}"],
        "stage2-decision_days": "14",
        "stage2-requires_justification": "on",
    }

    response = send("policy_add", package.pk, **fields)

    assert response.status_code == 302
    policy = package.policies.get()
    assert (policy.duration, policy.requires_justification) == (30, False)
    first, second = policy.stages.all()
    assert [(one.kind, one.is_fallback) for one in first.approvers.all()] == [
        ("manager", False),
        ("user", True),
    ]
    assert (second.approvers.count(), second.requires_justification) == (2, True)
    html = open_page("policy", policy.pk)
    assert 'name="stage2-approvers"' in html
    assert "stage3" not in html


def test_what_speaks_against_a_policy_is_said_beside_the_fields(send, package):
    response = send("policy_add", package.pk, **{**POLICY, "scope": "specific", "duration": ""})

    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"allowed", "duration"}


def test_a_manager_stage_without_fallback_is_refused_with_its_code(send, package):
    fields = {
        **POLICY,
        "stage_count": "1",
        "stage1-relations": "manager",
        "stage1-decision_days": "3",
    }

    response = send("policy_add", package.pk, **fields)
    assert "manager_without_fallback" in response.content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"stage_count": "1"}, "Stage 1 is new"),
        ({"stage_count": "1", "stage1-decision_days": "99"}, "Stage 1 needs your attention"),
    ],
)
def test_a_stage_that_is_not_right_is_named(send, package, fields, words):
    response = send("policy_add", package.pk, **POLICY | fields)

    assert response.status_code == 422
    assert words in response.content.decode()


def test_the_fields_follow_the_choices_before_anything_is_saved(send, package):
    fields = {"find": "parts", "scope": "specific", "stage_count": "1", "expiration": "on_date"}
    response = send("policy_add", package.pk, **POLICY | fields)

    html = response.content.decode()
    assert response.status_code == 200
    assert not package.policies.exists()
    assert 'name="allowed-q"' in html
    assert 'name="stage1-decision_days" value="14"' in html
    assert 'name="ends_on"' in html
    assert 'name="duration"' not in html
    assert 'id="errors"' not in html


def test_a_policy_is_changed_and_keeps_the_very_moment_of_its_end(send, open_page, package, ada):
    ends_on = clock.now().replace(microsecond=0) + timedelta(days=9)
    policy = AssignmentPolicyFactory(
        package=package, expiration="on_date", duration=None, ends_on=ends_on, scope="specific"
    )
    policy.allowed_users.add(ada)
    day = ends_on.date().isoformat()
    assert f'value="{day}"' in open_page("policy", policy.pk)

    fields = {
        **POLICY,
        "scope": "specific",
        "allowed": f"user:{ada.pk}",
        "expiration": "on_date",
        "ends_on": day,
        "description": "New",
    }
    assert send("policy", policy.pk, **fields).status_code == 302

    policy.refresh_from_db()
    assert (policy.description, policy.ends_on) == ("New", ends_on)
    assert policy.allowed_users.get() == ada


def test_a_policy_that_is_taken_by_name_comes_back(send, package):
    AssignmentPolicyFactory(package=package, name="Employees")
    other = AssignmentPolicyFactory(package=package, name="Other")

    assert "name" in send("policy", other.pk, **POLICY).context["form"].errors


def test_an_unused_policy_is_deleted_after_a_question(open_page, send, package):
    policy = AssignmentPolicyFactory(package=package)

    assert "Delete the policy" in open_page("policy_delete", policy.pk)
    assert send("policy_delete", policy.pk).status_code == 302
    assert not package.policies.exists()


def test_readers_see_a_policy_and_cannot_change_it(client, sales, package, bo, appoint):
    policy = AssignmentPolicyFactory(package=package)
    appoint(bo, sales, "reader")
    client.force_login(bo)

    html = client.get(reverse("manage:policy", args=[policy.pk])).content.decode()
    assert "disabled" in html
    assert "Save policy" not in html
    assert client.post(reverse("manage:policy", args=[policy.pk]), POLICY).status_code == 403


# Assignments and requests


@pytest.fixture
def held(package, ada):
    """Live access of Ada to Sales Analyst, with its grant."""
    assignment = AssignmentFactory(policy=AssignmentPolicyFactory(package=package), target=ada)
    grants.want(assignment)
    return assignment


def test_an_assignment_shows_its_roles_and_its_history(open_page, held):
    text = words(open_page("assignment", held.pk))

    assert "Sales Analyst for Ada Lovelace" in text
    assert "Being set up" in text
    assert "End access…" in text


def test_chosen_access_is_ended_row_by_row_with_a_reason(as_olga, open_page, send, held):
    listing = reverse("manage:entitlements_assignment_changelist")
    over = AssignmentFactory(policy=held.policy, ends_at=clock.now() - timedelta(minutes=1))
    chosen = [held.pk, over.pk]
    fields = {"action": "end_access", "index": "0", "_selected_action": chosen}

    response = as_olga.post(listing, fields)
    page = as_olga.get(response["Location"]).content.decode()
    assert "Ada Lovelace" in page
    result = send("assignments_end", id=chosen, justification="Left the team")

    text = words(result.content.decode())
    assert "1 of 2 ended" in text
    assert "access_ended" in text
    held.refresh_from_db()
    assert held.end_reason == "removed"
    assert models.AccessRequest.objects.get(assignment=held).justification == "Left the team"


def test_too_long_a_reason_is_refused_for_each_row(send, held):
    result = send("assignments_end", id=held.pk, justification="x" * 10_001)

    assert "justification_too_long" in result.content.decode()
    held.refresh_from_db()
    assert held.is_live


def test_chosen_access_is_set_up_again(as_olga, send, held, run_queue, holds, ada):
    listing = reverse("manage:entitlements_assignment_changelist")
    fields = {"action": "set_up_again", "index": "0", "_selected_action": held.pk}
    assert "again" in as_olga.post(listing, fields)["Location"]

    assert "1 of 1" in send("assignments_again", id=held.pk).content.decode()
    run_queue()
    assert holds(ada, held.package.roles.get())


def test_a_reader_ends_nothing(client, sales, held, bo, appoint):
    appoint(bo, sales, "reader")
    client.force_login(bo)

    result = client.post(reverse("manage:assignments_end"), {"id": held.pk})
    assert "not_permitted" in result.content.decode()
    held.refresh_from_db()
    assert held.is_live


@pytest.mark.parametrize(
    "name",
    [
        "assignments_end",
        "assignments_extend",
        "assignments_again",
        "requests_cancel",
        "requests_again",
    ],
)
@pytest.mark.parametrize("query", [{}, {"id": "nonsense"}, {"id": "0" * 32}])
def test_nothing_chosen_is_not_found(as_olga, name, query):
    assert as_olga.get(reverse(f"manage:{name}"), query).status_code == 404


def test_requests_are_canceled_row_by_row(as_olga, send, package, ada, bo):
    policy = AssignmentPolicyFactory(package=package)
    ApprovalStageFactory(policy=policy, approvers=[bo])
    access_request = requests.submit(policy, by=ada)
    listing = reverse("manage:entitlements_accessrequest_changelist")
    fields = {"action": "cancel", "index": "0", "_selected_action": access_request.pk}
    assert "requests/cancel" in as_olga.post(listing, fields)["Location"]

    result = send("requests_cancel", id=access_request.pk)

    # Only whoever asked can call a waiting request off, or a manager of assignments.
    access_request.refresh_from_db()
    assert access_request.state == RequestState.CANCELED
    assert "1 of 1 canceled" in result.content.decode()


def test_what_failed_is_tried_again(as_olga, send, held):
    access_request = AccessRequestFactory(
        policy=held.policy, assignment=held, requestor=held.target, state="delivery_failed"
    )
    listing = reverse("manage:entitlements_accessrequest_changelist")
    fields = {"action": "try_again", "index": "0", "_selected_action": access_request.pk}
    assert "requests/again" in as_olga.post(listing, fields)["Location"]

    send("requests_again", id=access_request.pk)
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERING


def test_a_package_is_given_directly(open_page, send, package, bo):
    policy = AssignmentPolicyFactory(package=package)
    assert "Give Sales Analyst directly" in open_page("give", package.pk)

    response = send("give", package.pk, person=f"user:{bo.pk}", policy=policy.pk)

    access_request = models.AccessRequest.objects.get()
    assert response["Location"] == reverse("requests:detail", args=[access_request.pk])
    assert (access_request.kind, access_request.target) == ("admin_add", bo)


def test_giving_what_is_held_already_is_refused_with_the_reason(send, package, held):
    fields = {"person": f"user:{held.target_id}", "policy": held.policy_id}

    response = send("give", package.pk, **fields)
    assert response.status_code == 422
    assert "already_held" in response.content.decode()


def test_giving_to_nobody_or_until_yesterday_is_refused(send, package, bo):
    policy = AssignmentPolicyFactory(package=package)

    response = send("give", package.pk, person=f"user:{'0' * 32}", policy=policy.pk)
    assert "person" in response.context["form"].errors
    response = send(
        "give", package.pk, person=f"user:{bo.pk}", policy=policy.pk, ends_on="2020-01-01"
    )
    assert "ends_on" in response.context["form"].errors


# Constant cost


@pytest.mark.parametrize("name", LISTS.values(), ids=LISTS)
def test_a_list_costs_the_same_with_10_and_with_300_rows(
    as_olga, sales, olga, appoint, name, django_assert_max_num_queries
):
    def count():
        with django_assert_max_num_queries(15) as queries:
            assert as_olga.get(reverse(f"manage:{name}")).status_code == 200
        return len(queries)

    grow(sales, 10)
    as_olga.get(reverse(f"manage:{name}"))
    few = count()
    grow(sales, 290)
    assert count() == few


def grow(catalog, number):
    """Add rows of every kind to a catalog, and catalogs of the same people."""
    packages, policies, assignments, people, resources, roles = ([] for _ in range(6))
    system = ConnectedSystemFactory()
    for _ in range(number):
        package = AccessPackageFactory.build(catalog=catalog)
        policy = AssignmentPolicyFactory.build(package=package)
        person = UserFactory.build()
        resource = models.Resource(
            system=system, external_id=str(package.pk), kind="site", name=package.name
        )
        packages.append(package)
        policies.append(policy)
        people.append(person)
        resources.append(resource)
        roles.append(models.ResourceRole(resource=resource, external_id="member", name="Member"))
        assignments.append(AssignmentFactory.build(policy=policy, target=person))
    for rows in (people, packages, policies, assignments, resources, roles):
        type(rows[0]).objects.bulk_create(rows)
    models.AccessRequest.objects.bulk_create(
        AccessRequestFactory.build(policy=policy, requestor=person, terms={})
        for policy, person in zip(policies, people, strict=True)
    )
    models.CatalogResource.objects.bulk_create(
        models.CatalogResource(catalog=catalog, resource=resource) for resource in resources
    )
    catalogs = models.Catalog.objects.bulk_create(CatalogFactory.build_batch(number))
    given = models.CatalogUserPermission.objects.filter(content_object=catalog).first()
    models.CatalogUserPermission.objects.bulk_create(
        models.CatalogUserPermission(user=given.user, permission=right, content_object=one)
        for one in catalogs
        for right in Permission.objects.filter(codename="view_catalog")
    )


def test_the_overview_and_the_pages_cost_the_same_with_many_rows(
    as_olga, sales, package, django_assert_max_num_queries
):
    addresses = [
        reverse("manage:index"),
        reverse("manage:catalog", args=[sales.pk]),
        reverse("manage:people", args=[sales.pk]),
        reverse("manage:package", args=[package.pk]),
    ]

    def count():
        with django_assert_max_num_queries(20 * len(addresses)) as queries:
            for address in addresses:
                assert as_olga.get(address).status_code == 200
        return len(queries)

    def enlarge(number):
        grow(sales, number)
        for _ in range(number):
            policy = AssignmentPolicyFactory(package=package)
            ApprovalStageFactory(policy=policy, approvers=[UserFactory()])

    enlarge(12)
    count()
    few = count()
    enlarge(30)
    assert count() == few


def test_the_list_of_catalogs_counts_what_is_in_them(as_olga, package):
    page = as_olga.get(reverse(f"manage:{LISTS['catalogs']}")).content.decode()

    assert '<td data-label="Packages">1</td>' in page
    assert '<td data-label="Resources">1</td>' in page
    assert "People from outside" in page
    assert "external users" not in page
