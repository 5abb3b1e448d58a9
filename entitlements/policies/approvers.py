"""From the words of a stage ("the manager", "members of a group") to people."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from entitlements.directory.models import User
from entitlements.policies.models import ApproverKind


class ApproverTerms(TypedDict):
    """One approver as a request keeps it."""

    kind: str
    is_fallback: bool
    user: str | None
    group: str | None
    name: str


@dataclass(frozen=True)
class Approver:
    """Somebody who is asked, and whether only because the first choice was not to be had."""

    user: User
    is_fallback: bool


def resolve(terms: Iterable[Any], *, target: User, barred: set[UUID]) -> list[Approver]:
    """Return who can decide for `target`: primaries, or fallbacks when no primary is to be had.

    Disabled people, and those in `barred` (the requestor and the target), are never asked.
    """
    entries: list[ApproverTerms] = list(terms)
    for is_fallback in (False, True):
        wanted = [entry for entry in entries if entry["is_fallback"] is is_fallback]
        people = [user for user in _people(wanted, target) if user.pk not in barred]
        if people:
            return [Approver(user, is_fallback) for user in people]
    return []


def _people(entries: list[ApproverTerms], target: User) -> list[User]:
    found: dict[UUID, User] = {}
    for user in [
        *_managers(entries, target),
        *User.objects.active().filter(pk__in=_ids(entries, ApproverKind.USER, "user")),
        *User.objects.active().members_of_any(_ids(entries, ApproverKind.GROUP, "group")),
    ]:
        found.setdefault(user.pk, user)
    return sorted(found.values(), key=lambda user: (user.display_name, str(user.pk)))


def _managers(entries: list[ApproverTerms], target: User) -> list[User]:
    manager = target.manager
    wanted = any(entry["kind"] == ApproverKind.MANAGER for entry in entries)
    return [manager] if wanted and manager and manager.is_active else []


def _ids(entries: list[ApproverTerms], kind: ApproverKind, field: str) -> list[UUID]:
    return [UUID(str(entry[field])) for entry in entries if entry["kind"] == kind]  # type: ignore[literal-required]
