"""To whom a guest belongs: settled when his account is made or synced, and then it stays."""

import pytest
from django.db import transaction

from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.directory import operations as directory
from entitlements.directory.organizations import guests, operations
from entitlements.directory.organizations.models import OrganizationState
from entitlements.directory.organizations.terms import OrganizationTerms
from entitlements.models import ConnectedOrganization, User
from tests.factories import ConnectedOrganizationFactory, GuestFactory, UserFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return UserFactory(is_superuser=True)


@pytest.fixture
def harbour():
    return ConnectedOrganizationFactory(name="Blue Harbour", domains=["blueharbour.example"])


def connect(*domains, by, name="Blue Harbour"):
    return operations.create_organization(OrganizationTerms(name, "", domains), by=by)


# The exact domain decides


@pytest.mark.parametrize(
    ("address", "belongs"),
    [
        ("eli@blueharbour.example", True),
        ("ELI@BlueHarbour.EXAMPLE", True),
        ("eli@mail.blueharbour.example", False),
        ("eli@notblueharbour.example", False),
        ("eli@blueharbour.example.evil.example", False),
        ("blueharbour.example@evil.example", False),
    ],
)
def test_the_whole_domain_decides_and_nothing_that_looks_like_it(harbour, address, belongs):
    assert guests.organization_at(address) == (harbour if belongs else None)


def test_guests_of_new_domains_who_belong_to_nobody_belong_from_then_on(boss, actions):
    eli = GuestFactory(email="eli@blueharbour.example")
    elsewhere = GuestFactory(email="dana@sub.blueharbour.example")
    member = UserFactory(email="spy@blueharbour.example")
    invited = GuestFactory(email="new@blueharbour.example", is_invited=True, is_active=False)
    taken = GuestFactory(
        email="old@blueharbour.example", organization=ConnectedOrganizationFactory(name="Old")
    )

    harbour = connect("blueharbour.example", by=boss)

    assert list(harbour.guests.all()) == [eli]
    for other in (elsewhere, member, invited, taken):
        other.refresh_from_db()
    assert taken.organization.name == "Old"
    event = AuditEvent.objects.get(action="user.changed")
    assert (event.subject_id, event.target_id) == (eli.pk, eli.pk)
    assert event.details["changes"] == {"organization": ["", "Blue Harbour"]}


def test_a_domain_in_another_script_is_one_domain(boss):
    here = GuestFactory(email="eli@bücher.example")
    there = GuestFactory(email="dana@xn--bcher-kva.example")

    harbour = connect("Bücher.example", by=boss)

    assert set(harbour.guests.all()) == {here, there}


def test_whoever_belongs_stays_when_the_domain_goes(boss):
    eli = GuestFactory(email="eli@blueharbour.example")
    harbour = connect("blueharbour.example", by=boss)
    operations.change_organization(
        harbour, OrganizationTerms("Blue Harbour", "", ("harbour.example",)), by=boss
    )

    other = connect("blueharbour.example", by=boss, name="Other")

    eli.refresh_from_db()
    assert eli.organization == harbour
    assert not other.guests.exists()
    newcomer = GuestFactory(email="new@harbour.example")
    operations.change_organization(
        harbour,
        OrganizationTerms("Blue Harbour", "", ("harbour.example", "more.example")),
        by=boss,
    )
    newcomer.refresh_from_db()
    assert newcomer.organization is None


def test_belonging_is_not_looked_up_again_for_an_account(harbour, django_assert_num_queries):
    alone = GuestFactory(email="eli@blueharbour.example")
    there = GuestFactory(organization=harbour)

    with django_assert_num_queries(0):
        assert guests.organization_of(alone) is None
        assert guests.organization_id_of(alone) is None
        assert guests.organization_id_of(there) == harbour.pk
    assert guests.organization_of(there) == harbour


def test_before_there_is_an_account_the_address_says_it_each_time(harbour):
    person = guests.newcomer("eli@blueharbour.example")
    stranger = guests.newcomer("eli@elsewhere.example")

    assert guests.organization_of(person) == harbour
    assert guests.organization_id_of(person) == harbour.pk
    assert guests.organization_id_of(stranger) is None


# Accounts


@transaction.atomic
def let_in(person, *, proposes=False):
    return guests.let_in(person, proposes=proposes)


@transaction.atomic
def named(*words):
    return guests.named(*words)


def test_somebody_who_is_named_has_no_account(harbour, actions):
    person = named("Eli@BlueHarbour.example", " Eli \x00 Weiss ")

    assert (person.email, str(person)) == ("eli@blueharbour.example", "Eli Weiss")
    assert person.is_guest
    assert person.is_invited
    assert not person.is_active
    assert not person.has_usable_password()
    assert person.organization is None
    assert actions() == []
    assert named("ELI@blueharbour.EXAMPLE") == person
    assert str(named("dana@blueharbour.example")) == "dana@blueharbour.example"


def test_somebody_who_is_known_is_meant(ada):
    assert named("ADA@kestrel.example", "Somebody else") == ada


def test_an_account_is_made_once_and_belongs_to_whose_the_domain_is(harbour, actions):
    person = named("eli@blueharbour.example")

    person = let_in(person)
    let_in(person)

    assert person.is_active
    assert not person.is_invited
    assert person.organization == harbour
    assert actions() == ["user.created"]
    details = AuditEvent.objects.get().details
    assert details == {"email": "eli@blueharbour.example", "organization": "Blue Harbour"}


def test_an_unknown_domain_is_refused_where_nothing_is_proposed():
    person = named("eli@elsewhere.example")

    with pytest.raises(Denied) as denied:
        let_in(person)

    assert denied.value.codes == {"domain_unknown"}
    person.refresh_from_db()
    assert person.is_invited


def test_an_unknown_domain_becomes_a_proposed_organization(actions):
    before = GuestFactory(email="first@elsewhere.example")
    person = let_in(named("eli@elsewhere.example"), proposes=True)

    organization = person.organization
    assert organization.name == "elsewhere.example"
    assert organization.state == OrganizationState.PROPOSED
    assert [str(domain) for domain in organization.domains.all()] == ["elsewhere.example"]
    assert actions() == ["organization.proposed", "user.changed", "user.created"]
    before.refresh_from_db()
    assert before.organization == organization
    assert let_in(named("dana@elsewhere.example"), proposes=True).organization == organization


def test_a_proposed_organization_gets_a_name_that_is_free():
    ConnectedOrganizationFactory(name="Elsewhere.example")
    ConnectedOrganizationFactory(name="elsewhere.example (2)")

    person = let_in(named("eli@elsewhere.example"), proposes=True)

    assert person.organization.name == "elsewhere.example (3)"


def test_a_domain_that_was_connected_meanwhile_is_not_proposed(harbour):
    with transaction.atomic():
        assert guests.propose("blueharbour.example") == harbour


@pytest.mark.django_db(transaction=True)
def test_many_of_one_unknown_domain_at_once_make_one_organization():
    people = [named(f"p{number}@elsewhere.example") for number in range(6)]

    outcomes = at_once(
        *(lambda one=one: durable_let_in(one) for one in people),
    )

    assert refusals(outcomes) == []
    organization = ConnectedOrganization.objects.get()
    assert organization.guests.count() == 6


def durable_let_in(person, *, proposes=True):
    with transaction.atomic(durable=True):
        return guests.let_in(person, proposes=proposes)


@pytest.mark.django_db(transaction=True)
def test_nobody_is_let_in_to_an_organization_that_is_being_deleted():
    for number in range(4):
        boss = UserFactory(is_superuser=True)
        organization = ConnectedOrganizationFactory(domains=[f"d{number}.example"])
        person = named(f"eli@d{number}.example")

        outcomes = at_once(
            lambda: durable_let_in(person, proposes=False),  # noqa: B023
            lambda: operations.delete_organization(organization, by=boss),  # noqa: B023
        )

        [lost] = refusals(outcomes)
        person.refresh_from_db()
        if lost == {"domain_unknown"}:
            assert person.is_invited
            assert not ConnectedOrganization.objects.filter(pk=organization.pk).exists()
        else:
            assert lost == {"organization_has_guests"}
            assert person.organization == organization


@pytest.mark.django_db(transaction=True)
def test_many_who_name_one_address_at_once_name_one_person():
    def name():
        with transaction.atomic(durable=True):
            return guests.named("eli@elsewhere.example")

    outcomes = at_once(*[name] * 6)

    assert refusals(outcomes) == []
    assert User.objects.get(email="eli@elsewhere.example").is_invited


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("eli@partner.example", True),
        ("eli", False),
        ("eli@partner", False),
        ("", False),
        (f"{'x' * 240}@{'y' * 20}.example", False),
        (f"eli@{'.'.join(['y' * 60] * 4)}.example", False),
    ],
)
def test_an_address_must_be_one(address, fits):
    reason = guests.address_fits(address)

    assert (reason is None) is fits
    assert fits or reason.code == "address_unusable"


def test_whoever_has_no_account_is_neither_enabled_nor_disabled(boss):
    person = named("eli@elsewhere.example")

    for act in (directory.enable, directory.disable):
        with pytest.raises(Denied) as denied:
            act(person, by=boss)
        assert denied.value.codes == {"no_account_yet"}
