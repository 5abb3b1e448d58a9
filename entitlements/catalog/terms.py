"""What owners enter about catalogs, resources, roles and packages, and what speaks against it.

Everything here is pure: no database, no clock.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Self
from unicodedata import category
from urllib.parse import urlsplit

from entitlements.decisions import Decision, Reason, collect

LONGEST_NAME = 200
LONGEST_RESOURCE_NAME = 256
LONGEST_TEXT = 10_000
LONGEST_ADDRESS = 1000


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


@dataclass(frozen=True)
class CatalogTerms(Terms):
    name: str
    description: str = ""
    is_enabled: bool = True
    is_external: bool = True
    keeps_access_held_before: bool = True

    def check(self) -> Decision:
        """Say what speaks against these words."""
        return collect((*name_fits(self.name), *text_fits(self.description)))


@dataclass(frozen=True)
class ResourceTerms(Terms):
    name: str
    description: str = ""
    address: str = ""

    def check(self) -> Decision:
        """Say what speaks against these words."""
        return collect(
            (
                *name_fits(self.name, longest=LONGEST_RESOURCE_NAME),
                *text_fits(self.description),
                *address_fits(self.address),
            )
        )


@dataclass(frozen=True)
class RoleTerms(Terms):
    name: str
    description: str = ""
    is_privileged: bool = False

    def check(self) -> Decision:
        """Say what speaks against these words."""
        return collect((*name_fits(self.name), *text_fits(self.description)))


@dataclass(frozen=True)
class PackageTerms(Terms):
    name: str
    description: str
    is_hidden: bool = False

    def check(self) -> Decision:
        """Say what speaks against these words."""
        return collect((*name_fits(self.name), *text_fits(self.description, is_required=True)))


def name_fits(name: str, *, longest: int = LONGEST_NAME) -> Iterator[Reason]:
    """Yield what speaks against a name: one line that people can read."""
    if not name.strip():
        yield Reason("name_missing", "A name is needed.")
    if len(name) > longest:
        yield Reason(
            "name_too_long", f"The name has {len(name):,} characters; at most {longest} fit."
        )
    if name != name.strip() or any(category(letter) in {"Cc", "Cs"} for letter in name):
        yield Reason(
            "name_unreadable", "The name contains a control character, or a space at its ends."
        )


def text_fits(text: str, *, is_required: bool = False) -> Iterator[Reason]:
    """Yield what speaks against a description."""
    if is_required and not text.strip():
        yield Reason("description_missing", "A description is needed.", "Say what it is for.")
    if len(text) > LONGEST_TEXT:
        yield Reason(
            "description_too_long",
            f"The description has {len(text):,} characters; at most {LONGEST_TEXT:,} are kept.",
        )
    if "\x00" in text or any(category(letter) == "Cs" for letter in text):
        yield Reason("description_unreadable", "The description contains a null character.")


def address_fits(address: str) -> Iterator[Reason]:
    """Yield what speaks against an address that people will be sent to."""
    if not address:
        return
    if len(address) > LONGEST_ADDRESS or not _leads_to_a_page(address):
        yield Reason(
            "address_unusable",
            "The address is not one that a browser can open.",
            "Give one that begins with https://.",
        )


def _leads_to_a_page(address: str) -> bool:
    if any(letter.isspace() or not letter.isprintable() for letter in address):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def external_id_fits(external_id: str, *, longest: int) -> Iterator[Reason]:
    """Yield what speaks against an id by which another system knows something."""
    if not external_id.strip():
        yield Reason("external_id_missing", "The id in the connected system is needed.")
    if len(external_id) > longest or not external_id.isprintable():
        yield Reason(
            "external_id_unusable",
            f"The id in the connected system must be one line of at most {longest} characters.",
        )
