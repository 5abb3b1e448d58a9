"""What the shell of every page shows: entries by right, counts, the viewer's clock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject, cached_property

from entitlements import clock
from entitlements.directory.models import User
from portal import VERSION, dates
from portal.demo.personas import Persona, personas

Place = Literal["bar", "tools", "menu"]


def nothing(user: User) -> int:
    return 0


def everybody(user: User) -> bool:
    return True


@dataclass(frozen=True)
class NavEntry:
    """A way into an area; shown to those for whom `visible` holds, with its count unless zero.

    `place` is the bar at the top, the tools beside the search (an icon), or the viewer's own menu.
    `areas` are the URL namespaces in which the entry is the current one; its own by default.
    """

    label: str
    url_name: str
    count: Callable[[User], int] = nothing
    visible: Callable[[User], bool] = everybody
    order: int = 50
    place: Place = "bar"
    icon: str = ""
    areas: tuple[str, ...] = ()

    def covers(self, namespace: str) -> bool:
        """Say whether a page of this URL namespace belongs to the entry."""
        return namespace in (self.areas or (self.url_name.partition(":")[0],))


_entries: dict[str, NavEntry] = {}


def register(entry: NavEntry) -> None:
    """Add an entry, or replace the one with the same address; areas call this in their urls.py."""
    _entries[entry.url_name] = entry


@dataclass(frozen=True)
class Link:
    """An entry as one viewer sees it."""

    label: str
    url: str
    count: int
    is_current: bool
    icon: str


class Shell:
    """The frame around a page, worked out only when a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        user = getattr(request, "user", None)
        self.user: User | None = user if user is not None and user.is_authenticated else None

    @property
    def name(self) -> str:
        return str(settings.PORTAL_NAME)

    @property
    def version(self) -> str:
        return VERSION

    @property
    def theme(self) -> str:
        return self.user.theme if self.user else ""

    @property
    def zone(self) -> str:
        return timezone.get_current_timezone_name()

    @property
    def zone_differs(self) -> bool:
        return dates.viewer_differs()

    @property
    def made_at(self) -> str:
        return dates.full(clock.now())

    @property
    def is_demo(self) -> bool:
        return bool(settings.DEMO)

    @property
    def personas(self) -> tuple[Persona, ...]:
        return personas() if self.is_demo else ()

    @cached_property
    def bar(self) -> list[Link]:
        return list(self._links("bar"))

    @cached_property
    def tools(self) -> list[Link]:
        return list(self._links("tools"))

    @cached_property
    def menu(self) -> list[Link]:
        return list(self._links("menu"))

    def _links(self, place: Place) -> Iterator[Link]:
        match = getattr(self.request, "resolver_match", None)
        namespace = match.namespace if match else ""
        ordered = sorted(_entries.values(), key=lambda entry: (entry.order, entry.label))
        for entry in ordered:
            if self.user is None or entry.place != place or not entry.visible(self.user):
                continue
            try:
                url = reverse(entry.url_name)
            except NoReverseMatch:
                continue
            count, is_current = entry.count(self.user), entry.covers(namespace)
            yield Link(entry.label, url, count, is_current, entry.icon)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give every template the shell."""
    return {"shell": SimpleLazyObject(lambda: Shell(request))}
