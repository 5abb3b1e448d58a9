"""Found Kestrel Trading: its people, their groups, and what they can ask for."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from django.contrib.auth.hashers import make_password
from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.catalog import extensions, packages, resources
from entitlements.catalog import operations as catalogs
from entitlements.catalog.attributes import ask_for_attribute
from entitlements.catalog.extension_models import Behaviour, CustomExtension, OnTimeout
from entitlements.catalog.extensions import ExtensionTerms
from entitlements.catalog.models import AccessPackage, Catalog, ResourceRole
from entitlements.catalog.terms import CatalogTerms, PackageTerms, ResourceTerms, RoleTerms
from entitlements.demo import offers, people
from entitlements.demo.delegation import delegate
from entitlements.demo.offers import PackageOffer, PolicyOffer, ResourceOffer, StageOffer
from entitlements.demo.packages import PACKAGES
from entitlements.demo.people import Person
from entitlements.directory import operations as directory
from entitlements.directory.models import (
    Account,
    Group,
    GroupKind,
    Membership,
    User,
    UserType,
)
from entitlements.directory.organizations import operations as organizations
from entitlements.directory.organizations.models import ConnectedOrganization, SponsorKind
from entitlements.directory.organizations.terms import OrganizationTerms
from entitlements.policies import operations as policies
from entitlements.policies.models import AssignmentPolicy, Expiration
from entitlements.policies.stage_terms import RELATIONS, ApproverTerms, StageTerms
from entitlements.policies.terms import CalloutTerms, PolicyTerms
from entitlements.systems.models import ConnectedSystem

ADMINISTRATOR: Final = "ivo.okoro"
ALL_STAFF, LEADS, FIELD_SALES = "All staff", "Leads", "Field sales"
ANALYSTS, PAYMENT_APPROVERS, CONTACTS = "Finance analysts", "Payment approvers", "Partner contacts"
TEAMS: Final = (FIELD_SALES, ANALYSTS, PAYMENT_APPROVERS, CONTACTS)

Roster = list[tuple[Person, User]]


@dataclass
class Company:
    """Everything that was founded, by the short names that the story uses."""

    today: date
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    catalogs: dict[str, Catalog] = field(default_factory=dict)
    roles: dict[str, ResourceRole] = field(default_factory=dict)
    packages: dict[str, AccessPackage] = field(default_factory=dict)
    policies: dict[str, list[AssignmentPolicy]] = field(default_factory=dict)
    extensions: dict[str, CustomExtension] = field(default_factory=dict)
    organizations: dict[str, ConnectedOrganization] = field(default_factory=dict)

    @property
    def administrator(self) -> User:
        return self.users[ADMINISTRATOR]

    def way(self, package: str, number: int = 0) -> AssignmentPolicy:
        """Return one of the policies of a package."""
        return self.policies[package][number]

    def crowd(self, department: str = "") -> list[User]:
        """Return those whom the story does not name, of one department or of all."""
        named = {person.email for person in people.CAST}
        others = [user for user in self.users.values() if user.email not in named]
        return [user for user in others if user.department == department or not department]


def found(company: Company, *, count: int, chance: Random) -> None:
    """Create the people, the groups and all that is offered; the clock says since when."""
    roster = _employ(company, list(people.everybody(count, chance)), chance)
    _gather(company, roster)
    _connect_partner(company)
    warehouse = _connect(roster)
    _open_catalogs(company)
    delegate(company.users, company.groups, by=company.administrator)
    _know_systems(company)
    for resource in offers.RESOURCES:
        _offer_resource(company, resource, warehouse)
    for package in PACKAGES:
        _offer_package(company, package)


@transaction.atomic(durable=True)
def _employ(company: Company, everybody: list[Person], chance: Random) -> Roster:
    roster = [
        (person, _user(company, person, number, chance))
        for number, person in enumerate(everybody, start=1)
    ]
    company.users = {person.key: user for person, user in roster}
    for person, user in roster:
        user.manager = company.users.get(person.manager)
    User.objects.bulk_create([user for _, user in roster])
    trail.record_many(
        trail.compose("user.created", user, by=None, target=user, source="demo")
        for _, user in roster
    )
    for person, user in roster:
        if person.is_guest:
            user.sponsors.add(company.users["mia.sand"])
    return roster


def _user(company: Company, person: Person, number: int, chance: Random) -> User:
    given_name, _, surname = person.name.partition(" ")
    user = User(
        email=person.email,
        display_name=person.name,
        given_name=given_name,
        surname=surname,
        company_name=people.PARTNER if person.is_guest else people.COMPANY,
        job_title=person.title,
        department=person.department,
        hire_date=company.today - timedelta(days=person.hired),
        password=make_password(None),
        is_demo=True,
    )
    if person.is_guest:
        user.user_type = UserType.GUEST
        return user
    user.is_staff = user.is_superuser = person.key == ADMINISTRATOR
    user.cost_center = people.COST_CENTERS[person.department]
    user.employee_id = f"K{number:05}"
    user.employee_type = "Permanent"
    user.office, user.city, user.country = chance.choice(people.OFFICES)
    return user


def _gather(company: Company, roster: Roster) -> None:
    """Make the groups: departments inside "All staff", and teams inside departments."""
    for name in (*people.COST_CENTERS, ALL_STAFF, LEADS, *TEAMS):
        company.groups[name] = directory.create_group(name, by=None)
    inside = [(ALL_STAFF, department) for department in people.COST_CENTERS]
    inside += [(people.SALES, FIELD_SALES), (people.FINANCE, ANALYSTS)]
    for parent, child in inside:
        directory.nest(company.groups[parent], company.groups[child], by=None)
    _fill(company, roster)


@transaction.atomic(durable=True)
def _fill(company: Company, roster: Roster) -> None:
    managers = {person.manager for person, _ in roster}
    members = [(_team(person), user) for person, user in roster]
    members += [(LEADS, user) for person, user in roster if person.key in managers]
    members += [(PAYMENT_APPROVERS, company.users[key]) for key in ("petra.novak", "gita.rao")]
    Membership.objects.bulk_create(
        Membership(group=company.groups[name], user=user) for name, user in members
    )


def _team(person: Person) -> str:
    if person.is_guest:
        return CONTACTS
    if person.manager == "lena.fischer":
        return FIELD_SALES
    return ANALYSTS if person.manager == "dev.patel" else person.department


@transaction.atomic(durable=True)
def _connect(roster: Roster) -> ConnectedSystem:
    """Know the warehouse's LDAP, in which every employee has an account, and one to come."""
    branch, warehouse = (
        ConnectedSystem.objects.create(
            name=name, kind="ldap", settings=dict(offers.WAREHOUSE_SETTINGS), is_enabled=is_enabled
        )
        for name, is_enabled in ((offers.BRANCH, False), (offers.WAREHOUSE, True))
    )
    Account.objects.bulk_create(
        Account(
            user=user,
            system=warehouse,
            external_id=f"uid={person.key},ou=people,{offers.WAREHOUSE_BASE}",
        )
        for person, user in roster
        if not person.is_guest
    )
    for system in (branch, warehouse):
        trail.record("system.created", system, by=None, kind=system.kind)
    return warehouse


def _connect_partner(company: Company) -> None:
    """Connect Blue Harbour, whose people are known by their domain, and which Noor looks after."""
    administrator = company.administrator
    terms = OrganizationTerms(people.PARTNER, offers.ABOUT_PARTNER, (people.PARTNER_DOMAIN,))
    partner = organizations.create_organization(terms, by=administrator)
    noor = company.users["noor.bakker"]
    organizations.add_sponsor(partner, noor, SponsorKind.INTERNAL, by=administrator)
    company.organizations[people.PARTNER] = partner
    for user in company.users.values():
        if user.is_guest:
            user.refresh_from_db(fields=["organization"])


def _open_catalogs(company: Company) -> None:
    administrator = company.administrator
    company.catalogs[offers.GENERAL] = Catalog.objects.general()
    for offer in offers.CATALOGS:
        terms = CatalogTerms(offer.name, offer.description, is_external=offer.is_external)
        catalog = catalogs.create_catalog(terms, by=administrator)
        for person, role in ((offer.owner, "owner"), *offer.others):
            catalogs.appoint(company.users[person], catalog, role, by=administrator)
        catalogs.dismiss(administrator, catalog, "owner", by=administrator)
        company.catalogs[offer.name] = catalog


def _know_systems(company: Company) -> None:
    """Let packages call systems outside; the story plays what these do."""
    for offer in offers.EXTENSIONS:
        terms = ExtensionTerms(offer.name, offer.url, description=offer.description)
        if offer.wait_days:
            terms = replace(
                terms,
                behaviour=Behaviour.LAUNCH_AND_WAIT,
                wait_minutes=offer.wait_days * 24 * 60,
                on_timeout=OnTimeout.DENY,
            )
        by = _owner_of(company, offer.catalog)
        extension, _ = extensions.create_extension(company.catalogs[offer.catalog], terms, by=by)
        company.extensions[offer.name] = extension


def _offer_resource(company: Company, offer: ResourceOffer, warehouse: ConnectedSystem) -> None:
    """Offer a group that is made for it, or something in the warehouse's LDAP."""
    administrator = company.administrator
    system, external_id = warehouse, offer.dn
    if not offer.dn:
        system, external_id = ConnectedSystem.objects.built_in_directory(), _group_for(offer)
    for catalog in (offer.catalog, *offer.also_in):
        resource = resources.add_resource(
            company.catalogs[catalog],
            ResourceTerms(offer.name, offer.description, offer.address),
            system=system,
            external_id=external_id,
            kind=offer.kind,
            by=administrator,
        )
    if offer.asks_office:
        question = offer.asks_office
        ask_for_attribute(resource, "office", question, is_editable=True, by=administrator)
    present = {role.external_id: role for role in resource.roles.select_related("resource")}
    for role in offer.roles:
        terms = RoleTerms(role.name, role.description, role.is_privileged)
        if role.place in present:
            named = resources.change_resource_role(present[role.place], terms, by=administrator)
        else:
            named = resources.add_resource_role(resource, role.place, terms, by=administrator)
        company.roles[f"{offer.key}:{role.place}"] = named


def _group_for(offer: ResourceOffer) -> str:
    kind = GroupKind(offer.kind.removesuffix("_group"))
    name = f"{offer.name} access"
    return str(directory.create_group(name, by=None, description=offer.description, kind=kind).pk)


def _offer_package(company: Company, offer: PackageOffer) -> None:
    catalog = company.catalogs[offer.catalog]
    by = _owner_of(company, offer.catalog)
    terms = PackageTerms(offer.name, offer.description, is_hidden=offer.is_hidden)
    package = packages.create_package(catalog, terms, by=by)
    for role in offer.roles:
        packages.add_role(package, company.roles[role], by=by)
    company.policies[offer.key] = [
        policies.create_policy(package, _policy_terms(company, policy), by=by)
        for policy in offer.policies
    ]
    if not offer.is_draft:
        package = packages.publish(package, by=by)
    company.packages[offer.key] = package


def _owner_of(company: Company, catalog: str) -> User:
    owners = {offer.name: offer.owner for offer in offers.CATALOGS}
    return company.users[owners.get(catalog, ADMINISTRATOR)]


def _policy_terms(company: Company, offer: PolicyOffer) -> PolicyTerms:
    expiration, ends_on, duration = _end(company, offer)
    return PolicyTerms(
        offer.name,
        offer.description,
        scope=offer.scope,
        allowed_group_ids=tuple(company.groups[name].pk for name in offer.groups),
        allowed_organization_ids=tuple(
            company.organizations[name].pk for name in offer.organizations
        ),
        requires_justification=offer.needs_reason,
        expiration=expiration,
        ends_on=ends_on,
        duration=duration,
        allows_custom_dates=offer.has_dates,
        allows_on_behalf=offer.for_others,
        allows_extension=offer.extension != "none",
        extension_requires_approval=offer.extension == "approved",
        stages=tuple(_stage_terms(company, stage) for stage in offer.stages),
        questions=offer.questions,
        callouts=tuple(
            CalloutTerms(stage, company.extensions[name].pk) for stage, name in offer.calls
        ),
    )


def _end(company: Company, offer: PolicyOffer) -> tuple[str, datetime | None, int | None]:
    if offer.in_days is not None:
        day = company.today + timedelta(days=offer.in_days)
        return Expiration.ON_DATE, clock.day_ends(day), None
    if offer.lasts is None:
        return Expiration.NEVER, None, None
    hours = int(offer.lasts.total_seconds()) // 3600
    if hours % 24 or hours < 24 * 7:
        return Expiration.AFTER_HOURS, None, hours
    return Expiration.AFTER_DAYS, None, hours // 24


def _stage_terms(company: Company, offer: StageOffer) -> StageTerms:
    asked = [_approver(company, name) for name in offer.asks]
    asked += [replace(_approver(company, name), is_fallback=True) for name in offer.instead]
    asked += [replace(_approver(company, name), is_alternate=True) for name in offer.then]
    return StageTerms(tuple(asked), offer.days, offer.needs_reason, escalation_days=offer.after)


def _approver(company: Company, name: str) -> ApproverTerms:
    if name in RELATIONS:
        return ApproverTerms(name)
    if name.startswith("group:"):
        group = company.groups[name.removeprefix("group:")]
        return ApproverTerms("group", group_id=group.pk)
    return ApproverTerms("user", user_id=company.users[name].pk)
