"""Give a package to many people: check the whole list first, then row by row, restartable."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.catalog.models import Catalog
from entitlements.catalog.passing_on import can_pass_on
from entitlements.catalog.permissions import can
from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.models import User
from entitlements.directory.organizations.guests import named
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests import operations, permissions, row_by_row
from entitlements.requests.bulk import BulkAssignment, BulkRow, RowState
from entitlements.requests.candidates import Wish
from entitlements.requests.judging import BATCH, Entry, Judged, judge

MOST_ROWS = 5000
MOST_AT_ONCE = 50


@transaction.atomic(durable=True)
def plan(
    policy: AssignmentPolicy,
    entries: Sequence[Entry],
    *,
    by: User,
    source: str,
    skips_approval: bool = False,
    takes_over: bool = False,
) -> BulkAssignment:
    """Judge a list without giving anything; what it says of each row is kept until it is given.

    Raises Denied when `by` may not, or the list is empty or too long.
    """
    can_plan(by, policy.package.catalog, skips_approval=skips_approval).require()
    can_pass_on(by, policy.package).require()
    can_be_given(len(entries)).require()
    return write_down(
        policy,
        list(judge(policy, entries)),
        by=by,
        source=source,
        skips_approval=skips_approval,
        takes_over=takes_over,
    )


def write_down(
    policy: AssignmentPolicy,
    judged: Sequence[Judged],
    *,
    by: User,
    source: str,
    skips_approval: bool,
    takes_over: bool,
) -> BulkAssignment:
    """Within the transaction of whoever can plan it: keep a list as it was judged."""
    bulk = BulkAssignment.objects.create(
        package=policy.package,
        policy=policy,
        made_by=by,
        source=source[:300],
        skips_approval=skips_approval,
        takes_over=takes_over,
        created_at=clock.now(),
    )
    rows = (_row(bulk, number, one) for number, one in enumerate(judged, start=1))
    BulkRow.objects.bulk_create(rows, batch_size=BATCH)
    facts: dict[str, Any] = {"people_of": bulk.source, "rows": len(judged)}
    facts |= {"takes_over": True} if takes_over else {}
    trail.record("bulk.checked", bulk, by=by, package=str(bulk.package), **facts)
    return bulk


def can_plan(by: User, catalog: Catalog, *, skips_approval: bool) -> Decision:
    """Only people who manage assignments; without approval, owners where that is allowed."""
    decision = can(by, "manage_assignments", catalog)
    if decision and skips_approval:
        return permissions.can_skip_approval(by, catalog)
    return decision


def can_be_given(rows: int) -> Decision:
    """Say whether a list of so many rows can be given at once."""
    if not rows:
        return deny("list_empty", "The list names nobody.", "Choose people, a group or a file.")
    if rows > MOST_ROWS:
        return deny(
            "list_too_long",
            f"The list has {rows:,} rows; at most {MOST_ROWS:,} are given at once.",
            "Divide it.",
        )
    return ALLOWED


def _row(bulk: BulkAssignment, position: int, judged: Judged) -> BulkRow:
    entry, target = judged.entry, judged.target
    is_listed_by_id = target is not None and not entry.place
    is_unknown = target is not None and target._state.adding
    return BulkRow(
        bulk=bulk,
        position=position,
        place=entry.place,
        name=(str(target) if is_listed_by_id else entry.key)[:300] or "–",
        target=None if is_unknown else target,
        address=target.email if target and is_unknown else "",
        called=str(target) if is_unknown else "",
        starts_at=entry.starts_at,
        ends_at=entry.ends_at,
        justification=entry.justification if "\x00" not in entry.justification else "",
        answers=dict(entry.answers),
        state=RowState.REFUSED if judged.reasons else RowState.READY,
        reasons=row_by_row.kept(judged.reasons),
    )


@transaction.atomic(durable=True)
def start(bulk: BulkAssignment, *, by: User) -> BulkAssignment:
    """Begin to give what can be given; only whoever made the list, and once.

    The work is a row: a worker, or whoever calls `carry_on`, does it.
    """
    bulk = BulkAssignment.objects.select_for_update(of=("self",)).get(pk=bulk.pk)
    return set_going(bulk, by=by)


def set_going(bulk: BulkAssignment, *, by: User) -> BulkAssignment:
    """Within the caller's transaction, with the list locked: make it due, or raise Denied."""
    can(by, "manage_assignments", bulk.package.catalog).require()
    row_by_row.can_begin(by, bulk).require()
    ready = bulk.rows.filter(state=RowState.READY).count()
    if not ready:
        deny("nothing_to_give", "No row of this list can be given.", "Mend it.").require()
    bulk.started_at = bulk.next_attempt_at = clock.now()
    bulk.save(update_fields=["started_at", "next_attempt_at"])
    trail.record("bulk.started", bulk, by=by, package=str(bulk.package), people=ready)
    return bulk


def give_all(bulk: BulkAssignment, *, by: User) -> None:
    """Begin to give what can be given: a short list at once, a long one by the workers."""
    start(bulk, by=by)
    if bulk.rows.filter(state=RowState.READY).count() > MOST_AT_ONCE:
        row_by_row.queue(GIVING, bulk.pk)
    else:
        carry_on(bulk.pk)


def carry_on(bulk_id: UUID | str) -> bool:
    """Give rows of a list that is due until the time is up; say whether it is finished."""
    return row_by_row.carry_on(GIVING, bulk_id)


@transaction.atomic(durable=True)
def _give_row(bulk: BulkAssignment, key: int) -> None:
    """Give one row, and say so in it, both or neither."""
    row = BulkRow.objects.select_for_update(of=("self",)).select_related("target").get(pk=key)
    if row.state != RowState.READY:
        return
    row.target = row.target or named(row.address, row.called)
    wish: Wish = {
        "justification": row.justification,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "answers": row.answers,
    }
    row.access_request = operations.give(
        bulk.policy,
        row.target,
        wish,
        by=bulk.made_by,
        skips_approval=bulk.skips_approval,
        takes_over=bulk.takes_over,
    )
    row.state = RowState.GIVEN
    row.save(update_fields=["state", "access_request", "target"])


def _record_end(bulk: BulkAssignment) -> None:
    counts = bulk.counts()
    trail.record(
        "bulk.finished",
        bulk,
        by=bulk.made_by,
        package=str(bulk.package),
        given=counts[RowState.GIVEN],
        refused=counts[RowState.REFUSED],
    )


GIVING: Final = row_by_row.Procedure(
    lists=lambda: BulkAssignment.objects.all(),
    rows=lambda bulk: bulk.rows.all(),
    task="requests.giving.carry_on",
    argument="bulk_id",
    related=("policy__package__catalog", "made_by"),
    waiting=RowState.READY,
    refused=RowState.REFUSED,
    do=_give_row,
    finished=_record_end,
)


@transaction.atomic(durable=True)
def discard(bulk: BulkAssignment, *, by: User) -> None:
    """Forget a list that was never started; only whoever made it."""
    bulk = BulkAssignment.objects.select_for_update(of=("self",)).get(pk=bulk.pk)
    row_by_row.can_drop(by, bulk).require()
    trail.record("bulk.dropped", bulk, by=by, package=str(bulk.package))
    bulk.delete()


def sweep_bulk() -> int:
    """Queue lists whose work is due, and forget those that nobody started; return how many."""
    return row_by_row.sweep(GIVING)
