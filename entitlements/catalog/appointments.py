"""Who was appointed to which catalog role; the roles are a ladder, so that one is enough."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.db.models.expressions import Combinable, RawSQL

from entitlements.catalog.models import Catalog, CatalogGroupPermission, CatalogUserPermission
from entitlements.catalog.permissions import CATALOG_ROLES
from entitlements.directory.models import CONTAINING, Group, User, as_parameter
from entitlements.directory.tenant_roles import (
    CREATE_CATALOGS,
    GOVERN,
    VIEW_EVERYTHING,
    right_of,
)

Holder = User | Group

ROLE_NAMES = {
    "owner": "Owner",
    "package_manager": "Package manager",
    "assignment_manager": "Assignment manager",
    "reader": "Reader",
}


@dataclass(frozen=True)
class Appointment:
    """Somebody, or whoever is in a group, in a catalog role."""

    holder: Holder
    role: str

    @property
    def is_group(self) -> bool:
        return isinstance(self.holder, Group)

    @property
    def role_name(self) -> str:
        return ROLE_NAMES[self.role]


def role_of(holder: Holder, catalog: Catalog) -> str:
    """Return the role that a person or group was appointed to itself; empty for none."""
    return highest_role(_held(holder, catalog).values_list("permission__codename", flat=True))


def highest_role(permissions: Iterable[str]) -> str:
    """Return the highest role that these permissions make up; empty for none."""
    held = set(permissions)
    return next((role for role, needed in CATALOG_ROLES.items() if held.issuperset(needed)), "")


def appointments(catalog: Catalog) -> list[Appointment]:
    """Return everybody who was appointed, highest role first, then by name; in two queries."""
    people = CatalogUserPermission.objects.filter(content_object=catalog)
    groups = CatalogGroupPermission.objects.filter(content_object=catalog)
    held: dict[Holder, list[str]] = {}
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


def give_role(holder: Holder, catalog: Catalog, role: str) -> None:
    """Within the caller's transaction: let somebody hold this role and no other."""
    take_role(holder, catalog)
    permissions = Permission.objects.filter(
        content_type__app_label="entitlements",
        content_type__model="catalog",
        codename__in=CATALOG_ROLES[role],
    )
    table, column = _table(holder)
    table.objects.bulk_create(
        table(permission=permission, content_object=catalog, **{column: holder})
        for permission in permissions
    )


def take_role(holder: Holder, catalog: Catalog) -> None:
    """Within the caller's transaction: take every permission that somebody was given himself."""
    _held(holder, catalog).delete()


def is_appointed(user: User) -> Combinable:
    """Return an expression that says whether somebody has a role in any catalog or in all of them,
    or may create one.
    """
    in_tenant = right_of(user, GOVERN, VIEW_EVERYTHING, CREATE_CATALOGS)
    if not user.is_active:
        return in_tenant
    sql = f"""
        EXISTS (SELECT 1 FROM entitlements_cataloguserpermission WHERE user_id = %s)
        OR EXISTS (
            SELECT 1 FROM entitlements_cataloggrouppermission
            WHERE group_id IN ({CONTAINING}))"""  # noqa: S608  # constants
    key = as_parameter(user.pk)
    in_catalog = RawSQL(sql, [key, key], output_field=BooleanField())  # noqa: S611  # a constant
    return ExpressionWrapper(Q(in_catalog) | Q(in_tenant), output_field=BooleanField())


def rights_of(user: User, catalog: Catalog) -> frozenset[str]:
    """Return what somebody may do in a catalog, however he came to it; in one query."""
    questions = {
        permission: Exists(
            Catalog.objects.with_permission(user, permission).filter(pk=OuterRef("pk"))
        )
        for permission in CATALOG_ROLES["owner"]
    }
    answers = Catalog.objects.filter(pk=catalog.pk).values(**questions).first() or {}
    return frozenset(permission for permission, answer in answers.items() if answer)


def _table(holder: Holder) -> tuple[Any, str]:
    if isinstance(holder, Group):
        return CatalogGroupPermission, "group"
    return CatalogUserPermission, "user"


def _held(holder: Holder, catalog: Catalog) -> QuerySet[Any]:
    table, column = _table(holder)
    rows: QuerySet[Any] = table.objects.filter(content_object=catalog, **{column: holder})
    return rows
