"""Write what a plan says, in bounded batches, each with its audit events.

A run that is cut off leaves whole batches behind; the next run finds the rest to do.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import models, transaction
from django.db.models import F, Value
from django.db.models.functions import Cast, Concat

from entitlements.audit import trail
from entitlements.audit.models import AuditEvent
from entitlements.audit.trail import Actor
from entitlements.directory.models import Account, Group, GroupNesting, Membership, User
from entitlements.directory.sync.people import chunks
from entitlements.directory.sync.plan import Change, Links, NewManager, Pair, Plan
from entitlements.directory.sync.records import Progress
from entitlements.locks import lock_table, take_turns

BATCH: Final = 500
Row = TypeVar("Row", User, Group)
Thing = TypeVar("Thing")


class Writer:
    """Writes one plan; `by` is who started the sync, None the system itself."""

    def __init__(self, plan: Plan, *, by: Actor | None, progress: Progress) -> None:
        self.plan = plan
        self.by = by
        self.progress = progress
        self.done, self.total = 0, sum(plan.counts().values())
        self.source = str(plan.system)

    def write(self) -> None:
        """Write everything, each batch in a transaction of its own."""
        plan = self.plan
        for batch in _batches(plan.changed_people, "email"):
            self._do(batch, self._change_people)
        self._in_batches(plan.new_people, self._add_people)
        self._in_batches(plan.managers, self._set_managers)
        self._write_accounts()
        for batch in _batches(plan.changed_groups, "name"):
            self._do(batch, self._change_groups)
        self._in_batches(plan.new_groups, self._add_groups)
        self._write_links("members", Membership, "group_id", "user_id", plan.memberships)
        self._write_links("owners", Group.owners.through, "group_id", "user_id", plan.owners)
        self._write_links("groups", GroupNesting, "parent_id", "child_id", plan.nestings)

    def _in_batches(self, things: Iterable[Thing], write: Callable[[list[Thing]], None]) -> None:
        for batch in chunks(things, BATCH):
            self._do(batch, write)

    def _do(self, batch: list[Thing], write: Callable[[list[Thing]], None]) -> None:
        with transaction.atomic(durable=True):
            take_turns(self.plan.system.pk)
            write(batch)
        self.done += len(batch)
        self.progress("Writing", self.done, self.total)

    def _change_people(self, changes: list[Change]) -> None:
        _park(User, changes, "email")
        self._update(User, changes)
        self._record_people(changes)

    def _change_groups(self, changes: list[Change]) -> None:
        _park(Group, changes, "name")
        self._update(Group, changes)
        trail.record_many(
            self._event(
                "group.changed", Group(pk=change.pk, name=change.name), changes=_plain(change)
            )
            for change in changes
        )

    def _update(self, model: type[Row], changes: list[Change]) -> None:
        """Write the new values; rows whose same columns change are written together."""
        alike: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for change in changes:
            values: dict[str, Any] = {name: after for name, (_, after) in change.columns.items()}
            if change.key:
                values |= {"source": self.plan.system, "source_key": change.key}
            alike[tuple(values)].append(model(pk=change.pk, **values))
        for columns, rows in alike.items():
            model._default_manager.bulk_update(rows, columns, batch_size=BATCH)

    def _record_people(self, changes: list[Change]) -> None:
        events = []
        for change in changes:
            user = User(pk=change.pk, display_name=change.name)
            other = {name: pair for name, pair in _plain(change).items() if name != "is_active"}
            if other or change.key:
                taken_over = {"taken_over": True} if change.key else {}
                events.append(self._event("user.changed", user, changes=other, **taken_over))
            if change.disables:
                events.append(self._event("user.disabled", user))
            if change.enables:
                events.append(self._event("user.enabled", user))
        trail.record_many(events)

    def _add_people(self, people: list[User]) -> None:
        User.objects.bulk_create(people)
        trail.record_many(self._event("user.created", user, email=user.email) for user in people)

    def _set_managers(self, managers: list[NewManager]) -> None:
        rows = [User(pk=manager.pk, manager_id=manager.after) for manager in managers]
        User.objects.bulk_update(rows, ["manager"])
        names = self.plan.names
        trail.record_many(
            self._event(
                "user.changed",
                User(pk=manager.pk, display_name=manager.name),
                changes={
                    "manager": [
                        names.get(pk, str(pk)) if pk else ""
                        for pk in (manager.before, manager.after)
                    ]
                },
            )
            for manager in managers
            if not manager.is_new
        )

    def _write_accounts(self) -> None:
        """Take stale names away first, and all of them, since names move between people."""

        def write(accounts: list[Account]) -> None:
            for stale in chunks(self.plan.stale_accounts, BATCH):
                Account.objects.filter(pk__in=stale).delete()
            Account.objects.bulk_create(accounts, batch_size=BATCH)

        if self.plan.new_accounts:
            self._do(self.plan.new_accounts, write)

    def _add_groups(self, groups: list[Group]) -> None:
        Group.objects.bulk_create(groups)
        trail.record_many(self._event("group.created", group) for group in groups)

    def _write_links(
        self, kind: str, through: type[models.Model], group: str, other: str, links: Links
    ) -> None:
        """Take away first, then add."""

        def remove(pairs: list[Pair]) -> None:
            for group_pk, others in _by_group(pairs).items():
                rows = through._default_manager.filter(**{group: group_pk, f"{other}__in": others})
                rows.delete()
            self._record_links(f"{kind}_removed", pairs)

        def add(pairs: list[Pair]) -> None:
            if through is GroupNesting:
                lock_table(GroupNesting)
            rows = [through(**{group: pair[0], other: pair[1]}) for pair in pairs]
            through._default_manager.bulk_create(rows)
            self._record_links(f"{kind}_added", pairs)

        self._in_batches(sorted(links.removed), remove)
        self._in_batches(sorted(links.added), add)

    def _record_links(self, act: str, pairs: list[Pair]) -> None:
        names = self.plan.names
        trail.record_many(
            self._event(f"group.{act}", Group(pk=pk, name=names.get(pk, str(pk))), who=others)
            for pk, others in _by_group(pairs).items()
        )

    def _event(self, action: str, subject: User | Group, **details: Any) -> AuditEvent:
        target = subject if isinstance(subject, User) else None
        return trail.compose(
            action, subject, by=self.by, target=target, source=self.source, **details
        )


def _batches(changes: list[Change], unique: str) -> list[list[Change]]:
    """Return batches of which the first has every change in which a unique value moves."""
    moves = [_move(change, unique) for change in changes]
    taken = {after for _, after in moves if after} & {before for before, _ in moves}
    first: list[Change] = []
    rest: list[Change] = []
    for change, (before, after) in zip(changes, moves, strict=True):
        (first if before in taken or after in taken else rest).append(change)
    return [*([first] if first else []), *chunks(rest, BATCH)]


def _park(model: type[Row], changes: list[Change], unique: str) -> None:
    """Within the caller's transaction: give up unique values that another row takes."""
    moves = {change.pk: _move(change, unique) for change in changes}
    taken = {after for _, after in moves.values()}
    givers = [pk for pk, (before, _) in moves.items() if before and before in taken]
    for chunk in chunks(givers, BATCH):
        parked = Concat(Value("moving-"), Cast(F("pk"), models.CharField()))
        model._default_manager.filter(pk__in=chunk).update(**{unique: parked})


def _move(change: Change, unique: str) -> tuple[str, str]:
    """Return what a change gives up and what it takes, as the database compares it."""
    before, after = change.columns.get(unique, ("", ""))
    return str(before).lower(), str(after).lower()


def _by_group(pairs: Iterable[Pair]) -> dict[UUID, list[UUID]]:
    grouped: dict[UUID, list[UUID]] = defaultdict(list)
    for group, other in pairs:
        grouped[group].append(other)
    return grouped


def _plain(change: Change) -> dict[str, list[Any]]:
    return {name: list(pair) for name, pair in change.columns.items()}
