"""What the navigation says about approvals."""

from entitlements.directory.models import User
from entitlements.requests.models import AccessRequest


def waiting(user: User) -> int:
    """Return how many requests wait for somebody's decision."""
    return AccessRequest.objects.waiting_for(user).count()
