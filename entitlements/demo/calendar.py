"""Let months pass in seconds: acts at their moments, and what is due in between."""

import heapq
from collections.abc import Generator, Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final

from django.db import connection
from django.db.models import F
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from entitlements import clock, sweep
from entitlements.audit.sealing import seal_new
from entitlements.notifications.models import Notification

Life = Generator[datetime, None, None]
"""What somebody does: it yields the moment of the next act, and then does it."""

TASKS: Final = "entitlements."
MAILS: Final = "entitlements.notifications."
AT_ONCE: Final = timedelta(seconds=2)

DUE: Final = (
    ("entitlements_assignment", "ends_at", "ended_at IS NULL"),
    ("entitlements_assignment", "reminder_at", "ended_at IS NULL"),
    ("entitlements_approvalstep", "due_at", "state = 'waiting'"),
    ("entitlements_approvalstep", "remind_at", "state = 'waiting'"),
    ("entitlements_accessrequest", "starts_at", "state = 'scheduled'"),
    ("entitlements_grant", "next_attempt_at", "is_wanted"),
)
"""Table, moment, condition; what is to be taken away is tried as often as anything else is due."""


class Calendar:
    """Moves the domain's clock from act to act, as far as the present moment.

    Between the acts, workers are played: the queue is emptied after each, and a sweep runs
    whenever something is due.
    """

    def __init__(self) -> None:
        self.present = clock.now()
        self._coming: list[tuple[datetime, int, Life]] = []
        self._begun = 0
        self._swept = datetime.min.replace(tzinfo=UTC)

    def when(self, days_ago: float, hour: int = 9, minute: int = 0) -> datetime:
        """Return a moment of the organization's day so many days ago."""
        day = self.present.astimezone(clock.zone()).date() - timedelta(days=days_ago)
        return datetime.combine(day, time(hour, minute), tzinfo=clock.zone())

    def ago(self, *, minutes: float) -> datetime:
        return self.present - timedelta(minutes=minutes)

    def later_today(self) -> datetime:
        """Return a moment between now and the end of the organization's day."""
        rest = clock.day_ends(self.present.astimezone(clock.zone()).date()) - self.present
        return self.present + min(rest / 2, timedelta(hours=3))

    def begin(self, lives: Iterable[Life]) -> None:
        """Let lives take their course from their first moments on."""
        for life in lives:
            self._go_on(life)

    def run(self) -> None:
        """Let time pass until the present moment, in which nothing is left due."""
        while self._coming:
            moment, _, life = heapq.heappop(self._coming)
            self._pass_until(moment)
            with clock.at(moment):
                self._go_on(life)
                work_off_queue()
        self._pass_until(self.present)
        carry_out_what_is_due()
        seal_new()

    def _go_on(self, life: Life) -> None:
        """Let a life do what is next and say when it goes on; what lies ahead never happens."""
        moment = next(life, None)
        if moment is not None and moment <= self.present:
            self._begun += 1
            heapq.heappush(self._coming, (moment, self._begun, life))

    def _pass_until(self, moment: datetime) -> None:
        """Carry out what comes due before `moment`, each at its time."""
        while (due := _next_due(self._swept)) and due <= moment:
            self._swept = due
            with clock.at(due + AT_ONCE):
                carry_out_what_is_due()


def _next_due(after: datetime) -> datetime | None:
    """Return the first moment after `after` at which something is due, in one cheap query."""
    since = connection.ops.adapt_datetimefield_value(after)
    parts = [
        f"SELECT min({column}) AS moment FROM {table} WHERE {column} > %s AND {condition}"  # noqa: S608  # constants
        for table, column, condition in DUE
    ]
    sql = f"SELECT min(moment) FROM ({' UNION ALL '.join(parts)}) AS coming"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [since] * len(DUE))
        (moment,) = cursor.fetchone()
    is_text = isinstance(moment, str)  # SQLite keeps moments as text, in UTC
    return datetime.fromisoformat(moment).replace(tzinfo=UTC) if is_text else moment


def carry_out_what_is_due() -> None:
    """Do what a worker does at this moment; mails count as sent when they were written."""
    sweep.run()
    work_off_queue()
    waiting = Notification.objects.filter(next_attempt_at__isnull=False)
    waiting.update(sent_at=F("created_at"), next_attempt_at=None)


def work_off_queue() -> None:
    """Run the domain's messages in the queue, mails apart, and leave those of others."""
    last = 0
    while messages := list(OrmQ.objects.filter(pk__gt=last).order_by("pk")):
        last = messages[-1].pk
        for message in messages:
            task = message.task
            if not task["func"].startswith(TASKS):
                continue
            message.delete()
            if not task["func"].startswith(MAILS):
                import_string(task["func"])(**task["kwargs"])
