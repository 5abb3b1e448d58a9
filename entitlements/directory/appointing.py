"""Appoint people and groups to tenant roles, and dismiss them."""

from django.contrib.auth.models import Group as TenantRole
from django.db import transaction

from entitlements.audit import trail
from entitlements.decisions import Reason, collect, deny
from entitlements.directory.models import Group, User
from entitlements.directory.tenant_roles import (
    ADMINISTRATOR,
    TENANT_ROLES,
    TenantRoleGroup,
    can_appoint_to,
    tenant_role,
)
from entitlements.locks import lock_rows, take_turns

Holder = User | Group


@transaction.atomic(durable=True)
def give_tenant_role(holder: Holder, key: str, *, by: User) -> None:
    """Let a person, or whoever is in a group, hold a role in the whole tenant."""
    _take_turns(holder, key, by)
    collect((_may_hold(holder, key), _is_active(holder))).require()
    if not holds_tenant_role(holder, key):
        _set(holder, key, is_held=True)
        _record("tenant_role.given", holder, key, by)


@transaction.atomic(durable=True)
def take_tenant_role(holder: Holder, key: str, *, by: User) -> None:
    """Take a role in the tenant from whoever was appointed; raise Denied for the last one."""
    _take_turns(holder, key, by)
    if not holds_tenant_role(holder, key):
        name = TENANT_ROLES[key].name.lower()
        deny("not_appointed", f"{holder} is not {name}.", "Nothing is to be done.").require()
    if key == ADMINISTRATOR and isinstance(holder, User):
        collect([not_the_last_administrator(holder)]).require()
    _set(holder, key, is_held=False)
    _record("tenant_role.taken", holder, key, by)


def holds_tenant_role(holder: Holder, key: str) -> bool:
    """Say whether somebody was appointed to a role himself, not through a group."""
    if isinstance(holder, Group):
        return TenantRoleGroup.objects.filter(group=holder, role__name=_name(key)).exists()
    if key == ADMINISTRATOR:
        found: bool = User.objects.filter(pk=holder.pk, is_superuser=True).exists()
        return found
    return TenantRole.objects.filter(user=holder, name=_name(key)).exists()


def not_the_last_administrator(person: User) -> Reason | None:
    """Within the caller's transaction: lock the administrators, and see whether one is left."""
    administrators = User.objects.filter(is_superuser=True)
    lock_rows(administrators)
    if administrators.active().exclude(pk=person.pk).exists():
        return None
    return Reason(
        "last_administrator",
        f"{person} is the last administrator.",
        "Appoint another one first.",
    )


def _take_turns(holder: Holder, key: str, by: User) -> None:
    if key not in TENANT_ROLES:
        deny("unknown_role", "There is no such role.", "Choose one from the list.").require()
    take_turns(holder.pk)
    can_appoint_to(by, key).require()


def _name(key: str) -> str:
    return TENANT_ROLES[key].name


def _set(holder: Holder, key: str, *, is_held: bool) -> None:
    if isinstance(holder, Group):
        rows = TenantRoleGroup.objects.filter(group=holder, role=tenant_role(key))
        if is_held:
            TenantRoleGroup.objects.create(group=holder, role=tenant_role(key))
        else:
            rows.delete()
    elif key == ADMINISTRATOR:
        User.objects.filter(pk=holder.pk).update(is_superuser=is_held, is_staff=is_held)
    elif is_held:
        holder.groups.add(tenant_role(key))
    else:
        holder.groups.remove(tenant_role(key))


def _record(action: str, holder: Holder, key: str, by: User) -> None:
    trail.record(action, holder, by=by, target=holder, role=key, holder=str(holder))


def _may_hold(holder: Holder, key: str) -> Reason | None:
    if isinstance(holder, Group):
        if key != ADMINISTRATOR:
            return None
        return Reason(
            "people_only", "Only people are administrators, and no groups.", "Name each of them."
        )
    if not holder.is_service:
        return None
    return Reason(
        "no_service_accounts",
        f"{holder} is a service account; these hold roles in catalogs only.",
        "Appoint it on the page of a catalog.",
    )


def _is_active(holder: Holder) -> Reason | None:
    if isinstance(holder, Group) or holder.is_active:
        return None
    return Reason(
        "account_disabled", f"{holder}'s account is disabled.", "The directory decides this."
    )
