"""Compare the groups of a feed, and who is in them, with those in the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import models
from django.db.models.functions import Lower

from entitlements.directory.models import Group, GroupNesting, Membership
from entitlements.directory.sync.circles import links_in_circles
from entitlements.directory.sync.people import CHUNK, People, chunks
from entitlements.directory.sync.plan import Change, Column, Links, Pair, Plan
from entitlements.directory.sync.records import Feed, GroupRecord, Link
from entitlements.directory.sync.values import LONGEST_GROUP_NAME


@dataclass(frozen=True, slots=True)
class Stored:
    """A group of this source as it is stored."""

    pk: UUID
    name: str
    description: str
    kind: str


class Groups:
    """Works out what becomes of groups and of who is in them."""

    def __init__(self, plan: Plan, feed: Feed, people: People) -> None:
        self.plan = plan
        self.feed = feed
        self.people = people
        rows = Group.objects.filter(source=plan.system).values_list(
            "source_key", "pk", "name", "description", "kind"
        )
        self.stored = {
            key: Stored(pk, name, description, kind)
            for key, pk, name, description, kind in rows.iterator(chunk_size=2000)
        }
        self.records: dict[str, GroupRecord] = {}
        self.by_key = {key: row.pk for key, row in self.stored.items()}
        plan.names.update({row.pk: row.name for row in self.stored.values()})

    def compare(self) -> None:
        """Fill in the plan; of what the feed does not speak, nothing changes."""
        if self.feed.groups is not None:
            self._compare_groups(self.feed.groups)
        if self.feed.memberships is not None:
            wanted = self._resolved(self.feed.memberships, self.people.by_key)
            self.plan.memberships = self._difference(Membership, "user_id", wanted)
        if self.feed.owners is not None:
            wanted = self._resolved(self.feed.owners, self.people.by_key)
            self.plan.owners = self._difference(Group.owners.through, "user_id", wanted)
        if self.feed.nestings is not None:
            self._compare_nestings(self.feed.nestings)

    def _compare_groups(self, records: Iterable[GroupRecord]) -> None:
        self._take_distinct(records)
        self._settle_names()
        for key, record in self.records.items():
            row = self.stored.get(key)
            if row is None:
                self._add(record)
            else:
                self._change(record, row)

    def _take_distinct(self, records: Iterable[GroupRecord]) -> None:
        """Keep the first record of each key and of each name."""
        by_name: dict[str, GroupRecord] = {}
        for record in records:
            name = record.name.lower()
            if record.key in self.records:
                first = self.records[record.key].where
                reason = f"the id “{record.key}” stands in {first} too"
                self.feed.problem(record.where, "duplicate_id", reason, spare=record.key)
            elif name in by_name:
                reason = f"the name “{record.name}” stands in {by_name[name].where} too"
                self.feed.problem(record.where, "duplicate_name", reason, spare=record.key)
            else:
                self.records[record.key] = by_name[name] = record

    def _settle_names(self) -> None:
        """Drop records whose name another group keeps; a group that is gone gives its name up."""
        claims = {
            record.name.lower(): record
            for key, record in self.records.items()
            if key not in self.stored or self.stored[key].name.lower() != record.name.lower()
        }
        holders = self._read_holders(list(claims))
        while True:
            dropped = 0
            gone: list[UUID] = []
            for name, record in claims.items():
                pk, source, key = holders.get(name, (None, None, ""))
                is_ours = source == self.plan.system.pk
                if (
                    record.key not in self.records
                    or pk is None
                    or (is_ours and key in self.records)
                ):
                    continue
                if is_ours and key not in self.feed.spared:
                    gone.append(pk)
                else:
                    reason = f"there is a group named “{record.name}” already"
                    self.feed.problem(record.where, "name_taken", reason, spare=record.key)
                    del self.records[record.key]
                    dropped += 1
            if not dropped:
                break
        for pk in gone:
            self._give_up_name(pk)

    def _read_holders(self, names: list[str]) -> dict[str, tuple[UUID, UUID | None, str]]:
        holders: dict[str, tuple[UUID, UUID | None, str]] = {}
        for chunk in chunks(names, CHUNK):
            groups = Group.objects.annotate(folded=Lower("name")).filter(folded__in=chunk)
            for name, pk, source, key in groups.values_list("folded", "pk", "source", "source_key"):
                holders[name] = (pk, source, key)
        return holders

    def _give_up_name(self, pk: UUID) -> None:
        ending = f" (gone {pk.hex[:8]})"
        before = self.plan.names[pk]
        after = before[: LONGEST_GROUP_NAME - len(ending)] + ending
        self.plan.names[pk] = after
        self.plan.changed_groups.append(Change(pk, after, {"name": (before, after)}))

    def _add(self, record: GroupRecord) -> None:
        group = Group(
            id=uuid4(),
            source=self.plan.system,
            source_key=record.key,
            name=record.name,
            description=record.description,
            kind=record.kind,
        )
        self.by_key[record.key] = group.pk
        self.plan.names[group.pk] = group.name
        self.plan.new_groups.append(group)

    def _change(self, record: GroupRecord, row: Stored) -> None:
        self.plan.names[row.pk] = record.name
        columns: dict[str, tuple[Column, Column]] = {}
        for name in ("name", "description", "kind"):
            before, after = getattr(row, name), getattr(record, name)
            if before != after:
                columns[name] = (before, after)
        if columns:
            self.plan.changed_groups.append(Change(row.pk, record.name, columns))

    def _resolved(self, links: Iterable[Link], by_key: dict[str, UUID]) -> dict[Pair, Link]:
        """Return the pairs that links mean; who is meant by none is a problem."""
        pairs: dict[Pair, Link] = {}
        for link in links:
            group, other = self.by_key.get(link.group_key), by_key.get(link.key)
            if group is not None and other is not None:
                pairs.setdefault((group, other), link)
                continue
            unknown = link.group_key if group is None else link.key
            if unknown not in self.feed.spared:
                thing = "group" if group is None or by_key is self.by_key else "person"
                reason = f"there is no {thing} with the id “{unknown}”"
                self.feed.problem(link.where, f"unknown_{thing}", reason)
        return pairs

    def _difference(
        self, through: type[models.Model], other: str, wanted: Iterable[Pair], group: str = "group"
    ) -> Links:
        """Compare pairs with the stored ones of this source's groups, but for spared groups."""
        spared = {self.by_key[key] for key in self.feed.spared & self.by_key.keys()}
        rows = through._default_manager.filter(**{f"{group}__source": self.plan.system})
        stored = set(rows.values_list(f"{group}_id", other).iterator(chunk_size=5000))
        here = set(wanted)
        return Links(
            added={pair for pair in here - stored if pair[0] not in spared},
            removed={pair for pair in stored - here if pair[0] not in spared},
        )

    def _compare_nestings(self, links: Iterable[Link]) -> None:
        wanted = self._resolved(links, self.by_key)
        nestings = self._difference(GroupNesting, "child_id", wanted, group="parent")
        for pair in links_in_circles(wanted) & nestings.added:
            parent, child = (self.plan.names[pk] for pk in pair)
            reason = f"{child} in {parent} would close a circle of groups"
            self.feed.problem(wanted[pair].where, "circle", reason)
            nestings.added.discard(pair)
        self.plan.nestings = nestings
