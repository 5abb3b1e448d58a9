"""Attributes with very many values, which Active Directory hands out in ranges."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from entitlements.systems.ldap import Entry
from entitlements.systems.ldap_errors import LdapFailed

RANGE: Final = re.compile(r";range=\d+-(?P<last>\d+|\*)$")

Read = Callable[[str, Sequence[str]], Entry | None]
"""Reads attributes of one entry: `LdapClient.read`."""


def all_values(read: Read, entry: Entry, attribute: str) -> Iterator[str]:
    """Yield the values that came with an entry, and read on while the server cuts them off."""
    part: Entry | None = entry
    while part is not None:
        name, last = _present(part, attribute)
        yield from part.texts(name)
        if last is None:
            return
        part = read(entry.dn, [f"{attribute};range={last + 1}-*"])
    raise LdapFailed("incomplete", f"{entry.dn} went away while it was read.", concerns_server=True)


def _present(entry: Entry, attribute: str) -> tuple[str, int | None]:
    """Return under which name an entry has values, and which is the last if more follow."""
    for name in entry.values:
        ranged = RANGE.search(name)
        if ranged and name.startswith(attribute.lower() + ";"):
            last = ranged["last"]
            return name, None if last == "*" else int(last)
    return attribute, None
