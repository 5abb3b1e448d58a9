"""Moments, days and lengths of time in words; everything here is in the viewer's time zone."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from entitlements import clock

RELATIVE_DAYS = 60


def viewer_differs() -> bool:
    """Say whether the viewer's clock is not the organization's."""
    return bool(timezone.get_current_timezone_name() != settings.ORGANIZATION_TIME_ZONE)


def relative(moment: datetime) -> str:
    """Say how far away a moment is, in one unit; nothing beyond sixty days.

    Days are calendar days, but what is less than an hour away is told in minutes past midnight too.
    """
    present = timezone.localtime(clock.now())
    days = (timezone.localtime(moment).date() - present.date()).days
    distance = moment - present
    is_near = days == 0 or abs(distance) < timedelta(hours=1)
    return _in_minutes_or_hours(distance) if is_near else relative_days(days)


def relative_days(days: int) -> str:
    """Say how far away a calendar day is; nothing beyond sixty days."""
    if abs(days) > RELATIVE_DAYS:
        return ""
    near = {-1: gettext("yesterday"), 0: gettext("today"), 1: gettext("tomorrow")}
    if days in near:
        return near[days]
    if days > 0:
        return ngettext("in %(n)s day", "in %(n)s days", days) % {"n": days}
    return ngettext("%(n)s day ago", "%(n)s days ago", -days) % {"n": -days}


def _in_minutes_or_hours(distance: timedelta) -> str:
    minutes = round(abs(distance).total_seconds() / 60)
    ahead = distance > timedelta(0)
    if minutes == 0:
        return gettext("in a moment") if ahead else gettext("just now")
    if minutes < 60:
        one, many = ("in %(n)s minute", "in %(n)s minutes") if ahead else _minutes_ago
        return ngettext(one, many, minutes) % {"n": minutes}
    hours = round(minutes / 60)
    one, many = ("in %(n)s hour", "in %(n)s hours") if ahead else _hours_ago
    return ngettext(one, many, hours) % {"n": hours}


_minutes_ago = ("%(n)s minute ago", "%(n)s minutes ago")
_hours_ago = ("%(n)s hour ago", "%(n)s hours ago")


def exact(moment: datetime) -> str:
    """Return day and time, with the zone's name where it is not the organization's."""
    local = timezone.localtime(moment)
    text = f"{day(local)}, {local:%H:%M}"
    return f"{text} {zone_name(local)}" if viewer_differs() else text


def both(moment: datetime) -> str:
    """Return how far away a moment is and when exactly; the day alone beyond sixty days."""
    words = relative(moment)
    local = timezone.localtime(moment)
    if not words:
        return day(local)
    if local.date() == timezone.localtime(clock.now()).date():
        zone = f" {zone_name(local)}" if viewer_differs() else ""
        return f"{words} · {gettext('today')}, {local:%H:%M}{zone}"
    return f"{words} · {exact(moment)}"


def full(moment: datetime) -> str:
    """Return the longest form, with the zone's name and the same moment in UTC."""
    local = timezone.localtime(moment)
    universal = moment.astimezone(UTC)
    same_day = universal.date() == local.date()
    other = (
        f"{universal:%H:%M}" if same_day else f"{universal:%a} {universal.day}, {universal:%H:%M}"
    )
    spoken = f"{local:%A} {local.day} {local:%B %Y, %H:%M}"
    return f"{spoken} {zone_name(local)} ({other} UTC)"


def day(value: date) -> str:
    """Return a calendar day, such as Thu 26 Nov 2026; a moment must be local already."""
    return f"{value:%a} {value.day} {value:%b %Y}"


def day_with_distance(value: date) -> str:
    """Return a calendar day and how far away it is."""
    today = timezone.localdate(clock.now())
    words = relative_days((value - today).days)
    return f"{words} · {day(value)}" if words else day(value)


def period(starts: datetime, ends: datetime | None) -> str:
    """Return two days without repeating what they share, such as 12 Jan – 31 Mar 2026."""
    first = timezone.localtime(starts)
    if ends is None:
        return gettext("since %(day)s, no end") % {"day": f"{first.day} {first:%b %Y}"}
    last = timezone.localtime(ends)
    if first.date() == last.date():
        return f"{first.day} {first:%b %Y}"
    begin = f"{first.day} {first:%b}" if first.year == last.year else f"{first.day} {first:%b %Y}"
    return f"{begin} – {last.day} {last:%b %Y}"


def duration(length: timedelta) -> str:
    """Return a length of time in its largest whole unit: 90 days, 36 hours, 5 minutes."""
    minutes = max(int(length.total_seconds() // 60), 0)
    if minutes and minutes % (24 * 60) == 0:
        days = minutes // (24 * 60)
        return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
    if minutes and minutes % 60 == 0:
        hours = minutes // 60
        return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}
    return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}


def zone_name(local: datetime) -> str:
    """Return CET, or UTC+03 for a zone without letters."""
    name = local.tzname() or ""
    return name if name[:1].isalpha() else f"UTC{name}"


def zone_of(name: str) -> tzinfo:
    """Return the zone of this name, or the organization's when it is empty or unknown."""
    try:
        return ZoneInfo(name) if name else clock.zone()
    except (KeyError, ValueError):
        return clock.zone()
