"""What somebody may do in the tenant and in each catalog, and by which way he came to it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group as TenantRole
from django.contrib.auth.models import Permission

from entitlements.catalog.appointments import ROLE_NAMES, highest_role
from entitlements.catalog.models import (
    Catalog,
    CatalogGroupPermission,
    CatalogUserPermission,
    rights_in_tenant,
)
from entitlements.catalog.permissions import CATALOG_ROLES
from entitlements.directory.models import Group, User, UserQuerySet
from entitlements.directory.tenant_roles import (
    ADMINISTRATOR,
    TENANT_ROLES,
    RoleTerms,
    TenantRoleGroup,
)
from entitlements.directory.ways import ways_into


@dataclass(frozen=True)
class Grounds:
    """Why somebody has a right: what he was appointed to, and through which groups, if any.

    The groups lead from the one that was appointed down to the one that he is in himself.
    """

    role: str
    permissions: frozenset[str]
    effect: str = ""
    groups: tuple[Group, ...] = ()


@dataclass
class CatalogRights:
    """What somebody may do in one catalog by what he was appointed to there."""

    catalog: Catalog
    grounds: list[Grounds] = field(default_factory=list)

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset[str]().union(*(one.permissions for one in self.grounds))


@dataclass(frozen=True)
class EffectiveRights:
    """Everything that somebody may do; of the disabled, what he could do if he were not."""

    person: User
    in_tenant: list[Grounds]
    in_catalogs: list[CatalogRights]
    owned_groups: list[Group]
    reports: UserQuerySet
    guests: UserQuerySet

    @property
    def everywhere(self) -> frozenset[str]:
        """What he may do in every catalog, by what he is in the tenant."""
        rights = frozenset[str]().union(*(one.permissions for one in self.in_tenant))
        return frozenset(
            permission
            for permission in CATALOG_ROLES["owner"]
            if ADMINISTRATOR in rights or rights.intersection(rights_in_tenant(permission))
        )

    @property
    def is_nothing(self) -> bool:
        looks_after = self.reports.exists() or self.guests.exists()
        return not (self.in_tenant or self.in_catalogs or self.owned_groups or looks_after)


def effective_rights(person: User) -> EffectiveRights:
    """Gather what somebody may do and why, in a constant number of queries."""
    appointed = list(_of_groups(person))
    in_roles = list(
        TenantRoleGroup.objects.filter(group__in=Group.objects.containing(person))
        .select_related("role")
        .prefetch_related("role__permissions")
        .order_by("role__name", "group__name")
    )
    group_ids = {row.group_id for row in (*appointed, *in_roles)}
    ways = ways_into(group_ids, person) if group_ids else {}
    looked_after = User.objects.looked_after_by(person)
    return EffectiveRights(
        person,
        [
            *_in_tenant(person),
            *(_by_role(row.role, ways[row.group_id]) for row in in_roles),
        ],
        _in_catalogs(person, appointed, ways),
        list(person.owned_groups.order_by("name")),
        looked_after.filter(manager=person),
        looked_after.exclude(manager=person),
    )


def _of_groups(person: User) -> Any:
    rows = CatalogGroupPermission.objects.filter(group__in=Group.objects.containing(person))
    return rows.select_related("content_object", "permission", "group").order_by("group__name")


def _in_tenant(person: User) -> Iterator[Grounds]:
    if person.is_superuser:
        yield _grounds(TENANT_ROLES[ADMINISTRATOR], frozenset({ADMINISTRATOR}))
    for role in person.groups.prefetch_related("permissions").order_by("name"):
        yield _by_role(role, ())
    given = Permission.objects.filter(user=person, content_type__app_label="entitlements")
    for right in given.order_by("name"):
        yield Grounds(right.name, frozenset({right.codename}))


def _by_role(role: TenantRole, groups: tuple[Group, ...]) -> Grounds:
    rights = frozenset(right.codename for right in role.permissions.all())
    known = {terms.name: terms for terms in TENANT_ROLES.values()}
    return _grounds(known.get(role.name, RoleTerms(role.name, (), "")), rights, groups)


def _grounds(terms: RoleTerms, rights: frozenset[str], groups: tuple[Group, ...] = ()) -> Grounds:
    return Grounds(terms.name, rights, terms.effect, groups)


def _in_catalogs(
    person: User, appointed: list[Any], ways: dict[UUID, tuple[Group, ...]]
) -> list[CatalogRights]:
    found: dict[Catalog, CatalogRights] = {}
    own = CatalogUserPermission.objects.filter(user=person)
    held: dict[tuple[Catalog, UUID | None], set[str]] = {}
    for row in own.select_related("content_object", "permission"):
        held.setdefault((row.content_object, None), set()).add(row.permission.codename)
    for row in appointed:
        held.setdefault((row.content_object, row.group_id), set()).add(row.permission.codename)
    for (catalog, group_id), codenames in held.items():
        role = ROLE_NAMES.get(highest_role(codenames), "Some rights")
        groups = ways[group_id] if group_id else ()
        rights = found.setdefault(catalog, CatalogRights(catalog))
        rights.grounds.append(Grounds(role, frozenset(codenames), groups=groups))
    return sorted(found.values(), key=lambda rights: rights.catalog.name)
