"""Ask a system for somebody who waits: who holds a role now, and what there is to offer."""

import time
from typing import Final

from entitlements.connectors.base import (
    ConnectorRefused,
    ConnectorUnavailable,
    Found,
    Place,
    Searchable,
)
from entitlements.connectors.registry import connector_for
from entitlements.systems.models import ConnectedSystem

PATIENCE: Final = 5
LONGEST_READ: Final = 15.0
MOST_MEMBERS: Final = 100_000
MOST_FOUND: Final = 20


def read_members(system: ConnectedSystem, place: Place) -> list[str]:
    """Return the accounts that hold a role, read outside any transaction; all of them or none.

    Raises ConnectorRefused, also when it takes more than LONGEST_READ seconds or there are more
    than MOST_MEMBERS; no single answer is waited for longer than PATIENCE seconds.
    """
    if not system.is_enabled:
        raise ConnectorRefused(
            "switched_off", f"{system} is switched off. An administrator can switch it on."
        )
    connector = connector_for(system, patience=PATIENCE)
    stop_at = time.monotonic() + LONGEST_READ
    found: list[str] = []
    try:
        for account in connector.members(place):
            found.append(account)
            if len(found) > MOST_MEMBERS:
                raise ConnectorRefused(
                    "too_many_members", f"More than {MOST_MEMBERS:,} accounts hold this role."
                )
            if time.monotonic() > stop_at:
                raise ConnectorUnavailable(
                    "timeout",
                    f"{system} did not tell all who hold it within {LONGEST_READ:g} seconds.",
                )
    finally:
        connector.close()
    return found


def find_resources(system: ConnectedSystem, words: str) -> list[Found]:
    """Return up to MOST_FOUND things of a system by a part of their names; none for no words.

    Nothing is found in a system that cannot be searched. Raises ConnectorRefused; no answer is
    waited for longer than PATIENCE seconds.
    """
    connector = connector_for(system, patience=PATIENCE)
    try:
        if not words or not isinstance(connector, Searchable):
            return []
        return connector.find(words, MOST_FOUND)
    finally:
        connector.close()
