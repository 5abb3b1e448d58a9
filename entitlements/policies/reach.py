"""How many people each policy of a package admits, and to how many it falls."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q

from entitlements import clock
from entitlements.directory.models import User
from entitlements.policies.admission import NOBODY, admitted_by_read
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.scopes import rank_of, stricter_than
from entitlements.policies.terms import PolicyTerms


@dataclass(frozen=True)
class Reach:
    """Active people: those whom a policy admits, those of them to whom no stricter one applies,
    and those of these who can choose another beside it.
    """

    admitted: int
    offered: int
    choosing: int


def reach_of(policies: Sequence[AssignmentPolicy]) -> dict[UUID, Reach]:
    """Return the reach of each policy of one package, by one query for all of them.

    Policies must come with the people, groups and organizations that they name. A policy under
    which nobody can ask now is offered to no one.
    """
    admitting = {policy.pk: admitted_by_read(policy) for policy in policies}
    counts: dict[str, Count] = {}
    for number, policy in enumerate(policies):
        admits = admitting[policy.pk]
        offered = admits & ~_any(_stricter(policy, policies), admitting)
        beside = [one for one in _taking(policies) if _is_beside(one, policy)]
        counts[f"admitted_{number}"] = Count("pk", admits)
        counts[f"offered_{number}"] = Count("pk", offered)
        counts[f"choosing_{number}"] = Count("pk", offered & _any(beside, admitting))
    found = User.objects.active().aggregate(**counts)
    return {
        policy.pk: Reach(
            found[f"admitted_{number}"],
            found[f"offered_{number}"] if takes_requests(policy) else 0,
            found[f"choosing_{number}"] if takes_requests(policy) else 0,
        )
        for number, policy in enumerate(policies)
    }


def _any(policies: Sequence[AssignmentPolicy], admitting: dict[UUID, Q]) -> Q:
    condition = NOBODY
    for policy in policies:
        condition |= admitting[policy.pk]
    return condition


def _stricter(
    policy: AssignmentPolicy, policies: Sequence[AssignmentPolicy]
) -> list[AssignmentPolicy]:
    ahead = stricter_than(rank_of(policy.scope) or 1)
    return [one for one in _taking(policies) if one.scope in ahead]


def _is_beside(one: AssignmentPolicy, policy: AssignmentPolicy) -> bool:
    """Say whether it is another policy of the same class, which can be chosen instead."""
    return one != policy and rank_of(one.scope) == rank_of(policy.scope)


def _taking(policies: Sequence[AssignmentPolicy]) -> list[AssignmentPolicy]:
    return [policy for policy in policies if takes_requests(policy)]


def takes_requests(policy: AssignmentPolicy | PolicyTerms) -> bool:
    """Say whether anybody could ask under a policy, or under terms, now."""
    is_over = policy.ends_on is not None and policy.ends_on <= clock.now()
    return policy.is_enabled and policy.accepts_requests and not is_over
