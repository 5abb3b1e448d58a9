"""Give a package directly to somebody by his address, whether he has an account or not."""

from datetime import datetime

from django.db import transaction

from entitlements.decisions import collect
from entitlements.directory.models import User
from entitlements.directory.organizations.guests import address_fits, named
from entitlements.policies.answers import Given
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests import operations
from entitlements.requests.candidates import Wish
from entitlements.requests.models import AccessRequest


@transaction.atomic(durable=True)
def invite(
    policy: AssignmentPolicy,
    address: str,
    *,
    by: User,
    name: str = "",
    answers: Given | None = None,
    justification: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    skips_approval: bool = False,
) -> AccessRequest:
    """Give a package to whoever has an address, under a policy for people from outside.

    Whoever is unknown waits without an account until access begins, and is told of nothing before.
    Raises Denied when `by` may not, or the address does not fit the policy.
    """
    collect((address_fits(address),)).require()
    wish: Wish = {
        "justification": justification,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "answers": answers,
    }
    return operations.give(policy, named(address, name), wish, by=by, skips_approval=skips_approval)
