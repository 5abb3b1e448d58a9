"""Tags that every page may use: badges, icons, moments, lengths of time."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.forms.utils import ErrorDict
from django.template.context import RequestContext
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal import dates, wording
from portal.badges import badge_for

register = template.Library()

TONES = {"success": "ok", "warning": "warn", "error": "bad", "info": "info", "debug": "info"}
TONE_ICONS = {"ok": "check-circle", "warn": "alert", "bad": "alert", "info": "info"}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw a symbol of the sprite; without a label it is decoration."""
    address = f"{static('icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>',
            label,
            address,
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', address)


@register.filter
def counted(errors: ErrorDict) -> int:
    """Return how many things are wrong with a form: a field can have several errors."""
    return sum(len(found) for found in errors.values())


@register.inclusion_tag("components/_badge.html")
def badge(kind: str, state: str, note: str = "") -> dict[str, Any]:
    """Show a state of the one table; `note` follows the word."""
    return {"badge": badge_for(kind, state), "note": note}


@register.simple_tag
def moment(value: datetime | None, style: str = "both", empty: str = "no end") -> SafeString | str:
    """Show an instant as relative and absolute time; `style` is both, relative, exact or day."""
    if value is None:
        return empty
    if style == "relative":
        words = dates.relative(value) or dates.day(timezone.localtime(value))
    elif style == "exact":
        words = dates.exact(value)
    elif style == "day":
        words = dates.day(timezone.localtime(value))
    else:
        words = dates.both(value)
    stamp = f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return format_html('<time datetime="{}" title="{}">{}</time>', stamp, dates.full(value), words)


@register.simple_tag
def day(value: date | None, empty: str = "no end") -> SafeString | str:
    """Show a calendar day and how far away it is."""
    if value is None:
        return empty
    return format_html(
        '<time datetime="{}">{}</time>', value.isoformat(), dates.day_with_distance(value)
    )


@register.simple_tag
def period(starts: datetime, ends: datetime | None) -> str:
    """Show from when to when."""
    return dates.period(starts, ends)


@register.filter
def duration(value: timedelta | None) -> str:
    """Show a length of time in its largest whole unit."""
    return "" if value is None else dates.duration(value)


@register.filter
def exact(value: datetime | None) -> str:
    """Return day and time as text, for mails, titles and attributes."""
    return "" if value is None else dates.exact(value)


@register.filter
def relative(value: datetime | None) -> str:
    """Return how far away a moment is as text; the day when that is more than sixty days."""
    if value is None:
        return ""
    return dates.relative(value) or dates.day(timezone.localtime(value))


@register.filter
def initials(name: str) -> str:
    """Return up to two letters for a person's picture."""
    words = str(name).split()
    letters = [words[0][:1], words[-1][:1]] if len(words) > 1 else [word[:2] for word in words]
    return "".join(letters).upper()


@register.filter
def listed(things: Iterable[Any]) -> str:
    """Join things as a sentence does: Ana, Bo and Gita."""
    return wording.listed([str(thing) for thing in things])


@register.simple_tag(takes_context=True)
def address_with(context: RequestContext, **changes: Any) -> str:
    """Return this page's query string with some values changed; an empty value drops the name."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.filter
def tone(message: Message) -> str:
    """Return the tone of one of Django's messages."""
    return TONES.get(message.level_tag, "info")


@register.filter
def tone_icon(name: str) -> str:
    """Return the symbol that goes with a tone."""
    return TONE_ICONS.get(name, "info")
