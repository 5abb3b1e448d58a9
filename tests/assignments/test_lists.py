from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.assignments.grants import Grant, also_given, roles_of
from entitlements.assignments.models import Assignment, AssignmentState, EndReason
from entitlements.requests import operations
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    ResourceRoleFactory,
)

pytestmark = pytest.mark.django_db


def inside(**span):
    return clock.now() + timedelta(**span)


def test_somebodys_own_access_is_his_alone(ada, bo):
    mine = AssignmentFactory(target=ada)
    AssignmentFactory(target=bo)

    assert Assignment.objects.held_by(ada).get() == mine


def test_what_ends_within_two_weeks_ends_soon(ada):
    soon = AssignmentFactory(target=ada, ends_at=inside(days=13))
    AssignmentFactory(target=ada, ends_at=inside(days=15))
    AssignmentFactory(target=ada, ends_at=None)
    AssignmentFactory(target=ada, starts_at=inside(days=-9), ends_at=inside(days=-1))

    assert Assignment.objects.ending_soon().get() == soon


def test_live_access_that_failed_is_troubled(ada):
    failed = AssignmentFactory(target=ada, state=AssignmentState.DELIVERY_FAILED)
    partly = AssignmentFactory(target=ada, state=AssignmentState.PARTIALLY_DELIVERED)
    AssignmentFactory(target=ada, state=AssignmentState.DELIVERING)
    AssignmentFactory(
        target=ada,
        state=AssignmentState.DELIVERY_FAILED,
        starts_at=inside(days=-9),
        ends_at=inside(seconds=-1),
    )

    assert set(Assignment.objects.troubled()) == {failed, partly}


def test_the_nearest_end_comes_first_and_none_last(ada):
    never = AssignmentFactory(target=ada, ends_at=None)
    late = AssignmentFactory(target=ada, ends_at=inside(days=9))
    early = AssignmentFactory(target=ada, ends_at=inside(days=3))

    assert list(Assignment.objects.first_end_first()) == [early, late, never]


def test_what_ended_last_comes_first_carried_out_or_not(ada):
    begun = {"target": ada, "starts_at": inside(days=-90)}
    long_ago = AssignmentFactory(
        **begun,
        state=AssignmentState.EXPIRED,
        ends_at=inside(days=90),
        ended_at=inside(days=-60),
        end_reason=EndReason.GIVEN_BACK,
    )
    just_now = AssignmentFactory(**begun, ends_at=inside(seconds=-1))

    assert list(Assignment.objects.past().last_end_first()) == [just_now, long_ago]
    assert (just_now.over_at, just_now.shown_end_reason) == (just_now.ends_at, "time ran out")
    assert (long_ago.over_at, long_ago.shown_end_reason) == (long_ago.ended_at, "given back")


def test_roles_come_along_by_one_query(ada, django_assert_num_queries):
    for _ in range(3):
        AssignmentFactory(target=ada)

    with django_assert_num_queries(2):
        found = Assignment.objects.select_related("package").with_roles()
        names = [
            entry.role.resource.name
            for assignment in found
            for entry in assignment.package.package_roles.all()
        ]

    assert len(names) == 3


def test_roles_of_an_assignment_come_in_their_order_with_their_grants(ada, run_queue):
    roles = [ResourceRoleFactory(), ResourceRoleFactory()]
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=roles))
    assignment = operations.submit(policy, by=ada).assignment
    run_queue()
    Grant.objects.get(role=roles[1]).delete()

    held = roles_of(assignment)

    assert [one.role for one in held] == roles
    assert [one.shown_state for one in held] == ["done", "waiting"]


def test_what_else_gives_a_role_is_named(ada, bo):
    shared, own = ResourceRoleFactory(), ResourceRoleFactory()
    first = AssignmentFactory(target=ada, policy__package=AccessPackageFactory(roles=[shared, own]))
    other = AccessPackageFactory(name="Sales Starter", roles=[shared])
    AssignmentFactory(target=ada, policy__package=other)
    AssignmentFactory(target=bo, policy__package=AccessPackageFactory(roles=[own]))
    AssignmentFactory(
        target=ada,
        policy__package=AccessPackageFactory(roles=[own]),
        starts_at=inside(days=-9),
        ends_at=inside(seconds=-1),
    )

    assert also_given(first) == {shared.pk: ["Sales Starter"]}
