"""The built-in directory as a target system: roles in its own groups."""

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction

from entitlements.connectors.base import ConnectorRefused, Place
from entitlements.directory.models import Group, Membership, User
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
        people = Group.owners if place.role == OWNER else Group.members
        return people.through.objects.filter(group=group, user=key).exists()

    @transaction.atomic(durable=True)
    def ensure_member(self, place: Place, account: str) -> None:
        group, user = self._group(place), self._user(account)
        if place.role == OWNER:
            group.owners.add(user)
        else:
            Membership.objects.bulk_create(
                [Membership(group=group, user=user)], ignore_conflicts=True
            )

    @transaction.atomic(durable=True)
    def ensure_absent(self, place: Place, account: str) -> None:
        try:
            group, user = self._group(place), self._user(account)
        except ConnectorRefused as refused:
            if refused.code in GONE:
                return
            raise
        if place.role == OWNER:
            group.owners.remove(user)
        else:
            Membership.objects.filter(group=group, user=user).delete()

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

    def _user(self, account: str) -> User:
        key = _uuid(account)
        user: User | None = User.objects.filter(pk=key).first() if key else None
        if user is None:
            raise ConnectorRefused("account_missing", "The person does not exist any more.")
        return user


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
