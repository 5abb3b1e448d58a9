"""What files say of roles, as records; and what is wrong with it before anybody asks the database.

Everything here is pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeVar
from unicodedata import category

from entitlements.decisions import Reason
from entitlements.directory.sync.csv_tables import Row
from entitlements.imports.bundles import APPROVERS, ENTITLEMENTS, MEMBERS, ROLES, Tables

POLICY: Final = "Imported"
WORDS: Final = "Imported from another product."
YES: Final = frozenset({"yes", "true", "1"})
NO: Final = frozenset({"no", "false", "0"})
LINES: Final = frozenset({"description", "justification"})
NOT_IN_A_LINE: Final = frozenset({"Cc", "Cs"})

Value = TypeVar("Value")


@dataclass(frozen=True)
class Mistake:
    """Something that cannot be imported: where it stands, of what it says so, and why."""

    place: str
    about: str
    reason: Reason


@dataclass(frozen=True)
class Entitlement:
    """One role of one resource in one system, by the names that the files have for them."""

    place: str
    system: str
    resource: str
    role: str


@dataclass(frozen=True)
class Approver:
    """Somebody who is asked in a stage; `name` is a person's or a group's."""

    place: str
    stage: int
    kind: str
    name: str
    is_fallback: bool
    decision_days: int | None
    rule: str


@dataclass(frozen=True)
class Member:
    """Somebody who has the role, and from when until when; dates as the files write them."""

    place: str
    person: str
    start: str
    end: str
    justification: str


@dataclass(frozen=True)
class Definition:
    """One role of the other product: what becomes a package, a policy and assignments."""

    place: str
    name: str
    description: str = WORDS
    is_hidden: bool = False
    policy: str = POLICY
    scope: str = "nobody"
    expiration: str = "never"
    duration: int | None = None
    ends_on: str = ""
    may_extend: bool = True
    entitlements: tuple[Entitlement, ...] = ()
    approvers: tuple[Approver, ...] = ()
    members: tuple[Member, ...] = ()


@dataclass(frozen=True)
class Definitions:
    """All roles of an import, with the mistakes in them."""

    roles: tuple[Definition, ...]
    mistakes: tuple[Mistake, ...] = ()


def definitions_of(tables: Tables) -> Definitions:
    """Return what tables define; a row that cannot be read is a mistake and says nothing."""
    return _Reader(tables).read()


class _Reader:
    """Reads the tables one after the other, and notes down every mistake."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.mistakes: list[Mistake] = []
        self.roles: dict[str, Definition] = {}
        self.rows: dict[str, Row] = {}
        self.included: dict[str, list[str]] = {}

    def read(self) -> Definitions:
        for row in self.tables[ROLES]:
            self._role(row)
        entitlements = self._with_included(self._by_role(ENTITLEMENTS, self._entitlement))
        approvers = self._by_role(APPROVERS, self._approver)
        members = self._by_role(MEMBERS, self._member)
        roles = tuple(
            replace(
                definition,
                entitlements=entitlements[key],
                approvers=tuple(approvers.get(key, ())),
                members=tuple(members.get(key, ())),
            )
            for key, definition in self.roles.items()
        )
        return Definitions(roles, tuple(self.mistakes))

    def _wrong(self, row: Row, about: str, reason: Reason) -> None:
        self.mistakes.append(Mistake(row.where, about[:300], reason))

    def _is_readable(self, row: Row) -> bool:
        before = len(self.mistakes)
        if row.mistake:
            text = f"{row.mistake[:1].upper()}{row.mistake[1:]}."
            self._wrong(row, row["role"], Reason("row_unreadable", text, "Mend it."))
        for column, text in row.cells.items():
            barred = {"Cs"} if column in LINES else NOT_IN_A_LINE
            if "\x00" in text or any(category(letter) in barred for letter in text):
                reason = Reason(
                    "text_unreadable",
                    f"The column {column} contains a control character.",
                    "Remove it.",
                )
                self._wrong(row, "", reason)
        return len(self.mistakes) == before

    def _role(self, row: Row) -> None:
        if not self._is_readable(row):
            return
        name = row["role"]
        key = name.casefold()
        if not name:
            self._wrong(row, "", Reason("role_missing", "The role has no name.", "Enter one."))
            return
        if key in self.roles:
            first = self.roles[key].place
            text = f"“{name}” is defined before, in {first}."
            self._wrong(row, name, Reason("role_twice", text, "Take one of them out."))
            return
        self.rows[key] = row
        self.included[key] = [part.strip() for part in row["includes"].split("|") if part.strip()]
        expiration, duration, ends_on = self._lasting(row)
        self.roles[key] = Definition(
            place=row.where,
            name=name,
            description=row["description"] or WORDS,
            is_hidden=self._value(row, "hidden", _yes_or_no, default=False),
            policy=row["policy"] or POLICY,
            scope=row["who_may_ask"].lower() or "nobody",
            expiration=expiration,
            duration=duration,
            ends_on=ends_on,
            may_extend=self._value(row, "may_extend", _yes_or_no, default=True),
        )

    def _lasting(self, row: Row) -> tuple[str, int | None, str]:
        """Return how long access lasts: the kind of its end, a number of units, or a day."""
        given = [name for name in ("days", "hours", "ends_on") if row[name]]
        if len(given) > 1:
            reason = Reason(
                "end_contradicts",
                "The role says in more than one way how long it lasts.",
                "Decide for one of days, hours and ends_on.",
            )
            self._wrong(row, row["role"], reason)
        if not given or len(given) > 1:
            return "never", None, ""
        if given == ["ends_on"]:
            day = self._value(row, "ends_on", _day, default="")
            return ("on_date", None, day) if day else ("never", None, "")
        number = self._value(row, given[0], _number, default=None)
        return (f"after_{given[0]}", number, "") if number is not None else ("never", None, "")

    def _by_role(self, table: str, read: Callable[[Row], Value]) -> dict[str, list[Value]]:
        """Return the good rows of a table, by the role that each belongs to."""
        found: dict[str, list[Value]] = {}
        for row in self.tables[table]:
            key = row["role"].casefold()
            if not self._is_readable(row):
                continue
            if key not in self.roles:
                text = f"No role is called “{row['role'][:80]}” in {ROLES}."
                reason = Reason("role_unknown", text, "Define it there, or take the row out.")
                self._wrong(row, row["role"], reason)
                continue
            found.setdefault(key, []).append(read(row))
        return found

    def _entitlement(self, row: Row) -> Entitlement:
        return Entitlement(row.where, row["system"], row["resource"], row["resource_role"])

    def _approver(self, row: Row) -> Approver:
        return Approver(
            place=row.where,
            stage=self._value(row, "stage", _number, default=1),
            kind=row["kind"].lower(),
            name=row["approver"],
            is_fallback=self._value(row, "fallback", _yes_or_no, default=False),
            decision_days=self._value(row, "decision_days", _number, default=None),
            rule=self._value(row, "who_approves", _rule, default=""),
        )

    def _member(self, row: Row) -> Member:
        return Member(row.where, row["member"], row["start"], row["end"], row["justification"])

    def _value(
        self, row: Row, column: str, read: Callable[[str], Value | None], *, default: Value
    ) -> Value:
        """Return a cell as `read` understands it; what it does not understand is a mistake."""
        text = row[column]
        if not text:
            return default
        value = read(text)
        if value is None:
            reason = Reason(
                "value_unreadable",
                f"“{text[:40]}” in the column {column} is not understood.",
                f"Write {WRITTEN[read]}.",
            )
            self._wrong(row, row["role"], reason)
            return default
        return value

    def _with_included(
        self, own: Mapping[str, list[Entitlement]]
    ) -> dict[str, tuple[Entitlement, ...]]:
        """Return what each role has, with what it has through the roles that it includes."""
        found: dict[str, tuple[Entitlement, ...]] = {}
        for key, definition in self.roles.items():
            self._look_for_unknown(key)
            reached = self._reached(key)
            if any(key in self._includes(each) for each in reached):
                text = f"“{definition.name}” includes itself, directly or through other roles."
                reason = Reason("role_circle", text, "Take one of them out.")
                self._wrong(self.rows[key], definition.name, reason)
            found[key] = tuple(_once([one for each in reached for one in own.get(each, ())]))
            if not found[key]:
                text = f"“{definition.name}” has no entitlements."
                reason = Reason("entitlements_missing", text, f"List them in {ENTITLEMENTS}.")
                self._wrong(self.rows[key], definition.name, reason)
        return found

    def _look_for_unknown(self, key: str) -> None:
        for name in self.included[key]:
            if name.casefold() not in self.roles:
                text = f"No role is called “{name[:80]}”, which it includes."
                reason = Reason("role_unknown", text, "Define it, or take it out.")
                self._wrong(self.rows[key], self.roles[key].name, reason)

    def _includes(self, key: str) -> set[str]:
        return {name.casefold() for name in self.included[key]} & self.roles.keys()

    def _reached(self, start: str) -> list[str]:
        """Return a role and all that it includes, directly or through others, each once."""
        reached = [start]
        for key in reached:
            reached += sorted(self._includes(key) - set(reached))
        return reached


def _once(entitlements: Iterable[Entitlement]) -> Iterator[Entitlement]:
    """Yield each role of a resource once, however often and in whatever letters it is named."""
    seen = set()
    for one in entitlements:
        key = (one.system.casefold(), one.resource.casefold(), one.role.casefold())
        if key not in seen:
            seen.add(key)
            yield one


def _yes_or_no(text: str) -> bool | None:
    word = text.lower()
    return True if word in YES else False if word in NO else None


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    return int(text) if is_number else None


def _rule(text: str) -> str | None:
    word = text.lower()
    return word if word in ("any", "all") or _number(word) is not None else None


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


WRITTEN: Final[Mapping[Callable[[str], object], str]] = {
    _yes_or_no: "yes or no",
    _number: "a whole number",
    _rule: "any, all, or how many",
    _day: "it as 2026-12-31",
}
