"""Do the same to many assignments or requests: chosen, confirmed, and done row by row by workers.

Each row asks again what whoever started it may do, by the operation that does it to one alone.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.audit import trail
from entitlements.decisions import ALLOWED, Decision, collect, deny
from entitlements.delivery import operations as delivery
from entitlements.delivery.acts import ActKind, ActState, BulkAct, BulkActRow
from entitlements.directory.models import User
from entitlements.policies.rules import text_fits
from entitlements.requests import operations, permissions, records, row_by_row
from entitlements.requests.candidates import end_on, extension_limit
from entitlements.requests.models import AccessRequest

AT_ONCE: Final = 20
"""So many rows are done while whoever chose them waits; more are left to the workers."""

MOST_ROWS: Final = 10_000
IN_A_BATCH: Final = 500


@dataclass(frozen=True)
class Wanted:
    """What is said once for all rows: why, and for an extension the last day."""

    justification: str = ""
    ends_on: date | None = None


class Way(NamedTuple):
    """Whom an act lets choose what, and how it is done to one, within a transaction."""

    seen_by: Callable[[User], QuerySet[Any]]
    do: Callable[[Any, Wanted, User], AccessRequest | None]


def perform(kind: str, thing: Assignment | AccessRequest, wanted: Wanted, *, by: User) -> ActState:
    """Do an act to one thing now; say whether it is done, or waits for approval."""
    return _state_of(_perform(kind, thing, wanted, by=by))


@transaction.atomic(durable=True)
def _perform(
    kind: str, thing: Assignment | AccessRequest, wanted: Wanted, *, by: User
) -> AccessRequest | None:
    return WAYS[kind].do(thing, wanted, by)


def can_act(by: User, kind: str) -> Decision:
    """Say whether somebody may do such a thing at all; of each row its catalog is asked."""
    return permissions.can_delete_records(by) if kind == ActKind.DELETE else ALLOWED


@transaction.atomic(durable=True)
def plan(kind: str, chosen: Collection[UUID], *, by: User, source: str) -> BulkAct:
    """Fix what an act will be done to, in this order; nothing is done yet.

    What `by` does not see is left out. Raises Denied when nothing is left, or too much is chosen.
    """
    keys = list(dict.fromkeys(chosen))
    (can_act(by, kind) + can_be_planned(len(keys))).require()
    act = BulkAct.objects.create(kind=kind, made_by=by, source=source[:300], created_at=clock.now())
    rows = BulkActRow.objects.bulk_create(_rows(act, keys), batch_size=IN_A_BATCH)
    can_be_planned(len(rows)).require()
    return act


def can_be_planned(rows: int) -> Decision:
    """Say whether an act can be done to so many rows at once."""
    if not rows:
        return deny("nothing_chosen", "Nothing was chosen.", "Tick rows of a list first.")
    if rows > MOST_ROWS:
        return deny(
            "too_many_chosen",
            f"More than {MOST_ROWS:,} rows were chosen, the most that are changed at once.",
            "Narrow the list by a filter or a search.",
        )
    return ALLOWED


def _rows(act: BulkAct, keys: list[UUID]) -> Iterator[BulkActRow]:
    """Yield a row for each thing that the maker sees, in batches of as many queries."""
    seen = WAYS[act.kind].seen_by(act.made_by)
    is_about = "assignment_id" if seen.model is Assignment else "access_request_id"
    for start in range(0, len(keys), IN_A_BATCH):
        batch = keys[start : start + IN_A_BATCH]
        found = seen.filter(pk__in=batch).values_list("pk", "target_id", "package_id")
        known = {key: (target, package) for key, target, package in found}
        for position, key in enumerate(batch, start=start + 1):
            if key in known:
                target, package = known[key]
                about = {is_about: key, "target_id": target, "package_id": package}
                yield BulkActRow(act=act, position=position, **about)


@transaction.atomic(durable=True)
def start(act: BulkAct, wanted: Wanted, *, by: User) -> BulkAct:
    """Let the workers do what was planned; only whoever planned it, and once."""
    act = _locked(act)
    (can_act(by, act.kind) + row_by_row.can_begin(by, act)).require()
    needs_words = act.kind == ActKind.DELETE
    collect((text_fits(wanted.justification, is_required=needs_words),)).require()
    act.justification, act.ends_on = wanted.justification, wanted.ends_on
    act.started_at = act.next_attempt_at = clock.now()
    act.save(update_fields=["justification", "ends_on", "started_at", "next_attempt_at"])
    facts: dict[str, Any] = {"ends_on": act.ends_on} if act.ends_on else {}
    trail.record("bulk_act.started", act, by=by, rows=act.rows.count(), **facts)
    row_by_row.queue(ACTING, act.pk)
    return act


def carry_on(act_id: UUID | str) -> bool:
    """Do rows of an act that is due until the time is up; say whether it is finished."""
    return row_by_row.carry_on(ACTING, act_id)


@transaction.atomic(durable=True)
def stop(act: BulkAct, *, by: User) -> BulkAct:
    """Leave everything as it is that is not done yet; only whoever started it."""
    act = _locked(act)
    if act.made_by_id != by.pk:
        deny("not_your_list", "Only whoever started it can stop it.", "Ask that person.").require()
    if not row_by_row.close(ACTING, act):
        deny("not_going_on", "Nothing is going on any more.", "Read what became of it.").require()
    act.rows.filter(state=ActState.WAITING).update(state=ActState.LEFT)
    BulkAct.objects.filter(pk=act.pk).update(stopped_at=clock.now())
    _record_end(act, "bulk_act.stopped")
    act.refresh_from_db()
    return act


@transaction.atomic(durable=True)
def discard(act: BulkAct, *, by: User) -> None:
    """Forget what was planned and never started; only whoever planned it."""
    act = _locked(act)
    row_by_row.can_drop(by, act).require()
    act.delete()


def sweep_acts() -> int:
    """Queue acts whose work is due, and forget those that nobody started; return how many."""
    return row_by_row.sweep(ACTING)


def _locked(act: BulkAct) -> BulkAct:
    return BulkAct.objects.select_for_update(of=("self",)).get(pk=act.pk)


@transaction.atomic(durable=True)
def _do_row(act: BulkAct, key: int) -> None:
    """Do one row as whoever started it, and say so in it, both or neither."""
    related = ("act__made_by", "assignment__package__catalog", "assignment__policy")
    rows = BulkActRow.objects.select_for_update(of=("self",)).select_related(*related)
    row = rows.get(pk=key)
    if row.state != ActState.WAITING:
        return
    if row.thing is None:
        deny(
            "record_deleted",
            "The record of this request was deleted meanwhile.",
            "Nothing is to be done.",
        ).require()
    wanted = Wanted(row.act.justification, row.act.ends_on)
    made = WAYS[act.kind].do(row.thing, wanted, row.act.made_by)
    row.state = _state_of(made)
    changed = {"state": row.state} | ({"access_request": made} if row.assignment_id else {})
    BulkActRow.objects.filter(pk=key).update(**changed)


def _state_of(made: AccessRequest | None) -> ActState:
    return ActState.ASKED if made and made.is_open else ActState.DONE


def _record_end(act: BulkAct, action: str = "bulk_act.finished") -> None:
    """Within the caller's transaction: record what became of the rows, and forget the words."""
    BulkAct.objects.filter(pk=act.pk).update(justification="")
    counts: dict[str, Any] = {state: number for state, number in act.counts().items() if number}
    trail.record(action, act, by=act.made_by, **counts)


def _assignments(by: User) -> QuerySet[Any]:
    return Assignment.objects.visible_to(by)


def _requests(by: User) -> QuerySet[Any]:
    return AccessRequest.objects.managed_by(by)


def _end(assignment: Assignment, wanted: Wanted, by: User) -> AccessRequest:
    return operations.take(assignment, by=by, justification=wanted.justification)


def _extend(assignment: Assignment, wanted: Wanted, by: User) -> AccessRequest:
    """Extend to the last day, or to the very end that a policy allows on that day."""
    limit = extension_limit(assignment)
    ends_at = end_on(wanted.ends_on, limit=limit) if wanted.ends_on else None
    words = wanted.justification
    return operations.let_keep(assignment, by=by, ends_at=ends_at, justification=words)


def _set_up_again(assignment: Assignment, wanted: Wanted, by: User) -> None:
    delivery.set_up_again(assignment, by=by)


def _cancel(access_request: AccessRequest, wanted: Wanted, by: User) -> AccessRequest:
    return operations.withdraw(access_request, by=by, justification=wanted.justification)


def _try_again(access_request: AccessRequest, wanted: Wanted, by: User) -> AccessRequest:
    return delivery.try_again(access_request, by=by)


def _delete(access_request: AccessRequest, wanted: Wanted, by: User) -> None:
    records.forget(access_request, by=by, justification=wanted.justification)


WAYS: Final[Mapping[str, Way]] = {
    ActKind.END: Way(_assignments, _end),
    ActKind.EXTEND: Way(_assignments, _extend),
    ActKind.SET_UP_AGAIN: Way(_assignments, _set_up_again),
    ActKind.CANCEL: Way(_requests, _cancel),
    ActKind.TRY_AGAIN: Way(_requests, _try_again),
    ActKind.DELETE: Way(_requests, _delete),
}
ACTING: Final = row_by_row.Procedure(
    lists=lambda: BulkAct.objects.all(),
    rows=lambda act: act.rows.all(),
    task="delivery.acting.carry_on",
    argument="act_id",
    related=("made_by",),
    waiting=ActState.WAITING,
    refused=ActState.REFUSED,
    do=_do_row,
    finished=_record_end,
)
