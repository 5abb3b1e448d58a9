import pytest
from django.db import transaction

from entitlements.connectors.base import ConnectorRefused, Place
from entitlements.connectors.directory import DirectoryConnector
from entitlements.models import ConnectedSystem
from tests.factories import ConnectedSystemFactory, GroupFactory

pytestmark = pytest.mark.django_db
ROLES = ["member", "owner"]


@pytest.fixture
def connector(db):
    return DirectoryConnector(ConnectedSystem.objects.built_in_directory())


def people(group, role):
    return set(group.owners.all() if role == "owner" else group.members.all())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_given_and_taken_any_number_of_times(connector, ada, role):
    group = GroupFactory()
    place, account = Place(str(group.pk), role), str(ada.pk)
    connector.check()
    assert not connector.is_member(place, account)

    for _ in range(2):
        connector.ensure_member(place, account)
        assert connector.is_member(place, account)
        assert people(group, role) == {ada}
    assert list(connector.members(place)) == [account]

    for _ in range(2):
        connector.ensure_absent(place, account)
        assert not connector.is_member(place, account)
        assert people(group, role) == set()
    connector.close()


def test_members_and_owners_are_apart(connector, ada, bo):
    group = GroupFactory(members=[ada])
    connector.ensure_member(Place(str(group.pk), "owner"), str(bo.pk))

    assert list(connector.members(Place(str(group.pk), "member"))) == [str(ada.pk)]
    assert list(connector.members(Place(str(group.pk), "owner"))) == [str(bo.pk)]


def test_only_one_person_is_touched(connector, ada, bo):
    group = GroupFactory(members=[ada, bo])

    connector.ensure_absent(Place(str(group.pk), "member"), str(ada.pk))

    assert people(group, "member") == {bo}


def acts(connector, place, account):
    yield lambda: connector.ensure_member(place, account)
    yield lambda: connector.ensure_absent(place, account)
    yield lambda: connector.is_member(place, account)
    yield lambda: list(connector.members(place))


def refusal(act):
    with pytest.raises(ConnectorRefused) as refused:
        act()
    return refused.value.code


def test_a_role_that_groups_do_not_have_is_refused(connector, ada):
    place = Place(str(GroupFactory().pk), "admin")

    for act in acts(connector, place, str(ada.pk)):
        assert refusal(act) == "unknown_role"


@pytest.mark.parametrize("key", ["7d3c6f0e-6f0a-4d5c-9c58-6a0d2f1b9e11", "not an id"])
def test_nothing_is_given_in_a_group_that_is_gone_and_nothing_is_left_to_take(connector, ada, key):
    place = Place(key, "member")

    connector.ensure_absent(place, str(ada.pk))

    assert refusal(lambda: connector.ensure_member(place, str(ada.pk))) == "group_missing"
    assert refusal(lambda: connector.is_member(place, str(ada.pk))) == "group_missing"


@pytest.mark.parametrize("key", ["7d3c6f0e-6f0a-4d5c-9c58-6a0d2f1b9e11", "not an id"])
def test_nobody_is_given_what_nobody_is(connector, key):
    place = Place(str(GroupFactory().pk), "member")

    connector.ensure_absent(place, key)

    assert refusal(lambda: connector.ensure_member(place, key)) == "account_missing"
    assert not connector.is_member(place, key)


@pytest.mark.parametrize("role", ROLES)
def test_groups_that_are_synced_are_left_alone(connector, ada, role):
    group = GroupFactory(source=ConnectedSystemFactory(kind="ldap", name="LDAP"), source_key="x")
    place = Place(str(group.pk), role)

    for act in acts(connector, place, str(ada.pk)):
        assert refusal(act) == "managed_elsewhere"


def test_groups_made_by_a_rule_can_have_owners_but_no_members_by_hand(connector, ada):
    group = GroupFactory(is_dynamic=True)

    connector.ensure_member(Place(str(group.pk), "owner"), str(ada.pk))

    assert people(group, "owner") == {ada}
    for act in acts(connector, Place(str(group.pk), "member"), str(ada.pk)):
        assert refusal(act) == "managed_elsewhere"


@pytest.mark.django_db(transaction=True)
def test_a_call_is_a_transaction_of_its_own(connector, ada):
    place = Place(str(GroupFactory().pk), "member")

    with pytest.raises(RuntimeError), transaction.atomic():
        connector.ensure_member(place, str(ada.pk))
