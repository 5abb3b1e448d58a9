import pytest
from django_q.models import OrmQ

from entitlements import clock, sweep
from entitlements.assignments.models import AssignmentState, EndReason
from entitlements.assignments.operations import end
from entitlements.connectors.base import ConnectorRefused
from entitlements.delivery import tasks
from entitlements.delivery.settling import affected, delivery_state, settle, unsettled
from entitlements.models import AuditEvent, Grant
from entitlements.requests import operations
from entitlements.requests.states import RequestState
from tests.factories import AccessPackageFactory, AssignmentPolicyFactory
from tests.threads import at_once

pytestmark = pytest.mark.django_db

DONE = Grant(is_wanted=True, is_given=True)
FAILED = Grant(is_wanted=True, is_given=False)


def waiting():
    return Grant(is_wanted=True, next_attempt_at=clock.now())


@pytest.mark.parametrize(
    ("grants", "state"),
    [
        ([], AssignmentState.DELIVERED),
        ([DONE, DONE], AssignmentState.DELIVERED),
        ([DONE, FAILED], AssignmentState.PARTIALLY_DELIVERED),
        ([FAILED, FAILED], AssignmentState.DELIVERY_FAILED),
    ],
)
def test_roles_together_say_how_far_an_assignment_is(grants, state):
    assert delivery_state(grants) == state


def test_while_one_role_waits_an_assignment_is_being_set_up():
    assert delivery_state([DONE, FAILED, waiting()]) == AssignmentState.DELIVERING


def test_a_package_without_roles_is_delivered_at_once(ada, run_queue):
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[]))
    access_request = operations.submit(policy, by=ada)

    run_queue()

    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED


def test_roles_that_are_given_already_are_settled_at_once(ada, delivered, run_queue):
    again = AccessPackageFactory(roles=list(delivered.package.roles.all()))
    second = operations.submit(AssignmentPolicyFactory(package=again), by=ada)

    run_queue()

    second.refresh_from_db()
    assert second.state == RequestState.DELIVERED


def test_what_a_crash_left_unsettled_is_found_and_settled_once(submitted, actions):
    """The worker died after the last outcome and before it settled."""
    assert unsettled(10) == []
    Grant.objects.update(is_given=True, next_attempt_at=None)
    assert unsettled(10) == [submitted.assignment_id]

    assert tasks.sweep_unsettled() == 1
    assert tasks.sweep_unsettled() == 0

    submitted.refresh_from_db()
    assert submitted.state == RequestState.DELIVERED
    assert actions().count("request.delivered") == 1


def test_a_removal_left_unsettled_is_settled(ada, delivered, actions):
    removal = operations.give_back(delivered.assignment, by=ada)
    Grant.objects.update(is_given=False, next_attempt_at=None)

    tasks.sweep_unsettled()

    removal.refresh_from_db()
    assert removal.state == RequestState.DELIVERED


def test_a_removal_waits_for_its_last_role(ada, delivered, there, target, run_queue):
    removal = operations.give_back(delivered.assignment, by=ada)
    target.error = ConnectorRefused("no", "No.")
    run_queue()

    settle(delivered.assignment_id)

    removal.refresh_from_db()
    assert removal.state == RequestState.DELIVERING


def test_a_removal_does_not_wait_for_what_another_package_keeps(
    ada, delivered, there, run_queue, target
):
    other = AccessPackageFactory(roles=[there])
    operations.submit(AssignmentPolicyFactory(package=other), by=ada)
    run_queue()
    removal = operations.give_back(delivered.assignment, by=ada)

    run_queue()

    removal.refresh_from_db()
    assert removal.state == RequestState.DELIVERED
    assert target.members(there) == {"Ada Lovelace"}


def test_access_that_ended_before_it_was_set_up_says_so(submitted, run_queue):
    end(submitted.assignment, EndReason.REMOVED, by=None)

    run_queue()

    submitted.refresh_from_db()
    assert submitted.state == RequestState.DELIVERY_FAILED
    assert submitted.outcome_reason == "It ended before it was set up."


def test_a_quiet_policy_tells_nobody_that_access_was_given(ada, package, run_queue):
    policy = AssignmentPolicyFactory(package=package, sends_notifications=False)
    operations.submit(policy, by=ada)

    run_queue()

    assert not ada.notifications.exists()


def test_access_given_directly_is_not_announced(ada, gita, package, run_queue, appoint):
    appoint(gita, package.catalog)
    operations.assign(AssignmentPolicyFactory(package=package), ada, by=gita)

    run_queue()

    assert not ada.notifications.exists()


def test_a_later_failure_shows_in_the_assignment_and_leaves_the_request(delivered, there, target):
    Grant.objects.filter(role=there).update(next_attempt_at=clock.now())
    target.error = ConnectorRefused("group_missing", "The group is gone.")

    tasks.deliver_due(system_id=str(target.system.pk))

    delivered.refresh_from_db()
    delivered.assignment.refresh_from_db()
    assert delivered.assignment.state == AssignmentState.PARTIALLY_DELIVERED
    assert delivered.state == RequestState.DELIVERED
    assert Grant.objects.get(role=there).shown_state == "failed"


def test_affected_are_the_live_and_those_that_requests_wait_for(ada, bo, delivered, there, target):
    target.know(bo)
    policy = delivered.policy
    other = operations.submit(policy, by=bo)
    grants = list(Grant.objects.filter(role=there))
    assert set(affected(grants)) == {delivered.assignment_id, other.assignment_id}
    assert affected([]) == []

    end(delivered.assignment, EndReason.TIME, by=None)
    assert affected(grants) == [other.assignment_id]

    operations.give_back(other.assignment, by=bo)
    assert affected(grants) == [other.assignment_id]


@pytest.mark.django_db(transaction=True)
def test_settled_at_once_by_many_it_is_settled_once(submitted, actions):
    Grant.objects.update(is_given=True, next_attempt_at=None)

    outcomes = at_once(*[lambda: settle(submitted.assignment_id)] * 6, tasks.sweep_unsettled)

    assert outcomes[:6] == [None] * 6
    assert actions().count("request.delivered") == 1


def test_losing_every_message_costs_nothing_but_a_sweep(ada, submitted, here, holds, run_queue):
    OrmQ.objects.all().delete()

    sweep.run()
    run_queue()

    submitted.refresh_from_db()
    assert submitted.state == RequestState.DELIVERED
    assert holds(ada, here)
    assert AuditEvent.objects.filter(action="grant.given").count() == 2
