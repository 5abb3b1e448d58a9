"""What Django's change list has found, in the shape in which our own template shows it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.utils import display_for_value, lookup_field
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.utils.text import capfirst

CHECKBOX = "action_checkbox"


class Heading(NamedTuple):
    """A column's name, the address that sorts by it, and how it is sorted now."""

    label: str
    url: str
    direction: str


class Cell(NamedTuple):
    """One value beneath its column's name, which phones show beside it."""

    label: str
    content: Any


class Row(NamedTuple):
    key: str
    name: str
    cells: list[Cell]


@dataclass(frozen=True)
class Filter:
    """One filter: its name, what is chosen, and the choices with their addresses.

    Some have an `entry` for what they cannot offer as choices; `kept` is what a form around it
    sends on, and `is_open` says that its search was just made.
    """

    title: str
    chosen: str
    is_active: bool
    choices: list[Mapping[str, object]]
    entry: str
    kept: list[tuple[str, str]]
    is_open: bool


def headings(listed: ChangeList) -> list[Heading]:
    """Return the columns, without the one for choosing rows."""
    return [
        Heading(
            label=capfirst(str(header["text"])),
            url=str(header.get("url_primary", "")) if header["sortable"] else "",
            direction=_direction(header),
        )
        for name, header in zip(listed.list_display, result_headers(listed), strict=True)
        if name != CHECKBOX
    ]


def _direction(header: dict[str, Any]) -> str:
    if not (header["sortable"] and header["sort_priority"] > 0):
        return ""
    return "ascending" if header["ascending"] else "descending"


def rows(listed: ChangeList) -> Iterator[Row]:
    """Yield the rows of the present page."""
    labels = [heading.label for heading in headings(listed)]
    names = [str(name) for name in listed.list_display if name != CHECKBOX]
    for thing in listed.result_list:
        cells = [
            Cell(label, _content(listed, name, thing))
            for label, name in zip(labels, names, strict=True)
        ]
        yield Row(str(thing.pk), str(thing), cells)


def _content(listed: ChangeList, name: str, thing: Model) -> Any:
    value = lookup_field(name, thing, listed.model_admin)[2]
    return display_for_value(value, "–")


def in_words(listed: ChangeList) -> str:
    """Say what narrows the list; a choice that it does not offer leaves nothing."""
    words = []
    for spec in listed.filter_specs:
        choices = list(spec.choices(listed))
        chosen = next((choice for choice in choices if choice["selected"]), None)
        if chosen is not choices[0]:
            words.append(f"{capfirst(str(spec.title))}: {chosen['display'] if chosen else '?'}")
    if listed.query:
        words.append(f"Search: “{listed.query}”")
    return "; ".join(words) or "none"


def filters(listed: ChangeList) -> list[Filter]:
    """Return the filters with their choices; the first choice of each is "all"."""
    found = []
    for spec in listed.filter_specs:
        choices = list(spec.choices(listed))
        chosen = next((choice for choice in choices if choice["selected"]), choices[0])
        found.append(
            Filter(
                title=capfirst(str(spec.title)),
                chosen=str(chosen["display"]),
                is_active=chosen is not choices[0],
                choices=choices,
                entry=spec.entry() if hasattr(spec, "entry") else "",
                kept=_kept_beside(spec, listed),
                is_open=getattr(spec, "is_searched", False),
            )
        )
    return found


def _kept_beside(spec: Any, listed: ChangeList) -> list[tuple[str, str]]:
    """Return what an address says beside one filter and what was typed to find something."""
    return [
        (name, value)
        for name, values in listed.filter_params.items()
        for value in values
        if name not in (*spec.expected_parameters(), "find") and not name.endswith("-q")
    ]
