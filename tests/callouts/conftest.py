from datetime import timedelta

import pytest

from entitlements.requests import operations
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory, CustomExtensionFactory
from tests.receivers import make_receiver, receiver

__all__ = ["make_receiver", "receiver"]


@pytest.fixture
def policy(db):
    """A policy without approval, for 90 days."""
    return AssignmentPolicyFactory()


@pytest.fixture
def approved_by_bo(bo):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    return policy


@pytest.fixture
def attach(receiver):
    """Let a policy call the receiver at some stages."""

    def attach(policy, *stages, **fields):
        fields.setdefault("url", receiver.url)
        return CustomExtensionFactory(policy=policy, stages=stages, **fields)

    return attach


@pytest.fixture
def decide(receiver):
    """Let the receiver say who approves a stage of a policy; `fallbacks` decide instead."""

    def decide(policy, position=1, *, fallbacks=(), **fields):
        fields = {"url": receiver.url, "name": "Deciders", "waits_for": timedelta(days=3), **fields}
        extension = CustomExtensionFactory(policy=policy, response="approval_stage", **fields)
        ApprovalStageFactory(
            policy=policy, position=position, extension=extension, fallbacks=fallbacks
        )
        return extension

    return decide


@pytest.fixture
def undetermined(ada, policy, decide):
    """Ada's request, for which an extension is asked who approves its only stage."""
    decide(policy)
    return operations.submit(policy, by=ada, justification="Year-end close")


@pytest.fixture
def waiting(ada, policy, attach):
    """Ada's request, which waits for an extension before it is looked at."""
    attach(policy, "created", name="Tickets", waits_for=timedelta(days=3))
    return operations.submit(policy, by=ada, justification="Year-end close")
