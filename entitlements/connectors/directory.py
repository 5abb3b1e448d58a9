"""The built-in directory as a target system: roles in its own groups."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from entitlements.connectors.base import ConnectorRefused, Place
from entitlements.directory.models import Group, User
from entitlements.systems.models import ConnectedSystem

MEMBER, OWNER = "member", "owner"
GONE = ("group_missing", "account_missing")


class DirectoryConnector:
    """Makes people members and owners of groups that this portal manages itself.

    A resource is a group's id, an account a user's id. Groups are read once per connector, which
    lives as long as a handful of calls.
    """

    def __init__(self, system: ConnectedSystem) -> None:
        self.system = system
        self._groups: dict[Place, Group] = {}

    def check(self) -> None:
        """Nothing can be wrong: the directory is in our own database."""

    def members(self, place: Place) -> Iterator[str]:
        group = self._group(place)
        people = group.owners if place.role == OWNER else group.members
        for key in people.values_list("pk", flat=True).order_by("pk").iterator():
            yield str(key)

    def is_member(self, place: Place, account: str) -> bool:
        group, key = self._group(place), _uuid(account)
        return _entries(place).filter(group=group, user=key).exists()

    @transaction.atomic(durable=True)
    def ensure_member(self, place: Place, account: str) -> None:
        entries = _entries(place)
        entry = entries.model(group=self._group(place), user_id=self._user(account))
        entries.bulk_create([entry], ignore_conflicts=True)

    @transaction.atomic(durable=True)
    def ensure_absent(self, place: Place, account: str) -> None:
        try:
            group, user = self._group(place), self._user(account)
        except ConnectorRefused as refused:
            if refused.code in GONE:
                return
            raise
        _entries(place).filter(group=group, user=user).delete()

    def close(self) -> None:
        """There is no connection of our own."""

    def _group(self, place: Place) -> Group:
        if place not in self._groups:
            self._groups[place] = self._read_group(place)
        return self._groups[place]

    def _read_group(self, place: Place) -> Group:
        if place.role not in (MEMBER, OWNER):
            raise ConnectorRefused("unknown_role", f"A group has no role “{place.role}”.")
        key = _uuid(place.resource)
        group = Group.objects.filter(pk=key).first() if key else None
        if group is None:
            raise ConnectorRefused("group_missing", "The group does not exist any more.")
        if group.source_id or (group.is_dynamic and place.role == MEMBER):
            raise ConnectorRefused(
                "managed_elsewhere", f"The members of {group} are managed elsewhere."
            )
        return group

    def _user(self, account: str) -> UUID:
        key = _uuid(account)
        if key is None or not User.objects.filter(pk=key).exists():
            raise ConnectorRefused("account_missing", "The person does not exist any more.")
        return key


def _entries(place: Place) -> QuerySet[Any]:
    """Return the rows that say who is a member of which group, or who owns it."""
    people = Group.owners if place.role == OWNER else Group.members
    return people.through.objects.all()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
