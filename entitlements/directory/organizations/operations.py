"""Create, change, promote and delete connected organizations, and name their sponsors."""

from typing import Any

from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.decisions import Reason, collect, deny
from entitlements.directory.models import User, UserType
from entitlements.directory.organizations.guests import ORGANIZATIONS, take_in
from entitlements.directory.organizations.models import (
    ConnectedOrganization,
    OrganizationDomain,
    OrganizationState,
    SponsorKind,
)
from entitlements.directory.organizations.permissions import can_manage_organizations
from entitlements.directory.organizations.terms import OrganizationTerms, tidied
from entitlements.locks import take_turns
from entitlements.naming import name_taken, one_per_name


def create_organization(terms: OrganizationTerms, *, by: User) -> ConnectedOrganization:
    """Connect an organization, configured from the start; guests of its domains belong to it."""
    with one_per_name(terms.name):
        return _create_organization(terms, by)


@transaction.atomic(durable=True)
def _create_organization(terms: OrganizationTerms, by: User) -> ConnectedOrganization:
    take_turns(ORGANIZATIONS)
    can_manage_organizations(by).require()
    terms = _tidy(terms)
    _refuse_unfit(terms)
    moment = clock.now()
    organization = ConnectedOrganization.objects.create(
        name=terms.name, description=terms.description, created_at=moment, modified_at=moment
    )
    _write_domains(organization, terms.domains)
    trail.record("organization.created", organization, by=by, **terms.as_dict())
    take_in(organization, terms.domains, by=by)
    return organization


def change_organization(
    organization: ConnectedOrganization, terms: OrganizationTerms, *, by: User
) -> ConnectedOrganization:
    """Change an organization's words and domains.

    Guests of a new domain who belong to nobody belong to it from now on; guests of a domain that
    it loses stay with it.
    """
    with one_per_name(terms.name):
        return _change_organization(organization, terms, by)


@transaction.atomic(durable=True)
def _change_organization(
    organization: ConnectedOrganization, terms: OrganizationTerms, by: User
) -> ConnectedOrganization:
    take_turns(ORGANIZATIONS)
    organization = locked(organization)
    can_manage_organizations(by).require()
    terms, before = _tidy(terms), terms_of(organization)
    _refuse_unfit(terms, organization)
    changes = terms.since(before)
    if changes:
        organization.name, organization.description = terms.name, terms.description
        organization.modified_at = clock.now()
        organization.save(update_fields=["name", "description", "modified_at"])
        _write_domains(organization, terms.domains)
        trail.record("organization.changed", organization, by=by, changes=changes)
        take_in(organization, set(terms.domains) - set(before.domains), by=by)
    return organization


@transaction.atomic(durable=True)
def promote(organization: ConnectedOrganization, *, by: User) -> ConnectedOrganization:
    """Let a proposed organization be one of those that are configured."""
    organization = locked(organization)
    can_manage_organizations(by).require()
    if organization.is_configured:
        deny(
            "configured_already", f"{organization} is configured already.", "Nothing is to be done."
        ).require()
    organization.state = OrganizationState.CONFIGURED
    organization.modified_at = clock.now()
    organization.save(update_fields=["state", "modified_at"])
    trail.record("organization.promoted", organization, by=by)
    return organization


@transaction.atomic(durable=True)
def delete_organization(organization: ConnectedOrganization, *, by: User) -> None:
    """Delete an organization that no policy names and to which nobody belongs."""
    organization = locked(organization)
    can_manage_organizations(by).require()
    collect((_is_not_named(organization), _has_no_guests(organization))).require()
    terms = terms_of(organization).as_dict()
    trail.record("organization.deleted", organization, by=by, **terms)
    organization.delete()


@transaction.atomic(durable=True)
def add_sponsor(
    organization: ConnectedOrganization, person: User, kind: SponsorKind, *, by: User
) -> None:
    """Let somebody sponsor an organization: a member of ours, or a guest who belongs to it."""
    organization = locked(organization)
    can_manage_organizations(by).require()
    person = User.objects.select_for_update(of=("self",)).get(pk=person.pk)
    collect((_is_active(person), _fits(organization, person, kind))).require()
    sponsors = _sponsors(organization, kind)
    if sponsors.filter(pk=person.pk).exists():
        deny(
            "sponsor_already",
            f"{person} sponsors {organization} already.",
            "Nothing is to be done.",
        ).require()
    sponsors.add(person)
    trail.record("organization.sponsor_added", organization, by=by, target=person, kind=kind.value)


@transaction.atomic(durable=True)
def remove_sponsor(
    organization: ConnectedOrganization, person: User, kind: SponsorKind, *, by: User
) -> None:
    """Let somebody sponsor an organization no more."""
    organization = locked(organization)
    can_manage_organizations(by).require()
    sponsors = _sponsors(organization, kind)
    if not sponsors.filter(pk=person.pk).exists():
        deny(
            "not_sponsor", f"{person} does not sponsor {organization}.", "Nothing is to be done."
        ).require()
    sponsors.remove(person)
    trail.record(
        "organization.sponsor_removed", organization, by=by, target=person, kind=kind.value
    )


def terms_of(organization: ConnectedOrganization) -> OrganizationTerms:
    """Return an organization as somebody would enter it anew."""
    domains = organization.domains.values_list("domain", flat=True)
    return OrganizationTerms(organization.name, organization.description, tidied(domains))


def sponsor_lists(organization: ConnectedOrganization) -> dict[SponsorKind, Any]:
    """Return who was named as a sponsor, by kind, whether he counts at present or not."""
    return {
        SponsorKind.INTERNAL: organization.internal_sponsors,
        SponsorKind.EXTERNAL: organization.external_sponsors,
    }


def locked(organization: ConnectedOrganization) -> ConnectedOrganization:
    """Within the caller's transaction: return the fresh row, kept from other writers."""
    return ConnectedOrganization.objects.select_for_update(of=("self",)).get(pk=organization.pk)


def _tidy(terms: OrganizationTerms) -> OrganizationTerms:
    return OrganizationTerms(terms.name, terms.description, tidied(terms.domains))


def _refuse_unfit(
    terms: OrganizationTerms, organization: ConnectedOrganization | None = None
) -> None:
    terms.check().require()
    others = ConnectedOrganization.objects.exclude(pk__in=[organization.pk] if organization else [])
    if others.filter(name__iexact=terms.name).exists():
        name_taken(terms.name).require()
    taken = OrganizationDomain.objects.filter(domain__in=terms.domains, organization__in=others)
    collect(
        Reason(
            "domain_taken",
            f"{one.domain} is a domain of {one.organization} already.",
            "A domain belongs to one organization: take it away there first.",
        )
        for one in taken.select_related("organization")
    ).require()


def _write_domains(organization: ConnectedOrganization, domains: tuple[str, ...]) -> None:
    organization.domains.exclude(domain__in=domains).delete()
    known = set(organization.domains.values_list("domain", flat=True))
    OrganizationDomain.objects.bulk_create(
        OrganizationDomain(organization=organization, domain=domain)
        for domain in domains
        if domain not in known
    )


def _sponsors(organization: ConnectedOrganization, kind: SponsorKind) -> Any:
    return sponsor_lists(organization)[kind]


def _is_not_named(organization: ConnectedOrganization) -> Reason | None:
    count = organization.policies.count()
    if not count:
        return None
    policies = "One policy names" if count == 1 else f"{count} policies name"
    return Reason(
        "organization_named",
        f"{policies} {organization}.",
        "Take it out of them first; the owners of their catalogs can.",
    )


def _has_no_guests(organization: ConnectedOrganization) -> Reason | None:
    count = organization.guests.count()
    if not count:
        return None
    guests = "One guest belongs" if count == 1 else f"{count} guests belong"
    return Reason(
        "organization_has_guests",
        f"{guests} to {organization}.",
        "It can stay without any policy; the directory says who its guests are.",
    )


def _is_active(person: User) -> Reason | None:
    if person.is_active:
        return None
    return Reason(
        "account_disabled", f"{person}'s account is disabled.", "The directory decides this."
    )


def _fits(organization: ConnectedOrganization, person: User, kind: SponsorKind) -> Reason | None:
    if kind == SponsorKind.INTERNAL:
        if person.user_type == UserType.MEMBER:
            return None
        return Reason(
            "sponsor_not_member",
            f"{person} is a guest; internal sponsors are members.",
            "Name a member, or make this guest an external sponsor.",
        )
    if person.organization_id == organization.pk:
        return None
    return Reason(
        "sponsor_not_of_organization",
        f"{person} does not belong to {organization}; external sponsors are its own guests.",
        "Name one of its guests, or somebody of ours as an internal sponsor.",
    )
