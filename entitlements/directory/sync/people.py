"""Compare the people of a feed with those in the database."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password
from django.db.models.functions import Lower

from entitlements.directory.models import Account, User, UserType
from entitlements.directory.organizations.models import ConnectedOrganization
from entitlements.directory.organizations.terms import domain_of
from entitlements.directory.sync.circles import settled_above
from entitlements.directory.sync.plan import Change, Column, NewManager, Plan
from entitlements.directory.sync.records import Feed, PersonRecord, Value

CHUNK: Final = 500
COLUMNS: Final = (
    "pk",
    "is_active",
    "manager_id",
    "display_name",
    "is_invited",
    "user_type",
    "organization_id",
)
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Stored:
    """A person of this source as he is stored; `values` in the order of the feed's attributes."""

    pk: UUID
    is_active: bool
    manager: UUID | None
    name: str
    is_invited: bool
    user_type: str
    organization: UUID | None
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has an address now that a record claims."""

    row: Stored
    source: UUID | None
    key: str
    stays_ours: bool
    employee_id: str


class People:
    """Works out what becomes of people, and knows afterwards who is meant by which key."""

    def __init__(self, plan: Plan, feed: Feed) -> None:
        self.plan = plan
        self.feed = feed
        self.stored = self._read_stored()
        self.organizations = _organizations()
        self.records: dict[str, PersonRecord] = {}
        self.by_key: dict[str, UUID] = {key: row.pk for key, row in self.stored.items()}
        plan.names.update({row.pk: row.name for row in self.stored.values()})
        plan.active_before = sum(row.is_active for row in self.stored.values())

    def compare(self) -> None:
        """Fill in the plan; a feed that says nothing of people changes none."""
        if self.feed.people is None:
            return
        self._take_distinct(self.feed.people)
        taken_over = self._settle_addresses()
        for key, holder in taken_over.items():
            self.stored.pop(holder.key, None)
            self.stored[key] = holder.row
            self.by_key[key] = holder.row.pk
        for key, record in self.records.items():
            if key in self.stored:
                self._change(record, self.stored[key], key if key in taken_over else "")
            else:
                self._add(record)
        for key in self.stored.keys() - self.records.keys() - self.feed.spared:
            self._disable(self.stored[key])
        if self.feed.has_managers:
            self._compare_managers()
        if self.feed.has_accounts:
            self._compare_accounts()

    def _read_stored(self) -> dict[str, Stored]:
        rows = User.objects.filter(source=self.plan.system).values_list(
            "source_key", *COLUMNS, *self.feed.attributes
        )
        return {key: _stored(row) for key, *row in rows.iterator(chunk_size=2000)}

    def _take_distinct(self, records: Iterable[PersonRecord]) -> None:
        """Keep the first record of each key and of each address."""
        by_address: dict[Value, PersonRecord] = {}
        for record in records:
            address = self._value(record, "email")
            if record.key in self.records:
                first = self.records[record.key].where
                self._refuse(record, "duplicate_id", f"the id “{record.key}” stands in {first} too")
            elif address in by_address:
                first = by_address[address].where
                self._refuse(record, "duplicate_address", f"{address} stands in {first} too")
            else:
                self.records[record.key] = by_address[address] = record

    def _settle_addresses(self) -> dict[str, Holder]:
        """Drop records whose address somebody else keeps; return whom which record takes over."""
        claims = self._claims()
        holders = self._read_holders(list(claims))
        while True:
            taken_over: dict[str, Holder] = {}
            dropped = False
            for address, holder in holders.items():
                record = claims[address]
                if record.key not in self.records:
                    continue
                code, reason = self._objection(record, holder)
                if code:
                    self._refuse(record, code, reason)
                    del self.records[record.key]
                    dropped = True
                elif record.key not in self.stored and holder.key not in self.records:
                    taken_over[record.key] = holder
            # Nobody can have the address that a dropped record does not leave.
            if not dropped:
                return taken_over

    def _claims(self) -> dict[str, PersonRecord]:
        """Return, by address, the records whose person does not have that address now."""
        claims = {}
        for key, record in self.records.items():
            row, address = self.stored.get(key), self._value(record, "email")
            if row is None or self._of(row.values, "email") != address:
                claims[str(address)] = record
        return claims

    def _objection(self, record: PersonRecord, holder: Holder) -> tuple[str, str]:
        """Say why a record cannot have the address of a holder, or nothing."""
        address, is_new = self._value(record, "email"), record.key not in self.stored
        is_ours = holder.source == self.plan.system.pk
        if is_ours and holder.key in self.records:
            return "", ""
        if is_ours and holder.key not in self.feed.spared:
            employee_id = self._value(record, "employee_id")
            if is_new and employee_id and employee_id == holder.employee_id:
                return "", ""
            return (
                "address_of_former",
                f"{address} belongs to {holder.row.name}, who is not in the source any more and "
                "may be somebody else: change the address there first",
            )
        if holder.source is not None or not is_new:
            return "address_taken", f"{address} belongs to {holder.row.name} already"
        if holder.stays_ours:
            return (
                "address_of_administrator",
                f"{address} belongs to an administrator of the portal or a service account, "
                "whom no source takes over",
            )
        return "", ""

    def _read_holders(self, addresses: list[str]) -> dict[str, Holder]:
        holders = {}
        for chunk in chunks(addresses, CHUNK):
            people = User.objects.annotate(address=Lower("email")).filter(address__in=chunk)
            for (
                address,
                source,
                key,
                is_superuser,
                is_staff,
                user_type,
                employee_id,
                *row,
            ) in people.values_list(
                "address",
                "source",
                "source_key",
                "is_superuser",
                "is_staff",
                "user_type",
                "employee_id",
                *COLUMNS,
                *self.feed.attributes,
            ):
                stays = is_superuser or is_staff or user_type == UserType.SERVICE
                holders[address] = Holder(_stored(row), source, key, stays, employee_id)
        return holders

    def _change(self, record: PersonRecord, row: Stored, new_key: str) -> None:
        name = self.plan.names[row.pk] = str(self._value(record, "display_name"))
        organization = self._organization_of(record, row)
        is_same = row.values == record.values and row.is_active == record.is_enabled
        if is_same and row.organization == _key(organization) and not new_key:
            return
        pairs = zip(self.feed.attributes, row.values, record.values, strict=True)
        columns: dict[str, tuple[Column, Column]] = {
            name: (old, new) for name, old, new in pairs if old != new
        }
        if row.is_active != record.is_enabled:
            columns["is_active"] = (row.is_active, record.is_enabled)
        if row.organization != _key(organization):
            columns["organization"] = (self.organizations.get(row.organization), organization)
        if row.is_invited:
            columns["is_invited"] = (True, False)
        self.plan.changed_people.append(Change(row.pk, name, columns, new_key))

    def _disable(self, row: Stored) -> None:
        if row.is_active:
            self.plan.changed_people.append(Change(row.pk, row.name, {"is_active": (True, False)}))

    def _add(self, record: PersonRecord) -> None:
        values: dict[str, Any] = dict(zip(self.feed.attributes, record.values, strict=True))
        user = User(
            id=uuid4(),
            source=self.plan.system,
            source_key=record.key,
            is_active=record.is_enabled,
            organization=self._organization_of(record, None),
            password=make_password(None),
            **values,
        )
        self.by_key[record.key] = user.pk
        self.plan.names[user.pk] = str(user)
        self.plan.new_people.append(user)

    def _organization_of(
        self, record: PersonRecord, row: Stored | None
    ) -> ConnectedOrganization | None:
        """Return to whom a guest belongs: as before, unless he is new or has another address."""
        kind = self._value(record, "user_type") or (row.user_type if row else UserType.MEMBER)
        if kind != UserType.GUEST:
            return None
        address = self._value(record, "email")
        if row and row.organization and address in ("", self._of(row.values, "email")):
            return self.organizations[row.organization]
        return self.organizations.get(domain_of(str(address)))

    def _compare_managers(self) -> None:
        stored: dict[UUID, UUID | None] = {row.pk: row.manager for row in self.stored.values()}
        wanted: dict[UUID, UUID | None] = {}
        for key, row in self.stored.items():
            if key in self.feed.spared:
                wanted[row.pk] = row.manager
        for record in self.records.values():
            wanted[self.by_key[record.key]] = self._wanted_manager(record, stored)
        settled, refused = settled_above(wanted, stored)
        new = {user.pk for user in self.plan.new_people}
        for record in self.records.values():
            pk = self.by_key[record.key]
            if pk in refused:
                self.feed.problem(record.where, "circle", self._circle(pk, wanted))
            if settled[pk] != stored.get(pk):
                self.plan.managers.append(
                    NewManager(pk, self.plan.names[pk], stored.get(pk), settled[pk], pk in new)
                )

    def _wanted_manager(self, record: PersonRecord, stored: dict[UUID, UUID | None]) -> UUID | None:
        if not record.manager_key:
            return None
        key = record.manager_key
        if key in self.records or key in self.feed.spared & self.by_key.keys():
            return self.by_key[key]
        if key not in self.feed.spared:
            self.feed.problem(
                record.where, "unknown_manager", f"there is nobody with the manager's id “{key}”"
            )
        return stored.get(self.by_key[record.key])

    def _circle(self, pk: UUID, above: dict[UUID, UUID | None]) -> str:
        names, node = [self.plan.names[pk]], above[pk]
        while node is not None and node != pk and len(names) < 6:
            names.append(self.plan.names[node])
            node = above.get(node)
        names.append(self.plan.names[pk] if node == pk else "…")
        return f"the manager would close a circle: {' → '.join(names)}"

    def _compare_accounts(self) -> None:
        rows = Account.objects.filter(system=self.plan.system).values_list(
            "pk", "user_id", "external_id"
        )
        stored = {user: (pk, name) for pk, user, name in rows.iterator(chunk_size=2000)}
        new: dict[str, UUID] = {}
        for record in self.records.values():
            pk = self.by_key[record.key]
            if pk not in stored or stored[pk][1] != record.account:
                new[record.account] = pk
        claimed = {name.lower() for name in new}
        holders = set(new.values())
        self.plan.stale_accounts = [
            pk for user, (pk, name) in stored.items() if user in holders or name.lower() in claimed
        ]
        self.plan.new_accounts = [
            Account(user_id=user, system=self.plan.system, external_id=name)
            for name, user in new.items()
        ]

    def _value(self, record: PersonRecord, name: str) -> Value:
        return self._of(record.values, name)

    def _of(self, values: Sequence[Value], name: str) -> Value:
        attributes = self.feed.attributes
        return values[attributes.index(name)] if name in attributes else ""

    def _refuse(self, record: PersonRecord, code: str, reason: str) -> None:
        self.feed.problem(record.where, code, reason, spare=record.key)


def _stored(row: Sequence[Any]) -> Stored:
    pk, is_active, manager, name, is_invited, kind, organization, *values = row
    return Stored(pk, is_active, manager, name, is_invited, kind, organization, tuple(values))


def _organizations() -> dict[UUID | str | None, ConnectedOrganization]:
    """Return every connected organization by its id and by each of its domains."""
    found: dict[UUID | str | None, ConnectedOrganization] = {}
    for organization in ConnectedOrganization.objects.prefetch_related("domains"):
        found[organization.pk] = organization
        found |= {one.domain: organization for one in organization.domains.all()}
    return found


def _key(organization: ConnectedOrganization | None) -> UUID | None:
    return organization.pk if organization else None


def chunks(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    """Yield lists of at most so many."""
    remaining = iter(things)
    while chunk := list(islice(remaining, size)):
        yield chunk
