"""What terms would do is known before they are saved."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.directory.models import UserType
from entitlements.models import AuditEvent, GroupNesting
from entitlements.policies.models import Scope
from entitlements.policies.operations import terms_of
from entitlements.policies.previewing import MOST_NAMED, preview
from entitlements.policies.standing import standing_under
from entitlements.policies.terms import PolicyTerms
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    ConnectedOrganizationFactory,
    GroupFactory,
    GuestFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
QUERIES = 7


@pytest.fixture
def package():
    return AccessPackageFactory(name="Ledger")


@pytest.fixture
def policy(package, ada, bo):
    policy = AssignmentPolicyFactory(package=package, name="Team", scope=Scope.SPECIFIC)
    policy.allowed_users.add(ada)
    policy.allowed_groups.add(GroupFactory(name="Closing crew", members=[bo]))
    return policy


def names(people):
    return [str(person) for person in people]


def test_who_joins_and_who_leaves_is_told_by_name(policy, package, ada, bo, gita):
    terms = replace(terms_of(policy), allowed_user_ids=(gita.pk,))

    found = preview(terms, package, policy=policy)

    assert (found.people, found.joining, found.leaving) == (2, 1, 1)
    assert (names(found.joins), names(found.leaves)) == ([str(gita)], [str(ada)])
    assert AuditEvent.objects.count() == 0


def test_terms_as_they_are_saved_change_nobody(policy, package):
    found = preview(terms_of(policy), package, policy=policy)

    assert (found.people, found.joining, found.leaving) == (2, 0, 0)
    assert (found.joins, found.leaves) == ((), ())


def test_everybody_joins_a_policy_that_is_new(package, ada, bo):
    UserFactory(is_active=False)
    GuestFactory()

    found = preview(PolicyTerms("New", scope="all_members"), package)

    assert (found.people, found.joining, found.leaving) == (2, 2, 0)
    assert found.overlaps == ()


def test_only_the_first_are_named(package):
    for number in range(MOST_NAMED + 3):
        UserFactory(display_name=f"Member {number:03}")

    found = preview(PolicyTerms("New", scope="all_members"), package)

    assert found.joining == MOST_NAMED + 3
    assert names(found.joins) == [f"Member {number:03}" for number in range(MOST_NAMED)]


@pytest.mark.parametrize(
    ("scope", "other", "people", "winner"),
    [
        ("all_members", Scope.SPECIFIC, 1, "other"),
        ("all_members", Scope.ALL_MEMBERS, 2, "either"),
        ("all_members", Scope.ALL_USERS, 2, "this"),
        ("all_users", Scope.ALL_EXTERNAL, 1, "this"),
        ("all_members", Scope.ALL_EXTERNAL, 0, "this"),
        ("nobody", Scope.ALL_MEMBERS, 0, "other"),
        ("all_members", Scope.NOBODY, 0, "this"),
        ("nobody", Scope.NOBODY, 0, "neither"),
    ],
)
def test_the_stricter_of_two_policies_comes_first(package, ada, bo, scope, other, people, winner):
    GuestFactory()
    beside = AssignmentPolicyFactory(package=package, scope=other)
    beside.allowed_users.add(ada)

    (overlap,) = preview(PolicyTerms("New", scope=scope), package).overlaps

    assert (overlap.policy, overlap.people, overlap.winner) == (beside, people, winner)


@pytest.mark.parametrize(
    ("mine", "others", "winner"),
    [
        ({"accepts_requests": False}, {}, "other"),
        ({}, {"accepts_requests": False}, "this"),
        ({"is_enabled": False}, {"accepts_requests": False}, "neither"),
    ],
)
def test_a_policy_without_new_requests_never_comes_first(package, ada, mine, others, winner):
    AssignmentPolicyFactory(package=package, scope=Scope.ALL_MEMBERS, **others)

    terms = PolicyTerms("New", scope="all_members", **mine)

    (overlap,) = preview(terms, package).overlaps
    assert (overlap.people, overlap.winner) == (1, winner)


def test_a_policy_that_is_over_or_off_is_not_beside(package, policy, ada):
    AssignmentPolicyFactory(package=package, name="Off", is_enabled=False)
    past = clock.now() - timedelta(days=1)
    over = AssignmentPolicyFactory(
        package=package, name="Over", expiration="on_date", duration=None, ends_on=past
    )

    (overlap,) = preview(terms_of(policy), package, policy=policy).overlaps

    assert (overlap.policy, overlap.winner) == (over, "this")


def test_seven_queries_are_enough_however_many_there_are(
    policy, package, gita, django_assert_num_queries
):
    terms = replace(terms_of(policy), allowed_user_ids=(gita.pk,))
    with django_assert_num_queries(QUERIES):
        preview(terms, package, policy=policy)
    outer = GroupFactory(members=UserFactory.create_batch(40))
    for _ in range(6):
        inner = GroupFactory(members=UserFactory.create_batch(5))
        GroupNesting.objects.create(parent=outer, child=inner)
        beside = AssignmentPolicyFactory(package=package, scope=Scope.SPECIFIC)
        beside.allowed_groups.add(outer, inner)
        beside.allowed_users.add(gita)
    terms = replace(terms, allowed_group_ids=(outer.pk,))

    with django_assert_num_queries(QUERIES):
        found = preview(terms, package, policy=policy)

    assert (found.people, found.joining, found.leaving) == (71, 71, 2)
    assert [overlap.people for overlap in found.overlaps] == [71] * 6


def test_how_somebody_is_in_scope_is_told_before_it_is_saved(ada, bo, gita):
    team, division = GroupFactory(name="Team", members=[ada]), GroupFactory(name="Division")
    GroupNesting.objects.create(parent=division, child=team)
    terms = PolicyTerms(
        "New", scope="specific", allowed_user_ids=(bo.pk,), allowed_group_ids=(division.pk,)
    )

    assert standing_under(terms, ada).ways == ((division, team),)
    assert not standing_under(terms, ada).is_named
    assert standing_under(terms, bo).is_named
    assert not standing_under(terms, gita).is_in_scope
    away = UserFactory(is_active=False)
    assert not standing_under(replace(terms, allowed_user_ids=(away.pk,)), away).is_in_scope
    assert standing_under(PolicyTerms("New", scope="all_members"), gita).is_in_scope


def test_a_guest_is_named_by_his_organization():
    harbour, quay = ConnectedOrganizationFactory(), ConnectedOrganizationFactory()
    guest = GuestFactory(organization=harbour, user_type=UserType.GUEST)
    terms = PolicyTerms("New", scope="specific_organizations")

    named = replace(terms, allowed_organization_ids=(harbour.pk,))
    assert standing_under(named, guest).is_named
    other = replace(terms, allowed_organization_ids=(quay.pk,))
    assert not standing_under(other, guest).is_in_scope
