"""Access packages: drafts, publishing, what is in them, and what holders gain and lose."""

import pytest

from entitlements import sweep
from entitlements.assignments import grants
from entitlements.audit.models import AuditEvent
from entitlements.catalog import packages, resources
from entitlements.catalog.models import AccessPackage, PackageState
from entitlements.catalog.terms import PackageTerms
from entitlements.decisions import Denied
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

ANALYST = PackageTerms("Sales Analyst", "Reads the sales figures.")


@pytest.fixture
def catalog(db):
    return CatalogFactory(name="Sales")


@pytest.fixture
def olga(catalog, appoint):
    return appoint(UserFactory(display_name="Olga Owner"), catalog)


@pytest.fixture
def package(catalog):
    return AccessPackageFactory(catalog=catalog, name="Sales Analyst")


def refused(act, *args, **kwargs):
    with pytest.raises(Denied) as denied:
        act(*args, **kwargs)
    return denied.value.codes


def offered(catalog):
    role = ResourceRoleFactory()
    catalog.catalog_resources.create(resource=role.resource)
    return role


def test_a_new_package_is_a_draft_that_nobody_can_ask_for(catalog, olga, actions):
    package = packages.create_package(catalog, ANALYST, by=olga)

    assert package.state == PackageState.DRAFT
    assert not AccessPackage.objects.open().exists()
    assert actions() == ["package.created"]


def test_a_package_manager_creates_packages(catalog, bo, appoint):
    appoint(bo, catalog, "package_manager")

    assert packages.create_package(catalog, ANALYST, by=bo)


@pytest.mark.parametrize("role", ["assignment_manager", "reader", None])
def test_others_change_nothing_about_packages(catalog, package, bo, appoint, role):
    if role:
        appoint(bo, catalog, role)

    entry = offered(catalog)
    for act, arguments in (
        (packages.create_package, (catalog, ANALYST)),
        (packages.change_package, (package, ANALYST)),
        (packages.publish, (package,)),
        (packages.retire, (package,)),
        (packages.hide, (package,)),
        (packages.show, (package,)),
        (packages.delete_package, (package,)),
        (packages.add_role, (package, entry)),
        (packages.remove_role, (package, package.roles.get())),
    ):
        assert refused(act, *arguments, by=bo) == {"not_permitted"}, act


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (PackageTerms("", "What for"), "name_missing"),
        (PackageTerms("x" * 201, "What for"), "name_too_long"),
        (PackageTerms("Sales\x00", "What for"), "name_unreadable"),
        (PackageTerms("Sales", " "), "description_missing"),
        (PackageTerms("Sales", "x" * 10_001), "description_too_long"),
    ],
)
def test_words_that_do_not_fit_are_refused(catalog, olga, terms, code):
    assert refused(packages.create_package, catalog, terms, by=olga) == {code}


def test_a_name_is_taken_once_in_a_catalog_and_free_in_another(catalog, package, olga, appoint):
    assert refused(packages.create_package, catalog, ANALYST, by=olga) == {"name_taken"}

    other = CatalogFactory()
    appoint(olga, other)
    assert packages.create_package(other, ANALYST, by=olga)


def test_a_change_is_written_down_once_with_old_and_new_values(package, olga):
    terms = PackageTerms("Sales Analyst", "Reads everything.", is_hidden=True)
    packages.change_package(package, terms, by=olga)
    packages.change_package(package, terms, by=olga)

    event = AuditEvent.objects.get(action="package.changed")
    assert event.details["changes"]["is_hidden"] == {"old": False, "new": True}
    package.refresh_from_db()
    assert package.description == "Reads everything."


def test_a_package_cannot_take_the_name_of_its_neighbor(catalog, package, olga):
    AccessPackageFactory(catalog=catalog, name="Sales Admin")

    terms = PackageTerms("sales admin", "What for")
    assert refused(packages.change_package, package, terms, by=olga) == {"name_taken"}


def test_packages_are_published_and_retired_and_each_step_leaves_one_event(catalog, olga, actions):
    package = packages.create_package(catalog, ANALYST, by=olga)

    assert packages.publish(package, by=olga).state == PackageState.PUBLISHED
    packages.publish(package, by=olga)
    assert packages.retire(package, by=olga).state == PackageState.RETIRED
    assert not AccessPackage.objects.open().exists()
    assert actions()[1:] == ["package.published", "package.retired"]


def test_packages_are_hidden_and_shown_again(package, olga, actions):
    packages.hide(package, by=olga)
    assert not AccessPackage.objects.listed().exists()
    packages.hide(package, by=olga)
    packages.show(package, by=olga)

    assert AccessPackage.objects.listed().get() == package
    assert actions() == ["package.hidden", "package.shown"]


def test_a_package_that_nobody_ever_had_is_deleted_with_its_policies(package, olga):
    AssignmentPolicyFactory(package=package)

    packages.delete_package(package, by=olga)

    assert not AccessPackage.objects.exists()
    assert AuditEvent.objects.get(action="package.deleted").subject_name == "Sales Analyst"


@pytest.mark.parametrize("factory", [AssignmentFactory, AccessRequestFactory])
def test_a_package_that_was_held_or_asked_for_stays(package, olga, factory):
    factory(policy=AssignmentPolicyFactory(package=package))

    assert refused(packages.delete_package, package, by=olga) == {"package_used"}


def test_roles_are_added_in_order(catalog, package, olga):
    first, second = offered(catalog), offered(catalog)
    empty = AccessPackageFactory(catalog=catalog, roles=[])

    for target in (empty, package):
        packages.add_role(target, first, by=olga)
        packages.add_role(target, second, by=olga)

    assert list(empty.package_roles.values_list("role", "position")) == [
        (first.pk, 0),
        (second.pk, 1),
    ]
    assert [entry.role for entry in package.package_roles.all()][1:] == [first, second]


def test_a_role_of_another_catalog_is_refused(package, olga):
    foreign = offered(CatalogFactory(name="Finance"))

    assert refused(packages.add_role, package, foreign, by=olga) == {"not_in_catalog"}
    assert package.roles.count() == 1


def test_a_role_is_in_a_package_once(package, olga):
    role = package.roles.get()

    assert refused(packages.add_role, package, role, by=olga) == {"role_in_package"}


def test_a_role_that_is_not_there_cannot_be_removed(catalog, package, olga):
    role = offered(catalog)

    assert refused(packages.remove_role, package, role, by=olga) == {"role_not_in_package"}


def test_without_holders_nothing_is_recounted(catalog, package, olga, queued):
    packages.add_role(package, offered(catalog), by=olga)

    package.refresh_from_db()
    assert package.recount_at is None
    assert queued() == []


def test_holders_get_an_added_role_and_lose_a_removed_one(
    catalog, package, olga, run_queue, holds, queued
):
    old, new = package.roles.get(), offered(catalog)
    assignment = AssignmentFactory(policy=AssignmentPolicyFactory(package=package))
    grants.want(assignment)
    sweep.run()
    run_queue()
    assert holds(assignment.target, old)

    packages.add_role(package, new, by=olga)
    packages.remove_role(package, old, by=olga)
    package.refresh_from_db()
    assert package.recount_at
    assert queued() == ["sweep.run", "sweep.run"]
    run_queue()

    assert holds(assignment.target, new)
    assert not holds(assignment.target, old)
    package.refresh_from_db()
    assert package.recount_at is None


def test_a_removed_role_stays_where_another_package_gives_it(
    catalog, package, olga, run_queue, holds
):
    role = package.roles.get()
    other = AccessPackageFactory(catalog=catalog, roles=[role])
    assignment = AssignmentFactory(policy=AssignmentPolicyFactory(package=package))
    second = AssignmentFactory(
        policy=AssignmentPolicyFactory(package=other), target=assignment.target
    )
    for held in (assignment, second):
        grants.want(held)
    sweep.run()
    run_queue()

    packages.remove_role(package, role, by=olga)
    run_queue()

    assert holds(assignment.target, role)


@pytest.mark.django_db(transaction=True)
def test_a_resource_never_leaves_a_catalog_while_a_package_comes_to_use_it(catalog, package, olga):
    role = offered(catalog)
    administrator = UserFactory(is_superuser=True)

    outcomes = at_once(
        lambda: packages.add_role(package, role, by=olga),
        lambda: resources.remove_resource(catalog, role.resource, by=administrator),
    )

    assert refusals(outcomes) in ([{"not_in_catalog"}], [{"resource_used"}])
    is_offered = catalog.resources.filter(pk=role.resource_id).exists()
    assert is_offered == package.roles.filter(pk=role.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_who_create_one_package_at_once_one_succeeds(catalog, olga):
    outcomes = at_once(
        *[lambda: packages.create_package(catalog, ANALYST, by=olga) for _ in range(6)]
    )

    assert catalog.packages.count() == 1
    assert refusals(outcomes) == [{"name_taken"}] * 5
