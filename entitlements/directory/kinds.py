"""What people can be, and programs cannot."""

from entitlements.decisions import Reason
from entitlements.directory.models import User


def is_a_person(user: User) -> Reason | None:
    """Return what speaks against naming a service account where somebody is to act or to get."""
    if not user.is_service:
        return None
    return Reason(
        "service_account",
        f"{user} is a service account; only people can be named here.",
        "Choose a person.",
    )
