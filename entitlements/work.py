"""Work that is a row: due at a moment, leased to one worker, retried with growing pauses."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Self, TypeVar

import structlog
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from entitlements import clock

LEASE = timedelta(seconds=settings.WORK_LEASE_SECONDS)
"""How long a row belongs to a worker; longer than a job may take, so that he is surely gone."""

Row = TypeVar("Row", bound="WorkRow")
Thing = TypeVar("Thing")

log = structlog.get_logger(__name__)


class WorkQuerySet(models.QuerySet[Row]):
    def due(self) -> Self:
        """Rows whose moment has come and that no living worker holds."""
        moment = clock.now()
        return self.filter(
            Q(lease_until=None) | Q(lease_until__lte=moment), next_attempt_at__lte=moment
        )

    def claim(self) -> bool:
        """Lease the rows of this set that are due, by one compare-and-set; say whether any was.

        The attempt is counted when it starts, so that one which kills its worker counts too.
        """
        return bool(self.due().update(lease_until=clock.now() + LEASE, attempts=F("attempts") + 1))


class WorkRow(models.Model):
    """Something still to be done when `next_attempt_at` is set, and nothing when it is not."""

    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        abstract = True


def each(act: Callable[[Thing], object], things: Iterable[Thing]) -> int:
    """Do the same with each, and return with how many; one that fails stops no other."""
    count = 0
    for thing in things:
        count += 1
        try:
            act(thing)
        except Exception:
            log.exception("failed", act=act.__name__, thing=str(getattr(thing, "pk", thing)))
    return count


def pause_after(attempts: int, pauses: tuple[timedelta, ...]) -> timedelta | None:
    """Return how long to wait after so many attempts, or None when no more are planned."""
    return pauses[attempts - 1] if attempts <= len(pauses) else None


def moment_after(attempts: int, pauses: tuple[timedelta, ...]) -> datetime | None:
    """Return when to try again after so many attempts (UTC), or None when no more are planned."""
    pause = pause_after(attempts, pauses)
    return clock.now() + pause if pause is not None else None
