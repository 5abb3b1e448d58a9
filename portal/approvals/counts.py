"""What the navigation says about approvals."""

from entitlements.directory.models import User
from entitlements.requests.models import AccessRequest, StepApprover


def waiting(user: User) -> int:
    """Return how many requests wait for somebody's decision."""
    return AccessRequest.objects.waiting_for(user).count()


def is_approver(user: User) -> bool:
    """Say whether somebody was ever asked to decide."""
    return StepApprover.objects.filter(user=user).exists()
