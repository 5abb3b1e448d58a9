"""Groups of an LDAP server as target: OpenLDAP and its kin, and Active Directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ldap3.core import results
from ldap3.utils.conv import escape_filter_chars

from entitlements.connectors.base import ConnectorRefused, ConnectorUnavailable, Found, Place
from entitlements.systems.distinguished_names import is_distinguished_name, normalized, same
from entitlements.systems.ldap import ADD, DELETE, Change, LdapClient
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.ldap_ranges import all_values
from entitlements.systems.models import ConnectedSystem

MEMBER, OWNER = "member", "owner"

MEMBER_ATTRIBUTES: Final = {
    "groupofuniquenames": "uniqueMember",
    "groupofnames": "member",
    "groupofmembers": "member",
    "groupofentries": "member",
    "group": "member",
}
"""By object class in lower case."""


@dataclass(frozen=True)
class GroupRole:
    """Where in a group's entry the holders of a role stand."""

    dn: str
    attribute: str
    placeholder: str

    def change(self, act: str, account: str) -> Change:
        return (act, self.attribute, account)


class LdapConnector:
    """Makes people members, and where configured owners, of groups of an LDAP server.

    A resource is a group's DN, an account a person's DN. A group that must not become empty
    keeps a placeholder as its last member: `placeholder_dn` of the settings, or the group itself.
    `member_attribute` and `owner_attribute` of the settings name the attributes of the two roles;
    the first is recognized by the group's object class when it is not given.
    """

    def __init__(self, system: ConnectedSystem) -> None:
        self.system = system
        self._client: LdapClient | None = None
        self._roles: dict[Place, GroupRole] = {}
        self._without_placeholder: set[GroupRole] = set()

    def check(self) -> None:
        with self._speaking() as client:
            if client.read(client.settings.base_dn) is None:
                raise ConnectorRefused(
                    "base_missing",
                    f"{client.settings.base_dn} does not exist, or we may not read it.",
                )

    def members(self, place: Place) -> Iterator[str]:
        with self._speaking() as client:
            role = self._role(client, place)
            group = client.read(role.dn, [role.attribute])
            if group is None:
                raise _group_missing(role.dn)
            placeholder = normalized(role.placeholder)
            for account in all_values(client.read, group, role.attribute):
                if normalized(account) != placeholder:
                    yield account

    def is_member(self, place: Place, account: str) -> bool:
        with self._speaking() as client:
            return _is_in(client, self._role(client, place), _checked(account))

    def ensure_member(self, place: Place, account: str) -> None:
        with self._speaking() as client:
            role = self._role(client, place)
            if client.read(_checked(account)) is None:
                raise ConnectorRefused(
                    "account_missing", f"{account} does not exist in {self.system} any more."
                )
            refusal = _refusal(client, role.dn, role.change(ADD, account))
            if refusal and not _is_in(client, role, account):
                raise refusal
            self._remove_placeholder(client, role, account)

    def ensure_absent(self, place: Place, account: str) -> None:
        with self._speaking() as client:
            role = self._role(client, place)
            refusal = _refusal(client, role.dn, role.change(DELETE, _checked(account)))
            if refusal and refusal.result == results.RESULT_OBJECT_CLASS_VIOLATION:
                self._without_placeholder.discard(role)
                refusal = _refusal(
                    client,
                    role.dn,
                    role.change(ADD, role.placeholder),
                    role.change(DELETE, account),
                )
            if refusal and _is_in(client, role, account):
                raise refusal

    def find(self, words: str, most: int) -> list[Found]:
        """Return groups by a part of their common names, of the classes that we know."""
        kinds = [f"(objectClass={name})" for name in MEMBER_ATTRIBUTES]
        if configured := self.system.setting("member_attribute", ""):
            kinds.append(f"({configured}=*)")
        asked = f"(&(|{''.join(kinds)})(cn=*{escape_filter_chars(words)}*))"
        with self._speaking() as client:
            entries = list(islice(client.search(asked, ["cn", "description"]), most))
        found = [Found(one.dn, one.text("cn"), one.text("description")) for one in entries]
        return sorted(found, key=lambda one: (one.name.casefold(), one.external_id))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _remove_placeholder(self, client: LdapClient, role: GroupRole, account: str) -> None:
        """Take the placeholder out of a group that has a real member again."""
        if role in self._without_placeholder or same(role.placeholder, account):
            return
        _refusal(client, role.dn, role.change(DELETE, role.placeholder))
        self._without_placeholder.add(role)

    def _role(self, client: LdapClient, place: Place) -> GroupRole:
        if place not in self._roles:
            self._roles[place] = self._read_role(client, place)
        return self._roles[place]

    def _read_role(self, client: LdapClient, place: Place) -> GroupRole:
        configured = self.system.setting(f"{place.role}_attribute", "")
        if place.role not in (MEMBER, OWNER) or (place.role == OWNER and not configured):
            raise ConnectorRefused("unknown_role", f"A group has no role “{place.role}” here.")
        group = client.read(_checked(place.resource), ["objectClass"])
        if group is None:
            raise _group_missing(place.resource)
        classes = {name.lower() for name in group.texts("objectClass")}
        recognized = [name for known, name in MEMBER_ATTRIBUTES.items() if known in classes]
        if not configured and not recognized:
            raise ConnectorRefused("not_a_group", f"{place.resource} is no kind of group we know.")
        return GroupRole(
            dn=place.resource,
            attribute=configured or recognized[0],
            placeholder=self.system.setting("placeholder_dn", "") or place.resource,
        )

    @contextmanager
    def _speaking(self) -> Iterator[LdapClient]:
        """Lend the client, and translate what goes wrong."""
        try:
            if self._client is None:
                self._client = LdapClient.of(self.system)
            yield self._client
        except LdapFailed as failed:
            kind = ConnectorUnavailable if failed.concerns_server else ConnectorRefused
            raise kind(failed.code, str(failed)) from failed


def _is_in(client: LdapClient, role: GroupRole, account: str) -> bool:
    """Ask the server, which compares names as its schema says, whatever the group's size."""
    asked = f"({role.attribute}={escape_filter_chars(account)})"
    return client.read(role.dn, search_filter=asked) is not None


def _checked(name: str) -> str:
    if not is_distinguished_name(name):
        raise ConnectorRefused("bad_name", f"“{name}” is not a distinguished name.")
    return name


def _refusal(client: LdapClient, dn: str, *changes: Change) -> LdapFailed | None:
    """Change an entry; return what the server has against it, if it works for us at all."""
    try:
        client.modify(dn, *changes)
    except LdapFailed as failed:
        if failed.concerns_server:
            raise
        return failed
    return None


def _group_missing(dn: str) -> ConnectorRefused:
    return ConnectorRefused("group_missing", f"{dn} does not exist any more.")
