"""Every route of the portal, from the resolver: its name, its address, and what it names."""

import re
from typing import NamedTuple

from django.urls import URLPattern, get_resolver

NAMED = re.compile(r"<(?:\w+:)?(\w+)>")
GROUP = re.compile(r"\(\?P<(\w+)>(?:\[[^]]*\]|[^()])*\)")


class Route(NamedTuple):
    """A route under its name, or its address where it has none."""

    key: str
    address: str
    names: tuple[str, ...]

    def with_values(self, values):
        """Return the address that names these things."""
        return NAMED.sub(lambda found: str(values[found[1]]), self.address)


def routes():
    """Return all routes; those of the same key lead to the same page."""
    return list(_under(get_resolver(), "", "/"))


def _under(resolver, prefix, address):
    for pattern in resolver.url_patterns:
        here = address + _plain(str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            key = f"{prefix}{pattern.name}" if pattern.name else here
            yield Route(key, here, tuple(NAMED.findall(here)))
        else:
            inner = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from _under(pattern, inner, here)


def _plain(text):
    """Return a regular expression as the other kind of pattern: with names in angle brackets."""
    return GROUP.sub(r"<\1>", text).lstrip("^").rstrip("$")
