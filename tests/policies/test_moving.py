"""A package moves to another catalog, with everything that hangs on it, or says why it does not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entitlements.audit.models import AuditEvent
from entitlements.catalog import packages, resources
from entitlements.catalog.models import CatalogResource
from entitlements.catalog.permissions import owners_of
from entitlements.catalog.terms import PackageTerms
from entitlements.decisions import Denied
from entitlements.models import (
    AccessPackage,
    AccessRequest,
    Assignment,
    Catalog,
    Group,
    PolicyCallout,
)
from entitlements.policies import clashes
from entitlements.policies import operations as policies
from entitlements.policies.moving import move_package
from entitlements.policies.scopes import EXTERNAL
from entitlements.policies.terms import CalloutTerms
from entitlements.requests import operations as requests
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    CustomExtensionFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def finance():
    return CatalogFactory(name="Finance")


@pytest.fixture
def package(sales, finance):
    """Sales Analyst in the catalog Sales, whose only resource Finance offers too."""
    role = ResourceRoleFactory(resource=ResourceFactory(name="Ledger"))
    CatalogResource.objects.create(catalog=finance, resource=role.resource)
    return AccessPackageFactory(catalog=sales, name="Sales Analyst", roles=[role])


@pytest.fixture
def olga(sales, finance, appoint):
    person = UserFactory(display_name="Olga Owner")
    for catalog in (sales, finance):
        appoint(person, catalog, "package_manager")
    return person


def refused(package, catalog, by):
    before = AccessPackage.objects.get(pk=package.pk).catalog_id
    with pytest.raises(Denied) as denied:
        move_package(package, catalog, by=by)
    assert AccessPackage.objects.get(pk=package.pk).catalog_id == before
    return denied.value.codes


def test_a_package_moves_with_its_policies_access_and_requests(
    package, sales, finance, olga, ada, bo, queued
):
    policy = AssignmentPolicyFactory(package=package)
    held = AssignmentFactory(policy=policy)
    ApprovalStageFactory(policy=policy, approvers=[bo])
    waiting = requests.submit(policy, by=ada)
    tasks = queued()

    assert move_package(package, finance, by=olga).catalog == finance

    package.refresh_from_db()
    assert package.catalog == finance
    assert package.policies.get() == policy
    reader = UserFactory(is_superuser=True)
    assert Assignment.objects.visible_to(reader).get(pk=held.pk).is_live
    assert waiting in AccessRequest.objects.filter(package__catalog=finance).open()
    assert not sales.packages.exists()
    assert queued() == tasks


def test_both_catalogs_stand_in_the_trail_by_name_and_in_the_history_of_each(
    package, sales, finance, olga, actions
):
    move_package(package, finance, by=olga)

    assert actions() == [
        "package.moved",
        "catalog.package_moved_away",
        "catalog.package_moved_in",
    ]
    for thing in (package, sales, finance):
        event = AuditEvent.objects.about(thing).get()
        assert event.actor_id == olga.pk
        facts = (event.details["before"], event.details["catalog"], event.details["name"])
        assert facts == ("Sales", "Finance", "Sales Analyst")


def test_clashes_and_prerequisites_stay(package, sales, finance, olga):
    other, required = AccessPackageFactory(catalog=sales), AccessPackageFactory(catalog=sales)
    clash = clashes.add_clash(package, other, by=olga, is_symmetric=True)
    theirs = clashes.add_clash(required, package, by=olga)
    needed = clashes.add_prerequisite(package, required, by=olga)

    move_package(package, finance, by=olga)

    assert package.incompatibilities.get() == clash
    assert package.named_as_clash.get() == theirs
    assert package.prerequisites.get() == needed


@pytest.mark.parametrize("role", ["assignment_manager", "reader", None])
@pytest.mark.parametrize("side", ["old", "new"])
def test_whoever_moves_it_manages_packages_on_both_sides(
    package, sales, finance, bo, appoint, role, side
):
    mine, others = (finance, sales) if side == "old" else (sales, finance)
    appoint(bo, mine)
    if role:
        appoint(bo, others, role)

    assert refused(package, finance, bo) == {"not_permitted"}


def test_it_stays_where_it_is_already(package, sales, olga):
    assert refused(package, sales, olga) == {"same_catalog"}


def test_it_stays_where_it_is_when_the_other_catalog_was_deleted(package, olga):
    empty = CatalogFactory()
    Catalog.objects.filter(pk=empty.pk).delete()

    assert refused(package, empty, olga) == {"catalog_gone"}


def test_everything_that_speaks_against_it_is_said_at_once(package, finance, olga):
    finance.is_external = False
    finance.save()
    CatalogResource.objects.filter(catalog=finance).delete()
    twin = AccessPackageFactory(catalog=finance, name="sales analyst", roles=[])
    policy = AssignmentPolicyFactory(package=package, scope=EXTERNAL[0])
    CustomExtensionFactory(policy=policy, name="Ticket desk", stages=["approved"])

    with pytest.raises(Denied) as denied:
        move_package(package, finance, by=olga)

    assert denied.value.codes == {
        "name_taken",
        "not_in_catalog",
        "extension_used",
        "catalog_not_external",
    }
    said = str(denied.value)
    for name in (twin.name, "Ledger", "Ticket desk", policy.name):
        assert name in said


@pytest.mark.parametrize("scope", EXTERNAL)
def test_a_policy_for_people_from_outside_needs_a_catalog_that_is_open_to_them(
    package, finance, olga, scope
):
    AssignmentPolicyFactory(package=package, scope=scope)
    finance.is_external = False
    finance.save()

    assert refused(package, finance, olga) == {"catalog_not_external"}
    finance.is_external = True
    finance.save()
    assert move_package(package, finance, by=olga)


def test_policies_for_people_inside_move_into_a_catalog_that_is_closed(package, finance, olga):
    AssignmentPolicyFactory(package=package, scope="all_users")
    finance.is_external = False
    finance.save()

    assert move_package(package, finance, by=olga)


def test_an_extension_that_decides_stays_behind(package, sales, finance, olga):
    policy = AssignmentPolicyFactory(package=package)
    decider = CustomExtensionFactory(catalog=sales, response="approval_stage", waits_for=DAY)
    ApprovalStageFactory(policy=policy, extension=decider, fallbacks=[olga])

    assert refused(package, finance, olga) == {"extension_used"}


@pytest.mark.parametrize("kind", ["calls", "decides"])
def test_requests_that_still_call_an_extension_hold_it_back(
    package, sales, finance, olga, ada, bo, kind
):
    policy = AssignmentPolicyFactory(package=package)
    if kind == "calls":
        ApprovalStageFactory(policy=policy, approvers=[bo])
        CustomExtensionFactory(policy=policy, stages=["approved"])
    else:
        decider = CustomExtensionFactory(catalog=sales, response="approval_stage", waits_for=DAY)
        ApprovalStageFactory(policy=policy, extension=decider, fallbacks=[bo])
    waiting = requests.submit(policy, by=ada)
    policy.callouts.all().delete()
    policy.stages.all().delete()

    assert refused(package, finance, olga) == {"extension_awaited"}
    requests.cancel(waiting, by=ada)
    assert move_package(package, finance, by=olga)


def test_what_one_could_not_give_oneself_one_does_not_move(package, finance, olga, appoint):
    behind = Group.objects.get(pk=package.roles.get().resource.external_id)
    appoint(behind, CatalogFactory(name="Board"))

    assert refused(package, finance, olga) == {"carries_catalog_role"}


def test_whoever_holds_an_old_copy_changes_nothing(package, sales, finance, olga):
    old = AccessPackage.objects.select_related("catalog").get(pk=package.pk)
    move_package(package, finance, by=olga)

    with pytest.raises(Denied) as denied:
        packages.change_package(old, PackageTerms("Other", "Words."), by=olga)
    assert denied.value.codes == {"package_moved"}
    assert refused(old, CatalogFactory(), UserFactory(is_superuser=True)) == {"package_moved"}


def test_the_new_catalogs_owners_decide_what_asks_its_owners(package, finance, olga, appoint):
    gita = appoint(UserFactory(), finance)
    move_package(package, finance, by=olga)

    assert list(owners_of(AccessPackage.objects.get(pk=package.pk).catalog)) == [gita]


@pytest.mark.django_db(transaction=True)
def test_no_package_comes_into_a_catalog_that_stops_offering_its_resource(package, finance, olga):
    resource = package.roles.get().resource
    administrator = UserFactory(is_superuser=True)

    outcomes = at_once(
        lambda: move_package(package, finance, by=olga),
        lambda: resources.remove_resource(finance, resource, by=administrator),
    )

    assert refusals(outcomes) in ([{"not_in_catalog"}], [{"resource_used"}])
    package.refresh_from_db()
    assert (package.catalog == finance) == finance.resources.filter(pk=resource.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_a_policy_never_comes_to_call_an_extension_that_stayed_behind(package, finance, olga):
    policy = AssignmentPolicyFactory(package=package)
    extension = CustomExtensionFactory(catalog=package.catalog)
    terms = policies.terms_of(policy)
    terms = replace(terms, callouts=(CalloutTerms("approved", extension.pk),))

    outcomes = at_once(
        lambda: move_package(package, finance, by=olga),
        lambda: policies.change_policy(policy, terms, by=olga),
    )

    assert refusals(outcomes) in ([{"extension_unknown"}], [{"extension_used"}])
    package.refresh_from_db()
    calling = PolicyCallout.objects.filter(policy=policy)
    assert calling.exists() == (package.catalog_id == extension.catalog_id)


@pytest.mark.django_db(transaction=True)
def test_two_who_move_twins_into_one_catalog_at_once_leave_one(package, finance, olga, appoint):
    third = CatalogFactory()
    appoint(olga, third)
    twin = AccessPackageFactory(catalog=third, name=package.name, roles=[])

    outcomes = at_once(
        lambda: move_package(package, finance, by=olga),
        lambda: move_package(twin, finance, by=olga),
    )

    assert refusals(outcomes) == [{"name_taken"}]
    assert finance.packages.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_role_never_comes_into_a_package_that_moved_away(package, sales, finance, olga):
    role = ResourceRoleFactory(resource=ResourceFactory(catalog=sales))

    outcomes = at_once(
        lambda: move_package(package, finance, by=olga),
        lambda: packages.add_role(package, role, by=olga),
    )

    assert refusals(outcomes) in ([{"not_in_catalog"}], [{"package_moved"}])
