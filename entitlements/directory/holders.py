"""Who holds which role in the tenant, since when and by whom."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Group as TenantRole
from django.db.models import Prefetch

from entitlements.audit.models import AuditEvent
from entitlements.directory.models import Group, User
from entitlements.directory.tenant_roles import ADMINISTRATOR, TENANT_ROLES, TenantRoleGroup

Holder = User | Group


@dataclass(frozen=True)
class TenantAppointment:
    """Somebody, or whoever is in a group, in a tenant role; `event` is the record of it, if any."""

    holder: Holder
    event: AuditEvent | None = None

    @property
    def is_group(self) -> bool:
        return isinstance(self.holder, Group)


def tenant_appointments() -> dict[str, list[TenantAppointment]]:
    """Return who was appointed to each role, groups first, then by name; in five queries."""
    holders = {key: list(people) for key, people in _holders().items()}
    told = _told([holder for people in holders.values() for holder in people])
    return {
        key: [TenantAppointment(one, told.get((one.pk, key))) for one in people]
        for key, people in holders.items()
    }


def _holders() -> dict[str, Iterable[Holder]]:
    people = User.objects.order_by("display_name", "pk")
    groups = TenantRoleGroup.objects.select_related("group").order_by("group__name")
    roles = TenantRole.objects.prefetch_related(
        Prefetch("user_set", people), Prefetch("holding_groups", groups)
    )
    by_name = {role.name: role for role in roles}
    found: dict[str, Iterable[Holder]] = {ADMINISTRATOR: people.filter(is_superuser=True)}
    for key, terms in TENANT_ROLES.items():
        role = by_name.get(terms.name)
        if role:
            found[key] = [row.group for row in role.holding_groups.all()] + [*role.user_set.all()]
    return {key: found.get(key, []) for key in TENANT_ROLES}


def _told(holders: list[Holder]) -> dict[tuple[object, str], AuditEvent]:
    """Return the last record of an appointment, by holder and role."""
    events = AuditEvent.objects.filter(
        action="tenant_role.given", target_id__in={holder.pk for holder in holders}
    )
    return {(event.target_id, event.details["role"]): event for event in events.order_by("pk")}
