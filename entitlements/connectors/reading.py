"""Read who holds a role in a system now, for somebody who waits for the answer."""

import time
from typing import Final

from entitlements.connectors.base import ConnectorRefused, ConnectorUnavailable, Place
from entitlements.connectors.registry import connector_for
from entitlements.systems.models import ConnectedSystem

PATIENCE: Final = 5
LONGEST_READ: Final = 15.0
MOST_MEMBERS: Final = 100_000


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
