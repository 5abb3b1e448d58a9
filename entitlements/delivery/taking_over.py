"""Bring existing access under control: who holds a role unexplained comes to hold a package."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from entitlements.assignments.grants import Grant
from entitlements.catalog.models import ResourceRole
from entitlements.catalog.permissions import can
from entitlements.decisions import Decision, Reason, deny
from entitlements.delivery.holders import Holders
from entitlements.directory.among import ids_among
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests import giving
from entitlements.requests.bulk import BulkAssignment
from entitlements.requests.judging import Entry

HOLDS_NO_MORE: Final = Reason(
    "not_unexplained",
    "This person does not hold the role any more, or a package gives it by now.",
    "Look at who has it now.",
)
BEING_REMOVED: Final = Reason(
    "being_removed",
    "The role is being taken from this person at this moment.",
    "Wait until that is done, and look again.",
)


def prepare(
    role: ResourceRole,
    policy: AssignmentPolicy,
    *,
    by: User,
    chosen: Collection[UUID] | None = None,
) -> BulkAssignment:
    """Judge a list that gives a package to people who hold one of its roles unexplained.

    Without `chosen`, to all of them, or as many as a list can have, in the order of their names.
    What they hold already ends with the package, from the moment at which they get it. Reads the
    system first: raises ConnectorRefused, or Denied when `by` may not.
    """
    _can_take_over(by, role, policy).require()
    holders = Holders.read(role)
    unexplained = holders.unexplained()
    if chosen is None:
        keys = list(unexplained.values_list("pk", flat=True)[: giving.MOST_ROWS])
    else:
        keys = list(dict.fromkeys(chosen))
    giving.can_be_given(len(keys)).require()
    found = set(unexplained.filter(pk__in=ids_among(keys)).values_list("pk", flat=True))
    leaving = set(Grant.objects.leaving(role).values_list("user", flat=True))
    entries = [
        Entry(str(key), mistakes=_mistakes(key in found, is_leaving=key in leaving)) for key in keys
    ]
    return giving.plan(policy, entries, by=by, source=_source(len(keys), role), takes_over=True)


def _can_take_over(by: User, role: ResourceRole, policy: AssignmentPolicy) -> Decision:
    decision = can(by, "manage_assignments", policy.package.catalog)
    if policy.package.package_roles.filter(role=role).exists():
        return decision
    return decision + deny(
        "role_not_in_package",
        f"{policy.package} does not contain {role}.",
        "Choose a package that contains it.",
    )


def _mistakes(is_unexplained: bool, *, is_leaving: bool) -> tuple[Reason, ...]:
    if not is_unexplained:
        return (HOLDS_NO_MORE,)
    return (BEING_REMOVED,) if is_leaving else ()


def _source(count: int, role: ResourceRole) -> str:
    people = "1 person who holds" if count == 1 else f"{count:,} people who hold"
    return f"{people} {role} already"
