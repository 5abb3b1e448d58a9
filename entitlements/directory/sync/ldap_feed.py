"""Read people and groups from an LDAP server."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from uuid import UUID

from entitlements.directory.models import Account, GroupKind
from entitlements.directory.sync import values
from entitlements.directory.sync.ldap_maps import LdapMap, Sources, map_of
from entitlements.directory.sync.records import (
    EVERY,
    Feed,
    GroupRecord,
    Link,
    PersonRecord,
    Progress,
    no_progress,
)
from entitlements.directory.sync.values import BadValue
from entitlements.systems.distinguished_names import normalized
from entitlements.systems.ldap import Entry, LdapClient
from entitlements.systems.ldap_ranges import all_values
from entitlements.systems.models import ConnectedSystem

DISABLED_BIT: Final = 0x2
SECURITY_BIT: Final = 0x80000000
LONGEST_ACCOUNT: Final = Account._meta.get_field("external_id").max_length or 0


def read(system: ConnectedSystem, progress: Progress = no_progress) -> Feed:
    """Read everything that a system's settings name; raises LdapFailed rather than ending early."""
    with LdapClient.of(system) as client:
        return LdapFeed(system, client, progress).read()


class LdapFeed:
    """Reads one server once: people first, then the groups, whose members are people by then."""

    def __init__(self, system: ConnectedSystem, client: LdapClient, progress: Progress) -> None:
        self.map: LdapMap = map_of(system)
        self.client = client
        self.progress = progress
        self.placeholder = normalized(system.setting("placeholder_dn", ""))
        self.fields = tuple(self.map.person)
        self.feed = Feed(attributes=self.fields, has_managers=True, has_accounts=True)
        self.people: dict[str, str] = {}
        self.groups: dict[str, str] = {}

    def read(self) -> Feed:
        """Return all people, groups, and who is in which."""
        people = list(self._read_people())
        self.feed.people = [self._with_manager(*person) for person in people]
        entries = list(self._entries("groups", self.map.groups_base, self.map.groups_filter))
        self.feed.groups = [record for entry in entries if (record := self._group(entry))]
        links = [link for entry in entries for link in self._links(entry, self.map.members)]
        self.feed.memberships = [link for link, is_group in links if not is_group]
        self.feed.nestings = [link for link, is_group in links if is_group]
        owners = [link for entry in entries for link in self._links(entry, self.map.owners)]
        self.feed.owners = [link for link, is_group in owners if not is_group]
        return self.feed

    def _read_people(self) -> Iterator[tuple[PersonRecord, str]]:
        for entry in self._entries("people", self.map.people_base, self.map.people_filter):
            key = self._key(entry, self.people)
            record = self._person(entry, key) if key else None
            if record:
                yield record, entry.text(self.map.manager)

    def _entries(self, kind: str, base: str, search_filter: str) -> Iterator[Entry]:
        read = 0
        for entry in self.client.search(search_filter, self._attributes(kind), base_dn=base):
            yield entry
            read += 1
            if read % EVERY == 0:
                self.progress(f"Reading {kind}", read, None)
        self.progress(f"Reading {kind}", read, None)

    def _attributes(self, kind: str) -> list[str]:
        if kind == "groups":
            wanted = (self.map.group_name, "description", self.map.group_type)
            several = (*self.map.members, *self.map.owners)
        else:
            wanted = (self.map.manager, self.map.account_control, self.map.locked)
            several = tuple(name for names in self.map.person.values() for name in names)
        return sorted({self.map.key, *wanted, *several} - {""})

    def _key(self, entry: Entry, known: dict[str, str]) -> str:
        """Return what names an entry for ever, and remember which DN it has now."""
        raw = entry.raw(self.map.key)
        is_guid = self.map.key.lower() == "objectguid" and len(raw) == 16
        key = str(UUID(bytes_le=raw)) if is_guid else entry.text(self.map.key)
        try:
            key = values.key_value(self.map.key, key)
        except BadValue as bad:
            self.feed.problem(entry.dn, bad.code, str(bad))
            return ""
        known[normalized(entry.dn)] = key
        return key

    def _person(self, entry: Entry, key: str) -> PersonRecord | None:
        try:
            if len(entry.dn) > LONGEST_ACCOUNT:
                raise BadValue("too_long", "the distinguished name is too long")
            return PersonRecord(
                key=key,
                values=tuple(
                    values.person_value(field, _first(entry, sources))
                    for field, sources in self.map.person.items()
                ),
                is_enabled=self._is_enabled(entry),
                where=entry.dn,
                account=entry.dn,
            )
        except BadValue as bad:
            self.feed.problem(entry.dn, bad.code, str(bad), spare=key)
            return None

    def _is_enabled(self, entry: Entry) -> bool:
        if self.map.account_control and _number(entry, self.map.account_control) & DISABLED_BIT:
            return False
        return not (self.map.locked and entry.text(self.map.locked).lower() == "true")

    def _with_manager(self, record: PersonRecord, manager: str) -> PersonRecord:
        """Name the manager by his key, or by his DN when nobody whom we read has it."""
        if not manager:
            return record
        return replace(record, manager_key=self.people.get(normalized(manager), manager))

    def _group(self, entry: Entry) -> GroupRecord | None:
        key = self._key(entry, self.groups)
        if not key:
            return None
        try:
            return GroupRecord(
                key=key,
                name=values.group_name(entry.text(self.map.group_name)),
                description=values.group_description(entry.text("description")),
                kind=self._kind(entry),
                where=entry.dn,
            )
        except BadValue as bad:
            self.feed.problem(entry.dn, bad.code, str(bad), spare=key)
            return None

    def _kind(self, entry: Entry) -> str:
        is_typed = self.map.group_type and entry.text(self.map.group_type)
        if is_typed and not _number(entry, self.map.group_type) & SECURITY_BIT:
            return GroupKind.COLLABORATION
        return GroupKind.SECURITY

    def _links(self, entry: Entry, attributes: Sources) -> Iterator[tuple[Link, bool]]:
        """Yield who stands in an entry, and whether that is a group.

        Whoever is outside of what we read is not ours to know; nor are placeholders.
        """
        own_name = normalized(entry.dn)
        key = self.groups.get(own_name)
        if key is None:
            return
        for attribute in attributes:
            for dn in all_values(self.client.read, entry, attribute):
                name = normalized(dn)
                if name in (own_name, self.placeholder):
                    continue
                if name in self.people:
                    yield Link(key, self.people[name], entry.dn), False
                elif name in self.groups:
                    yield Link(key, self.groups[name], entry.dn), True


def _first(entry: Entry, sources: Sources) -> str:
    """Return the first value of the first attribute that has one."""
    for source in sources:
        if text := entry.text(source).strip():
            return text
    return ""


def _number(entry: Entry, attribute: str) -> int:
    try:
        return int(entry.text(attribute) or 0)
    except ValueError:
        return 0
