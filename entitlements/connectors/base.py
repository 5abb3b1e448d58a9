"""What every kind of target system can do for us."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Place:
    """One role of one resource, by the target system's own ids."""

    resource: str
    role: str


@dataclass(frozen=True)
class Found:
    """Something in a target system that a catalog could offer, by the id that it has there."""

    external_id: str
    name: str
    description: str = ""


class ConnectorRefused(Exception):
    """The target system said no: trying again without a change will not help.

    `code` is stable and for machines; the text says what happened and what to do.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class ConnectorUnavailable(ConnectorRefused):
    """The target system cannot be reached or does not work at present: try again later."""


class Connector(Protocol):
    """Gives and takes roles in one connected system.

    Every call may be repeated: each succeeds when there is nothing left to do. A call raises
    ConnectorRefused, or ConnectorUnavailable when a later attempt may succeed, and nothing else.
    `account` is the name by which the system knows a person.
    """

    def check(self) -> None:
        """Connect and sign in, as a test of the settings."""
        ...

    def members(self, place: Place) -> Iterator[str]:
        """Yield the accounts that hold a role, read from the system now."""
        ...

    def is_member(self, place: Place, account: str) -> bool:
        """Say whether an account holds a role now."""
        ...

    def ensure_member(self, place: Place, account: str) -> None:
        """See to it that an account holds a role."""
        ...

    def ensure_absent(self, place: Place, account: str) -> None:
        """See to it that an account does not hold a role."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


@runtime_checkable
class Searchable(Protocol):
    """What a connector can do besides when its system can be searched; it raises the same."""

    def find(self, words: str, most: int) -> list[Found]:
        """Return up to `most` things whose names contain `words`, by name."""
        ...
