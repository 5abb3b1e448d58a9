"""From the words of a stage ("the manager", "members of a group") to people."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from entitlements.catalog.models import AccessPackage
from entitlements.catalog.permissions import group_behind, owners_of
from entitlements.decisions import Reason
from entitlements.directory.models import Group, User
from entitlements.directory.organizations.guests import organization_of
from entitlements.directory.organizations.models import SponsorKind
from entitlements.policies.models import ApproverKind


class ApproverTerms(TypedDict):
    """One approver as a request keeps it."""

    kind: str
    is_fallback: bool
    is_alternate: NotRequired[bool]
    user: str | None
    group: str | None
    name: str


@dataclass(frozen=True)
class Approver:
    """Somebody who is asked, and whether only because the first choice was not to be had."""

    user: User
    is_fallback: bool


def resolve(
    terms: Iterable[Any],
    *,
    target: User,
    package: AccessPackage,
    barred: set[UUID],
    alternates: bool = False,
) -> list[Approver]:
    """Return who can decide for `target`: primaries, or fallbacks when no primary is to be had.

    With `alternates`, the same among those who are asked when nobody has decided for some days.
    Disabled people, and those in `barred` (the requestor and the target), are never asked.
    """
    entries: list[ApproverTerms] = [
        entry for entry in terms if entry.get("is_alternate", False) is alternates
    ]
    for is_fallback in (False, True):
        wanted = [entry for entry in entries if entry["is_fallback"] is is_fallback]
        people = [user for user in _people(wanted, target, package) if user.pk not in barred]
        if people:
            return [Approver(user, is_fallback) for user in people]
    return []


def named(terms: Iterable[Any], package: AccessPackage) -> list[User]:
    """Return the active people whom entries name, whoever asks: by name, group or ownership."""
    entries: list[ApproverTerms] = list(terms)
    kinds = {entry["kind"] for entry in entries}
    found = {
        user.pk: user
        for user in [
            *(user for kind, people in OWNING.items() if kind in kinds for user in people(package)),
            *User.objects.active().filter(pk__in=_ids(entries, ApproverKind.USER, "user")),
            *User.objects.active().members_of_any(_ids(entries, ApproverKind.GROUP, "group")),
        ]
    }
    return sorted(found.values(), key=_by_name)


def unknown_among(users: set[UUID], groups: set[UUID]) -> Iterator[Reason]:
    """Yield what speaks against people and groups who are named: who has left, what is gone."""
    if User.objects.active().filter(pk__in=users).count() != len(users):
        yield Reason("person_unknown", "Somebody who is named here has left.", "Choose again.")
    if Group.objects.filter(pk__in=groups).count() != len(groups):
        yield Reason("group_unknown", "A group that is named here is gone.", "Choose again.")


def _people(entries: list[ApproverTerms], target: User, package: AccessPackage) -> list[User]:
    kinds = {entry["kind"] for entry in entries}
    found = {user.pk: user for user in named(entries, package)}
    for kind, people in RELATED.items():
        if kind in kinds:
            found |= {user.pk: user for user in people(target)}
    return sorted(found.values(), key=_by_name)


def _by_name(user: User) -> tuple[str, str]:
    return user.display_name, str(user.pk)


def _ids(entries: list[ApproverTerms], kind: ApproverKind, field: str) -> list[UUID]:
    return [UUID(str(entry[field])) for entry in entries if entry["kind"] == kind]  # type: ignore[literal-required]


def _manager(target: User) -> Iterable[User]:
    manager = target.manager
    return [manager] if manager and manager.is_active else []


def _second_manager(target: User) -> Iterable[User]:
    return _manager(target.manager) if target.manager else []


def _sponsors(target: User) -> Iterable[User]:
    yield from User.objects.active().filter(sponsored=target)


def _internal_sponsors(target: User) -> Iterable[User]:
    organization = organization_of(target)
    return organization.sponsors(SponsorKind.INTERNAL) if organization else []


def _external_sponsors(target: User) -> Iterable[User]:
    organization = organization_of(target)
    return organization.sponsors(SponsorKind.EXTERNAL) if organization else []


def _resource_owners(package: AccessPackage) -> Iterable[User]:
    """Find the owners of the groups that the package's roles are in; other systems know none."""
    behind = package.roles.filter(resource__system__kind="directory")
    for external_id in behind.values_list("resource__external_id", flat=True).distinct():
        yield from User.objects.active().filter(owned_groups__in=group_behind(external_id))


def _catalog_owners(package: AccessPackage) -> Iterable[User]:
    return owners_of(package.catalog)


RELATED: dict[ApproverKind, Callable[[User], Iterable[User]]] = {
    ApproverKind.MANAGER: _manager,
    ApproverKind.SECOND_MANAGER: _second_manager,
    ApproverKind.SPONSORS: _sponsors,
    ApproverKind.INTERNAL_SPONSORS: _internal_sponsors,
    ApproverKind.EXTERNAL_SPONSORS: _external_sponsors,
}
OWNING: dict[ApproverKind, Callable[[AccessPackage], Iterable[User]]] = {
    ApproverKind.RESOURCE_OWNERS: _resource_owners,
    ApproverKind.CATALOG_OWNERS: _catalog_owners,
}
