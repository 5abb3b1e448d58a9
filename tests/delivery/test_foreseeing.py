"""What a change of roles would do is said beforehand, and is what delivery then does."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from entitlements import clock, sweep
from entitlements.assignments import grants
from entitlements.catalog import packages
from entitlements.catalog.incompatibilities import Incompatibility, RoleClash
from entitlements.delivery.foreseeing import if_added, if_removed, would_clash
from entitlements.models import CatalogResource, Grant, Group, Membership
from entitlements.requests.double_holders import double_holders
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog():
    return CatalogFactory(name="Sales")


@pytest.fixture
def olga(catalog, appoint):
    return appoint(UserFactory(), catalog)


@pytest.fixture
def role(catalog):
    return ResourceRoleFactory(resource=ResourceFactory(name="Ledger", catalog=catalog))


def package_with(catalog, *roles):
    return AccessPackageFactory(catalog=catalog, roles=list(roles))


def given(package, *people, **fields):
    """Let people hold a package, as delivery knows it."""
    policy = package.policies.first() or AssignmentPolicyFactory(package=package)
    held = [AssignmentFactory(policy=policy, target=person, **fields) for person in people]
    for assignment in held:
        grants.want(assignment)
    return held


@pytest.fixture
def delivered(run_queue):
    def run():
        sweep.run()
        run_queue()

    return run


def people(count):
    return UserFactory.create_batch(count)


def having(role):
    """The ids of those who are in the group behind a role now."""
    members = Membership.objects.filter(group_id=role.resource.external_id)
    return set(members.values_list("user", flat=True))


def test_those_who_get_a_role_are_those_who_get_it_then(catalog, olga, role, delivered):
    package = package_with(catalog, ResourceRoleFactory())
    beside = package_with(catalog, role)
    three, two = people(3), people(2)
    given(package, *three, *two)
    given(beside, *two, *people(1))
    given(package, *people(1), ends_at=clock.now() - timedelta(minutes=1))
    given(package, *people(1), ended_at=clock.now(), end_reason="removed", state="expired")
    delivered()
    before = having(role)

    said = if_added(package, role)

    assert (said.holders, said.gaining, said.having) == (5, 3, 2)
    packages.add_role(package, role, by=olga)
    delivered()
    assert len(having(role) - before) == said.gaining
    assert {one.pk for one in three} <= having(role)


def test_those_who_lose_and_keep_a_role_are_those_who_do_then(catalog, olga, role, delivered):
    package = package_with(catalog, role)
    staff = AccessPackageFactory(catalog=catalog, roles=[role], name="Staff basics")
    three, two = people(3), people(2)
    given(package, *three, *two)
    given(staff, *two)
    delivered()
    assert len(having(role)) == 5

    said = if_removed(package, role)

    assert (said.holders, said.losing, said.keeping, said.held_before) == (5, 3, 2, 0)
    assert said.through == [staff]
    packages.remove_role(package, role, by=olga)
    delivered()
    assert having(role) == {one.pk for one in two}


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("was_elsewhere", [True, False])
def test_what_was_held_before_stays_where_the_catalog_says_so(
    catalog, olga, role, delivered, keeps, was_elsewhere
):
    """The catalog through which it was held last decides, or all that offer the resource."""
    other = CatalogFactory(keeps_access_held_before=keeps)
    CatalogResource.objects.create(catalog=other, resource=role.resource)
    package = package_with(catalog, role)
    person, fresh = people(2)
    Membership.objects.create(group_id=role.resource.external_id, user=person)
    given(package, person, fresh)
    if was_elsewhere:
        past = clock.now() - timedelta(hours=1)
        policy = AssignmentPolicyFactory(package=package_with(other, role))
        ended = {"ended_at": past, "end_reason": "removed", "state": "expired"}
        AssignmentFactory(policy=policy, target=person, **ended)
    delivered()

    said = if_removed(package, role)

    assert (said.losing, said.held_before) == ((1, 1) if keeps else (2, 0))
    packages.remove_role(package, role, by=olga)
    delivered()
    assert having(role) == ({person.pk} if keeps else set())


def test_what_was_taken_under_control_goes_although_it_was_held_before(
    catalog, olga, role, delivered
):
    package = package_with(catalog, role)
    (person,) = people(1)
    Membership.objects.create(group_id=role.resource.external_id, user=person)
    given(package, person)
    delivered()
    Grant.objects.update(is_taken_over=True)

    said = if_removed(package, role)

    assert (said.losing, said.held_before) == (1, 0)
    packages.remove_role(package, role, by=olga)
    delivered()
    assert having(role) == set()


def test_those_who_would_clash_hold_both_then(catalog, olga, role, delivered):
    """Through two roles that are kept apart, and through a package that names the role."""
    package = package_with(catalog, ResourceRoleFactory())
    posts = ResourceRoleFactory()
    poster = AccessPackageFactory(catalog=catalog, roles=[posts], name="Poster")
    namer = AccessPackageFactory(catalog=catalog, name="Namer")
    first, second = sorted((role, posts), key=lambda one: one.pk)
    RoleClash.objects.create(catalog=catalog, first=first, second=second)
    Incompatibility.objects.create(package=namer, other_role=role, is_symmetric=True)
    one, other, third = people(3)
    given(package, one, other, third)
    given(poster, one, *people(1))
    given(namer, one, other)
    assert not double_holders(catalog.packages.filter(pk=package.pk)).exists()

    said = if_added(package, role)

    assert said.clash_count == 2
    assert set(said.clashing) == {one, other}
    assert said.rivals == [namer, poster]
    packages.add_role(package, role, by=olga)
    delivered()
    assert set(double_holders(catalog.packages.filter(pk=package.pk))) == {one, other}


def test_what_clashes_already_does_not_come_to_clash(catalog, role):
    package = package_with(catalog, ResourceRoleFactory())
    namer = AccessPackageFactory(catalog=catalog)
    Incompatibility.objects.create(package=namer, other_role=role)
    Incompatibility.objects.create(package=package, other_package=namer)
    (person,) = people(1)
    given(package, person)
    given(namer, person)

    assert if_added(package, role).clash_count == 0


def test_whoever_comes_into_a_group_clashes_with_what_is_kept_apart_from_it(
    catalog, olga, role, delivered
):
    """Also through a group around it; who is in it already clashes today."""
    package = package_with(catalog, ResourceRoleFactory())
    around = GroupFactory()
    around.nested.add(Group.objects.get(pk=role.resource.external_id))
    auditing = AccessPackageFactory(catalog=catalog, name="Auditing")
    Incompatibility.objects.create(package=auditing, other_group=around)
    one, inside, other = people(3)
    Membership.objects.create(group=around, user=inside)
    given(package, one, inside, other)
    given(auditing, one, inside)

    said = if_added(package, role)

    assert list(said.clashing) == [one]
    assert said.rivals == [auditing]
    packages.add_role(package, role, by=olga)
    delivered()
    assert set(double_holders(catalog.packages.filter(pk=auditing.pk))) == {one, inside}


def test_an_owner_of_a_group_is_not_in_it(catalog, role):
    package = package_with(catalog, ResourceRoleFactory())
    owner = ResourceRoleFactory(resource=role.resource, external_id="owner")
    group = Group.objects.get(pk=role.resource.external_id)
    Incompatibility.objects.create(package=package, other_group=group)
    given(package, *people(1))

    assert not would_clash(package, owner).exists()
    assert would_clash(package, role).exists()


def test_what_an_owner_of_a_group_clashes_with_is_named(catalog, role):
    owner = ResourceRoleFactory(resource=role.resource, external_id="owner")
    package = package_with(catalog, ResourceRoleFactory())
    namer = AccessPackageFactory(catalog=catalog)
    Incompatibility.objects.create(package=namer, other_role=owner)
    (person,) = people(1)
    given(package, person)
    given(namer, person)

    said = if_added(package, owner)

    assert (list(said.clashing), said.rivals) == ([person], [namer])


def test_a_group_that_is_gone_keeps_nobody_apart(catalog):
    role = ResourceRoleFactory(resource=ResourceFactory(external_id="gone", catalog=catalog))

    assert not would_clash(package_with(catalog), role).exists()


def test_without_holders_nobody_gets_loses_or_clashes(catalog, role):
    package = package_with(catalog)

    assert if_added(package, role).holders == 0
    assert if_removed(package, role).losing == 0


def test_however_many_they_are_it_takes_as_many_statements(catalog, role):
    package = package_with(catalog, ResourceRoleFactory())
    namer = AccessPackageFactory(catalog=catalog)
    Incompatibility.objects.create(package=namer, other_role=role)
    beside = package_with(catalog, role)

    def statements(count):
        several = people(count)
        for one in (package, namer, beside):
            given(one, *several)
        with CaptureQueriesContext(connection) as captured:
            if_added(package, role)
            if_removed(beside, role)
        return len(captured)

    assert statements(1) == statements(30)
