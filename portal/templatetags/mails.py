"""Filters for mails: moments with their zone, and other people's words made harmless."""

import re
from datetime import datetime
from typing import Final

from django import template
from django.utils import timezone
from django.utils.text import Truncator

from entitlements.notifications.messages import one_line
from portal import dates

register = template.Library()

LONGEST_QUOTE: Final = 300
UNSEEN_BREAK: Final = "\u200b"
_LINK_LIKE = re.compile(r"(?<=\w)(?=://)|(?<=\w)(?=@\w)|(?<=\w)(?=\.\w{2})")


@register.filter
def stated(moment: datetime | None) -> str:
    """Return day, time and always the zone's name: Thu 26 Nov 2026, 17:00 CET."""
    if not moment:
        return ""
    local = timezone.localtime(moment)
    return f"{dates.day(local)}, {local:%H:%M} {dates.zone_name(local)}"


@register.filter
def unlinked(text: str) -> str:
    """Keep mail programs from making links of what somebody wrote, by breaks that nobody sees."""
    return _LINK_LIKE.sub(UNSEEN_BREAK, one_line(str(text), 10_000))


@register.filter
def quoted(text: str) -> str:
    """Return somebody's words on one line, shortened, and never a link."""
    return unlinked(Truncator(one_line(str(text), 10_000)).chars(LONGEST_QUOTE))
