"""What differs between two versions of a thing, in plain values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entitlements.plain import to_plain


@dataclass(frozen=True)
class Difference:
    """One thing that differs; within a part such as "stages", `position` counts from 1.

    `field` is empty where a whole part was added (`old` is None) or removed (`new` is None).
    """

    field: str
    old: Any
    new: Any
    part: str = ""
    position: int = 0


def differences(before: Any, after: Any) -> list[Difference]:
    """Return what one has to know to get from one version to the other, field by field."""
    return compare(to_plain(before), to_plain(after))


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between plain values; what `old` does not have counts as the same."""
    new = {name: value for name, value in new.items() if name in old}
    parts = [name for name in new if _is_part(old[name]) or _is_part(new[name])]
    found = [Difference(*entry) for entry in _fields(old, new) if entry[0] not in parts]
    for part in parts:
        found.extend(_parts(part, old[part], new[part]))
    return found


def _is_part(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) for one in value)


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name, value in new.items():
        if old.get(name, value) != value:
            yield name, old[name], value


def _parts(
    part: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> Iterator[Difference]:
    """Compare each with the one of its key, or where they have none, in its place."""
    before, after = _by_key(old), _by_key(new)
    for position, (key, there) in enumerate(after.items(), start=1):
        here = before.get(key)
        if here is None:
            yield Difference("", None, there, part, position)
            continue
        for name, was, becomes in _fields(here, there):
            yield Difference(name, was, becomes, part, position)
    for position, (key, here) in enumerate(before.items(), start=1):
        if key not in after:
            yield Difference("", here, None, part, position)
    kept = [key for key in before if key in after]
    if kept != [key for key in after if key in before]:
        yield Difference("order", list(old), list(new), part)


def _by_key(parts: Sequence[Mapping[str, Any]]) -> dict[Any, Mapping[str, Any]]:
    return {
        part.get("key") or part.get("role_id") or number: part for number, part in enumerate(parts)
    }
