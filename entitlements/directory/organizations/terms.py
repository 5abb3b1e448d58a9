"""What is entered about an organization, and what speaks against it: pure, no database."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import DomainNameValidator

from entitlements.decisions import Decision, Reason, collect
from entitlements.terms import Terms, name_fits, text_fits

MOST_DOMAINS = 100

_is_domain = DomainNameValidator(accept_idna=False)


@dataclass(frozen=True)
class OrganizationTerms(Terms):
    """An organization's words and its domains."""

    name: str
    description: str = ""
    domains: tuple[str, ...] = ()

    def check(self) -> Decision:
        """Say what speaks against these words."""
        words = (*name_fits(self.name), *text_fits(self.description))
        return collect((*words, *domains_fit(self.domains)))


def domains_fit(domains: tuple[str, ...]) -> Iterator[Reason]:
    """Yield what speaks against domains: there is at least one, and each is a whole name."""
    if not domains:
        yield Reason(
            "domains_missing",
            "Nobody could be told to belong to an organization without a domain.",
            "Enter at least one.",
        )
    if len(domains) > MOST_DOMAINS:
        yield Reason(
            "too_many_domains",
            f"{len(domains)} domains are named; at most {MOST_DOMAINS} can be.",
            "Leave some out.",
        )
    for domain in domains:
        if not _is_usable(domain):
            yield Reason(
                "domain_unusable",
                f"“{domain[:80]}” is no mail domain.",
                "Enter whole names such as partner.example, without the part before the @.",
            )


def as_domain(text: str) -> str:
    """Return a domain as it is compared: in small letters, other scripts as the net writes them."""
    name = text.strip().lower().removeprefix("@").rstrip(".")
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def domain_of(address: str) -> str:
    """Return the domain of an address, as domains are compared."""
    return as_domain(address.rpartition("@")[2])


def tidied(domains: Iterable[str]) -> tuple[str, ...]:
    """Return domains as they are kept: each once, in order."""
    return tuple(sorted({name for one in domains if (name := as_domain(one))}))


def spellings(domain: str) -> set[str]:
    """Return every way in which addresses may write a domain."""
    try:
        return {domain, domain.encode("ascii").decode("idna")}
    except UnicodeError:
        return {domain}


def _is_usable(domain: str) -> bool:
    try:
        _is_domain(domain)
    except ValidationError:
        return False
    return True
