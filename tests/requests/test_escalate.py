"""Stages that are passed on to alternates, and stages that ask nobody."""

from datetime import timedelta

import pytest

from entitlements import clock, sweep
from entitlements.audit.models import AuditEvent
from entitlements.models import AccessRequest, ApprovalStep, Notification
from entitlements.requests import deciding, operations
from entitlements.requests.escalating import escalate
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from tests.factories import (
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    StageApproverFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def policy(bo, gita):
    """Bo decides within 6 days; after 3, Gita is asked as well."""
    policy = AssignmentPolicyFactory()
    stage = ApprovalStageFactory(
        policy=policy, position=1, approvers=[bo], decision_days=6, escalation_days=3
    )
    StageApproverFactory(stage=stage, user=gita, is_alternate=True)
    return policy


@pytest.fixture
def asked(ada, policy):
    return operations.submit(policy, by=ada)


def test_alternates_are_asked_when_the_days_are_over(asked, bo, gita, told, actions, queued):
    step = asked.steps.get()
    assert step.escalate_at == step.opened_at + 3 * DAY
    assert not AccessRequest.objects.waiting_for(gita).exists()
    assert not escalate(step)

    with clock.at(step.escalate_at):
        assert ApprovalStep.objects.escalation_due().get() == step
        assert escalate(step)
        assert not escalate(step)
        assert AccessRequest.objects.waiting_for(gita).get() == asked
        assert AccessRequest.objects.waiting_for(bo).get() == asked

    step.refresh_from_db()
    assert (step.state, step.escalate_at) == (StepState.WAITING, None)
    assert step.escalated_at >= step.opened_at + 3 * DAY
    assert step.asked.get(user=gita).is_alternate
    assert told("approval.passed_on") == ["Gita Rao"]
    assert queued()[-1] == "notifications.tasks.send_due"
    event = AuditEvent.objects.get(action="request.escalated")
    assert event.details["asked"] == ["Gita Rao"]
    assert (event.details["step"], event.actor_id) == (1, None)
    assert asked.state == RequestState.PENDING_APPROVAL
    assert actions()[-1] == "request.escalated"


@pytest.mark.parametrize("who", ["primary", "alternate"])
def test_primaries_and_alternates_can_decide_then(asked, bo, gita, who):
    with clock.at(clock.now() + 4 * DAY):
        sweep.run()
        decided = deciding.approve(asked, by=bo if who == "primary" else gita)

    assert decided.state == RequestState.DELIVERING


def test_what_is_decided_is_not_passed_on(asked, bo, told):
    step = asked.steps.get()
    deciding.deny_request(asked, by=bo)

    with clock.at(step.escalate_at):
        assert not ApprovalStep.objects.escalation_due().exists()
        assert not escalate(step)

    assert told("approval.passed_on") == []


def test_after_workers_stood_still_until_the_deadline_it_lapses(asked, told):
    with clock.at(clock.now() + 7 * DAY):
        sweep.run()

    asked.refresh_from_db()
    assert asked.state == RequestState.EXPIRED
    assert told("approval.passed_on") == []


def test_an_alternate_who_is_the_requestor_is_passed_over_for_the_fallback(ada, bo, gita):
    policy = AssignmentPolicyFactory()
    stage = ApprovalStageFactory(
        policy=policy, position=1, approvers=[bo], decision_days=6, escalation_days=3
    )
    StageApproverFactory(stage=stage, user=ada, is_alternate=True)
    StageApproverFactory(stage=stage, user=gita, is_alternate=True, is_fallback=True)
    step = operations.submit(policy, by=ada).steps.get()

    with clock.at(step.escalate_at):
        assert escalate(step)

    turn = step.asked.get(user=gita)
    assert (turn.is_alternate, turn.is_fallback) == (True, True)


def test_the_second_level_manager_is_an_alternate_with_a_fallback(ada, bo, gita):
    boss = UserFactory(display_name="Hugo Weiss")
    policy = AssignmentPolicyFactory()
    stage = ApprovalStageFactory(
        policy=policy,
        position=1,
        manager=True,
        fallbacks=[gita],
        decision_days=6,
        escalation_days=1,
    )
    StageApproverFactory(stage=stage, kind="second_manager", user=None, is_alternate=True)
    StageApproverFactory(stage=stage, user=gita, is_alternate=True, is_fallback=True)
    bo.manager = boss
    bo.save()
    ada.manager = bo
    ada.save()
    first = operations.submit(policy, by=ada).steps.get()
    with clock.at(clock.now() + 2 * DAY):
        sweep.run()
        assert [turn.user for turn in first.asked.order_by("pk")] == [bo, boss]

    other = UserFactory(manager=boss)
    second = operations.submit(policy, by=other).steps.get()
    with clock.at(clock.now() + 2 * DAY):
        sweep.run()
        assert [turn.user for turn in second.asked.order_by("pk")] == [boss, gita]


def test_when_no_alternate_is_to_be_had_that_is_recorded_and_not_tried_again(asked, gita, told):
    gita.is_active = False
    gita.save()
    step = asked.steps.get()

    with clock.at(step.escalate_at):
        assert escalate(step)
        assert not escalate(step)

    step.refresh_from_db()
    assert step.escalated_at is None
    assert AuditEvent.objects.get(action="request.escalated").details["asked"] == []
    assert told("approval.passed_on") == []


def test_alternates_are_asked_at_once_when_nobody_else_is_to_be_had(ada, bo, gita, policy, told):
    bo.is_active = False
    bo.save()

    step = operations.submit(policy, by=ada).steps.get()

    assert [turn.user for turn in step.asked.all()] == [gita]
    assert step.asked.get().is_alternate
    assert step.escalate_at is None
    assert step.escalated_at is not None
    assert told("approval.asked") == ["Gita Rao"]
    assert told("request.nobody_asked") == []


def test_when_nobody_is_to_be_had_whoever_asked_and_the_owners_are_told(
    ada, bo, gita, policy, appoint, told
):
    for user in (bo, gita):
        user.is_active = False
        user.save()
    appoint(UserFactory(display_name="Olga Owner"), policy.package.catalog)

    asked = operations.submit(policy, by=ada)

    assert asked.state == RequestState.PENDING_APPROVAL
    assert sorted(told("request.nobody_asked")) == ["Ada Lovelace", "Olga Owner"]
    event = AuditEvent.objects.get(action="request.approval_asked")
    assert event.details["asked"] == []


def test_reminders_follow_the_plan_of_the_stage(ada, bo, told):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo], reminder_days=[10, 3])
    step = operations.submit(policy, by=ada).steps.get()
    assert step.remind_at == step.due_at - 10 * DAY

    with clock.at(step.remind_at):
        sweep.run()
    step.refresh_from_db()
    assert step.remind_at == step.due_at - 3 * DAY
    with clock.at(step.remind_at):
        sweep.run()
    step.refresh_from_db()
    assert step.remind_at is None
    assert told("approval.reminder") == ["Bo Chen"] * 2


def test_a_stage_may_remind_nobody(ada, bo, told):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo], reminder_days=[])
    step = operations.submit(policy, by=ada).steps.get()

    assert step.remind_at is None


@pytest.mark.django_db(transaction=True)
def test_passed_on_and_approved_at_once_leave_one_outcome(asked, bo, actions):
    step = asked.steps.get()

    with clock.at(step.escalate_at):
        outcomes = at_once(lambda: escalate(step), lambda: deciding.approve(asked, by=bo))

    assert refusals(outcomes) == []
    step.refresh_from_db()
    assert step.state == StepState.APPROVED
    assert actions().count("request.approved") == 1
    told = Notification.objects.filter(event="approval.passed_on").count()
    assert told == actions().count("request.escalated") == step.asked.filter(is_alternate=1).count()


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_pass_on_once(asked, actions):
    step = asked.steps.get()

    with clock.at(step.escalate_at):
        outcomes = at_once(*[lambda: escalate(step)] * 2)

    assert sorted(outcomes) == [False, True]
    assert actions().count("request.escalated") == 1
