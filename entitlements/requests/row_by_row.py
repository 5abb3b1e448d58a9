"""Lists that are planned first and then worked off row by row: restartable, and each row once."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, Self, TypeVar
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, models, transaction
from django.db.models import Count, QuerySet

from entitlements import clock, outbox
from entitlements.decisions import ALLOWED, Decision, Denied, Reason, deny
from entitlements.directory.models import User
from entitlements.locks import take_turns
from entitlements.work import WorkQuerySet, WorkRow, each

BATCH: Final = 50
LONGEST_RUN = 20.0
KEPT: Final = timedelta(days=7)
MOST_SWEPT: Final = 500

FAILED: Final = Reason("failed", "Something went wrong on our side.", "Try this row again.")

Listed = TypeVar("Listed", bound="WorkedList")

log = structlog.get_logger(__name__)


class WorkedListQuerySet(WorkQuerySet[Listed]):
    def running(self) -> Self:
        return self.filter(started_at__isnull=False, finished_at=None)

    def never_started(self) -> Self:
        return self.filter(started_at=None)


class WorkedList(WorkRow):
    """A list with rows, first a plan and then work; nothing is done before `started_at` (UTC)."""

    made_by_id: UUID
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_running(self) -> bool:
        return self.started_at is not None and self.finished_at is None


@dataclass(frozen=True)
class Procedure(Generic[Listed]):
    """How one kind of list is worked off.

    `task` is what workers are told, with the list's id as its `argument`. `do` does the row of a
    key, and says so in it, in one transaction; rows that are not `waiting` are left alone. What is
    refused becomes `refused`. `finished` records the end in the transaction that writes it down.
    """

    lists: Callable[[], WorkedListQuerySet[Listed]]
    rows: Callable[[Listed], QuerySet[Any]]
    task: str
    argument: str
    related: tuple[str, ...]
    waiting: str
    refused: str
    do: Callable[[Listed, int], None]
    finished: Callable[[Listed], None]


def carry_on(procedure: Procedure[Listed], key: UUID | str) -> bool:
    """Do rows of a list that is due until the time is up; say whether it is finished.

    Whoever dies leaves the rest to the next, and no row is done twice.
    """
    mine = procedure.lists().filter(pk=key)
    if not mine.claim():
        return False
    listed = mine.select_related(*procedure.related).get()
    stop_at = time.monotonic() + LONGEST_RUN
    waiting = procedure.rows(listed).filter(state=procedure.waiting)
    while keys := list(waiting.values_list("pk", flat=True)[:BATCH]):
        for row in keys:
            try_row(procedure, listed, row)
            if time.monotonic() > stop_at:
                _leave(procedure, listed)
                return False
    finish(procedure, listed)
    return True


def try_row(procedure: Procedure[Listed], listed: Listed, row: int) -> None:
    """Do one row, or write down why not; when the database is away, leave it to the next."""
    try:
        procedure.do(listed, row)
    except Denied as denied:
        _refuse(procedure, listed, row, denied.decision.reasons)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("row_failed", task=procedure.task, row=row)
        _refuse(procedure, listed, row, (FAILED,))


def _refuse(
    procedure: Procedure[Listed], listed: Listed, row: int, reasons: Sequence[Reason]
) -> None:
    procedure.rows(listed).filter(pk=row, state=procedure.waiting).update(
        state=procedure.refused, reasons=kept(reasons)
    )


def _leave(procedure: Procedure[Listed], listed: Listed) -> None:
    """Let the next worker go on at once."""
    running = procedure.lists().running().filter(pk=listed.pk)
    if running.update(lease_until=None, next_attempt_at=clock.now()):
        queue(procedure, listed.pk)


@transaction.atomic(durable=True)
def finish(procedure: Procedure[Listed], listed: Listed) -> None:
    """Write down that nothing is left to be done; a second call does nothing."""
    take_turns(listed.pk)
    if close(procedure, listed):
        procedure.finished(listed)


def close(procedure: Procedure[Listed], listed: Listed) -> bool:
    """Within the caller's transaction: end the work on a list; say whether it was going on."""
    running = procedure.lists().running().filter(pk=listed.pk)
    ended: dict[str, Any] = {"next_attempt_at": None, "lease_until": None}
    return bool(running.update(finished_at=clock.now(), **ended))


def queue(procedure: Procedure[Listed], key: UUID) -> None:
    """Within the caller's transaction: tell the workers of a list that is due."""
    outbox.enqueue(procedure.task, **{procedure.argument: key})


def sweep(procedure: Procedure[Listed]) -> int:
    """Queue lists whose work is due, and forget those that nobody started; return how many."""
    old = procedure.lists().never_started().filter(created_at__lt=clock.now() - KEPT)
    old.delete()
    due = procedure.lists().running().due().values_list("pk", flat=True)[:MOST_SWEPT]
    return each(lambda key: queue(procedure, key), list(due))


def can_begin(by: User, listed: WorkedList) -> Decision:
    """Only whoever made a list starts it, and once."""
    if listed.made_by_id != by.pk:
        return deny("not_your_list", "Only whoever made the list starts it.", "Make your own.")
    if listed.started_at:
        return deny("started_already", "This list was started already.", "Prepare another list.")
    return ALLOWED


def can_drop(by: User, listed: WorkedList) -> Decision:
    """Only whoever made a list forgets it, before it is started."""
    if listed.made_by_id == by.pk and not listed.started_at:
        return ALLOWED
    return deny(
        "list_stays",
        "Only a list of one's own that was not started can be dropped.",
        "Its result stays on record.",
    )


def counted(rows: QuerySet[Any], states: Iterable[str]) -> dict[str, int]:
    """Return how many rows are in each state, by one query."""
    found = rows.order_by().values_list("state").annotate(number=Count("pk"))
    return dict.fromkeys(states, 0) | dict(found)


def kept(reasons: Sequence[Reason]) -> list[dict[str, str]]:
    """Return reasons as a row keeps them."""
    return [{"code": one.code, "text": one.text, "remedy": one.remedy} for one in reasons]
