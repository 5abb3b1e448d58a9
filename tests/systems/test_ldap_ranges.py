import pytest

from entitlements.systems.ldap import Entry
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.ldap_ranges import all_values

GROUP = "cn=all,dc=example"


class ServerWithRanges:
    """Hands out 4 of 10 values at a time, as Active Directory does with 1,500 of many."""

    def __init__(self, values=10):
        self.names = [b"cn=%d" % number for number in range(values)]
        self.asked = []

    def read(self, dn, attributes):
        self.asked.append(*attributes)
        first = int(attributes[0].partition("=")[2].partition("-")[0] or 0)
        part = self.names[first : first + 4]
        last = "*" if first + 4 >= len(self.names) else first + 3
        return Entry(dn, {"member": [], f"member;range={first}-{last}": part})


def test_a_long_attribute_is_read_range_by_range():
    server = ServerWithRanges()

    values = list(all_values(server.read, server.read(GROUP, ["member"]), "member"))

    assert values == [f"cn={number}" for number in range(10)]
    assert server.asked == ["member", "member;range=4-*", "member;range=8-*"]


def test_a_short_attribute_needs_no_second_look():
    server = ServerWithRanges()
    entry = Entry(GROUP, {"member": [b"cn=1", b"cn=2"]})

    assert list(all_values(server.read, entry, "member")) == ["cn=1", "cn=2"]
    assert list(all_values(server.read, Entry(GROUP, {}), "member")) == []
    assert server.asked == []


def test_an_entry_that_goes_away_in_the_middle_is_no_complete_answer():
    server = ServerWithRanges()
    first = server.read(GROUP, ["member"])

    with pytest.raises(LdapFailed) as failed:
        list(all_values(lambda *_: None, first, "member"))

    assert failed.value.code == "incomplete"
