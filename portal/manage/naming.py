"""Which packages of other catalogs the pages about clashes name, and to whom."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.utils.text import capfirst

from entitlements.audit.models import AuditEvent
from entitlements.catalog.incompatibilities import ClashException, Incompatibility, Prerequisite
from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.directory.models import User
from entitlements.policies.naming import nameable_by

ELSEWHERE: Final = "a package in another catalog"


@dataclass(frozen=True)
class Names:
    """What a viewer may read: the names of all packages but the hidden ones."""

    hidden: frozenset[UUID] = frozenset()

    def of(self, package_id: UUID | None, name: object) -> str:
        """Return a name, or where something is."""
        return ELSEWHERE if package_id in self.hidden else str(name)

    def first(self, package_id: UUID | None, name: object) -> str:
        """Return the same at the beginning of a line."""
        return capfirst(ELSEWHERE) if package_id in self.hidden else str(name)

    def hides(self, package_id: UUID | None) -> bool:
        return package_id in self.hidden


def names_for(viewer: User, catalogs: Collection[UUID], packages: Iterable[UUID | None]) -> Names:
    """Return which of these packages may be named on a page about some catalogs.

    Who manages packages in one of the catalogs reads all that concern it; everybody else what he
    looks into, or is offered himself.
    """
    wanted = {key for key in packages if key}
    managed = Catalog.objects.with_permission(viewer, "manage_packages").filter(pk__in=catalogs)
    if not wanted or managed.exists():
        return Names()
    seen = nameable_by(viewer).filter(pk__in=wanted).values_list("pk", flat=True)
    return Names(frozenset(wanted - set(seen)))


def names_in(events: Iterable[AuditEvent], viewer: User, catalog_id: UUID) -> Names:
    """Return which packages the history of a package may name."""
    keys = (event.details.get("other_package") for event in events)
    return names_for(viewer, [catalog_id], [UUID(key) for key in keys if key])


@dataclass(frozen=True)
class Pair:
    """An entry as one of its two sides shows it: the other side, and whether it is named."""

    clash: Incompatibility
    name: str
    is_named: bool
    is_seen: bool


def pairs_of(
    package: AccessPackage, viewer: User, clashes: Collection[Incompatibility]
) -> list[Pair]:
    """Return entries that a package made, or that name it, as the viewer may read them."""
    sides = [_other_side(package, clash) for clash in clashes]
    names = names_for(viewer, [package.catalog_id], [side.pk for side in sides if side])
    seen = AccessPackage.objects.visible_to(viewer).filter(pk__in=[one.pk for one in sides if one])
    linked = set(seen.values_list("pk", flat=True)) if any(sides) else set()
    return [
        Pair(
            clash,
            names.first(side.pk, side) if side else clash.other,
            is_named=not (side and names.hides(side.pk)),
            is_seen=bool(side and side.pk in linked),
        )
        for clash, side in zip(clashes, sides, strict=True)
    ]


def _other_side(package: AccessPackage, clash: Incompatibility) -> AccessPackage | None:
    return clash.other_package if clash.package_id == package.pk else clash.package


@dataclass(frozen=True)
class Needed:
    """A prerequisite, with the name of the package as the viewer may read it."""

    prerequisite: Prerequisite
    name: str
    is_named: bool


def needed_for(package: AccessPackage, viewer: User) -> list[Needed]:
    """Return what must be held before a package."""
    found = list(package.prerequisites.select_related("required__catalog"))
    names = names_for(viewer, [package.catalog_id], [one.required_id for one in found])
    return [
        Needed(one, names.first(one.required_id, one.required), not names.hides(one.required_id))
        for one in found
    ]


@dataclass(frozen=True)
class Excepted:
    """An exception, with the names of its two packages as the viewer may read them."""

    exception: ClashException
    package: str
    other: str


def excepted(
    viewer: User, catalogs: Collection[UUID], exceptions: Collection[ClashException]
) -> list[Excepted]:
    """Return exceptions as a page about some catalogs tells them."""
    keys = [key for one in exceptions for key in (one.package_id, one.other_package_id)]
    names = names_for(viewer, catalogs, keys)
    return [
        Excepted(
            one,
            names.first(one.package_id, one.package),
            names.of(one.other_package_id, one.other),
        )
        for one in exceptions
    ]
