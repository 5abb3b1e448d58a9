"""To which organization a guest belongs, and accounts for people whom nobody knew before.

The domain of an address decides, once: when an account is made or synced, or when an organization
comes to have the domain. Nothing here opens a transaction of its own.
"""

from collections.abc import Iterable
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q

from entitlements import clock
from entitlements.audit import trail
from entitlements.decisions import Reason, collect
from entitlements.directory.models import User, UserType
from entitlements.directory.organizations.models import (
    ConnectedOrganization,
    OrganizationDomain,
    OrganizationState,
)
from entitlements.directory.organizations.terms import domain_of, spellings
from entitlements.locks import take_turns

LONGEST_ADDRESS: Final = 254
LONGEST_NAME: Final = 200
ORGANIZATIONS: Final = uuid5(NAMESPACE_URL, "urn:organizations")


def organization_at(address: str) -> ConnectedOrganization | None:
    """Return the organization that has the domain of an address."""
    return ConnectedOrganization.objects.of_domain(domain_of(address)).first()


def organization_of(person: User) -> ConnectedOrganization | None:
    """Return to whom somebody belongs; his address says so as long as he has no account."""
    return organization_at(person.email) if person.is_invited else person.organization


def organization_id_of(person: User) -> UUID | None:
    """Return the id of `organization_of`, without a query for anybody who has an account."""
    if not person.is_invited:
        return person.organization_id
    organization = organization_at(person.email)
    return organization.pk if organization else None


def address_fits(address: str) -> Reason | None:
    """Return what speaks against writing to somebody there."""
    try:
        validate_email(address)
    except ValidationError:
        pass
    else:
        if len(address) <= LONGEST_ADDRESS:
            return None
    return Reason(
        "address_unusable",
        f"“{address[:80]}” is no e-mail address.",
        "Enter one such as eli@partner.example.",
    )


def newcomer(address: str, name: str = "") -> User:
    """Return somebody who has no account yet, not saved: a guest, named by his address."""
    name = " ".join(name.replace("\x00", "").split())
    return User(
        email=address.lower(),
        display_name=name[:LONGEST_NAME] or address[:LONGEST_NAME],
        user_type=UserType.GUEST,
        is_active=False,
        is_invited=True,
        password=make_password(None),
    )


def named(address: str, name: str = "") -> User:
    """Within the caller's transaction: return who has an address, known until now or not.

    Whoever is not known gets a row that says so, and no account.
    """
    address = address.lower()
    take_turns(uuid5(NAMESPACE_URL, f"mailto:{address}"))
    person: User | None = User.objects.filter(email__iexact=address).first()
    if person is None:
        person = newcomer(address, name)
        person.save(force_insert=True)
    return person


def can_be_let_in(person: User, *, proposes: bool) -> Reason | None:
    """Return what speaks against making an account: an unknown domain, unless it is `proposed`."""
    if not person.is_invited or proposes or organization_at(person.email):
        return None
    return Reason(
        "domain_unknown",
        f"No connected organization has the domain {domain_of(person.email)} any more.",
        "Whoever manages connected organizations can add it.",
    )


def let_in(person: User, *, proposes: bool) -> User:
    """Within the caller's transaction: make the account of whoever has none; return him afresh.

    Where `proposes` says so, an unknown domain makes an organization; raises Denied otherwise.
    """
    person = User.objects.select_for_update(of=("self",)).get(pk=person.pk)
    if not person.is_invited:
        return person
    domain = domain_of(person.email)
    known = ConnectedOrganization.objects.of_domain(domain).select_for_update(of=("self",)).first()
    collect((can_be_let_in(person, proposes=proposes),)).require()
    person.organization = known or propose(domain)
    person.is_invited, person.is_active = False, True
    person.save(update_fields=["is_invited", "is_active", "organization"])
    facts = {"email": person.email, "organization": str(person.organization)}
    trail.record("user.created", person, by=None, target=person, **facts)
    return person


def propose(domain: str) -> ConnectedOrganization:
    """Within the caller's transaction: return whose a domain is; if nobody's, propose somebody."""
    take_turns(ORGANIZATIONS)
    known = ConnectedOrganization.objects.of_domain(domain).first()
    if known:
        return known
    moment = clock.now()
    organization = ConnectedOrganization.objects.create(
        name=_free_name(domain),
        state=OrganizationState.PROPOSED,
        created_at=moment,
        modified_at=moment,
    )
    OrganizationDomain.objects.create(organization=organization, domain=domain)
    trail.record("organization.proposed", organization, by=None, domains=[domain])
    take_in(organization, [domain], by=None)
    return organization


def take_in(
    organization: ConnectedOrganization, domains: Iterable[str], *, by: User | None
) -> None:
    """Within the caller's transaction: let guests of these domains belong who belong to nobody."""
    addresses = Q(pk=None)
    for domain in domains:
        for spelling in spellings(domain):
            addresses |= Q(email__iendswith=f"@{spelling}")
    alone = User.objects.filter(
        addresses, user_type=UserType.GUEST, organization=None, is_invited=False
    )
    guests = list(alone.select_for_update(of=("self",)).order_by("pk"))
    User.objects.filter(pk__in=[guest.pk for guest in guests]).update(organization=organization)
    changes = {"organization": ["", str(organization)]}
    trail.record_many(
        trail.compose("user.changed", guest, by=by, target=guest, changes=changes)
        for guest in guests
    )


def _free_name(domain: str) -> str:
    """Return a name for the organization of a domain that no other one has."""
    number, name = 1, domain[:LONGEST_NAME]
    while ConnectedOrganization.objects.filter(name__iexact=name).exists():
        number += 1
        name = f"{domain[: LONGEST_NAME - 10]} ({number})"
    return name
