"""Who was appointed in a catalog, as its page shows it: since when, by whom, who is in a group."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from entitlements.audit.models import AuditEvent
from entitlements.catalog.appointments import Appointment
from entitlements.catalog.models import Catalog
from entitlements.directory.models import Group, User
from portal import wording

MOST_MEMBERS: Final = 50


@dataclass(frozen=True)
class Line:
    """One appointment, and what the records say of it; `by` is empty where they say nothing."""

    appointment: Appointment
    since: datetime | None = None
    by: str = ""

    @property
    def holder(self) -> User | Group:
        return self.appointment.holder

    @property
    def kind(self) -> str:
        holder = self.appointment.holder
        if isinstance(holder, Group):
            return "group"
        return "service" if holder.is_service else "person"

    @property
    def is_disabled(self) -> bool:
        holder = self.appointment.holder
        return isinstance(holder, User) and not holder.is_active


class Members(NamedTuple):
    """The first people of an appointed group, and whether there are more."""

    group: Group
    people: list[User]
    has_more: bool


def lines_of(catalog: Catalog, appointed: Iterable[Appointment], viewer: User) -> list[Line]:
    """Return the appointments with what the records say of the last act about each."""
    given = AuditEvent.objects.about(catalog).filter(action="catalog.role_given")
    last = {event.target_id: event for event in given}
    lines = []
    for appointment in appointed:
        event = last.get(appointment.holder.pk)
        is_told = event is not None and event.details["role"] == appointment.role
        lines.append(
            Line(appointment, event.at, wording.by_whom(event, viewer))
            if event and is_told
            else Line(appointment)
        )
    return lines


def members_shown(appointed: Sequence[Appointment], group_id: str) -> Members | None:
    """Return who is in one of the appointed groups, through nested groups too."""
    groups = {str(one.holder.pk): one.holder for one in appointed if one.is_group}
    group = groups.get(group_id)
    if not isinstance(group, Group):
        return None
    people = User.objects.active().members_of_any([group.pk]).order_by("display_name", "pk")
    found = list(people[: MOST_MEMBERS + 1])
    return Members(group, found[:MOST_MEMBERS], len(found) > MOST_MEMBERS)
