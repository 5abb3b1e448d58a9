"""What a sync would change, worked out before anything is written."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from entitlements.directory.models import Account, Group, User
from entitlements.directory.organizations.models import ConnectedOrganization
from entitlements.directory.sync.records import Problem, Value
from entitlements.systems.models import ConnectedSystem

Column = Value | ConnectedOrganization
Pair = tuple[UUID, UUID]
"""A group and who, or what, is in it or over it."""


@dataclass(frozen=True, slots=True)
class Change:
    """Columns of one row that get another value: (before, after) by name.

    `key` is given when the row was not the source's under that key before.
    """

    pk: UUID
    name: str
    columns: dict[str, tuple[Column, Column]]
    key: str = ""

    @property
    def disables(self) -> bool:
        return self.columns.get("is_active") == (True, False)

    @property
    def enables(self) -> bool:
        return self.columns.get("is_active") == (False, True)


@dataclass(frozen=True, slots=True)
class NewManager:
    """Whom somebody reports to from now on; `is_new` when he is created by the same sync."""

    pk: UUID
    name: str
    before: UUID | None
    after: UUID | None
    is_new: bool


@dataclass
class Links:
    """Pairs to write and to take away."""

    added: set[Pair] = field(default_factory=set)
    removed: set[Pair] = field(default_factory=set)


@dataclass
class Plan:
    """Every difference between a feed and the database."""

    system: ConnectedSystem
    problems: list[Problem] = field(default_factory=list)
    active_before: int = 0
    new_people: list[User] = field(default_factory=list)
    changed_people: list[Change] = field(default_factory=list)
    managers: list[NewManager] = field(default_factory=list)
    stale_accounts: list[int] = field(default_factory=list)
    new_accounts: list[Account] = field(default_factory=list)
    new_groups: list[Group] = field(default_factory=list)
    changed_groups: list[Change] = field(default_factory=list)
    memberships: Links = field(default_factory=Links)
    nestings: Links = field(default_factory=Links)
    owners: Links = field(default_factory=Links)
    names: dict[UUID, str] = field(default_factory=dict)
    """Of people and groups, as they read afterwards."""

    @property
    def disabled(self) -> list[Change]:
        return [change for change in self.changed_people if change.disables]

    @property
    def who_loses_a_group(self) -> set[UUID]:
        """Those who leave a group, and are not disabled anyway."""
        return {person for _, person in self.memberships.removed} - {
            change.pk for change in self.disabled
        }

    @property
    def is_empty(self) -> bool:
        return not any(self.counts().values())

    def counts(self) -> dict[str, int]:
        """Return how many of each kind, by a name to show."""
        return {
            "people_added": len(self.new_people),
            "people_changed": len(self._people(disables=False, enables=False)),
            "people_disabled": len(self.disabled),
            "people_enabled": len(self._people(disables=False, enables=True)),
            "managers_changed": len(self.managers),
            "accounts_changed": len(self.new_accounts),
            "groups_added": len(self.new_groups),
            "groups_changed": len(self.changed_groups),
            "memberships_added": len(self.memberships.added),
            "memberships_removed": len(self.memberships.removed),
            "nestings_added": len(self.nestings.added),
            "nestings_removed": len(self.nestings.removed),
            "owners_added": len(self.owners.added),
            "owners_removed": len(self.owners.removed),
        }

    def lines(self) -> Iterator[str]:
        """Yield one sentence for each difference."""
        for user in self.new_people:
            state = "" if user.is_active else ", disabled"
            yield f"add person {user} <{user.email}>{state}"
        yield from _change_lines("person", self.changed_people)
        for manager in self.managers:
            before, after = self._name(manager.before), self._name(manager.after)
            yield f"change person {manager.name}: manager: {before} → {after}"
        for account in self.new_accounts:
            yield f"account of {self._name(account.user_id)}: {account.external_id}"
        for group in self.new_groups:
            yield f"add group {group}"
        yield from _change_lines("group", self.changed_groups)
        yield from self._link_lines("into", "out of", self.memberships)
        yield from self._link_lines("as a group into", "as a group out of", self.nestings)
        yield from self._link_lines("as owner of", "no more as owner of", self.owners)

    def _people(self, *, disables: bool, enables: bool) -> list[Change]:
        return [
            change
            for change in self.changed_people
            if (change.disables, change.enables) == (disables, enables)
        ]

    def _link_lines(self, added: str, removed: str, links: Links) -> Iterator[str]:
        for words, pairs in ((added, links.added), (removed, links.removed)):
            named = [(self._name(group), self._name(other)) for group, other in pairs]
            for group, other in sorted(named):
                yield f"{other} {words} {group}"

    def _name(self, pk: UUID | None) -> str:
        return self.names.get(pk, str(pk)) if pk else "nobody"


def _change_lines(thing: str, changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        act = "disable" if change.disables else "enable" if change.enables else "change"
        act = f"take over and {act}" if change.key else act
        columns = [
            f"{name}: {_shown(before)} → {_shown(after)}"
            for name, (before, after) in change.columns.items()
            if name != "is_active"
        ]
        details = f": {', '.join(columns)}" if columns else ""
        yield f"{act} {thing} {change.name}{details}"


def _shown(value: Column) -> str:
    return str(value) if value not in ("", None) else "(nothing)"
