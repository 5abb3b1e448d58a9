import pytest

from entitlements import clock, sweep
from entitlements.decisions import Denied
from entitlements.models import AccessRequest, ApprovalStep
from entitlements.requests import deciding, operations
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


def test_a_request_that_nobody_decided_lapses(ada, pending, actions, queued, told):
    step = pending.steps.get()
    with clock.at(step.due_at):
        assert ApprovalStep.objects.lapsing().get() == step
        before = len(actions())

        assert deciding.lapse(step)

    pending.refresh_from_db()
    assert pending.state == RequestState.EXPIRED
    assert pending.outcome_reason == "Nobody decided in time."
    assert pending.completed_at is not None
    assert pending.steps.get().state == StepState.LAPSED
    assert actions()[before:] == ["request.lapsed"]
    assert queued()[-1] == "notifications.tasks.send_due"
    assert told("request.lapsed") == ["Ada Lovelace"]
    assert told("approval.lapsed") == ["Bo Chen"]


def test_nothing_lapses_before_its_deadline_and_nothing_twice(pending, actions):
    step = pending.steps.get()
    assert not deciding.lapse(step)

    with clock.at(step.due_at):
        assert deciding.lapse(step)
        assert not deciding.lapse(step)

    assert actions().count("request.lapsed") == 1
    assert not ApprovalStep.objects.lapsing().exists()


def test_what_was_decided_meanwhile_does_not_lapse(bo, pending, actions):
    step = pending.steps.get()
    deciding.approve(pending, by=bo)

    with clock.at(step.due_at):
        assert not deciding.lapse(step)

    assert "request.lapsed" not in actions()


def test_each_stage_has_a_deadline_of_its_own(ada, bo, gita):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo], decision_days=2)
    ApprovalStageFactory(policy=policy, position=2, approvers=[gita], decision_days=3)
    ApprovalStageFactory(policy=policy, position=3, approvers=[bo])
    access_request = operations.submit(policy, by=ada)
    due_at = access_request.steps.get(position=1).due_at
    with clock.at(due_at - (due_at - clock.now()) / 4):
        deciding.approve(access_request, by=bo)
    second = access_request.steps.get(position=2)
    assert second.due_at > due_at

    with clock.at(second.due_at):
        assert deciding.lapse(second)

    states = [step.state for step in access_request.steps.all()]
    assert states == ["approved", "lapsed", "closed"]


def test_the_sweep_lets_requests_lapse(ada, pending):
    with clock.at(pending.steps.get().due_at):
        sweep.run()

    pending.refresh_from_db()
    assert pending.state == RequestState.EXPIRED
    assert operations.submit(pending.policy, by=ada).state == RequestState.PENDING_APPROVAL


def test_a_request_for_which_nobody_is_to_be_had_waits_and_lapses(ada, told):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, manager=True)

    access_request = operations.submit(policy, by=ada)

    assert access_request.state == RequestState.PENDING_APPROVAL
    assert not access_request.steps.get().approvers.exists()
    assert told("approval.asked") == []
    with clock.at(access_request.steps.get().due_at):
        sweep.run()
    access_request.refresh_from_db()
    assert access_request.state == RequestState.EXPIRED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("repetition", range(3))
def test_of_lapse_and_decision_one_wins(ada, bo, approved_by_bo, actions, repetition):
    access_request = operations.submit(approved_by_bo, by=ada)
    step = access_request.steps.get()
    ApprovalStep.objects.filter(pk=step.pk).update(due_at=clock.now())

    outcomes = at_once(
        lambda: deciding.lapse(step),
        lambda: deciding.lapse(step),
        lambda: deciding.approve(access_request, by=bo),
    )

    assert sorted(outcomes[:2]) == [False, True]
    (codes,) = refusals(outcomes)
    assert codes <= {"lapsed", "not_waiting"}
    assert AccessRequest.objects.get().state == RequestState.EXPIRED
    assert actions().count("request.lapsed") == 1
    assert isinstance(outcomes[2], Denied)
