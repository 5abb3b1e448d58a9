"""Clashes and prerequisites on the pages: for whoever asks, approves, and looks after packages."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements import clock
from entitlements.models import (
    AuditEvent,
    ClashException,
    Incompatibility,
    Prerequisite,
    RoleClash,
)
from entitlements.policies import clashes
from entitlements.requests import clash_exceptions, operations
from portal import exports
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.files import Opened
from tests.volumes import gather_statistics

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def catalog(db):
    return CatalogFactory(name="Finance")


@pytest.fixture
def owner(appoint, catalog):
    return appoint(UserFactory(display_name="Olga Owner", email="olga@kestrel.example"), catalog)


@pytest.fixture
def as_owner(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def as_ada(client, ada):
    client.force_login(ada)
    return client


def policy_of(catalog, name):
    role = ResourceRoleFactory(resource=ResourceFactory(name=f"{name} role", catalog=catalog))
    package = AccessPackageFactory(name=name, catalog=catalog, roles=[role])
    return AssignmentPolicyFactory(package=package)


@pytest.fixture
def enter(catalog):
    return policy_of(catalog, "Enter payments")


@pytest.fixture
def release(catalog):
    return policy_of(catalog, "Release payments")


def hold(person, *policies):
    return [AssignmentFactory(policy=policy, target=person) for policy in policies]


def address(name, *arguments):
    return reverse(name, args=[getattr(one, "pk", one) for one in arguments])


def test_who_asks_sees_the_clash_before_asking_with_the_way_on(as_ada, ada, enter, release, owner):
    clashes.add_clash(release.package, enter.package, by=owner)
    [held] = hold(ada, enter)

    response = as_ada.get(address("packages:detail", release.package))

    assert "It clashes with Enter payments, which you hold." in response.text
    assert "The owners of Finance can change the clash or allow an exception." in response.text
    assert "Give back Enter payments" in response.text
    assert address("access:give_back", held) in response.text
    assert "Send request" not in response.text


def test_a_clash_that_is_sent_all_the_same_comes_back_with_its_code(
    as_ada, ada, enter, release, owner
):
    clashes.add_clash(release.package, enter.package, by=owner)
    hold(ada, enter)

    response = as_ada.post(address("packages:ask", release.package), {"policy": str(release.pk)})

    assert response.status_code == 422
    assert "(clash)" in response.text


def test_who_asks_sees_what_is_missing_and_where_to_ask_for_it(
    as_ada, enter, release, owner, catalog
):
    other = policy_of(catalog, "Audit payments")
    third = policy_of(catalog, "View payments")
    clashes.add_prerequisite(release.package, enter.package, by=owner)
    for policy in (other, third):
        clashes.add_prerequisite(release.package, policy.package, by=owner, is_alternative=True)

    text = as_ada.get(address("packages:detail", release.package)).text

    assert "It requires Enter payments, which you do not hold." in text
    assert "It requires Audit payments or View payments, and you do not hold any of them." in text
    for policy in (enter, other, third):
        assert f"Ask for {policy.package}" in text
        assert address("packages:detail", policy.package) in text


def test_a_clash_with_a_group_and_with_what_starts_later_are_told(
    as_ada, ada, enter, release, owner
):
    enter.allows_custom_dates = True
    enter.save()
    later = operations.submit(enter, by=ada, starts_at=clock.now() + DAY)
    clashes.add_clash(release.package, enter.package, by=owner)
    clashes.add_clash(release.package, GroupFactory(name="Auditors", members=[ada]), by=owner)

    text = as_ada.get(address("packages:detail", release.package)).text

    assert "It clashes with Enter payments, which is approved and starts later." in text
    assert address("requests:detail", later) in text
    assert "It clashes with being in the group Auditors." in text


def test_an_exception_is_told_and_lets_one_ask(as_ada, ada, bo, enter, release, owner, appoint):
    clashes.add_clash(release.package, enter.package, by=owner)
    hold(ada, enter)
    allow(ada, release, enter, owner, appoint(bo, release.package.catalog))

    text = as_ada.get(address("packages:detail", release.package)).text

    assert "which an exception allows until" in text
    assert "Send request" in text


def allow(person, release, enter, owner, other):
    exception = clash_exceptions.propose(
        release.package,
        enter.package,
        person,
        by=owner,
        reason="Cover",
        ends_at=clock.now() + 30 * DAY,
    )
    return clash_exceptions.decide(exception, by=other, approves=True)


def test_who_asks_for_another_reads_of_him(client, ada, bo, enter, release, owner):
    ada.manager = bo
    ada.save()
    release.allows_on_behalf = True
    release.save()
    clashes.add_clash(release.package, enter.package, by=owner)
    clashes.add_prerequisite(
        release.package, policy_of(enter.package.catalog, "Basics").package, by=owner
    )
    hold(ada, enter)
    client.force_login(bo)

    text = client.get(address("packages:detail", release.package), {"for": str(ada.pk)}).text

    assert "Ask for it for Ada Lovelace" in text
    assert "It clashes with Enter payments, which Ada Lovelace holds." in text
    assert "It requires Basics, which Ada Lovelace does not hold." in text


@pytest.mark.parametrize("is_excepted", [False, True])
def test_approvers_see_the_clash_and_decide_it_on_its_own(
    client, ada, bo, gita, enter, release, owner, appoint, is_excepted
):
    ApprovalStageFactory(policy=release, approvers=[bo])
    operations.submit(release, by=ada)
    hold(ada, enter)
    clashes.add_clash(release.package, enter.package, by=owner)
    missing = policy_of(release.package.catalog, "Basics").package
    clashes.add_prerequisite(release.package, missing, by=owner)
    if is_excepted:
        allow(ada, release, enter, owner, appoint(gita, release.package.catalog))
    client.force_login(bo)

    text = client.get(reverse("approvals:index")).text

    assert "Ada Lovelace holds Enter payments, which clashes with it." in text
    assert ("An exception allows both until" in text) is is_excepted
    assert "Ada Lovelace does not hold Basics, which it requires." in text
    assert "it clashes with what the person has" in text


def test_owners_add_and_remove_a_clash(as_owner, enter, release):
    page = address("manage:clashes", release.package)
    assert "No clashes defined." in as_owner.get(page).text
    form = {"other": f"package:{enter.package.pk}", "is_symmetric": "on"}

    response = as_owner.post(address("manage:clash_add", release.package), form, follow=True)

    assert response.redirect_chain == [(page, 302)]
    assert "Release payments clashes with Enter payments now." in response.text
    assert "both ways" in response.text
    clash = Incompatibility.objects.get()
    other_side = as_owner.get(address("manage:clashes", enter.package)).text
    assert address("manage:clashes", release.package) in other_side
    remove = address("manage:clash_remove", clash)
    assert "Let Release payments and Enter payments be held together?" in as_owner.get(remove).text
    as_owner.post(remove)
    assert not Incompatibility.objects.exists()


def test_owners_add_a_clash_with_a_role_or_a_group(as_owner, enter, release):
    add, group = address("manage:clash_add", release.package), GroupFactory(name="Auditors")
    role = enter.package.roles.get()

    as_owner.post(add, {"other": f"role:{role.pk}"})
    as_owner.post(add, {"other": f"group:{group.pk}", "is_symmetric": "on"})

    assert {clash.other for clash in Incompatibility.objects.all()} == {
        "Auditors",
        "Enter payments role: Member",
    }
    text = as_owner.get(address("manage:clashes", release.package)).text
    assert "Group, one way" in text


def test_a_form_with_nothing_or_with_two_things_comes_back(as_owner, enter, release):
    add = address("manage:clash_add", release.package)
    both = {"other": [f"package:{enter.package.pk}", f"role:{enter.package.roles.get().pk}"]}

    for form, words in (({"is_symmetric": "on"}, "Find it by name"), (both, "Choose one thing")):
        response = as_owner.post(add, form)
        assert response.status_code == 422
        assert words in response.text


def test_a_refusal_stands_beside_its_field(as_owner, enter, release, owner):
    clashes.add_prerequisite(enter.package, release.package, by=owner)

    response = as_owner.post(
        address("manage:require", release.package), {"package": f"package:{enter.package.pk}"}
    )

    assert response.status_code == 422
    assert "requires Release payments already" in response.text
    assert Prerequisite.objects.count() == 1


def test_owners_add_and_remove_a_prerequisite(as_owner, ada, enter, release):
    hold(ada, release)
    form = {"package": f"package:{enter.package.pk}", "is_alternative": "on"}

    response = as_owner.post(address("manage:require", release.package), form, follow=True)

    assert "One of several is enough" in response.text
    assert "1 person holds Release payments without what it requires now." in response.text
    assert (
        "Requires Enter payments." in as_owner.get(address("manage:package", release.package)).text
    )
    needed = Prerequisite.objects.get()
    assert "Required by" in as_owner.get(address("manage:clashes", enter.package)).text
    remove = address("manage:require_no_more", needed)
    assert "Require Enter payments no more?" in as_owner.get(remove).text
    as_owner.post(remove)
    assert not Prerequisite.objects.exists()


def test_who_lacks_an_unconditional_prerequisite_is_counted_too(
    as_owner, ada, bo, enter, release, owner
):
    hold(ada, release)
    hold(bo, release, enter)
    clashes.add_prerequisite(release.package, enter.package, by=owner)

    text = as_owner.get(address("manage:clashes", release.package)).text

    assert "1 person holds Release payments without" in text


def test_owners_let_roles_clash(as_owner, ada, enter, release, catalog):
    hold(ada, enter, release)
    first, second = enter.package.roles.get(), release.package.roles.get()
    page = address("manage:catalog_clashes", catalog)
    add = address("manage:role_clash_add", catalog)
    same, other = f"role:{first.pk}", f"role:{second.pk}"
    assert as_owner.post(add, {"first": same, "second": same}).status_code == 422

    response = as_owner.post(add, {"first": same, "second": other}, follow=True)

    assert response.redirect_chain == [(page, 302)]
    assert "1 person holds what clashes" in response.text
    assert "are kept apart" in response.text
    assert (
        "kept by the catalog Finance" in as_owner.get(address("manage:clashes", enter.package)).text
    )
    clash = RoleClash.objects.get()
    assert as_owner.get(address("manage:role_clash_remove", clash)).status_code == 200
    as_owner.post(address("manage:role_clash_remove", clash))
    assert not RoleClash.objects.exists()


def test_the_page_of_a_package_says_how_many_hold_both(as_owner, ada, enter, release, owner):
    hold(ada, enter, release)
    clashes.add_clash(release.package, enter.package, by=owner)
    for number in range(6):
        clashes.add_clash(release.package, GroupFactory(name=f"Z{number}"), by=owner)

    text = as_owner.get(address("manage:package", release.package)).text

    assert "Clashes with Enter payments, Z0, Z1, Z2, Z3 and 2 more." in text
    assert "1 person holds both now" in text
    assert "You let it clash with Enter payments." in text


def test_lists_of_10_and_of_2000_cost_as_many_queries(
    as_owner, enter, release, owner, catalog, django_assert_num_queries
):
    clashes.add_clash(release.package, enter.package, by=owner, is_symmetric=True)
    pages = [
        address("manage:clashes", release.package),
        address("manage:catalog_clashes", catalog),
    ]
    hold_all(UserFactory.create_batch(10), enter, release)
    costs = []
    for page in pages:
        assert "10 people hold what clashes" in as_owner.get(page).text
        with CaptureQueriesContext(connection) as queries:
            as_owner.get(page)
        costs.append(len(queries))
    hold_all(UserFactory.create_batch(1990, password="!"), enter, release)
    gather_statistics()

    for page, cost in zip(pages, costs, strict=True):
        with django_assert_num_queries(cost):
            text = as_owner.get(page).text
        assert "2000 people hold what clashes" in text


def hold_all(people, *policies):
    for policy in policies:
        rows = AssignmentFactory.build_batch(len(people), policy=policy, target=people[0])
        for row, person in zip(rows, people, strict=True):
            row.package, row.target = policy.package, person
        type(rows[0]).objects.bulk_create(rows)


@pytest.mark.parametrize("route", ["manage:clashes_file", "manage:catalog_clashes_file"])
def test_double_holders_are_exported_with_evidence_and_without_formulas(
    as_owner, enter, release, owner, catalog, appoint, route
):
    ada = UserFactory(display_name="=HYPERLINK(1)", email="ada@kestrel.example", department="@X")
    hold(ada, enter, release)
    clashes.add_clash(release.package, enter.package, by=owner)
    group = GroupFactory(name="Auditors", members=[ada])
    clashes.add_clash(release.package, group, by=owner)
    about = release.package if route == "manage:clashes_file" else catalog

    file = Opened(as_owner.get(address(route, about)))

    [auditors, both] = file.rows
    assert both["Person"] == "'=HYPERLINK(1)"
    assert (both["Person id"], both["Address"]) == (str(ada.pk), "ada@kestrel.example")
    assert (both["Department"], both["Holds"]) == ("'@X", "Release payments")
    assert both["Package id"] == str(release.package.pk)
    assert (both["Clashes with"], auditors["Clashes with"]) == ("Enter payments", "Group Auditors")
    assert (both["Id of that"], auditors["Id of that"]) == (str(enter.package.pk), str(group.pk))
    assert file.evidence["Made by"].startswith("Olga Owner <olga@kestrel.example>")
    assert str(about) in file.evidence["Filters"]
    assert file.evidence["Rows without the filters"] == "2"
    event = AuditEvent.objects.get(action="clashes.exported")
    assert event.subject_id == about.pk
    assert event.details["sha256"] == file.evidence["SHA-256 of clashes.csv"]


@pytest.mark.parametrize("route", ["manage:clashes_file", "manage:catalog_clashes_file"])
def test_more_double_holders_than_a_file_holds_are_refused_with_words(
    as_owner, ada, enter, release, owner, catalog, monkeypatch, route
):
    monkeypatch.setattr(exports, "MOST_ROWS", 0)
    hold(ada, enter, release)
    clashes.add_clash(release.package, enter.package, by=owner)
    about = release.package if route == "manage:clashes_file" else catalog

    response = as_owner.get(address(route, about), follow=True)

    assert "the most that one file holds" in response.text
    assert "1 person holds what clashes" in response.text
    assert not AuditEvent.objects.filter(action="clashes.exported").exists()


def test_readers_look_but_change_nothing(client, enter, release, owner, appoint, catalog):
    clash = clashes.add_clash(release.package, enter.package, by=owner)
    client.force_login(appoint(UserFactory(), catalog, "reader"))

    assert "Add clash" not in client.get(address("manage:clashes", release.package)).text
    assert client.get(address("manage:clash_add", release.package)).status_code == 403
    assert client.post(address("manage:clash_remove", clash)).status_code == 403


def test_strangers_see_nothing(as_ada, enter, release, owner, catalog, appoint):
    appoint(as_ada and UserFactory(), CatalogFactory())
    clash = clashes.add_clash(release.package, enter.package, by=owner)

    for page in (
        address("manage:clashes", release.package),
        address("manage:clashes_file", release.package),
        address("manage:catalog_clashes", catalog),
        address("manage:clash_remove", clash),
    ):
        assert as_ada.get(page).status_code in (403, 404)


def test_an_exception_is_asked_for_decided_by_another_and_ended(
    as_owner, client, ada, bo, enter, release, owner, appoint, catalog
):
    clashes.add_clash(release.package, enter.package, by=owner)
    form = {
        "person": f"user:{ada.pk}",
        "other": str(enter.package.pk),
        "reason": "Cover for June",
        "ends_on": (clock.now() + 20 * DAY).date().isoformat(),
    }
    add = address("manage:exception_add", release.package)
    assert as_owner.get(add).status_code == 200
    assert as_owner.post(add, form | {"reason": ""}).status_code == 422
    asked = as_owner.post(add, form, follow=True)
    exception = ClashException.objects.get()
    page = address("manage:exception", exception)
    assert asked.redirect_chain == [(page, 302)]
    assert "Nobody can decide it" in asked.text
    appoint(bo, catalog)
    assert "Waits for Bo Chen." in as_owner.get(page).text

    client.force_login(bo)
    assert "Allow until" in client.get(page).text
    assert "Allowed." in client.post(page, {"decision": "allow"}, follow=True).text
    assert "Ada Lovelace" in client.get(address("manage:clashes", release.package)).text
    end = address("manage:exception_end", exception)
    assert client.get(end).status_code == 200
    client.post(end)
    exception.refresh_from_db()
    assert exception.shown_state == "ended"


def test_an_exception_is_denied_and_somebody_gone_is_not_proposed(
    as_owner, client, bo, enter, release, owner, appoint, catalog
):
    clashes.add_clash(release.package, enter.package, by=owner)
    gone = UserFactory(is_active=False)
    form = {
        "person": f"user:{gone.pk}",
        "other": str(enter.package.pk),
        "reason": "Cover",
        "ends_on": (clock.now() + 20 * DAY).date().isoformat(),
    }
    response = as_owner.post(address("manage:exception_add", release.package), form)
    assert "Choose somebody else" in response.text
    person = {"person": f"user:{UserFactory().pk}"}
    as_owner.post(address("manage:exception_add", release.package), form | person)
    client.force_login(appoint(bo, catalog))

    page = address("manage:exception", ClashException.objects.get())
    assert "Denied." in client.post(page, {"decision": "refuse"}, follow=True).text
