"""Roles in the whole tenant: Django's groups with permissions, held by people and by groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import Group as TenantRole
from django.contrib.auth.models import Permission
from django.db import models
from django.db.models import Value
from django.db.models.expressions import Combinable, RawSQL

from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.models import CONTAINING, Group, User, as_parameter

GOVERN: Final = "govern_catalogs"
VIEW_EVERYTHING: Final = "view_everything"
MANAGE_ORGANIZATIONS: Final = "manage_organizations"
CREATE_CATALOGS: Final = "add_catalog"


class TenantRoleGroup(models.Model):
    """A group of the directory whose members hold a tenant role, through nested groups too."""

    role = models.ForeignKey(TenantRole, models.CASCADE, related_name="holding_groups")
    group = models.ForeignKey(Group, models.CASCADE, related_name="tenant_roles")

    class Meta:
        default_permissions = ()
        permissions = [
            (GOVERN, "Can run every catalog"),
            (VIEW_EVERYTHING, "Can look at everything"),
            (MANAGE_ORGANIZATIONS, "Can run connected organizations"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["role", "group"], name="group_holds_a_tenant_role_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group} as {self.role}"


@dataclass(frozen=True)
class RoleTerms:
    """A tenant role: the stable name of its group, what it permits, and what that means."""

    name: str
    permissions: tuple[str, ...]
    effect: str


ADMINISTRATOR: Final = "administrator"
TENANT_ROLES: Final[Mapping[str, RoleTerms]] = {
    ADMINISTRATOR: RoleTerms(
        "Administrator", (), "Does everything, everywhere, also what others are kept from."
    ),
    "governance_administrator": RoleTerms(
        "Identity governance administrator",
        (GOVERN, VIEW_EVERYTHING, CREATE_CATALOGS, MANAGE_ORGANIZATIONS),
        "Runs every catalog like an owner, and appoints people in all of them.",
    ),
    "organization_administrator": RoleTerms(
        "Connected organization administrator",
        (MANAGE_ORGANIZATIONS,),
        "Runs the connected organizations, and no catalog.",
    ),
    "catalog_creator": RoleTerms(
        "Catalog creator", (CREATE_CATALOGS,), "Creates catalogs, and owns what he has created."
    ),
    "auditor": RoleTerms("Auditor", (VIEW_EVERYTHING,), "Sees everything, and changes nothing."),
}
"""Each by its key; administrators have no group, but Django's own mark."""
APPOINTED_BY_GOVERNORS: Final = ("organization_administrator", "catalog_creator", "auditor")


def tenant_role(key: str) -> TenantRole:
    """Return the group of a tenant role, which exists from the first start on."""
    terms = TENANT_ROLES[key]
    role, is_new = TenantRole.objects.get_or_create(name=terms.name)
    if is_new:
        ours = Permission.objects.filter(content_type__app_label="entitlements")
        role.permissions.set(ours.filter(codename__in=terms.permissions))
    return role


def is_administrator(user: User) -> bool:
    """Say whether somebody may do everything, everywhere."""
    return user.is_active and user.is_superuser


def has_right(user: User, *rights: str) -> bool:
    """Say whether somebody has one of these rights in the tenant; the disabled have none."""
    found: bool = User.objects.filter(pk=user.pk).values_list(right_of(user, *rights)).get()[0]
    return found


def right_of(user: User, *rights: str) -> Combinable:
    """Return an expression that says whether somebody has one of these rights in the tenant.

    Written as it goes to the database, because every page asks this.
    """
    if not user.is_active or user.is_superuser:
        return Value(user.is_active, output_field=models.BooleanField())
    marks = ", ".join(["%s"] * len(rights))
    sql = f"""
        EXISTS (
            SELECT 1 FROM auth_permission
            WHERE codename IN ({marks})
            AND content_type_id IN (
                SELECT id FROM django_content_type WHERE app_label = 'entitlements')
            AND (id IN (
                SELECT permission_id FROM entitlements_user_user_permissions WHERE user_id = %s)
            OR id IN (
                SELECT permission_id FROM auth_group_permissions
                WHERE group_id IN (
                    SELECT group_id FROM entitlements_user_groups WHERE user_id = %s)
                OR group_id IN (
                    SELECT role_id FROM entitlements_tenantrolegroup
                    WHERE group_id IN ({CONTAINING})))))"""  # noqa: S608  # only placeholders
    values = [*rights, *[as_parameter(user.pk)] * 3]
    return RawSQL(sql, values, output_field=models.BooleanField())  # noqa: S611  # parameters


def can_see_roles(user: User) -> Decision:
    """Only administrators of either kind, and auditors."""
    if has_right(user, GOVERN, VIEW_EVERYTHING):
        return ALLOWED
    return deny(
        "not_overseer",
        "Who holds which role is for administrators and auditors to see.",
        "Ask one of them.",
    )


def can_appoint_to(user: User, key: str) -> Decision:
    """Administrators appoint to every role, governance administrators to those below theirs."""
    if is_administrator(user):
        return ALLOWED
    if key in APPOINTED_BY_GOVERNORS and has_right(user, GOVERN):
        return ALLOWED
    return deny(
        "not_appointer",
        f"You cannot appoint anybody as {TENANT_ROLES[key].name.lower()}.",
        "An administrator can.",
    )
