"""What must not be held together, and what must be held first: pure rules over plain facts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from entitlements.decisions import Reason


@dataclass(frozen=True)
class Clash:
    """Something that a person has, and that must not be held together with a package.

    `through` says which roles clash, where it is not the packages as such; `keeper` is the
    catalog whose owners can change the clash. `holding_id` is the access, or the approved request
    where `is_coming`. An exception counts until `excepted_until` (UTC).
    """

    kind: Literal["package", "group"]
    other_id: UUID
    other: str
    keeper: str
    through: str = ""
    holding_id: UUID | None = None
    is_coming: bool = False
    excepted_until: datetime | None = None


@dataclass(frozen=True)
class Missing:
    """Packages of which one must be held first: by id and name; there is at least one."""

    options: tuple[tuple[UUID, str], ...]
    keeper: str


@dataclass(frozen=True)
class Separation:
    """How a person stands to a package: what clashes with it, and what is missing."""

    clashes: tuple[Clash, ...] = ()
    missing: tuple[Missing, ...] = ()

    @property
    def exceptions(self) -> tuple[Clash, ...]:
        """Clashes that an exception allows at present."""
        return tuple(clash for clash in self.clashes if clash.excepted_until)

    @property
    def open_clashes(self) -> tuple[Clash, ...]:
        """Clashes that no exception allows."""
        return tuple(clash for clash in self.clashes if not clash.excepted_until)


APART = Separation()


def speaks_against(package: str, separation: Separation) -> Iterator[Reason]:
    """Return what speaks against a person's getting or renewing a package, all of it."""
    for clash in separation.open_clashes:
        yield clash_reason(package, clash)
    for missing in separation.missing:
        yield _missing_reason(package, missing)


def clash_reason(package: str, clash: Clash) -> Reason:
    """Say what clashes through what, and who can change it."""
    through = f": {clash.through}" if clash.through else ""
    keepers = f"The owners of {clash.keeper} can change the clash or allow an exception."
    if clash.kind == "group":
        text = f"{package} clashes with being in the group {clash.other}."
        return Reason("clash", text, f"Leave the group first. {keepers}", clash.other)
    if clash.is_coming:
        text = f"{package} clashes with {clash.other}, which is approved and starts later{through}."
        first = f"Cancel the request for {clash.other} first."
    else:
        text = f"{package} clashes with {clash.other}, which is held{through}."
        first = f"Give back {clash.other} first."
    return Reason("clash", text, f"{first} {keepers}", clash.other)


def _missing_reason(package: str, missing: Missing) -> Reason:
    keepers = f"The owners of {missing.keeper} decide what {package} requires."
    names = either(name for _, name in missing.options)
    if len(missing.options) == 1:
        text = f"{package} requires {names}, which is not held."
    else:
        text = f"{package} requires {names}; none of them is held."
    return Reason("prerequisite_missing", text, f"Ask for {names} first. {keepers}", names)


def either(names: Iterable[str]) -> str:
    """Return names as alternatives in a sentence."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
