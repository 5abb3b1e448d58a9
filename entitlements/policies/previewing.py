"""What terms would do before they are saved: whom they admit, and beside which other policies.

Everything is counted by the database, by at most seven queries however many people there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from django.db.models import BooleanField, Case, Count, Q, When

from entitlements.catalog.models import AccessPackage
from entitlements.directory.models import User, UserQuerySet
from entitlements.policies.admission import NOBODY, admitted_by_read, admitted_by_terms
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.reach import takes_requests
from entitlements.policies.scopes import rank_of
from entitlements.policies.terms import PolicyTerms

MOST_NAMED: Final = 50

Winner = Literal["this", "other", "either", "neither"]


@dataclass(frozen=True)
class Overlap:
    """Another policy of the package that is on, and how many people fit both.

    `winner` is under which of the two they ask; “either” where they choose, “neither” where nobody
    can ask under one or the other now.
    """

    policy: AssignmentPolicy
    people: int
    winner: Winner


@dataclass(frozen=True)
class Preview:
    """Active people: whom the terms admit; against what is saved, who would join and who leave.

    `joins` and `leaves` are the first of them by name. Against a policy that is new, all join.
    """

    people: int
    joining: int
    leaving: int
    joins: tuple[User, ...]
    leaves: tuple[User, ...]
    overlaps: tuple[Overlap, ...]


def preview(
    terms: PolicyTerms, package: AccessPackage, *, policy: AssignmentPolicy | None = None
) -> Preview:
    """Return what these terms would do as a policy of a package, in the place of `policy`."""
    policies = list(
        package.policies.prefetch_related(
            "allowed_users", "allowed_groups", "allowed_organizations"
        ).order_by("name", "pk")
    )
    others = [one for one in policies if one != policy and one.is_enabled]
    after = admitted_by_terms(terms)
    saved = next((one for one in policies if one == policy), None)
    before = admitted_by_read(saved) if saved else NOBODY
    counts = _counted(after, before, others)
    return Preview(
        people=counts["people"],
        joining=counts["joining"],
        leaving=counts["leaving"],
        joins=_first(after & ~before) if counts["joining"] else (),
        leaves=_first(before & ~after) if counts["leaving"] else (),
        overlaps=tuple(
            Overlap(one, counts[f"both_{number}"], _winner(terms, one))
            for number, one in enumerate(others)
        ),
    )


def _counted(after: Q, before: Q, others: Sequence[AssignmentPolicy]) -> dict[str, int]:
    """Count by one query that asks each condition once for each person, however many share it."""
    conditions = {f"is_in_{number}": admitted_by_read(one) for number, one in enumerate(others)}
    flags = {
        name: Case(When(condition, then=True), default=False, output_field=BooleanField())
        for name, condition in {"is_after": after, "is_before": before, **conditions}.items()
    }
    people = User.objects.active().annotate(**flags).values("pk", *flags).distinct()
    both = {
        f"both_{number}": Count("pk", Q(is_after=True, **{f"is_in_{number}": True}))
        for number in range(len(others))
    }
    counts: dict[str, int] = people.aggregate(
        people=Count("pk", Q(is_after=True)),
        joining=Count("pk", Q(is_after=True, is_before=False)),
        leaving=Count("pk", Q(is_after=False, is_before=True)),
        **both,
    )
    return counts


def _first(condition: Q) -> tuple[User, ...]:
    people: UserQuerySet = User.objects.active().filter(condition)
    return tuple(people.order_by("display_name", "pk")[:MOST_NAMED])


def _winner(terms: PolicyTerms, other: AssignmentPolicy) -> Winner:
    """Say under which of two policies people ask whom both admit: the stricter one."""
    mine = rank_of(terms.scope) if takes_requests(terms) else None
    others = rank_of(other.scope) if takes_requests(other) else None
    if mine is None:
        return "neither" if others is None else "other"
    if mine == others:
        return "either"
    return "this" if others is None or mine < others else "other"
