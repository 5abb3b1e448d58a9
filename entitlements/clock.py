"""The one clock of the domain, which tests and the demo company can move."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

_shift = timedelta(0)


def now() -> datetime:
    """Return the present moment in UTC, as the domain sees it."""
    return timezone.now() + _shift


def shift() -> timedelta:
    """Return by how much the clock is moved: nothing outside tests and the demo company."""
    return _shift


def zone() -> ZoneInfo:
    """Return the organization's time zone, in which days begin and end."""
    return ZoneInfo(settings.ORGANIZATION_TIME_ZONE)


def today_begins() -> datetime:
    """Return the first moment of the present day in the organization's zone."""
    return now().astimezone(zone()).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def day_begins(day: date) -> datetime:
    """Return the first moment of a day in the organization's zone."""
    return datetime.combine(day, time.min, tzinfo=zone())


def day_ends(day: date) -> datetime:
    """Return the last second of a day in the organization's zone."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=zone())


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let the domain's clock start from `moment` (aware) and run on from there, in all threads."""
    global _shift
    before = _shift
    _shift = moment - timezone.now()
    try:
        yield
    finally:
        _shift = before
