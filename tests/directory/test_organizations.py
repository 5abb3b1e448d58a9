"""Connected organizations: what may be entered, who may enter it, and what hangs on them."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import Group as TenantRole
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.directory.organizations import operations
from entitlements.directory.organizations.models import OrganizationState, SponsorKind
from entitlements.directory.organizations.permissions import (
    can_manage_organizations,
)
from entitlements.directory.organizations.terms import (
    MOST_DOMAINS,
    OrganizationTerms,
    as_domain,
    domain_of,
    spellings,
)
from entitlements.models import ConnectedOrganization, OrganizationDomain, User
from entitlements.policies.scopes import Scope
from tests.factories import (
    AssignmentPolicyFactory,
    ConnectedOrganizationFactory,
    GuestFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
INTERNAL, EXTERNAL = SponsorKind.INTERNAL, SponsorKind.EXTERNAL
HARBOUR = OrganizationTerms("Blue Harbour", "A partner.", ("blueharbour.example",))


@pytest.fixture
def tess():
    """Somebody with the tenant role that manages connected organizations."""
    role = TenantRole.objects.create(name="Connected organization administrators")
    role.permissions.add(Permission.objects.get(codename="manage_organizations"))
    tess = UserFactory(display_name="Tess Tenant")
    tess.groups.add(role)
    return tess


def refused(act, *args, **kwargs):
    with pytest.raises(Denied) as denied:
        act(*args, **kwargs)
    return denied.value.codes


def domains(organization):
    return list(organization.domains.values_list("domain", flat=True))


# Who may


def test_only_the_tenant_role_and_administrators_manage_organizations(tess, ada):
    boss = UserFactory(is_superuser=True)
    in_person = UserFactory()
    in_person.user_permissions.add(Permission.objects.get(codename="manage_organizations"))
    away = UserFactory(is_superuser=True, is_active=False)
    people = [tess, boss, in_person, ada, away]

    assert [bool(can_manage_organizations(one)) for one in people] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_nobody_else_changes_anything(ada):
    organization = ConnectedOrganizationFactory(domains=["partner.example"])
    guest = GuestFactory(organization=organization)
    code = {"not_organization_administrator"}

    assert refused(operations.create_organization, HARBOUR, by=ada) == code
    assert refused(operations.change_organization, organization, HARBOUR, by=ada) == code
    assert refused(operations.promote, organization, by=ada) == code
    assert refused(operations.delete_organization, organization, by=ada) == code
    assert refused(operations.add_sponsor, organization, guest, EXTERNAL, by=ada) == code
    assert refused(operations.remove_sponsor, organization, guest, EXTERNAL, by=ada) == code
    assert not AuditEvent.objects.exists()


# Create and change


def test_an_organization_is_connected_with_its_domains(tess, actions):
    terms = replace(
        HARBOUR, domains=("BlueHarbour.example", "@harbour.example.", "harbour.example")
    )

    organization = operations.create_organization(terms, by=tess)

    assert organization.state == OrganizationState.CONFIGURED
    assert organization.is_configured
    assert domains(organization) == ["blueharbour.example", "harbour.example"]
    assert organization.created_at == organization.modified_at
    assert str(organization) == "Blue Harbour"
    assert str(organization.domains.first()) == "blueharbour.example"
    assert actions() == ["organization.created"]
    event = AuditEvent.objects.get()
    assert event.details["domains"] == ["blueharbour.example", "harbour.example"]
    assert (event.actor_id, event.subject_id) == (tess.pk, organization.pk)


@pytest.mark.parametrize(
    ("terms", "codes"),
    [
        ({"name": " "}, {"name_missing", "name_unreadable"}),
        ({"name": "x" * 201}, {"name_too_long"}),
        ({"description": "a\x00b"}, {"description_unreadable"}),
        ({"domains": ()}, {"domains_missing"}),
        ({"domains": ("partner",)}, {"domain_unusable"}),
        ({"domains": ("ada@partner.example",)}, {"domain_unusable"}),
        ({"domains": ("*.partner.example",)}, {"domain_unusable"}),
        ({"domains": ("partner.example/path", "-x.example")}, {"domain_unusable"}),
        ({"domains": (f"{'x' * 64}.example",)}, {"domain_unusable"}),
        (
            {"domains": tuple(f"d{n}.example" for n in range(MOST_DOMAINS + 1))},
            {"too_many_domains"},
        ),
    ],
)
def test_what_speaks_against_an_organization(tess, terms, codes):
    assert refused(operations.create_organization, replace(HARBOUR, **terms), by=tess) == codes
    assert not ConnectedOrganization.objects.exists()


def test_names_and_domains_exist_once(tess):
    operations.create_organization(HARBOUR, by=tess)
    other = replace(HARBOUR, name="Other")

    same_name = replace(HARBOUR, name="BLUE harbour", domains=("other.example",))
    assert refused(operations.create_organization, same_name, by=tess) == {"name_taken"}
    with pytest.raises(Denied, match=r"blueharbour\.example is a domain of Blue Harbour already"):
        operations.create_organization(other, by=tess)
    assert refused(operations.create_organization, other, by=tess) == {"domain_taken"}


def test_an_organization_is_changed_and_says_what(tess, actions):
    organization = operations.create_organization(HARBOUR, by=tess)
    terms = OrganizationTerms("Harbour", "Ours.", ("harbour.example", "blueharbour.example"))

    changed = operations.change_organization(organization, terms, by=tess)

    assert operations.terms_of(changed) == replace(
        terms, domains=("blueharbour.example", "harbour.example")
    )
    assert changed.modified_at > changed.created_at
    event = AuditEvent.objects.get(action="organization.changed")
    assert event.details["changes"]["name"] == {"old": "Blue Harbour", "new": "Harbour"}
    operations.change_organization(changed, terms, by=tess)
    assert actions().count("organization.changed") == 1


def test_a_domain_moves_only_after_it_was_given_up(tess):
    harbour = operations.create_organization(HARBOUR, by=tess)
    other = operations.create_organization(
        OrganizationTerms("Other", "", ("other.example",)), by=tess
    )
    wanted = OrganizationTerms("Other", "", ("blueharbour.example", "other.example"))

    assert refused(operations.change_organization, other, wanted, by=tess) == {"domain_taken"}
    operations.change_organization(harbour, replace(HARBOUR, domains=("h.example",)), by=tess)
    assert domains(operations.change_organization(other, wanted, by=tess)) == [
        "blueharbour.example",
        "other.example",
    ]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_connect_one_domain_at_once_one_does():
    people = UserFactory.create_batch(6, is_superuser=True)
    terms = [replace(HARBOUR, name=f"Name {number}") for number in range(6)]

    outcomes = at_once(
        *(
            lambda by=by, one=one: operations.create_organization(one, by=by)
            for by, one in zip(people, terms, strict=True)
        )
    )

    assert refusals(outcomes) == [{"domain_taken"}] * 5
    assert ConnectedOrganization.objects.count() == 1


# States


def test_a_proposed_organization_is_configured_once(tess, actions):
    organization = ConnectedOrganizationFactory(state=OrganizationState.PROPOSED)

    assert operations.promote(organization, by=tess).is_configured
    assert refused(operations.promote, organization, by=tess) == {"configured_already"}
    assert actions() == ["organization.promoted"]
    assert set(ConnectedOrganization.objects.configured()) == {organization}


# Delete


def test_what_nothing_hangs_on_is_deleted_with_its_domains(tess, ada):
    organization = operations.create_organization(HARBOUR, by=tess)
    operations.add_sponsor(organization, ada, INTERNAL, by=tess)

    operations.delete_organization(organization, by=tess)

    assert not ConnectedOrganization.objects.exists()
    assert not OrganizationDomain.objects.exists()
    event = AuditEvent.objects.get(action="organization.deleted")
    assert event.details["domains"] == ["blueharbour.example"]


def test_an_organization_that_policies_name_or_people_belong_to_stays(tess):
    organization = ConnectedOrganizationFactory(name="Blue Harbour")
    for _ in range(2):
        policy = AssignmentPolicyFactory(scope=Scope.SPECIFIC_ORGANIZATIONS)
        policy.allowed_organizations.add(organization)
    GuestFactory(organization=organization, is_active=False)

    with pytest.raises(Denied) as denied:
        operations.delete_organization(organization, by=tess)

    assert denied.value.codes == {"organization_named", "organization_has_guests"}
    assert "2 policies name Blue Harbour." in str(denied.value)
    assert "One guest belongs to Blue Harbour." in str(denied.value)
    policy.delete()
    GuestFactory(organization=organization)
    with pytest.raises(Denied, match=r"One policy names .* 2 guests belong"):
        operations.delete_organization(organization, by=tess)


def test_the_database_keeps_an_organization_with_guests():
    organization = GuestFactory(organization=ConnectedOrganizationFactory()).organization

    with pytest.raises(ProtectedError):
        organization.delete()


# Sponsors


def test_sponsors_of_both_kinds_are_added_and_removed(tess, ada):
    organization = ConnectedOrganizationFactory()
    guest = GuestFactory(organization=organization)

    operations.add_sponsor(organization, ada, INTERNAL, by=tess)
    operations.add_sponsor(organization, guest, EXTERNAL, by=tess)

    assert list(organization.sponsors(INTERNAL)) == [ada]
    assert list(organization.sponsors(EXTERNAL)) == [guest]
    events = AuditEvent.objects.filter(action="organization.sponsor_added").order_by("pk")
    assert [(one.target_id, one.details["kind"]) for one in events] == [
        (ada.pk, "internal"),
        (guest.pk, "external"),
    ]
    operations.remove_sponsor(organization, ada, INTERNAL, by=tess)
    operations.remove_sponsor(organization, guest, EXTERNAL, by=tess)
    assert not organization.sponsors(INTERNAL)
    assert not organization.sponsors(EXTERNAL)
    removed = AuditEvent.objects.filter(action="organization.sponsor_removed")
    assert {one.target_id for one in removed} == {ada.pk, guest.pk}


def test_who_cannot_be_a_sponsor_learns_why(tess, ada, bo):
    organization = ConnectedOrganizationFactory()
    guest, stranger = GuestFactory(organization=organization), GuestFactory()
    away = UserFactory(is_active=False)
    operations.add_sponsor(organization, ada, INTERNAL, by=tess)

    def why(person, kind):
        return refused(operations.add_sponsor, organization, person, kind, by=tess)

    assert why(guest, INTERNAL) == {"sponsor_not_member"}
    assert why(stranger, EXTERNAL) == {"sponsor_not_of_organization"}
    assert why(bo, EXTERNAL) == {"sponsor_not_of_organization"}
    assert why(away, INTERNAL) == {"account_disabled"}
    assert why(ada, INTERNAL) == {"sponsor_already"}
    gone = refused(operations.remove_sponsor, organization, bo, INTERNAL, by=tess)
    assert gone == {"not_sponsor"}


def test_sponsors_who_are_no_longer_what_they_were_do_not_count(tess, ada, bo):
    organization = ConnectedOrganizationFactory()
    guest = GuestFactory(organization=organization)
    for person, kind in ((ada, INTERNAL), (bo, INTERNAL), (guest, EXTERNAL)):
        operations.add_sponsor(organization, person, kind, by=tess)
    User.objects.filter(pk=ada.pk).update(user_type="guest")
    User.objects.filter(pk=bo.pk).update(is_active=False)
    User.objects.filter(pk=guest.pk).update(organization=None)

    assert not organization.sponsors(INTERNAL)
    assert not organization.sponsors(EXTERNAL)


# Words


def test_organizations_are_found_by_name_and_domain():
    harbour = ConnectedOrganizationFactory(name="Blue Harbour", domains=["bh.example"])
    ConnectedOrganizationFactory(name="Red Quay", domains=["quay.example"])

    assert ConnectedOrganization.objects.matching("blue").get() == harbour
    assert ConnectedOrganization.objects.matching("harbour bh.ex").get() == harbour
    assert ConnectedOrganization.objects.matching("").count() == 2
    assert not ConnectedOrganization.objects.matching("blue quay").exists()


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Partner.Example", "partner.example"),
        (" @partner.example. ", "partner.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a..example", "a..example"),
        (f"{'ü' * 80}.example", f"{'ü' * 80}.example"),
    ],
)
def test_domains_are_compared_in_one_form(text, domain):
    assert as_domain(text) == domain


def test_the_domain_of_an_address_is_all_behind_its_last_at():
    assert domain_of("Eli@Sub.Partner.Example") == "sub.partner.example"
    assert domain_of("eli@BÜCHER.example") == "xn--bcher-kva.example"
    assert domain_of("") == ""
    assert spellings("xn--bcher-kva.example") == {"xn--bcher-kva.example", "bücher.example"}
    assert spellings("xn--\x80.example") == {"xn--\x80.example"}


# What the database keeps


def test_organization_name_is_unique():
    ConnectedOrganizationFactory(name="Blue Harbour")

    with pytest.raises(IntegrityError):
        ConnectedOrganizationFactory(name="BLUE HARBOUR")


def test_domain_is_of_one_organization():
    ConnectedOrganizationFactory(domains=["partner.example"])

    with pytest.raises(IntegrityError):
        ConnectedOrganizationFactory(domains=["partner.example"])


@pytest.mark.parametrize("domain", ["Partner.example", "", "eli@partner.example"])
def test_domain_is_a_name_in_small_letters(domain):
    with pytest.raises(IntegrityError, match="domain_is_a_name_in_small_letters"):
        ConnectedOrganizationFactory(domains=[domain])


def test_only_guests_belong_to_organizations(ada):
    organization = ConnectedOrganizationFactory()
    GuestFactory(organization=organization)

    with (
        pytest.raises(IntegrityError, match="only_guests_belong_to_organizations"),
        transaction.atomic(),
    ):
        User.objects.filter(pk=ada.pk).update(organization=organization)


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_type": "member"},
        {"is_active": True},
        {"is_staff": True},
        {"is_superuser": True},
        {"organization": True},
    ],
)
def test_who_is_invited_has_no_account(wrong):
    GuestFactory(is_invited=True, is_active=False)
    if "organization" in wrong:
        wrong = {"organization": ConnectedOrganizationFactory()}

    with pytest.raises(IntegrityError, match="who_is_invited_has_no_account"):
        GuestFactory(**{"is_invited": True, "is_active": False, **wrong})
