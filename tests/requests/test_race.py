"""Many approvers at the same moment: one decision, and the others are told which."""

import pytest

from entitlements import models
from entitlements.audit.models import AuditEvent
from entitlements.requests import deciding, operations
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory, UserFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 20


@pytest.fixture
def approvers():
    return UserFactory.create_batch(MANY)


@pytest.fixture
def asked_of_many(ada, approvers):
    """Ada's request, whose first stage asks many and whose second asks somebody else."""

    def ask(stages=1):
        policy = AssignmentPolicyFactory()
        ApprovalStageFactory(policy=policy, position=1, approvers=approvers)
        if stages == 2:
            ApprovalStageFactory(policy=policy, position=2, approvers=[UserFactory()])
        return operations.submit(policy, by=ada)

    return ask


def test_twenty_approvers_at_once_make_one_decision(asked_of_many, approvers, actions):
    access_request = asked_of_many()

    outcomes = at_once(*(lambda by=by: deciding.approve(access_request, by=by) for by in approvers))

    step = models.ApprovalStep.objects.select_related("decided_by").get()
    assert refusals(outcomes) == [{"not_waiting"}] * (MANY - 1)
    assert step.state == StepState.APPROVED
    assert all(
        f"{step.decided_by} approved it" in str(outcome)
        for outcome in outcomes
        if isinstance(outcome, Exception)
    )
    assert actions().count("request.approved") == 1
    assert models.Assignment.objects.count() == 1
    assert models.Grant.objects.count() == 1
    told = models.Notification.objects.filter(event="approval.approved")
    assert told.count() == MANY


def test_twenty_approvers_at_once_open_the_next_stage_once(asked_of_many, approvers, actions):
    access_request = asked_of_many(stages=2)

    outcomes = at_once(*(lambda by=by: deciding.approve(access_request, by=by) for by in approvers))

    codes = refusals(outcomes)
    assert len(codes) == MANY - 1
    assert all(code <= {"not_waiting", "not_approver"} for code in codes)
    access_request.refresh_from_db()
    assert access_request.state == RequestState.PENDING_APPROVAL
    assert actions().count("request.stage_approved") == 1
    states = models.ApprovalStep.objects.order_by("position").values_list("state", flat=True)
    assert list(states) == [StepState.APPROVED, StepState.WAITING]
    assert models.StepApprover.objects.filter(step__position=2).count() == 1


def test_approvers_who_disagree_at_once_leave_one_outcome(asked_of_many, approvers):
    access_request = asked_of_many()

    outcomes = at_once(
        *(
            lambda by=by, act=act: act(access_request, by=by)
            for by, act in zip(
                approvers, [deciding.approve, deciding.deny_request] * MANY, strict=False
            )
        )
    )

    assert len(refusals(outcomes)) == MANY - 1
    access_request.refresh_from_db()
    decided = AuditEvent.objects.filter(action__in=["request.approved", "request.denied"])
    word = "approved" if decided.get().action == "request.approved" else "denied"
    assert (access_request.state == RequestState.DENIED) == (word == "denied")
    assert models.Assignment.objects.exists() == (word == "approved")


def test_a_decision_and_a_cancellation_at_once_leave_one_outcome(asked_of_many, approvers, ada):
    access_request = asked_of_many()

    outcomes = at_once(
        lambda: deciding.deny_request(access_request, by=approvers[0]),
        lambda: operations.cancel(access_request, by=ada),
    )

    assert len(refusals(outcomes)) == 1
    access_request.refresh_from_db()
    assert access_request.state in {RequestState.DENIED, RequestState.CANCELED}
