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
from entitlements.callouts.models import Callout
from entitlements.callouts.sending import note_failure, note_success
from entitlements.demo.offers import LOST_HOST
from entitlements.notifications.digests import digest_at
from entitlements.notifications.models import Notification

Life = Generator[datetime, None, None]
"""What somebody does: it yields the moment of the next act, and then does it."""

TASKS: Final = "entitlements."
OUTWARD: Final = ("entitlements.notifications.", "entitlements.callouts.")
AT_ONCE: Final = timedelta(seconds=2)
JUST_NOW: Final = timedelta(seconds=30)
NO_MAILBOX: Final = "dana.roth@blueharbour.example"

DUE: Final = (
    ("entitlements_assignment", "ends_at", "ended_at IS NULL"),
    ("entitlements_assignment", "reminder_at", "ended_at IS NULL"),
    ("entitlements_approvalstep", "due_at", "state = 'waiting'"),
    ("entitlements_approvalstep", "remind_at", "state = 'waiting'"),
    ("entitlements_approvalstep", "escalate_at", "state = 'waiting'"),
    ("entitlements_accessrequest", "starts_at", "state = 'scheduled'"),
    ("entitlements_grant", "next_attempt_at", "is_wanted"),
    ("entitlements_callout", "next_attempt_at", "state = 'planned'"),
    ("entitlements_callout", "answer_by", "state = 'waiting'"),
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
        self._carry_out()
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
                self._carry_out()

    def _carry_out(self) -> None:
        """Do what is due, but leave the calls of this very moment to the portal's own workers."""
        carry_out_what_is_due(calls_until=self.present - JUST_NOW)


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


def carry_out_what_is_due(*, calls_until: datetime | None = None) -> None:
    """Do what a worker does at this moment, and play the systems and mailboxes outside."""
    sweep.run()
    work_off_queue()
    _take_calls(until=calls_until or clock.now())
    _take_mails()


def _take_calls(*, until: datetime) -> None:
    """Let every call made until a moment be taken, except by the system that was lost."""
    due = Callout.objects.due().filter(created_at__lte=until).select_related("extension")
    for callout in due.order_by("next_attempt_at", "pk"):
        if LOST_HOST in callout.extension.url:
            Callout.objects.filter(pk=callout.pk).claim()
            note_failure(callout.pk, f"The name {LOST_HOST} is not known.")
        else:
            note_success(callout.pk)


def _take_mails() -> None:
    """Let mails count as sent when they were made; digests wait, and one mailbox is gone."""
    due = Notification.objects.due()
    lost = due.filter(recipient__email=NO_MAILBOX)
    lost.update(next_attempt_at=None, last_error="550 No such mailbox")
    for notification in due.exclude(recipient__mail_preference="immediately"):
        later = digest_at(notification)
        if later and later > clock.now():
            Notification.objects.filter(pk=notification.pk).update(next_attempt_at=later)
    due.update(sent_at=F("created_at"), next_attempt_at=None)


def work_off_queue() -> None:
    """Run the domain's messages in the queue, mails and calls apart, and leave those of others."""
    last = 0
    while messages := list(OrmQ.objects.filter(pk__gt=last).order_by("pk")):
        last = messages[-1].pk
        for message in messages:
            task = message.task
            if not task["func"].startswith(TASKS):
                continue
            message.delete()
            if not task["func"].startswith(OUTWARD):
                import_string(task["func"])(**task["kwargs"])
