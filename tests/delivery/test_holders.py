"""Who has a role in its system now, beside those whom packages give it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from entitlements import clock
from entitlements.assignments import grants
from entitlements.connectors import reading
from entitlements.connectors.base import ConnectorRefused, ConnectorUnavailable
from entitlements.delivery.holders import Holders, lines
from entitlements.models import Account, Grant, Group, Membership, User
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.volumes import gather_statistics

pytestmark = pytest.mark.django_db


@pytest.fixture
def role(here):
    return here


@pytest.fixture
def policy(role, gita, appoint):
    """A policy of a package with the role, in a catalog that Gita owns."""
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[role]))
    appoint(gita, policy.package.catalog)
    return policy


def put_in(role, *people):
    for person in people:
        Membership.objects.create(group_id=role.resource.external_id, user=person)


def line_of(holders, person, viewer):
    (line,) = lines(holders, [person], viewer)
    return line


def refusal(role):
    with pytest.raises(ConnectorRefused) as refused:
        Holders.read(role)
    return refused.value


def test_each_person_is_explained_unexplained_or_missing(role, policy, ada, bo, gita):
    drifted = UserFactory(display_name="Dora")
    put_in(role, ada, bo)
    until = AssignmentFactory(policy=policy, target=ada).ends_at
    AssignmentFactory(policy=policy, target=drifted)
    Grant.objects.create(user=drifted, role=role, is_given=True)

    holders = Holders.read(role)

    assert list(holders.unexplained()) == [bo]
    assert list(holders.explained(gita)) == [ada]
    assert list(holders.missing(gita)) == [drifted]
    assert holders.unknown == ()
    assert line_of(holders, bo, gita).shown_state == "unexplained"
    explained = line_of(holders, ada, gita)
    assert explained.shown_state == "explained"
    assert [(way.package, way.ends_at) for way in explained.ways] == [(policy.package, until)]
    assert line_of(holders, drifted, gita).shown_state == "drift"


def test_access_that_has_ended_explains_nothing(role, policy, ada, gita):
    put_in(role, ada)
    AssignmentFactory(policy=policy, target=ada, ends_at=clock.now() - timedelta(seconds=1))

    assert list(Holders.read(role).unexplained()) == [ada]


def test_what_is_being_set_up_has_failed_or_goes_is_no_drift(role, policy, ada, bo, gita):
    put_in(role, bo)
    AssignmentFactory(policy=policy, target=ada)
    assert line_of(Holders.read(role), ada, gita).shown_state == "waiting"

    grant = Grant.objects.create(user=ada, role=role, next_attempt_at=clock.now())
    assert line_of(Holders.read(role), ada, gita).shown_state == "waiting"
    Grant.objects.filter(pk=grant.pk).update(next_attempt_at=None, error_code="full")
    assert line_of(Holders.read(role), ada, gita).shown_state == "failed"
    Grant.objects.create(
        user=bo, role=role, is_wanted=False, is_given=True, next_attempt_at=clock.now()
    )
    assert line_of(Holders.read(role), bo, gita).shown_state == "removing"


def test_packages_of_other_catalogs_explain_and_are_not_named(role, policy, ada, bo, gita):
    put_in(role, ada, bo)
    elsewhere = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[role]))
    AssignmentFactory(policy=elsewhere, target=ada)
    AssignmentFactory(policy=elsewhere, target=bo)
    AssignmentFactory(policy=policy, target=bo)
    AssignmentFactory(policy=elsewhere)

    holders = Holders.read(role)

    assert not holders.unexplained().exists()
    assert list(holders.explained(gita)) == [bo]
    assert holders.explained_elsewhere(gita) == 1
    assert not holders.missing(gita).exists()
    assert [way.policy for way in line_of(holders, bo, gita).ways] == [policy]


def test_accounts_of_nobody_are_told_as_they_are(there, target, ada, gita):
    target.members(there).update({"ADA Lovelace", "svc-backup", "zoë\x00"})

    holders = Holders.read(there)

    assert list(holders.unexplained()) == [ada]
    assert holders.accounts == {ada.pk: "ADA Lovelace"}
    assert holders.unknown == ("svc-backup", "zoë\x00")


def test_an_empty_role_has_nobody(there):
    holders = Holders.read(there)

    assert not holders.unexplained().exists()
    assert holders.unknown == ()


def test_a_system_that_is_away_says_so(there, target):
    target.error = ConnectorUnavailable("unreachable", "It cannot be reached.")

    assert refusal(there).code == "unreachable"
    assert target.closed == 1


def test_a_system_that_is_switched_off_is_not_read(there, target):
    target.system.is_enabled = False
    target.system.save()
    there.refresh_from_db()

    assert refusal(there).code == "switched_off"
    assert target.closed == 0


def test_reading_ends_when_it_takes_too_long(there, target, monkeypatch):
    target.members(there).update({"one", "two"})
    monkeypatch.setattr(reading, "LONGEST_READ", -1.0)

    refused = refusal(there)

    assert isinstance(refused, ConnectorUnavailable)
    assert refused.code == "timeout"
    assert target.closed == 1


def test_reading_ends_when_there_are_too_many(there, target, monkeypatch):
    target.members(there).update({"one", "two"})
    monkeypatch.setattr(reading, "MOST_MEMBERS", 1)

    assert refusal(there).code == "too_many_members"


def test_ten_thousand_members_cost_as_many_queries_as_one(role, policy, gita):
    def cost(count):
        people = User.objects.bulk_create(
            User(email=f"p{count}-{n}@kestrel.example", display_name=f"P {n:05}", password="!")
            for n in range(count)
        )
        group = Group.objects.get(pk=role.resource.external_id)
        Membership.objects.bulk_create(Membership(group=group, user=one) for one in people)
        gather_statistics()
        with CaptureQueriesContext(connection) as captured:
            holders = Holders.read(role)
            assert holders.unexplained().count() == group.memberships.count()
            page = list(holders.unexplained()[:25])
            assert len(list(lines(holders, page, gita))) == len(page)
            assert holders.explained(gita).count() == 0
            assert holders.explained_elsewhere(gita) == 0
            assert holders.missing(gita).count() == 0
        return len(captured)

    assert cost(1) == cost(10_000) <= 10


@pytest.mark.slapd
def test_names_in_ldap_are_found_however_they_are_spelled(ldap_server, ldap_system, ada, gita):
    uma = ldap_server.add_person("uma")
    group = ldap_server.add_group("finance", [uma.replace("uid=", "UID=").replace(",", ", ")])
    role = ResourceRoleFactory(
        resource__system=ldap_system, resource__external_id=group, resource__group=None
    )
    Account.objects.create(user=ada, system=ldap_system, external_id=uma.upper())
    stranger = ldap_server.add_person("tim")
    ldap_server.change(group, member=[uma, stranger])

    holders = Holders.read(role)

    assert list(holders.unexplained()) == [ada]
    assert holders.unknown == (stranger,)


@pytest.mark.slapd
def test_an_ldap_server_that_is_down_says_so(ldap_server, ldap_system):
    group = ldap_server.add_group("finance")
    role = ResourceRoleFactory(
        resource__system=ldap_system, resource__external_id=group, resource__group=None
    )
    ldap_server.stop()

    refused = refusal(role)

    assert isinstance(refused, ConnectorUnavailable)
    assert refused.code == "unreachable"


def test_grants_of_a_package_are_taken_over_when_its_assignment_says_so(ada, policy, role):
    assignment = AssignmentFactory(policy=policy, target=ada)

    grants.want(assignment)
    assert not Grant.objects.get().is_taken_over
    grants.want(assignment, takes_over=True)

    assert Grant.objects.get().is_taken_over
