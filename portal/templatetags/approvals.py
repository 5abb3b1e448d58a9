"""What cards and mails say about a request, in words."""

from datetime import date
from typing import Any

from django import template
from django.utils import timezone

from entitlements import clock
from entitlements.requests.context import Facts, Share
from entitlements.requests.states import RequestKind
from portal import dates

register = template.Library()

YEAR = 365
MONTH = 30


@register.filter
def for_how_long(facts: Facts) -> str:
    """Say what was asked for: 90 days once approved, until a day, without an end."""
    period = facts.period
    starts = ""
    if period.starts_at and period.starts_at > clock.now():
        starts = f"from {dates.day(timezone.localtime(period.starts_at))}"
    if period.length is not None:
        return f"{dates.duration(period.length)} {starts or 'once approved'}"
    end = f"until {dates.exact(period.ends_at)}" if period.ends_at else "without an end"
    return f"{starts}, {end}" if starts else end


@register.filter
def tenure(hire_date: date | None) -> str:
    """Say how long somebody has been here."""
    if hire_date is None:
        return ""
    days = (timezone.localdate(clock.now()) - hire_date).days
    if days < 0:
        return f"starts on {dates.day(hire_date)}"
    if days < MONTH:
        return "new this month"
    if days < YEAR:
        return _counted(days // MONTH, "month")
    return _counted(days // YEAR, "year")


@register.filter
def others(count: int) -> str:
    """Say how many other people."""
    return "No one else" if count == 0 else "1 person" if count == 1 else f"{count} people"


@register.filter
def made(earlier: Share) -> str:
    """Say what became of earlier requests."""
    if earlier.whole == 0:
        return "Nothing yet"
    return f"{_counted(earlier.whole, 'request')}, {earlier.part} approved"


@register.filter
def sentence(facts: Facts) -> str:
    """Say who asks for what, in one line."""
    access_request = facts.access_request
    package, target = access_request.package, access_request.target
    if access_request.kind == RequestKind.ADMIN_ADD:
        return f"{access_request.requestor} gives {target} {package}"
    if facts.is_extension:
        return f"{target} asks to keep {package}"
    return f"{target} asks for {package}"


@register.filter
def person_line(facts: Facts) -> str:
    """Say who the requester is: title, department, and how long he has been here."""
    target = facts.access_request.target
    parts: list[Any] = [target.job_title, target.department, tenure(target.hire_date)]
    return ", ".join(part for part in parts if part)


def _counted(count: int, unit: str) -> str:
    return f"1 {unit}" if count == 1 else f"{count} {unit}s"
