"""A day gone by in the address of a list: what it means, and why it cannot be shown."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.http import HttpRequest

from entitlements import clock
from portal import dates

AS_OF: Final = "as_of"
FIRST, LAST = date(1970, 1, 1), date(2199, 12, 31)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Past:
    """A day of the organization, seen from its last second; today is seen from now."""

    day: date
    moment: datetime

    @property
    def words(self) -> str:
        return dates.day(self.day)

    @property
    def day_before(self) -> date | None:
        return self.day - ONE_DAY if self.day > FIRST else None

    @property
    def day_after(self) -> date | None:
        return self.day + ONE_DAY if self.day < today() else None


def today() -> date:
    """Return the present day in the organization's zone."""
    return clock.today_begins().date()


def day_in(text: str) -> date | None:
    """Return the day that a text names, such as 2026-06-30; None for anything else."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if FIRST <= day <= LAST else None


def past_of(request: HttpRequest) -> Past | None:
    """Return the day that an address names, if it can be looked at."""
    day = day_in(request.GET.get(AS_OF, ""))
    if day is None or day > today():
        return None
    return Past(day, min(clock.day_ends(day), clock.now()))


def wrong_day(request: HttpRequest) -> str:
    """Say why the day in an address cannot be looked at; nothing when it can, or is none."""
    text = request.GET.get(AS_OF, "").strip()
    if not text or past_of(request):
        return ""
    if day := day_in(text):
        return (
            f"{dates.day(day)} is still to come, and much can happen until then. "
            "Choose today or a day before it."
        )
    return (
        f"“{text[:40]}” is no day that can be shown. Write it as year-month-day, such as "
        f"{today()}, from {FIRST.year} on."
    )
