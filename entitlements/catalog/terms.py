"""What owners enter about catalogs, resources, roles and packages, and what speaks against it.

Everything here is pure: no database, no clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from entitlements.decisions import Decision, Reason, collect
from entitlements.terms import Terms, name_fits, text_fits

LONGEST_RESOURCE_NAME = 256
LONGEST_WORDS = 200
LONGEST_ADDRESS = 1000


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


@dataclass(frozen=True)
class ContainedRole(Terms):
    """A role in a package, and what people read about it there instead of its description."""

    role_id: UUID
    words: str = ""


@dataclass(frozen=True)
class PackageContents(PackageTerms):
    """The words of a package, and its roles in the order in which people read them."""

    roles: tuple[ContainedRole, ...] = ()

    def check(self) -> Decision:
        """Say what speaks against these words."""
        written = {role.words for role in self.roles}
        return super().check() + collect(
            reason for words in sorted(written) for reason in words_fit(words)
        )

    @property
    def role_ids(self) -> list[UUID]:
        return [role.role_id for role in self.roles]


def words_fit(words: str) -> Iterator[Reason]:
    """Yield what speaks against the words beside a role: one short line, or nothing."""
    if len(words) > LONGEST_WORDS:
        yield Reason(
            "words_too_long",
            f"The words beside a role have {len(words):,} characters; at most {LONGEST_WORDS} fit.",
            "Shorten them.",
        )
    if not words.isprintable():
        yield Reason(
            "words_unreadable",
            "The words beside a role contain a control character or a new line.",
            "Write one line.",
        )


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
        yield Reason(
            "external_id_missing",
            "The id in the connected system is needed.",
            "Enter it as that system knows it.",
        )
    if len(external_id) > longest or not external_id.isprintable():
        yield Reason(
            "external_id_unusable",
            f"The id in the connected system must be one line of at most {longest} characters.",
            "Enter it as that system knows it.",
        )
