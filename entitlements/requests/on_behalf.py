"""Ask for several packages at once, each request on its own."""

from collections.abc import Iterable
from dataclasses import dataclass

from entitlements.decisions import ALLOWED, Decision, Denied
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests import operations
from entitlements.requests.models import AccessRequest


@dataclass(frozen=True)
class Asked:
    """What became of one of several wishes."""

    policy: AssignmentPolicy
    decision: Decision
    access_request: AccessRequest | None = None


def ask_for_each(
    policies: Iterable[AssignmentPolicy], *, by: User, target: User, justification: str = ""
) -> list[Asked]:
    """Ask for a package under each policy: one that is refused does not stop the others."""
    outcomes = []
    for policy in policies:
        try:
            made = operations.submit(policy, by=by, target=target, justification=justification)
        except Denied as denied:
            outcomes.append(Asked(policy, denied.decision))
        else:
            outcomes.append(Asked(policy, ALLOWED, made))
    return outcomes
