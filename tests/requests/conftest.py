"""What many tests of requests begin with."""

from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.models import Notification
from entitlements.requests import operations
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory


@pytest.fixture
def told(db):
    """Who was told of an event, by name."""

    def names(event):
        found = Notification.objects.filter(event=event).select_related("recipient")
        return sorted(str(notification.recipient) for notification in found)

    return names


@pytest.fixture
def policy(db):
    """A policy without approval, for 90 days."""
    return AssignmentPolicyFactory()


@pytest.fixture
def approved_by_bo(bo):
    """A policy with one stage, in which Bo is asked."""
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    return policy


@pytest.fixture
def approved_twice(bo, gita):
    """A policy with two stages, in which first Bo and then Gita is asked."""
    policy = AssignmentPolicyFactory(allows_custom_dates=True)
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    ApprovalStageFactory(policy=policy, position=2, approvers=[gita])
    return policy


@pytest.fixture
def pending(ada, approved_by_bo):
    """Ada's request, for which Bo is asked."""
    return operations.submit(approved_by_bo, by=ada, justification="Year-end close")


@pytest.fixture
def held(ada, policy, run_queue):
    """Ada's access, set up."""
    access_request = operations.submit(policy, by=ada)
    run_queue()
    return access_request.assignment


@pytest.fixture
def scheduled(ada, policy):
    """Ada's request for access from tomorrow on."""
    policy.allows_custom_dates = True
    policy.save()
    return operations.submit(policy, by=ada, starts_at=clock.now() + timedelta(days=1))
