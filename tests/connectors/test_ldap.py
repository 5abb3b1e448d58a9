from contextlib import closing

import pytest

from entitlements.connectors.base import ConnectorRefused, ConnectorUnavailable, Place
from entitlements.connectors.registry import connector_for
from tests.ldap import connected_system

pytestmark = [pytest.mark.django_db, pytest.mark.slapd]

KINDS = ["groupOfNames", "groupOfUniqueNames", "group"]


@pytest.fixture
def uma(ldap_server):
    return ldap_server.add_person("uma")


@pytest.fixture
def tim(ldap_server):
    return ldap_server.add_person("tim")


@pytest.fixture
def connector(ldap_system):
    connector = connector_for(ldap_system)
    yield connector
    connector.close()


@pytest.mark.parametrize("kind", KINDS)
def test_somebody_becomes_a_member_once(ldap_server, connector, uma, tim, kind):
    group = ldap_server.add_group("finance", [tim], kind)
    place = Place(group, "member")
    assert not connector.is_member(place, uma)

    connector.ensure_member(place, uma)
    connector.ensure_member(place, uma.upper())

    assert connector.is_member(place, uma)
    assert sorted(ldap_server.members(group)) == [tim, uma]
    assert sorted(connector.members(place)) == [tim, uma]


@pytest.mark.parametrize("kind", KINDS)
def test_somebody_stops_being_a_member_once(ldap_server, connector, uma, tim, kind):
    group = ldap_server.add_group("finance", [tim, uma], kind)
    place = Place(group, "member")

    connector.ensure_absent(place, uma.replace("uid=", "UID=").replace(",", ", "))
    connector.ensure_absent(place, uma)

    assert ldap_server.members(group) == [tim]
    assert not connector.is_member(place, uma)


@pytest.mark.parametrize("kind", ["groupOfNames", "groupOfUniqueNames"])
def test_a_group_that_must_keep_a_member_keeps_a_placeholder(ldap_server, connector, uma, kind):
    group = ldap_server.add_group("finance", [uma], kind)
    place = Place(group, "member")

    connector.ensure_absent(place, uma)
    connector.ensure_absent(place, uma)

    assert ldap_server.members(group) == [group]
    assert list(connector.members(place)) == []

    connector.ensure_member(place, uma)

    assert ldap_server.members(group) == [uma]
    connector.ensure_absent(place, uma)
    connector.ensure_member(place, uma)
    assert ldap_server.members(group) == [uma]


def test_an_active_directory_group_may_become_empty(ldap_server, connector, uma):
    group = ldap_server.add_group("finance", [uma], "group")

    connector.ensure_absent(Place(group, "member"), uma)

    assert ldap_server.members(group) == []
    assert list(connector.members(Place(group, "member"))) == []


def test_the_placeholder_can_be_chosen(ldap_server, uma):
    nobody = ldap_server.add("cn=nobody,dc=example,dc=test", "organizationalRole", cn="nobody")
    group = ldap_server.add_group("finance", [uma])
    connector = connector_for(connected_system(ldap_server, placeholder_dn=nobody))

    connector.ensure_absent(Place(group, "member"), uma)

    assert ldap_server.members(group) == [nobody]
    assert list(connector.members(Place(group, "member"))) == []
    connector.close()


def test_a_placeholder_that_is_an_account_stays_when_it_is_made_a_member(ldap_server, uma):
    group = ldap_server.add_group("finance", [uma])
    connector = connector_for(connected_system(ldap_server, placeholder_dn=uma))

    connector.ensure_member(Place(group, "member"), uma)

    assert ldap_server.members(group) == [uma]
    connector.close()


def test_owners_are_given_where_their_attribute_is_configured(ldap_server, connector, uma, tim):
    group = ldap_server.add_group("finance", [tim])
    place = Place(group, "owner")
    configured = connector_for(connected_system(ldap_server, owner_attribute="owner"))

    configured.ensure_member(place, uma)

    assert list(configured.members(place)) == [uma]
    assert ldap_server.members(group) == [tim]
    configured.ensure_absent(place, uma)
    assert not configured.is_member(place, uma)
    configured.close()
    with pytest.raises(ConnectorRefused) as refused:
        connector.ensure_member(place, uma)
    assert refused.value.code == "unknown_role"


def test_the_attribute_of_members_can_be_configured(ldap_server, uma):
    role = ldap_server.add("cn=desk,dc=example,dc=test", "organizationalRole", cn="desk")
    connector = connector_for(connected_system(ldap_server, member_attribute="roleOccupant"))

    connector.ensure_member(Place(role, "member"), uma)

    assert list(connector.members(Place(role, "member"))) == [uma]
    connector.close()


def test_names_with_commas_and_accents_are_found_again(ldap_server, connector, tim):
    zoe = ldap_server.add(
        r"cn=Zoë \2C Dr. (x)*,ou=people,dc=example,dc=test", "inetOrgPerson", sn="Zoë"
    )
    group = ldap_server.add_group("finance", [tim])
    place = Place(group, "member")

    connector.ensure_member(place, r"CN=Zoë \, Dr. (x)*, OU=people,dc=example,dc=test")

    assert connector.is_member(place, zoe)
    connector.ensure_absent(place, zoe)
    assert ldap_server.members(group) == [tim]


@pytest.mark.parametrize(
    ("resource", "role", "account", "code"),
    [
        ("cn=gone,ou=groups,dc=example,dc=test", "member", "uid=uma", "group_missing"),
        ("cn=finance,ou=groups,dc=example,dc=test", "chief", "uid=uma", "unknown_role"),
        ("cn=finance,ou=groups,dc=example,dc=test", "member", "uma", "bad_name"),
        ("finance", "member", "uid=uma,ou=people,dc=example,dc=test", "bad_name"),
        ("ou=groups,dc=example,dc=test", "member", "uid=uma", "not_a_group"),
        (
            "cn=finance,ou=groups,dc=example,dc=test",
            "member",
            "uid=gone,ou=people,dc=example,dc=test",
            "account_missing",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong(ldap_server, connector, tim, resource, role, account, code):
    ldap_server.add_group("finance", [tim])

    with pytest.raises(ConnectorRefused) as refused:
        connector.ensure_member(Place(resource, role), account)

    assert refused.value.code == code
    assert not isinstance(refused.value, ConnectorUnavailable)


def test_a_group_that_went_away_meanwhile_is_missed(ldap_server, connector, uma, tim):
    group = ldap_server.add_group("finance", [tim])
    place = Place(group, "member")
    connector.ensure_member(place, uma)
    ldap_server.delete(group)

    with pytest.raises(ConnectorRefused) as refused:
        connector.ensure_member(place, uma)
    assert refused.value.code == "not_found"
    with pytest.raises(ConnectorRefused) as refused:
        list(connector.members(place))
    assert refused.value.code == "group_missing"


def test_who_may_only_read_gives_and_takes_nothing(ldap_server, uma, tim):
    group = ldap_server.add_group("finance", [tim])
    system = connected_system(ldap_server, bind_dn=ldap_server.reader_dn)
    system.secret = ldap_server.reader_password
    connector = connector_for(system)
    place = Place(group, "member")

    for act, account in ((connector.ensure_member, uma), (connector.ensure_absent, tim)):
        with pytest.raises(ConnectorRefused) as refused:
            act(place, account)
        assert refused.value.code == "not_permitted"
        assert not isinstance(refused.value, ConnectorUnavailable)
    assert ldap_server.members(group) == [tim]
    connector.close()


def test_what_is_so_already_needs_no_permission(ldap_server, uma, tim):
    group = ldap_server.add_group("finance", [tim])
    system = connected_system(ldap_server, bind_dn=ldap_server.reader_dn)
    system.secret = ldap_server.reader_password
    connector = connector_for(system)

    connector.ensure_member(Place(group, "member"), tim)
    connector.ensure_absent(Place(group, "member"), uma)

    assert ldap_server.members(group) == [tim]
    connector.close()


def test_a_stopped_server_is_unavailable_and_works_again_after_its_start(
    ldap_server, connector, uma, tim
):
    group = ldap_server.add_group("finance", [tim])
    place = Place(group, "member")
    connector.check()

    ldap_server.stop()
    for _ in range(2):
        with pytest.raises(ConnectorUnavailable) as unavailable:
            connector.ensure_member(place, uma)
        assert unavailable.value.code == "unreachable"
    ldap_server.start()
    connector.ensure_member(place, uma)

    assert sorted(ldap_server.members(group)) == [tim, uma]


def test_a_server_that_stops_in_the_middle_is_unavailable(ldap_server, connector, uma):
    group = ldap_server.add_group("finance", [uma])
    place = Place(group, "member")
    assert connector.is_member(place, uma)
    ldap_server.stop()

    with pytest.raises(ConnectorUnavailable) as unavailable:
        connector.ensure_absent(place, uma)

    assert unavailable.value.code == "unreachable"


def test_a_check_says_what_is_wrong_with_the_settings(ldap_server, ldap_system):
    with closing(connector_for(ldap_system)) as connector:
        connector.check()
    wrong = {
        "invalid_credentials": {"bind_dn": "cn=nobody,dc=example,dc=test"},
        "base_missing": {"base_dn": "ou=nowhere,dc=example,dc=test"},
        "bad_settings": {"url": "http://127.0.0.1"},
    }

    for code, settings in wrong.items():
        ldap_system.settings = {**ldap_server.settings, **settings}
        connector = connector_for(ldap_system)
        with pytest.raises(ConnectorRefused) as refused:
            connector.check()
        assert refused.value.code == code
        connector.close()


def names(found):
    return [one.name for one in found]


def test_groups_are_found_by_a_part_of_their_names(ldap_server, connector, uma):
    readers = ldap_server.add_group("crm readers", [uma], description="See orders")
    ldap_server.add_group("CRM admins", [uma], "groupOfUniqueNames")
    ldap_server.add_group("finance", [uma])
    ldap_server.add_person("crm")

    found = connector.find("Crm", 20)

    assert names(found) == ["CRM admins", "crm readers"]
    assert found[1].external_id == readers
    assert found[1].description == "See orders"
    assert len(connector.find("crm", 1)) == 1
    assert connector.find("*", 20) == connector.find(")(cn=finance", 20) == []


def test_what_has_the_configured_attribute_is_a_group_too(ldap_server, uma):
    ldap_server.add(f"cn=drivers,{ldap_server.groups_dn}", "organizationalRole", roleOccupant=uma)
    system = connected_system(ldap_server, member_attribute="roleOccupant")

    with closing(connector_for(system)) as connector:
        assert names(connector.find("driv", 20)) == ["drivers"]
    with closing(connector_for(connected_system(ldap_server))) as connector:
        assert connector.find("driv", 20) == []
