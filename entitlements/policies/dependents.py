"""What else depends on a group of the directory: what comes with being in it, and who relies on it.

Whoever looks reads the names of what he may look into; the rest is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

from django.db.models import Exists, Model, OuterRef, QuerySet

from entitlements.catalog.appointments import ROLE_NAMES, highest_role
from entitlements.catalog.models import (
    AccessPackage,
    Catalog,
    CatalogGroupPermission,
    Resource,
)
from entitlements.catalog.permissions import group_behind
from entitlements.directory.models import Group, User
from entitlements.directory.tenant_roles import TenantRoleGroup, can_see_roles
from entitlements.policies.models import AssignmentPolicy, StageApprover

SHOWN: Final = 10
DECIDING: Final = ("manage_packages", "manage_resources")
Thing = TypeVar("Thing")
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Part(Generic[Thing]):
    """Things of one kind: the first that the viewer may read of, and how many more there are."""

    named: Sequence[Thing]
    others: int = 0

    def __bool__(self) -> bool:
        return bool(self.named or self.others)


class HeldRole(NamedTuple):
    """A role in a catalog, and the group that was appointed to it."""

    catalog: Catalog
    role: str
    group: Group


@dataclass(frozen=True)
class Dependents:
    """What depends on a group, directly or through the groups that it is nested in.

    `packages` give the group itself.
    """

    group: Group
    around: Part[Group]
    catalog_roles: Part[HeldRole]
    tenant_roles: Part[str]
    admitting: Part[AssignmentPolicy]
    approving: Part[AssignmentPolicy]
    packages: Part[AccessPackage]

    def __bool__(self) -> bool:
        brought = (self.around, self.catalog_roles, self.tenant_roles)
        return any((*brought, self.admitting, self.approving, self.packages))


def decides_about(viewer: User, resource: Resource) -> bool:
    """Say whether somebody decides which catalog offers a resource, or which package gives it."""
    deciding = [Catalog.objects.with_permission(viewer, right) for right in DECIDING]
    return any(catalogs.filter(resources=resource).exists() for catalogs in deciding)


def group_of(resource: Resource) -> Group | None:
    """Return the group of the directory that a resource is, if it is one."""
    is_group = resource.system.kind == "directory"
    return group_behind(resource.external_id).first() if is_group else None


def dependents_of(group: Group, viewer: User) -> Dependents:
    """Return what depends on a group, by a constant number of queries."""
    above = Group.objects.above(group)
    around = above.exclude(pk=group.pk).order_by("name", "pk")
    policies = AssignmentPolicy.objects.select_related("package").order_by("package__name", "name")
    scopes = AssignmentPolicy.allowed_groups.through.objects.filter(group__in=above)
    stages = StageApprover.objects.filter(group__in=above, stage__policy=OuterRef("pk"))
    giving = AccessPackage.objects.filter(
        roles__resource__system__kind="directory", roles__resource__external_id=str(group.pk)
    )
    return Dependents(
        group,
        _first(around, around.count()),
        _catalog_roles(above, viewer),
        _tenant_roles(above, viewer),
        _seen(policies.filter(Exists(scopes.filter(assignmentpolicy=OuterRef("pk")))), viewer),
        _seen(policies.filter(Exists(stages)), viewer),
        _seen(giving.distinct().order_by("name", "pk"), viewer),
    )


def _first(rows: QuerySet[Row], total: int) -> Part[Row]:
    named = list(rows[:SHOWN])
    return Part(named, total - len(named))


def _seen(rows: Any, viewer: User) -> Part[Any]:
    """Return the first of what the viewer may look into; all others are counted alike."""
    return _first(rows.visible_to(viewer), rows.count())


def _catalog_roles(groups: QuerySet[Group], viewer: User) -> Part[HeldRole]:
    rows = CatalogGroupPermission.objects.filter(group__in=groups)
    visible = rows.filter(content_object__in=Catalog.objects.visible_to(viewer))
    held: dict[tuple[Catalog, Group], set[str]] = {}
    for row in visible.select_related("content_object", "group", "permission"):
        held.setdefault((row.content_object, row.group), set()).add(row.permission.codename)
    named = [
        HeldRole(catalog, ROLE_NAMES.get(highest_role(codenames), "Some rights"), group)
        for (catalog, group), codenames in held.items()
    ]
    total = rows.values("content_object", "group").distinct().count()
    named.sort(key=lambda one: (one.catalog.name, one.group.name))
    return Part(named[:SHOWN], total - len(named[:SHOWN]))


def _tenant_roles(groups: QuerySet[Group], viewer: User) -> Part[str]:
    rows = TenantRoleGroup.objects.filter(group__in=groups)
    names = sorted(set(rows.values_list("role__name", flat=True)))
    return Part(names) if can_see_roles(viewer) else Part([], len(names))
