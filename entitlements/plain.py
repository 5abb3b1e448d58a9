"""Terms as plain values that JSON can hold, and back.

What older terms lack gets its default, and what is not known any more is left out.
"""

from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

T = TypeVar("T")


def to_plain(terms: Any) -> dict[str, Any]:
    """Return terms with ids as text, moments as ISO 8601, and lists for tuples."""
    plain: dict[str, Any] = _plain(asdict(terms))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def from_plain(kind: type[T], plain: dict[str, Any]) -> T:
    """Return the terms that `to_plain` was given."""
    hints = get_type_hints(kind)
    known = [field.name for field in fields(kind) if field.name in plain]  # type: ignore[arg-type]
    return kind(**{name: _read(hints[name], plain[name]) for name in known})


def _read(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    wanted = [one for one in get_args(hint) or (hint,) if one not in (NoneType, Ellipsis)]
    if get_origin(hint) is UnionType:
        return _read(wanted[0], value)
    if get_origin(hint) is tuple:
        return tuple(_read(wanted[0], one) for one in value)
    kind = wanted[0]
    if is_dataclass(kind):
        return from_plain(kind, value)  # type: ignore[arg-type]
    if kind is datetime:
        return datetime.fromisoformat(value)
    return UUID(value) if kind is UUID else value
