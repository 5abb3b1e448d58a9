from datetime import timedelta

import pytest

from entitlements import clock, sweep
from entitlements.assignments.operations import remind_holder
from entitlements.decisions import Denied
from entitlements.models import ApprovalStep, Assignment, Notification
from entitlements.requests import deciding, operations
from tests.factories import (
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_approvers_are_reminded_twice(pending, actions, told):
    step = pending.steps.get()
    assert not deciding.remind_approvers(step)

    with clock.at(step.remind_at):
        assert ApprovalStep.objects.reminder_due().get() == step
        assert deciding.remind_approvers(step)
        assert not deciding.remind_approvers(step)
    step.refresh_from_db()
    assert step.remind_at == step.due_at - DAY
    with clock.at(step.remind_at):
        assert deciding.remind_approvers(step)
    step.refresh_from_db()
    assert step.remind_at is None
    assert not deciding.remind_approvers(step)

    assert told("approval.reminder") == ["Bo Chen", "Bo Chen"]
    assert actions().count("request.reminded") == 2


def test_a_decided_stage_reminds_nobody(bo, pending, told):
    step = pending.steps.get()
    deciding.approve(pending, by=bo)

    with clock.at(step.remind_at):
        assert not deciding.remind_approvers(step)

    assert told("approval.reminder") == []


def test_a_short_stage_is_reminded_once(ada, bo):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo], decision_days=1)
    step = operations.submit(policy, by=ada).steps.get()

    with clock.at(step.remind_at):
        sweep.run()

    step.refresh_from_db()
    assert step.remind_at is None


def test_the_requestor_reminds_once_a_day(ada, bo, pending, queued, actions, told):
    operations.remind(pending, by=ada)

    assert told("approval.reminder") == ["Bo Chen"]
    assert actions()[-1] == "request.reminded"
    assert queued()[-1] == "notifications.tasks.send_due"
    with pytest.raises(Denied) as denied:
        operations.remind(pending, by=ada)
    assert denied.value.codes == {"reminded_already"}
    with clock.at(clock.now() + DAY + timedelta(seconds=1)):
        operations.remind(pending, by=ada)
    assert told("approval.reminder") == ["Bo Chen", "Bo Chen"]
    numbers = Notification.objects.filter(event="approval.reminder").order_by("created_at")
    assert [notification.fact("number") for notification in numbers] == [1, 2]


def test_only_whoever_asked_reminds(bo, gita, pending):
    for somebody in (bo, gita):
        with pytest.raises(Denied) as denied:
            operations.remind(pending, by=somebody)
        assert denied.value.codes == {"not_requestor"}


def test_a_disabled_requestor_reminds_nobody(ada, pending):
    ada.is_active = False

    with pytest.raises(Denied) as denied:
        operations.remind(pending, by=ada)

    assert denied.value.codes == {"not_requestor"}


def test_what_is_decided_needs_no_reminder(ada, bo, pending):
    deciding.deny_request(pending, by=bo)

    with pytest.raises(Denied) as denied:
        operations.remind(pending, by=ada)

    assert denied.value.codes == {"not_waiting"}


def test_holders_are_told_14_days_and_1_day_before_the_end(ada, policy, told, actions):
    assignment = operations.submit(policy, by=ada).assignment
    end = assignment.ends_at
    assert assignment.reminder_at == end - 14 * DAY
    assert not remind_holder(assignment)

    with clock.at(end - 14 * DAY):
        assert Assignment.objects.reminder_due().get() == assignment
        assert remind_holder(assignment)
        assert not remind_holder(assignment)
    assignment.refresh_from_db()
    assert assignment.reminder_at == end - DAY
    with clock.at(end - DAY):
        assert remind_holder(assignment)
    assignment.refresh_from_db()
    assert assignment.reminder_at is None

    assert told("access.ends_soon") == ["Ada Lovelace", "Ada Lovelace"]
    assert actions().count("assignment.end_announced") == 2


def test_short_access_is_announced_once_and_very_short_access_never(ada):
    week = AssignmentPolicyFactory(duration=7)
    hours = AssignmentPolicyFactory(expiration="after_hours", duration=3)

    assert operations.submit(week, by=ada).assignment.reminder_at is not None
    assert operations.submit(hours, by=ada).assignment.reminder_at is None


def test_after_workers_stood_still_a_holder_is_told_once(ada, policy, told):
    assignment = operations.submit(policy, by=ada).assignment

    with clock.at(assignment.ends_at - timedelta(hours=1)):
        sweep.run()
        sweep.run()

    assert told("access.ends_soon") == ["Ada Lovelace"]


def test_a_quiet_policy_announces_nothing(told):
    policy = AssignmentPolicyFactory(sends_notifications=False)
    assignment = AssignmentFactory(
        policy=policy, target=UserFactory(), reminder_at=clock.now() - DAY
    )

    assert remind_holder(assignment)

    assert told("access.ends_soon") == []


def test_ended_access_is_not_announced(ada, policy):
    assignment = AssignmentFactory(policy=policy, target=ada, reminder_at=clock.now() - DAY)

    with clock.at(assignment.ends_at):
        assert not Assignment.objects.reminder_due().exists()
        assert not remind_holder(assignment)
