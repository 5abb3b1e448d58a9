"""Reading who holds a role, for somebody who waits for the answer."""

import pytest

from entitlements.connectors.base import ConnectorUnavailable, Place
from entitlements.connectors.ldap import LdapConnector
from entitlements.connectors.reading import PATIENCE, find_resources, read_members
from entitlements.connectors.registry import connector_for
from entitlements.models import ConnectedSystem
from entitlements.systems.ldap import Entry
from entitlements.systems.ldap_ranges import RANGE

GROUP = "cn=all,dc=example"
RANGE_SIZE = 1500


class ActiveDirectory:
    """A client of a server that hands out at most 1,500 of a group's members at once."""

    def __init__(self, count):
        self.names = [b"cn=p%d,dc=example" % number for number in range(count)]
        self.reads = 0

    def read(self, dn, attributes):
        (wanted,) = attributes
        if wanted == "objectClass":
            return Entry(dn, {"objectclass": [b"top", b"group"]})
        self.reads += 1
        first = int(wanted.partition("=")[2].partition("-")[0] or 0)
        part = self.names[first : first + RANGE_SIZE]
        end = "*" if first + RANGE_SIZE >= len(self.names) else first + RANGE_SIZE - 1
        name = f"member;range={first}-{end}"
        assert RANGE.search(name)
        return Entry(dn, {"member": [], name: part})

    def close(self):
        self.reads += 0


def system(**settings):
    return ConnectedSystem(name="Company LDAP", kind="ldap", settings=settings)


def test_a_large_group_of_active_directory_is_read_whole(monkeypatch):
    server = ActiveDirectory(10_000)
    monkeypatch.setattr(LdapConnector, "_client", server, raising=False)
    monkeypatch.setattr(LdapConnector, "__init__", lambda self, system: _begin(self, system))

    found = read_members(system(), Place(GROUP, "member"))

    assert len(found) == 10_000
    assert found[-1] == "cn=p9999,dc=example"
    assert server.reads == 7


def _begin(connector, system):
    connector.system = system
    connector._roles = {}


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ({}, {"connect_timeout": PATIENCE, "receive_timeout": PATIENCE}),
        ({"receive_timeout": 60}, {"connect_timeout": PATIENCE, "receive_timeout": PATIENCE}),
        ({"connect_timeout": 2}, {"connect_timeout": 2, "receive_timeout": PATIENCE}),
        ({"connect_timeout": "x"}, {"connect_timeout": "x", "receive_timeout": PATIENCE}),
    ],
)
def test_nobody_waits_longer_for_an_answer_than_is_said(given, used):
    saved = system(**given)

    connector = connector_for(saved, patience=PATIENCE)

    assert connector.system.settings == used
    assert saved.settings == given
    assert connector_for(saved).system is saved


@pytest.mark.django_db
def test_nothing_is_found_in_a_system_that_cannot_be_searched(target):
    target.role("crm")

    assert find_resources(target.system, "crm") == []
    assert target.closed == 1


@pytest.mark.slapd
def test_nothing_is_asked_for_no_words(ldap_server, ldap_system):
    ldap_server.stop()

    assert find_resources(ldap_system, "") == []
    with pytest.raises(ConnectorUnavailable):
        find_resources(ldap_system, "crm")
