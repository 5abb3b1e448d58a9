"""What pickers find, kind by kind: ten matches, a name and one line, and nothing unseen."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from entitlements.catalog.models import (
    AccessPackage,
    Catalog,
    PackageState,
    Resource,
    ResourceRole,
)
from entitlements.directory.models import Group, User
from entitlements.directory.organizations.models import ConnectedOrganization
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.naming import nameable_by

Kind = Literal["user", "group", "service", "organization", "package", "role", "managed", "policy"]

LETTERS: Final = 2
MATCHES: Final = 10


class Eyes(NamedTuple):
    """Who looks for packages and roles, and in which of his catalogs, if in one alone.

    People, groups and organizations are known to everybody; whoever `sees_all` knows every package.
    """

    viewer: User
    catalog_id: str = ""
    sees_all: bool = False


@dataclass(frozen=True)
class Match:
    """Something as the picker shows it."""

    key: str
    name: str
    line: str


@dataclass(frozen=True)
class Picked:
    """What was chosen, by kind."""

    user_ids: tuple[UUID, ...] = ()
    group_ids: tuple[UUID, ...] = ()
    organization_ids: tuple[UUID, ...] = ()
    package_ids: tuple[UUID, ...] = ()
    role_ids: tuple[UUID, ...] = ()
    service_ids: tuple[UUID, ...] = ()

    def __bool__(self) -> bool:
        people = self.user_ids or self.group_ids or self.service_ids or self.organization_ids
        return bool(people or self.package_ids or self.role_ids)


def packages(eyes: Eyes | None) -> QuerySet[AccessPackage]:
    """Return the packages that may be named."""
    if eyes is None:
        return AccessPackage.objects.none()
    if eyes.sees_all:
        known = AccessPackage.objects.exclude(state=PackageState.RETIRED)
    else:
        known = nameable_by(eyes.viewer)
    return known.select_related("catalog")


def managed(eyes: Eyes | None) -> QuerySet[AccessPackage]:
    """Return the packages of the catalogs that the viewer looks into, retired ones too."""
    if eyes is None:
        return AccessPackage.objects.none()
    return AccessPackage.objects.visible_to(eyes.viewer).select_related("catalog")


def policies(eyes: Eyes | None) -> QuerySet[AssignmentPolicy]:
    """Return the policies of the catalogs that the viewer looks into."""
    if eyes is None:
        return AssignmentPolicy.objects.none()
    return AssignmentPolicy.objects.visible_to(eyes.viewer).select_related("package")


def organizations(eyes: Eyes | None) -> QuerySet[ConnectedOrganization]:
    """Return every connected organization, with its domains."""
    return ConnectedOrganization.objects.prefetch_related("domains")


def domains_of(organization: ConnectedOrganization) -> str:
    """Return the domains of an organization as one line."""
    return ", ".join(str(domain) for domain in organization.domains.all())


def roles(eyes: Eyes | None) -> QuerySet[ResourceRole]:
    """Return the roles that catalogs of the viewer offer: all of them, or the one."""
    if eyes is None:
        return ResourceRole.objects.none()
    catalogs = Catalog.objects.visible_to(eyes.viewer)
    if eyes.catalog_id:
        catalogs = catalogs.filter(pk__in=_ids([eyes.catalog_id]))
    offered = Resource.objects.filter(catalogs__in=catalogs)
    return ResourceRole.objects.filter(resource__in=offered).select_related("resource")


@dataclass(frozen=True)
class Finder:
    """How one kind is looked for: among which rows, by which names, and as what it is shown."""

    found: Callable[[Eyes | None], QuerySet[Any]]
    names: tuple[str, ...]
    line: Callable[[Any], str]
    known: Callable[[Eyes | None], QuerySet[Any]]


FINDERS: Final[dict[Kind, Finder]] = {
    "user": Finder(
        lambda eyes: User.objects.active(),
        ("display_name",),
        lambda user: user.department,
        lambda eyes: User.objects.people(),
    ),
    "group": Finder(
        lambda eyes: Group.objects.all(),
        ("name",),
        lambda group: group.get_kind_display(),
        lambda eyes: Group.objects.all(),
    ),
    "service": Finder(
        lambda eyes: User.objects.services().filter(is_active=True),
        ("display_name",),
        lambda account: "Service account",
        lambda eyes: User.objects.services(),
    ),
    "organization": Finder(organizations, ("name",), domains_of, organizations),
    "package": Finder(packages, ("name",), lambda one: f"Package in {one.catalog}", packages),
    "role": Finder(
        roles,
        ("resource__name", "name"),
        lambda role: f"Role, {role.resource.get_kind_display().lower()}",
        roles,
    ),
    "managed": Finder(managed, ("name",), lambda one: f"Package in {one.catalog}", managed),
    "policy": Finder(
        policies, ("package__name", "name"), lambda policy: f"Policy of {policy.package}", policies
    ),
}


def matches(
    query: str, kinds: Iterable[Kind], *, eyes: Eyes | None = None, without: Iterable[str] = ()
) -> list[Match]:
    """Return what is called so, by name; nothing for less than two letters."""
    if len(query.strip()) < LETTERS:
        return []
    found: list[Match] = []
    for kind in kinds:
        finder = FINDERS[kind]
        rows = finder.found(eyes)
        for word in query.split():
            in_any = (Q(**{f"{name}__icontains": word}) for name in finder.names)
            rows = rows.filter(_either(in_any))
        found += _shown(kind, rows.order_by(*finder.names, "pk")[: MATCHES * 2])
    left = [match for match in found if match.key not in set(without)]
    return sorted(left, key=lambda match: (match.name, match.key))[:MATCHES]


def chosen(
    keys: Iterable[str], kinds: Collection[Kind], *, eyes: Eyes | None = None
) -> list[Match]:
    """Return what these keys name, as far as it is of these kinds, exists and may be seen."""
    found: list[Match] = []
    for kind, ids in _by_kind(keys).items():
        if ids and kind in kinds:
            found += _shown(kind, FINDERS[kind].known(eyes).filter(pk__in=ids))
    return sorted(found, key=lambda match: (match.name, match.key))


def parsed(keys: Iterable[str]) -> Picked:
    """Return the ids in keys such as "user:…"; what cannot be read is left out."""
    found = _by_kind(keys)
    return Picked(
        user_ids=tuple(found["user"]),
        group_ids=tuple(found["group"]),
        organization_ids=tuple(found["organization"]),
        package_ids=tuple(found["package"]),
        role_ids=tuple(found["role"]),
        service_ids=tuple(found["service"]),
    )


def keys_of(
    user_ids: Iterable[UUID | None] = (),
    group_ids: Iterable[UUID | None] = (),
    organization_ids: Iterable[UUID] = (),
) -> list[str]:
    """Return ids as the picker's values."""
    named = {"user": user_ids, "group": group_ids, "organization": organization_ids}
    return [f"{kind}:{key}" for kind, keys in named.items() for key in keys if key]


def _shown(kind: Kind, rows: Iterable[Any]) -> list[Match]:
    line = FINDERS[kind].line
    return [Match(f"{kind}:{row.pk}", str(row), line(row)) for row in rows]


def _by_kind(keys: Iterable[str]) -> dict[Kind, list[UUID]]:
    found: dict[Kind, list[UUID]] = {kind: [] for kind in FINDERS}
    for key in keys:
        for kind, ids in found.items():
            mark = f"{kind}:"
            if key.startswith(mark):
                ids += [one for one in _ids([key.removeprefix(mark)]) if one not in ids]
    return found


def _ids(texts: Sequence[str]) -> list[UUID]:
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _either(conditions: Iterable[Q]) -> Q:
    whole = Q()
    for condition in conditions:
        whole |= condition
    return whole
