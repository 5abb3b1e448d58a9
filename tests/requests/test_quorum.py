"""Stages that several have to approve."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from entitlements import clock, sweep
from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.models import AccessRequest, ApprovalStep, Notification, StepApprover
from entitlements.requests import deciding, making, operations
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from entitlements.requests.voices import voices_in
from tests.factories import (
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    StageApproverFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def hugo(db):
    return UserFactory(display_name="Hugo Weiss", email="hugo@kestrel.example")


@pytest.fixture
def ask(ada):
    """Ada's request, whose first stage asks these people under this rule."""

    def ask(people, rule="all", quorum=None, stages=1, **stage):
        policy = AssignmentPolicyFactory()
        ApprovalStageFactory(
            policy=policy, position=1, approvers=people, rule=rule, quorum=quorum, **stage
        )
        for position in range(2, stages + 1):
            ApprovalStageFactory(policy=policy, position=position, approvers=people)
        return operations.submit(policy, by=ada)

    return ask


def test_all_who_are_asked_have_to_approve(ask, bo, gita, actions, queued, told):
    asked = ask([bo, gita])
    assert asked.steps.get().needed == 2
    before = len(queued())

    asked = deciding.approve(asked, by=bo, justification="Agreed")

    step = asked.steps.get()
    assert asked.state == RequestState.PENDING_APPROVAL
    assert (step.state, step.approvals, step.needed) == (StepState.WAITING, 1, 2)
    turn = step.asked.get(user=bo)
    assert (turn.decision, turn.justification) == (StepState.APPROVED, "Agreed")
    assert turn.decided_at is not None
    event = AuditEvent.objects.get(action="request.approval_given")
    assert event.actor_id == bo.pk
    assert event.details["approvals"] == 1
    assert event.details["needed"] == 2
    assert event.details["justification"] == "Agreed"
    assert len(queued()) == before
    assert told("approval.approved") == []

    asked = deciding.approve(asked, by=gita)

    step.refresh_from_db()
    assert asked.state == RequestState.DELIVERING
    assert (step.state, step.approvals, step.decided_by) == (StepState.APPROVED, 2, gita)
    assert actions().count("request.approved") == 1
    assert actions().count("request.approval_given") == 1
    assert told("approval.approved") == ["Bo Chen", "Gita Rao"]
    assert queued()[-1] == "delivery.tasks.deliver"


def test_a_quorum_is_enough(ask, bo, gita, hugo):
    asked = ask([bo, gita, hugo], "quorum", 2, stages=2)

    deciding.approve(asked, by=hugo)
    asked = deciding.approve(asked, by=bo)

    first, second = asked.steps.all()
    assert (first.state, second.state) == (StepState.APPROVED, StepState.WAITING)
    assert (second.needed, second.approvals) == (1, 0)


def test_whoever_has_approved_has_it_off_his_list_and_cannot_do_it_twice(ask, bo, gita):
    asked = ask([bo, gita])
    deciding.approve(asked, by=bo)

    assert not AccessRequest.objects.waiting_for(bo).exists()
    assert AccessRequest.objects.waiting_for(gita).get() == asked
    for act in (deciding.approve, deciding.deny_request):
        with pytest.raises(Denied) as denied:
            act(asked, by=bo)
        assert denied.value.codes == {"decided_already"}
    assert "1 of 2 have" in str(denied.value)


def test_a_denial_by_anyone_ends_it(ask, bo, gita, hugo, actions):
    asked = ask([bo, gita, hugo])
    deciding.approve(asked, by=bo)

    asked = deciding.deny_request(asked, by=gita, justification="No")

    step = asked.steps.get()
    assert asked.state == RequestState.DENIED
    assert (step.state, step.decided_by) == (StepState.DENIED, gita)
    assert list(step.asked.order_by("user__display_name").values_list("decision", flat=True)) == [
        "approved",
        "denied",
        "",
    ]
    assert actions()[-1] == "request.denied"
    with pytest.raises(Denied) as denied:
        deciding.approve(asked, by=hugo)
    assert denied.value.codes == {"not_waiting"}


def test_only_whoever_has_not_approved_is_reminded(ada, ask, bo, gita, told):
    asked = ask([bo, gita])
    deciding.approve(asked, by=bo)

    operations.remind(asked, by=ada)

    assert told("approval.reminder") == ["Gita Rao"]


def test_an_earlier_end_that_the_first_sets_holds_for_all(ask, bo, gita):
    asked = ask([bo, gita])
    end = clock.now() + timedelta(days=5)

    deciding.approve(asked, by=bo, ends_at=end)
    asked = deciding.approve(asked, by=gita)

    assert asked.assignment.ends_at == end


def test_a_quorum_of_more_than_are_asked_means_all_of_them(ask, bo, gita):
    asked = ask([bo, gita], "quorum", 5)

    assert asked.steps.get().needed == 2


def test_who_has_left_is_not_waited_for(ask, bo, gita, hugo):
    asked = ask([bo, gita, hugo])
    deciding.approve(asked, by=bo)
    gita.is_active = False
    gita.save()

    asked = deciding.approve(asked, by=hugo)

    assert asked.state == RequestState.DELIVERING
    assert asked.steps.get().needed == 2


def test_a_stage_that_nobody_else_can_approve_any_more_is_approved(ask, bo, gita, actions, told):
    asked = ask([bo, gita])
    sweep.run()
    assert asked.steps.get().state == StepState.WAITING
    deciding.approve(asked, by=bo, justification="Agreed")
    assert not ApprovalStep.objects.forsaken().exists()
    gita.is_active = False
    gita.save()

    step = ApprovalStep.objects.forsaken().get()
    assert deciding.conclude(step)
    assert not deciding.conclude(step)

    step.refresh_from_db()
    asked.refresh_from_db()
    assert (step.state, step.decided_by, step.needed) == (StepState.APPROVED, bo, 1)
    assert step.justification == "Agreed"
    assert asked.state == RequestState.DELIVERING
    approved = AuditEvent.objects.get(action="request.approved")
    assert (approved.actor_id, approved.details["needed"]) == (None, 1)
    assert told("approval.approved") == ["Bo Chen", "Gita Rao"]
    assert actions().count("assignment.begun") == 1


def test_what_nobody_has_approved_is_not_concluded(ask, bo, gita):
    step = ask([bo, gita]).steps.get()

    assert not deciding.conclude(step)


def test_the_sweep_concludes(ask, bo, gita):
    asked = ask([bo, gita])
    deciding.approve(asked, by=bo)
    gita.is_active = False
    gita.save()

    sweep.run()

    asked.refresh_from_db()
    assert asked.state == RequestState.DELIVERING


def test_five_stages_are_passed_in_order(ask, bo, gita):
    asked = ask([bo, gita], stages=5)

    deciding.approve(asked, by=bo)
    deciding.approve(asked, by=gita)
    for position in range(2, 6):
        assert asked.steps.get(state=StepState.WAITING).position == position
        asked = deciding.approve(asked, by=bo)

    assert asked.state == RequestState.DELIVERING
    assert set(asked.steps.values_list("state", flat=True)) == {StepState.APPROVED}
    opened = AuditEvent.objects.filter(action="request.approval_asked").order_by("pk")
    assert [event.details["step"] for event in opened] == [1, 2, 3, 4, 5]
    assert {tuple(event.details["asked"]) for event in opened} == {("Bo Chen", "Gita Rao")}


def test_requests_from_before_there_were_rules_take_one_approval(ada, bo, gita, monkeypatch):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo, gita])
    old = ("rule", "quorum", "escalation_days", "reminder_days", "extension")

    def frozen(policy):
        terms = making_terms(policy)
        for stage in terms["stages"]:
            for name in old:
                stage.pop(name)
            for approver in stage["approvers"]:
                approver.pop("is_alternate")
        return terms

    making_terms = making.frozen_terms
    monkeypatch.setattr(making, "frozen_terms", frozen)
    asked = operations.submit(policy, by=ada)
    assert not set(old) & set(asked.terms["stages"][0])

    assert deciding.approve(asked, by=bo).state == RequestState.DELIVERING


def test_members_of_a_group_are_counted_one_by_one(ada, bo, gita):
    policy = AssignmentPolicyFactory()
    stage = ApprovalStageFactory(policy=policy, position=1, rule="all")
    group = GroupFactory(members=[bo, gita, ada])
    StageApproverFactory(stage=stage, kind="group", user=None, group=group)

    asked = operations.submit(policy, by=ada)

    assert asked.steps.get().needed == 2


@pytest.mark.django_db(transaction=True)
def test_two_who_approve_at_once_make_the_quorum_once(ask, bo, gita, hugo, actions):
    asked = ask([bo, gita, hugo], "quorum", 2)

    outcomes = at_once(*(lambda by=by: deciding.approve(asked, by=by) for by in (bo, gita)))

    assert refusals(outcomes) == []
    step = ApprovalStep.objects.get()
    assert (step.state, step.approvals) == (StepState.APPROVED, 2)
    assert StepApprover.objects.filter(decision=StepState.APPROVED).count() == 2
    assert actions().count("request.approval_given") == 1
    assert actions().count("request.approved") == 1
    assert actions().count("assignment.begun") == 1
    assert Notification.objects.filter(event="approval.approved").count() == 3


@pytest.mark.django_db(transaction=True)
def test_three_at_once_are_one_more_than_a_quorum_of_two(ask, bo, gita, hugo, actions):
    asked = ask([bo, gita, hugo], "quorum", 2)

    outcomes = at_once(*(lambda by=by: deciding.approve(asked, by=by) for by in (bo, gita, hugo)))

    assert refusals(outcomes) == [{"not_waiting"}]
    assert actions().count("request.approved") == 1


@pytest.mark.django_db(transaction=True)
def test_one_who_approves_twice_at_once_is_counted_once(ask, bo, gita):
    asked = ask([bo, gita], "quorum", 2)

    outcomes = at_once(*[lambda: deciding.approve(asked, by=bo)] * 2)

    assert refusals(outcomes) == [{"decided_already"}]
    step = ApprovalStep.objects.get()
    assert (step.state, step.approvals) == (StepState.WAITING, 1)


@pytest.mark.django_db(transaction=True)
def test_approval_and_denial_at_once_leave_one_outcome(ask, bo, gita, actions):
    asked = ask([bo, gita], "quorum", 2)
    deciding.approve(asked, by=bo)

    at_once(
        lambda: deciding.deny_request(asked, by=gita),
        lambda: deciding.approve(asked, by=gita),
    )

    asked.refresh_from_db()
    assert actions().count("request.approved") + actions().count("request.denied") == 1
    assert asked.state in {RequestState.DENIED, RequestState.DELIVERING}


@pytest.mark.parametrize(
    "wrong",
    [
        {"decision": "approved"},
        {"decided_at": True},
        {"decision": "lapsed", "decided_at": True},
    ],
)
def test_approvers_decision_says_when(ask, bo, wrong):
    turn = ask([bo]).steps.get().asked.get()
    values = {name: clock.now() if value is True else value for name, value in wrong.items()}

    with pytest.raises(IntegrityError), transaction.atomic():
        StepApprover.objects.filter(pk=turn.pk).update(**values)


def test_outcomes_from_before_decisions_were_kept_are_told(ask, bo):
    asked = ask([bo])
    deciding.approve(asked, by=bo, justification="Agreed")
    step = asked.steps.get()

    (voice,) = voices_in(step, ())

    assert (voice.name, voice.decision, voice.justification) == ("Bo Chen", "approved", "Agreed")
    assert voice.at == step.decided_at


def test_a_stage_that_is_not_open_yet_reminds_nobody():
    assert ApprovalStep(position=1, decision_days=14).next_reminder() is None
