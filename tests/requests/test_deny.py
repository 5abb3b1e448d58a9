import pytest

from entitlements.decisions import Denied
from entitlements.models import AccessRequest, Assignment, AuditEvent
from entitlements.requests import deciding, operations
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_a_denial_ends_the_request(ada, bo, pending, actions, queued, told):
    before = len(actions())

    access_request = deciding.deny_request(pending, by=bo, justification="Not your project")

    assert access_request.state == RequestState.DENIED
    assert access_request.outcome_reason == "Not your project"
    assert access_request.completed_at is not None
    assert access_request.steps.get().state == StepState.DENIED
    assert actions()[before:] == ["request.denied"]
    assert queued()[-1] == "notifications.tasks.send_due"
    assert "delivery.tasks.deliver" not in queued()
    assert told("request.denied") == ["Ada Lovelace"]
    assert not Assignment.objects.exists()
    event = AuditEvent.objects.get(action="request.denied")
    assert (event.actor_id, event.target_id) == (bo.pk, ada.pk)
    assert event.details["justification"] == "Not your project"


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_a_denial_in_any_stage_ends_it(ada, stage):
    policy = AssignmentPolicyFactory()
    approvers = [UserFactory() for _ in range(3)]
    for position, approver in enumerate(approvers, start=1):
        ApprovalStageFactory(policy=policy, position=position, approvers=[approver])
    access_request = operations.submit(policy, by=ada)
    for approver in approvers[: stage - 1]:
        deciding.approve(access_request, by=approver)

    access_request = deciding.deny_request(access_request, by=approvers[stage - 1])

    assert access_request.state == RequestState.DENIED
    states = [step.state for step in access_request.steps.all()]
    assert states == ["approved"] * (stage - 1) + ["denied"] + ["closed"] * (3 - stage)
    for approver in approvers:
        assert not AccessRequest.objects.waiting_for(approver).exists()


def test_a_denied_direct_assignment_is_told_to_both(ada, bo, gita, approved_by_bo, appoint, told):
    appoint(gita, approved_by_bo.package.catalog)
    access_request = operations.assign(approved_by_bo, ada, by=gita)

    deciding.deny_request(access_request, by=bo)

    assert told("request.denied") == ["Ada Lovelace", "Gita Rao"]


def test_a_denied_request_stays_denied(bo, pending):
    deciding.deny_request(pending, by=bo)

    for act in (deciding.approve, deciding.deny_request):
        with pytest.raises(Denied) as denied:
            act(pending, by=bo)
        assert denied.value.codes == {"not_waiting"}
        assert "Bo Chen denied it" in str(denied.value)


@pytest.mark.parametrize("justification", ["", "x" * 10_001, "\x00"])
def test_a_reason_must_fit(ada, bo, justification):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo], requires_justification=True)
    access_request = operations.submit(policy, by=ada)

    with pytest.raises(Denied) as denied:
        deciding.deny_request(access_request, by=bo, justification=justification)

    (code,) = denied.value.codes
    assert code.startswith("justification_")


def test_only_whoever_is_asked_denies(gita, pending):
    with pytest.raises(Denied) as denied:
        deciding.deny_request(pending, by=gita)

    assert denied.value.codes == {"not_approver"}
