"""The main job through the domain: asked, approved, set up, ended by time, taken away."""

from datetime import timedelta

import pytest

from entitlements import clock, sweep
from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestState
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory

pytestmark = pytest.mark.django_db


def test_access_is_asked_for_approved_twice_set_up_and_taken_away_at_its_end(
    ada, bo, gita, run_queue, holds
):
    ada.manager = bo
    ada.save()
    policy = AssignmentPolicyFactory(duration=30)
    ApprovalStageFactory(policy=policy, position=1, manager=True)
    ApprovalStageFactory(policy=policy, position=2, approvers=[gita])
    role = policy.package.roles.get()

    access_request = operations.submit(policy, by=ada, justification="Year-end close")
    assert access_request.state == RequestState.PENDING_APPROVAL
    deciding.approve(access_request, by=bo)
    access_request = deciding.approve(access_request, by=gita)
    assert access_request.state == RequestState.DELIVERING
    run_queue()

    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED
    assert holds(ada, role)
    assert Assignment.objects.live().get().target == ada

    with clock.at(clock.now() + timedelta(days=30, seconds=1)):
        assert not Assignment.objects.live().exists()
        sweep.run()
        run_queue()

    assert not holds(ada, role)
    assert Grant.objects.get().is_wanted is False
    assert Assignment.objects.get().end_reason == "time"
