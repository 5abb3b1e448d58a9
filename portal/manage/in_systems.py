"""What there is in a connected system, for whoever offers something of it in a catalog."""

from typing import NamedTuple
from urllib.parse import urlencode

from entitlements.connectors.base import ConnectorRefused, Found
from entitlements.connectors.reading import MOST_FOUND, find_resources
from entitlements.systems.models import ConnectedSystem
from portal.http import PortalRequest

FIELDS = ("external_id", "name", "description")


class Hit(NamedTuple):
    """Something that was found, and the query that fills the form with it."""

    found: Found
    query: str


class Search(NamedTuple):
    """What was looked for, what was found, and why the system could not be asked."""

    words: str
    hits: list[Hit]
    error: str = ""

    @property
    def is_cut(self) -> bool:
        """Say whether there may be more than is shown."""
        return len(self.hits) == MOST_FOUND


def search(request: PortalRequest, system: ConnectedSystem) -> Search:
    """Look in a system for the words that somebody has entered, if any."""
    words = request.GET.get("q", "").strip()[:100]
    try:
        found = find_resources(system, words)
    except ConnectorRefused as refused:
        return Search(words, [], str(refused))
    return Search(words, [Hit(one, _query(system, words, one)) for one in found])


def _query(system: ConnectedSystem, words: str, found: Found) -> str:
    chosen = {name: getattr(found, name) for name in FIELDS}
    return urlencode({"system": system.pk, "q": words, **chosen})


def chosen(request: PortalRequest) -> dict[str, str]:
    """Return what the form begins with: the thing that was chosen among those found."""
    return {name: request.GET[name] for name in FIELDS if name in request.GET}
