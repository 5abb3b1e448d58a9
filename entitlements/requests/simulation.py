"""Which policy of a package falls to a person, and what would become of his request now.

The same functions decide a real request.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from entitlements import clock
from entitlements.catalog.models import AccessPackage
from entitlements.decisions import Decision
from entitlements.directory.models import User
from entitlements.directory.ways import Way, ways_into
from entitlements.policies import approvers
from entitlements.policies.approvers import Approver
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.scopes import Scope, rank_of
from entitlements.policies.standing import Standing
from entitlements.requests import candidates
from entitlements.requests.models import decider_of


@dataclass(frozen=True)
class Prospect:
    """One policy as it would treat a person who asks now.

    `rank` counts strictness from 1; `asked` is who would be asked in each stage if it opened now,
    `deciders` the extensions that say it (empty: none), and then `asked` the fallbacks. `ends_at`
    is when access would end at the latest (UTC), or None.
    """

    policy: AssignmentPolicy
    standing: Standing
    rank: int | None
    is_offered: bool
    decision: Decision
    asked: tuple[tuple[Approver, ...], ...]
    deciders: tuple[str, ...]
    ends_at: datetime | None


def simulate(package: AccessPackage, person: User) -> list[Prospect]:
    """Return every policy of a package as it would treat `person`, the strictest first."""
    policies = list(
        package.policies.select_related("package__catalog")
        .prefetch_related("allowed_users", "allowed_groups", "allowed_organizations")
        .order_by("created_at", "pk")
    )
    in_scope = set(package.policies.in_scope_of(person).values_list("pk", flat=True))
    offered = set(package.policies.open_to(person).values_list("pk", flat=True))
    ways = ways_into({group.pk for one in policies for group in one.allowed_groups.all()}, person)
    prospects = [
        Prospect(
            policy=policy,
            standing=_standing(policy, person, ways, is_in_scope=policy.pk in in_scope),
            rank=rank_of(policy.scope),
            is_offered=policy.pk in offered,
            decision=candidates.may_ask(policy, person),
            **_stages(policy, person),
            ends_at=candidates.limit_of(policy, starts_at=clock.now()),
        )
        for policy in policies
    ]
    return sorted(prospects, key=lambda prospect: prospect.rank or len(Scope))


def _standing(
    policy: AssignmentPolicy, person: User, ways: dict[UUID, Way], *, is_in_scope: bool
) -> Standing:
    if policy.scope == Scope.SPECIFIC_ORGANIZATIONS:
        return Standing(is_in_scope, is_named=is_in_scope, ways=())
    if policy.scope != Scope.SPECIFIC:
        return Standing(is_in_scope, is_named=False, ways=())
    groups = policy.allowed_groups.all()
    return Standing(
        is_in_scope,
        is_named=person in policy.allowed_users.all(),
        ways=tuple(ways[group.pk] for group in groups if group.pk in ways),
    )


def _stages(policy: AssignmentPolicy, person: User) -> dict[str, Any]:
    """Return who would be asked in each stage, or where an extension says it, its fallbacks."""
    stages = frozen_terms(policy)["stages"]
    deciders = [decider_of(stage) for stage in stages]
    return {
        "asked": tuple(
            tuple(
                _resolve(stage, policy, person) or _resolve(stage, policy, person, alternates=True)
            )
            for stage in stages
        ),
        "deciders": tuple(decider["name"] if decider else "" for decider in deciders),
    }


def _resolve(
    stage: dict[str, Any], policy: AssignmentPolicy, person: User, *, alternates: bool = False
) -> list[Approver]:
    return approvers.resolve(
        stage["approvers"],
        target=person,
        package=policy.package,
        barred={person.pk},
        alternates=alternates,
    )
