"""Who was appointed to which catalog role; the roles are a ladder, so that one is enough."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Group as TenantRole
from django.contrib.auth.models import Permission
from django.db.models import Exists, OuterRef
from guardian.shortcuts import assign_perm

from entitlements.catalog.models import Catalog, CatalogGroupPermission, CatalogUserPermission
from entitlements.catalog.permissions import CATALOG_ROLES
from entitlements.directory.models import User

ROLE_NAMES = {
    "owner": "Owner",
    "package_manager": "Package manager",
    "assignment_manager": "Assignment manager",
    "reader": "Reader",
}


@dataclass(frozen=True)
class Appointment:
    """Somebody, or the members of a group, in a catalog role."""

    holder: User | TenantRole
    role: str

    @property
    def is_group(self) -> bool:
        return isinstance(self.holder, TenantRole)

    @property
    def role_name(self) -> str:
        return ROLE_NAMES[self.role]


def role_of(person: User, catalog: Catalog) -> str:
    """Return the role that a person holds himself, not through a group; empty for none."""
    held = CatalogUserPermission.objects.filter(user=person, content_object=catalog)
    return highest_role(held.values_list("permission__codename", flat=True))


def highest_role(permissions: Iterable[str]) -> str:
    """Return the highest role that these permissions make up; empty for none."""
    held = set(permissions)
    return next((role for role, needed in CATALOG_ROLES.items() if held.issuperset(needed)), "")


def appointments(catalog: Catalog) -> list[Appointment]:
    """Return everybody who was appointed, highest role first, then by name; in two queries."""
    people = CatalogUserPermission.objects.filter(content_object=catalog)
    groups = CatalogGroupPermission.objects.filter(content_object=catalog)
    held: dict[User | TenantRole, list[str]] = {}
    for person in people.select_related("user", "permission"):
        held.setdefault(person.user, []).append(person.permission.codename)
    for group in groups.select_related("group", "permission"):
        held.setdefault(group.group, []).append(group.permission.codename)
    found = [Appointment(holder, highest_role(codenames)) for holder, codenames in held.items()]
    ladder = list(CATALOG_ROLES)
    return sorted(
        (appointment for appointment in found if appointment.role),
        key=lambda appointment: (ladder.index(appointment.role), str(appointment.holder)),
    )


def give_role(person: User, catalog: Catalog, role: str) -> None:
    """Within the caller's transaction: let somebody hold this role and no other."""
    take_role(person, catalog)
    for permission in CATALOG_ROLES[role]:
        assign_perm(f"entitlements.{permission}", person, catalog)


def take_role(person: User, catalog: Catalog) -> None:
    """Within the caller's transaction: take every permission that somebody holds himself."""
    CatalogUserPermission.objects.filter(user=person, content_object=catalog).delete()


def manages_anything(user: User) -> bool:
    """Say in one query whether somebody has a role in any catalog, or may create one."""
    if not user.is_active:
        return False
    if user.is_superuser:
        return True
    of_user = CatalogUserPermission.objects.filter(user=OuterRef("pk"))
    of_group = CatalogGroupPermission.objects.filter(group__user=OuterRef("pk"))
    creates = Permission.objects.filter(
        content_type__app_label="entitlements", codename="add_catalog"
    )
    as_creator = creates.filter(user=OuterRef("pk"))
    in_creators = creates.filter(group__user=OuterRef("pk"))
    person = User.objects.filter(
        Exists(of_user) | Exists(of_group) | Exists(as_creator) | Exists(in_creators), pk=user.pk
    )
    return bool(person.exists())


def rights_of(user: User, catalog: Catalog) -> frozenset[str]:
    """Return what somebody may do in a catalog, himself or through a group, in one query."""
    if not user.is_active:
        return frozenset()
    if user.is_superuser:
        return frozenset(CATALOG_ROLES["owner"])
    of_user = CatalogUserPermission.objects.filter(user=user, content_object=catalog)
    of_group = CatalogGroupPermission.objects.filter(group__user=user, content_object=catalog)
    codenames = (
        rows.values_list("permission__codename", flat=True) for rows in (of_user, of_group)
    )
    return frozenset(next(codenames).union(*codenames))
