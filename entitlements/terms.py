"""What people enter about a thing with a name, and what speaks against its words.

Everything here is pure: no database, no clock.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Self
from unicodedata import category

from entitlements.decisions import Reason

LONGEST_NAME = 200
LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Terms:
    """Words and switches of one thing, which may be changed later."""

    @classmethod
    def of(cls, thing: object) -> Self:
        """Return the terms as a thing has them now."""
        return cls(**{field.name: getattr(thing, field.name) for field in fields(cls)})

    def write_to(self, thing: object) -> None:
        """Set the thing's fields, without saving it."""
        for name, value in self.as_dict().items():
            setattr(thing, name, value)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def since(self, before: "Terms") -> dict[str, dict[str, Any]]:
        """Return what differs from `before`: each field with its old and its new value."""
        old = before.as_dict()
        return {
            name: {"old": old[name], "new": value}
            for name, value in self.as_dict().items()
            if old[name] != value
        }


def name_fits(name: str, *, longest: int = LONGEST_NAME) -> Iterator[Reason]:
    """Yield what speaks against a name: one line that people can read."""
    if not name.strip():
        yield Reason("name_missing", "A name is needed.", "Enter one.")
    if len(name) > longest:
        yield Reason(
            "name_too_long",
            f"The name has {len(name):,} characters; at most {longest} fit.",
            "Shorten it.",
        )
    if name != name.strip() or any(category(letter) in {"Cc", "Cs"} for letter in name):
        yield Reason(
            "name_unreadable",
            "The name contains a control character, or a space at its ends.",
            "Remove it.",
        )


def text_fits(text: str, *, is_required: bool = False) -> Iterator[Reason]:
    """Yield what speaks against a description."""
    if is_required and not text.strip():
        yield Reason("description_missing", "A description is needed.", "Say what it is for.")
    if len(text) > LONGEST_TEXT:
        yield Reason(
            "description_too_long",
            f"The description has {len(text):,} characters; at most {LONGEST_TEXT:,} are kept.",
            "Shorten it.",
        )
    if "\x00" in text or any(category(letter) == "Cs" for letter in text):
        yield Reason(
            "description_unreadable", "The description contains a null character.", "Remove it."
        )
