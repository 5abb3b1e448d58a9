"""What stands in for a connector whose kind this version does not know."""

from collections.abc import Iterator

from entitlements.connectors.base import ConnectorRefused, Place
from entitlements.systems.models import ConnectedSystem


class UnknownConnector:
    """Refuses everything, so that grants say why they wait."""

    def __init__(self, system: ConnectedSystem) -> None:
        self.system = system

    def check(self) -> None:
        raise self._refusal()

    def members(self, place: Place) -> Iterator[str]:
        raise self._refusal()

    def is_member(self, place: Place, account: str) -> bool:
        raise self._refusal()

    def ensure_member(self, place: Place, account: str) -> None:
        raise self._refusal()

    def ensure_absent(self, place: Place, account: str) -> None:
        raise self._refusal()

    def close(self) -> None:
        """There is nothing to let go of."""

    def _refusal(self) -> ConnectorRefused:
        return ConnectorRefused(
            "unknown_kind", f"There is no connector of kind “{self.system.kind}”."
        )
