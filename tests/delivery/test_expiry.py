"""Ends that time brings: carried out set-based, once, and like those carried out one by one."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from entitlements import clock, sweep
from entitlements.assignments.models import AssignmentState, EndReason
from entitlements.assignments.operations import end
from entitlements.delivery.expiry import end_overdue
from entitlements.models import Assignment, AuditEvent, Grant, Notification
from entitlements.requests import operations
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    UserFactory,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def overdue(number, policy=None, **facts):
    """So many assignments that ended a minute ago, made at once."""
    policy = policy or AssignmentPolicyFactory()
    moment = clock.now()
    return Assignment.objects.bulk_create(
        Assignment(
            policy=policy,
            package=policy.package,
            target=UserFactory(),
            state=AssignmentState.DELIVERED,
            starts_at=moment - DAY,
            ends_at=moment - timedelta(minutes=1),
            **facts,
        )
        for _ in range(number)
    )


def test_overdue_access_ends_and_is_taken_away(ada, delivered, here, queued, run_queue, holds):
    assignment = delivered.assignment
    with clock.at(assignment.ends_at):
        assert end_overdue() == 1
        assert end_overdue() == 0

        assignment.refresh_from_db()
        assert (assignment.state, assignment.end_reason) == (
            AssignmentState.EXPIRED,
            EndReason.TIME,
        )
        assert assignment.ended_at >= assignment.ends_at
        assert (assignment.ended_by, assignment.reminder_at) == (None, None)
        assert queued() == ["sweep.deliver"]
        run_queue()

    assert not holds(ada, here)
    assert not Grant.objects.filter(is_wanted=True).exists()


def test_nothing_ends_before_its_time(delivered, actions, queued):
    before = actions(), queued()
    with clock.at(delivered.assignment.ends_at - timedelta(milliseconds=100)):
        assert end_overdue() == 0

    assert (actions(), queued()) == before


def trace(assignment):
    """What an end leaves behind, apart from ids and the moment at which it was carried out."""
    assignment.refresh_from_db()
    event = AuditEvent.objects.get(action="assignment.ended", subject_id=assignment.pk)
    notification = Notification.objects.get(about_id=assignment.pk)
    return {
        "assignment": (
            assignment.state,
            assignment.end_reason,
            assignment.ended_by,
            assignment.reminder_at,
        ),
        "ended": assignment.ended_at == event.at == notification.created_at,
        "event": (
            event.actor_id,
            event.actor_name,
            event.subject_type,
            event.subject_name == str(assignment),
            event.target_id == assignment.target_id,
            event.details,
        ),
        "notification": (
            notification.event,
            notification.recipient_id == assignment.target_id,
            notification.about_type,
            notification.facts["package"] == str(assignment.package),
            notification.facts["target"] == str(assignment.target),
            notification.facts["reason"],
            notification.facts["ended_at"] == assignment.ends_at.isoformat(),
            sorted(notification.facts),
            notification.once_key,
            notification.next_attempt_at == notification.created_at,
            (notification.attempts, notification.last_error, notification.lease_until),
            (notification.read_at, notification.sent_at),
        ),
        "grants": [
            (grant.is_wanted, grant.is_given, grant.attempts, grant.error_code)
            for grant in Grant.objects.filter(user=assignment.target_id)
        ],
    }


def test_many_ends_at_once_leave_what_each_would_leave_alone(monkeypatch):
    name = "Ends; \"quoted\", 'single', \\ back, ünïcode – 100 % {braces}"
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(name=name))
    assignments = [
        operations.submit(policy, by=UserFactory(display_name=f"O'Hara {{0}} %s {number}"))
        for number in range(4)
    ]
    alone, *together = [access_request.assignment for access_request in assignments]
    Grant.objects.update(is_given=True, next_attempt_at=None)
    Notification.objects.all().delete()
    moment = max(each.ends_at for each in (alone, *together)) + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: moment)

    end(alone, EndReason.TIME, by=None)
    assert end_overdue() == 3

    one_by_one = trace(alone)
    for assignment in together:
        assert trace(assignment) == one_by_one


def test_a_quiet_policy_tells_nobody(told_of_ends):
    overdue(2, AssignmentPolicyFactory(sends_notifications=False))
    overdue(1)

    assert end_overdue() == 3

    assert told_of_ends() == 1


@pytest.fixture
def told_of_ends():
    return lambda: Notification.objects.filter(event="access.ended").count()


def test_long_names_are_cut_to_what_fits():
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(name="p" * 200))
    AssignmentFactory(
        policy=policy,
        target=UserFactory(display_name="u" * 200),
        ends_at=clock.now() - timedelta(minutes=1),
    )

    end_overdue()

    assert len(AuditEvent.objects.get().subject_name) == 300


def test_a_role_that_other_access_still_gives_is_not_taken(ada, delivered, here, run_queue, holds):
    other = AssignmentPolicyFactory(
        package=AccessPackageFactory(roles=[here]), expiration="never", duration=None
    )
    operations.submit(other, by=ada)

    with clock.at(delivered.assignment.ends_at):
        sweep.run()
        run_queue()

    assert holds(ada, here)


def test_ends_are_carried_out_in_batches_of_bounded_size(monkeypatch, actions):
    monkeypatch.setattr(sweep, "BATCH", 3)
    overdue(7)

    assert end_overdue(3) == 3
    assert sweep.end_what_is_over() == 4

    assert actions() == ["assignment.ended"] * 7


def test_the_sweep_leaves_what_is_too_much_for_the_next(monkeypatch):
    monkeypatch.setattr(sweep, "MOST_BATCHES", 2)
    monkeypatch.setattr(sweep, "BATCH", 1)
    overdue(3)

    assert sweep.end_what_is_over() == 2
    assert Assignment.objects.overdue().count() == 1


def test_a_thousand_ends_cost_as_many_statements_as_one():
    policy = AssignmentPolicyFactory()
    counts = []
    for number in (1, 400):
        overdue(number, policy)
        with CaptureQueriesContext(connection) as captured:
            assert end_overdue() == number
        counts.append(len(captured))

    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_end_each_assignment_once(actions, told_of_ends):
    overdue(40)

    outcomes = at_once(*[sweep.end_what_is_over] * 4)

    assert sum(outcomes) == 40
    assert actions() == ["assignment.ended"] * 40
    assert told_of_ends() == 40
    assert not Assignment.objects.overdue().exists()


@pytest.mark.django_db(transaction=True)
def test_whole_sweeps_at_once_do_everything_once(ada, bo, policy_with_deadline, actions):
    overdue(5)
    operations.submit(policy_with_deadline, by=ada)

    with clock.at(clock.now() + 20 * DAY):
        outcomes = at_once(*[sweep.run] * 4)

    assert outcomes == [None] * 4
    assert actions().count("assignment.ended") == 5
    assert actions().count("request.lapsed") == 1


@pytest.fixture
def policy_with_deadline(bo):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    return policy


@pytest.mark.django_db(transaction=True)
def test_given_back_and_ended_by_time_at_once_ends_once(ada, actions):
    policy = AssignmentPolicyFactory()
    for _ in range(5):
        assignment = AssignmentFactory(policy=policy, target=ada, ends_at=clock.now() + DAY)
        Assignment.objects.filter(pk=assignment.pk).update(
            ends_at=clock.now() + timedelta(milliseconds=20)
        )

        at_once(
            lambda assignment=assignment: operations.give_back(assignment, by=ada),
            sweep.end_what_is_over,
        )

        with clock.at(clock.now() + DAY):
            sweep.end_what_is_over()
        assert not Assignment.objects.filter(ended_at=None).exists()
    assert actions().count("assignment.ended") == 5
