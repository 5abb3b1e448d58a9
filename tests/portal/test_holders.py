"""Who has a resource now, and how it comes under control of a package."""

import csv
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements.connectors.base import ConnectorUnavailable
from entitlements.models import (
    AccessPackage,
    Assignment,
    BulkAssignment,
    Grant,
    Membership,
)
from entitlements.policies.models import Scope
from entitlements.requests import giving
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def role():
    group = GroupFactory(name="Sales team")
    return ResourceRoleFactory(resource=ResourceFactory(group=group, name="Sales team"))


@pytest.fixture
def policy(role):
    package = AccessPackageFactory(name="Sales Analyst", roles=[role, ResourceRoleFactory()])
    return AssignmentPolicyFactory(package=package, name="By hand", scope=Scope.NOBODY)


@pytest.fixture
def as_gita(client, gita, policy, appoint):
    """Gita, who manages assignments in the catalog, has signed in."""
    appoint(gita, policy.package.catalog, "assignment_manager")
    client.force_login(gita)
    return client


def put_in(role, *people):
    for person in people:
        Membership.objects.create(group_id=role.resource.external_id, user=person)


def address(role, query="", name="holders"):
    return f"{reverse(f'manage:{name}', args=[role.resource_id])}{query}"


def text(response):
    return " ".join(response.content.decode().split())


def cells(response):
    content = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(StringIO(content)))


def test_the_page_of_the_resource_leads_to_it(as_gita, role):
    page = text(as_gita.get(reverse("manage:resource", args=[role.resource_id])))

    assert f'href="{address(role)}"' in page


def test_each_sort_is_counted_and_shown(as_gita, role, policy, ada, bo):
    put_in(role, ada, bo)
    held = AssignmentFactory(policy=policy, target=bo)
    drifted = AssignmentFactory(policy=policy, target=UserFactory(display_name="Dora Drift"))
    Grant.objects.create(user=drifted.target, role=role, is_given=True)

    page = text(as_gita.get(address(role)))
    assert "Who has Sales team now" in page
    assert "2 hold Member, read" in page
    for words in (
        "Not explained (1)",
        "Explained (1)",
        "Unknown accounts (0)",
        "Should have it (1)",
    ):
        assert words in page
    assert "Ada Lovelace" in page
    assert "Bo Chen" not in page
    explained = text(as_gita.get(address(role, "?show=explained")))
    assert "Bo Chen" in explained
    assert reverse("manage:assignment", args=[held.pk]) in explained
    missing = text(as_gita.get(address(role, "?show=missing")))
    assert "Dora Drift" in missing
    assert "Drift</span>" in missing
    nobody = text(as_gita.get(address(role, "?show=unknown")))
    assert "Every account belongs to somebody here." in nobody


def test_what_is_empty_says_so(as_gita, role):
    words = {
        "unexplained": "A package explains everybody who has it.",
        "explained": "Nobody has it through a package of yours.",
        "missing": "Everybody who should have it has it.",
        "nonsense": "A package explains everybody who has it.",
    }
    for show, sentence in words.items():
        assert sentence in text(as_gita.get(address(role, f"?show={show}")))


def test_roles_are_tabs(as_gita, role, ada):
    owner = ResourceRoleFactory(resource=role.resource, external_id="owner", name="Owner")
    GroupFactory._meta.model.objects.get(pk=role.resource.external_id).owners.add(ada)

    assert "0 hold Member" in text(as_gita.get(address(role)))
    page = text(as_gita.get(address(role, f"?role={owner.pk}")))
    assert "1 holds Owner" in page
    assert "No package in which you give access contains Owner" in page
    assert as_gita.get(address(role, "?role=nonsense")).status_code == 404
    foreign = ResourceRoleFactory()
    assert as_gita.get(address(role, f"?role={foreign.pk}")).status_code == 404


def test_a_resource_without_roles_has_nobody(as_gita, role, policy):
    bare = ResourceFactory(catalog=policy.package.catalog)
    there = reverse("manage:holders", args=[bare.pk])

    assert "It has no roles yet" in text(as_gita.get(there))
    assert as_gita.get(reverse("manage:holders_file", args=[bare.pk])).status_code == 404


def test_accounts_of_nobody_are_listed(as_gita, policy, target):
    there = target.role()
    policy.package.package_roles.create(role=there, position=2)
    policy.package.catalog.catalog_resources.create(resource=there.resource)
    target.members(there).add("<b>svc</b>")

    page = text(as_gita.get(address(there, "?show=unknown")))

    assert "<code>&lt;b&gt;svc&lt;/b&gt;</code>" in page


def test_a_system_that_does_not_answer_says_so(as_gita, policy, target):
    there = target.role()
    policy.package.catalog.catalog_resources.create(resource=there.resource)
    target.error = ConnectorUnavailable("timeout", "The LDAP server took too long.")

    response = as_gita.get(address(there))

    assert response.status_code == 200
    page = text(response)
    assert "Fake target could not be read: The LDAP server took too long." in page
    assert "<code>timeout</code>" in page
    assert "Export" not in page
    refused = as_gita.get(address(there, name="holders_file"))
    assert refused.url == address(there, f"?role={there.pk}")


def test_those_who_are_chosen_become_a_list_that_is_given(
    as_gita, role, policy, ada, bo, run_queue
):
    put_in(role, ada, bo)
    sent = {"policy": policy.pk, "person": [ada.pk], "take": "chosen"}
    page = text(as_gita.get(address(role)))
    assert "Sales Analyst, policy By hand (and 1 more role)" in page

    response = as_gita.post(address(role), sent)

    bulk = BulkAssignment.objects.get()
    assert response.url == f"/manage/give/{bulk.pk}/"
    page = text(as_gita.get(response.url))
    assert "Give Sales Analyst to 1 person who holds Sales team: Member already" in page
    assert "What they have of it already ends with the package from then on." in page
    assert [row.target for row in bulk.rows.all()] == [ada]
    as_gita.post(f"/manage/give/{bulk.pk}/start/")
    run_queue()
    assignment = Assignment.objects.get()
    assert (assignment.target, assignment.package) == (ada, policy.package)
    assert Grant.objects.get(role=role).is_taken_over
    made = text(as_gita.get(f"/requests/{assignment.requests.get().pk}/"))
    assert "gave it directly to Ada Lovelace; what was held already ends with it." in made


def test_all_who_are_unexplained_become_a_list(as_gita, role, policy, ada, bo, monkeypatch):
    put_in(role, ada, bo)
    monkeypatch.setattr(giving, "MOST_ROWS", 1)
    assert "A list has at most 1 people" in text(as_gita.get(address(role)))

    as_gita.post(address(role), {"policy": policy.pk, "take": "all"})

    assert [row.target for row in BulkAssignment.objects.get().rows.all()] == [ada]


def test_what_is_missing_is_asked_for_and_what_was_ticked_stays(as_gita, role, policy, ada):
    put_in(role, ada)

    nobody = as_gita.post(address(role), {"policy": policy.pk, "take": "chosen"})
    assert nobody.status_code == 422
    assert "Choose somebody from the list." in text(nobody)
    no_policy = as_gita.post(address(role), {"person": [ada.pk], "take": "chosen"})
    assert no_policy.status_code == 422
    assert "This field is required." in text(no_policy)
    assert f'value="{ada.pk}" aria-label="Choose Ada Lovelace" checked' in text(no_policy)
    odd = as_gita.post(address(role), {"policy": policy.pk, "person": ["x"], "take": "chosen"})
    assert odd.status_code == 422
    assert not BulkAssignment.objects.exists()


def test_policies_that_one_cannot_give_under_are_not_offered(as_gita, role, policy, ada, bo):
    put_in(role, ada)
    foreign = AssignmentPolicyFactory(package__roles=[role], package__name="Foreign")
    off = AssignmentPolicyFactory(package=policy.package, name="Off", is_enabled=False)
    retired = AssignmentPolicyFactory(
        package__roles=[role], package__catalog=policy.package.catalog
    )
    AccessPackage.objects.filter(pk=retired.package_id).update(state="retired")

    page = text(as_gita.get(address(role)))

    assert "Foreign" not in page
    for other in (foreign, off, retired):
        assert str(other.pk) not in page
        sent = {"policy": other.pk, "take": "all"}
        assert as_gita.post(address(role), sent).status_code == 422
    assert not BulkAssignment.objects.exists()


def test_a_system_that_goes_away_meanwhile_makes_no_list(as_gita, policy, target, ada):
    there = target.role()
    policy.package.package_roles.create(role=there, position=2)
    policy.package.catalog.catalog_resources.create(resource=there.resource)
    target.error = ConnectorUnavailable("timeout", "The LDAP server took too long.")

    response = as_gita.post(address(there), {"policy": policy.pk, "take": "all"})

    assert response.status_code == 422
    assert "The LDAP server took too long." in text(response)
    assert not BulkAssignment.objects.exists()


def test_nobody_unexplained_is_told(as_gita, role, policy):
    response = as_gita.post(address(role), {"policy": policy.pk, "take": "all"})

    assert response.status_code == 422


def test_everybody_is_exported_with_evidence_and_without_formulas(
    as_gita, role, policy, ada, bo, target
):
    ada.display_name = "=cmd()"
    ada.save()
    put_in(role, ada, bo)
    held = AssignmentFactory(policy=policy, target=bo)
    endless = AssignmentFactory(policy=policy, target=UserFactory(), ends_at=None)
    elsewhere = AssignmentFactory(policy__package__roles=[role])
    put_in(role, elsewhere.target)
    Grant.objects.create(user=endless.target, role=role, is_given=False, last_error="@full")

    rows = cells(as_gita.get(address(role, name="holders_file")))

    assert rows[0] == ["Who has it now"]
    assert rows[1] == ["Made by", "Gita Rao <gita@kestrel.example>"]
    assert rows[4] == ["Left out", "1 explained by packages of other catalogs"]
    head, *people = rows[6:]
    assert head[:3] == ["State", "Person", "Address"]
    by_state = {row[0]: row for row in people}
    assert by_state["Not explained"][1] == "'=cmd()"
    assert by_state["Explained"][2:4] == [bo.email, str(bo.pk)]
    assert by_state["Explained"][5] == "Sales Analyst"
    assert by_state["Explained"][6].startswith(f"{held.ends_at:%Y-%m}")
    assert by_state["Failed"][6:8] == ["", "'@full"]
    assert len(people) == 3


def test_accounts_of_nobody_are_exported(as_gita, policy, target):
    there = target.role()
    policy.package.catalog.catalog_resources.create(resource=there.resource)
    target.members(there).add("+svc")

    rows = cells(as_gita.get(address(there, name="holders_file")))

    assert rows[-1] == ["Unknown account", "", "", "", "'+svc"]


@pytest.mark.parametrize(("role_in_catalog", "status"), [(None, 404), ("reader", 403)])
def test_it_is_for_managers_of_assignments(
    client, bo, role, policy, appoint, role_in_catalog, status
):
    if role_in_catalog:
        appoint(bo, policy.package.catalog, role_in_catalog)
    client.force_login(bo)

    assert client.get(address(role)).status_code == status
    assert client.get(address(role, name="holders_file")).status_code == status
    assert client.post(address(role), {"policy": policy.pk, "take": "all"}).status_code == status
    if role_in_catalog:
        page = text(client.get(reverse("manage:resource", args=[role.resource_id])))
        assert "Who has it now" not in page


def test_many_holders_cost_as_many_queries_as_few(as_gita, role, policy):
    def cost(count):
        people = UserFactory.create_batch(count)
        put_in(role, *people)
        for person in people[::2]:
            AssignmentFactory(policy=policy, target=person)
        for show in ("unexplained", "explained"):
            with CaptureQueriesContext(connection) as captured:
                page = as_gita.get(address(role, f"?show={show}&page=2"))
                assert page.status_code == 200
            yield len(captured)

    few, many = list(cost(2)), list(cost(70))
    assert few == many
    assert max(many) <= 20
