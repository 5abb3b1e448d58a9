"""What differs between several ways to get one package, one line for each."""

from collections.abc import Sequence

from entitlements.policies.models import AssignmentPolicy, Expiration
from portal import wording


def what_differs(policies: Sequence[AssignmentPolicy]) -> list[str]:
    """Return for each policy, read with stages and questions, how it differs from the others.

    How long and how many approvals are said in any case.
    """
    described = [_facets(policy) for policy in policies]
    differing = [
        name
        for name in (described[0] if described else ())
        if name in ("lasting", "approval") or len({facets[name] for facets in described}) > 1
    ]
    return [", ".join(facets[name] for name in differing) for facets in described]


def _facets(policy: AssignmentPolicy) -> dict[str, str]:
    lasting = wording.lasting(policy.expiration, policy.duration, policy.ends_on)
    is_extended = policy.allows_extension and policy.expiration != Expiration.NEVER
    return {
        "lasting": f"{lasting[:1].upper()}{lasting[1:]}",
        "approval": _count(len(policy.stages.all()), "approval"),
        "reason": "a reason" if policy.requires_justification else "no reason needed",
        "questions": _count(len(policy.questions.all()), "question"),
        "dates": "dates of your choice" if policy.allows_custom_dates else "fixed dates",
        "extension": "can be extended" if is_extended else "cannot be extended",
    }


def _count(number: int, word: str) -> str:
    plural = "" if number < 2 else "s"
    return f"{number or 'no'} {word}{plural}"
