"""What a source says of people and groups, in one form for every kind of source."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

Value = str | bool | date | None

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how much of it is done, and how much there is, if that is known."""


def no_progress(doing: str, done: int, of: int | None) -> None:
    """Tell nobody."""


EVERY: Final = 1000
"""After how many things progress is told again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a source that cannot be taken over: where it stands, and what is wrong."""

    where: str
    code: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """One person; `values` stand in the order of the feed's `attributes`.

    `manager_key` is the manager's `key`; `account` the name by which the source knows the person.
    """

    key: str
    values: tuple[Value, ...]
    is_enabled: bool
    where: str
    manager_key: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """One group, without those in it."""

    key: str
    name: str
    description: str
    kind: str
    where: str


@dataclass(frozen=True, slots=True)
class Link:
    """Somebody, or a group, in or over a group: by their keys."""

    group_key: str
    key: str
    where: str


@dataclass
class Feed:
    """All that a source says at one time. None means that it says nothing of that kind.

    What stands in `spared` was unreadable in part: its rows in the database are left alone.
    """

    attributes: tuple[str, ...] = ()
    people: list[PersonRecord] | None = None
    groups: list[GroupRecord] | None = None
    memberships: list[Link] | None = None
    nestings: list[Link] | None = None
    owners: list[Link] | None = None
    has_managers: bool = False
    has_accounts: bool = False
    problems: list[Problem] = field(default_factory=list)
    spared: set[str] = field(default_factory=set)

    def problem(self, where: str, code: str, reason: str, *, spare: str = "") -> None:
        """Write down what is wrong with a row, and spare what is stored of it."""
        self.problems.append(Problem(where, code, reason))
        if spare:
            self.spared.add(spare)
