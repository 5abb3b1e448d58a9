"""From notifications to mails: the same content as text and as HTML, for one reader.

The domain knows no addresses: `settings.LINKS` names the function that makes links, and
`settings.MAIL_FACTS` those that add what a mail shows beside the event's own facts.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext

from entitlements import clock
from entitlements.directory.models import User
from entitlements.notifications.messages import facts_of, message_for, subject_of
from entitlements.notifications.models import Notification

LinkMaker = Callable[..., str]
FactFinder = Callable[[UUID], Any]
_GAPS = re.compile(r"\n\s*\n(?:\s*\n)*")


@dataclass(frozen=True)
class Mail:
    """One mail, ready to be sent: the same content as text and as HTML."""

    subject: str
    text: str
    html: str


def render(notification: Notification) -> Mail:
    """Return the mail of one notification, in its reader's language and time zone."""
    with _reader(notification.recipient):
        context = _context(notification)
        return Mail(
            context["subject"],
            _tidy(render_to_string(f"emails/{notification.event}.txt", context)),
            render_to_string(f"emails/{notification.event}.html", context),
        )


def render_digest(notifications: Sequence[Notification]) -> Mail:
    """Return one mail for several notifications to the same person."""
    first = notifications[0]
    with _reader(first.recipient):
        subject = gettext("%(n)s messages from %(portal)s") % {
            "n": len(notifications),
            "portal": settings.PORTAL_NAME,
        }
        context = {
            **_frame(first, subject),
            "lines": [
                {"subject": subject_of(one), "at": one.created_at, "link": _page_of(one)}
                for one in notifications
            ],
        }
        return Mail(
            subject,
            _tidy(render_to_string("emails/digest.txt", context)),
            render_to_string("emails/digest.html", context),
        )


def _context(notification: Notification) -> dict[str, Any]:
    message, link = message_for(notification), _link_maker()
    return {
        **_frame(notification, subject_of(notification)),
        "message": message,
        "facts": facts_of(notification),
        "card": _found_facts(notification),
        "page": _page_of(notification),
        "extra": {page: link(page, notification) for page in message.extra},
        "choices": {
            choice: link("decision", notification, choice=choice) for choice in message.choices
        },
    }


def _frame(notification: Notification, subject: str) -> dict[str, Any]:
    return {
        "subject": subject,
        "recipient": notification.recipient,
        "portal": settings.PORTAL_NAME,
        "preferences": _link_maker()("preferences", notification),
        "language": translation.get_language(),
    }


def _page_of(notification: Notification) -> str:
    return _link_maker()(message_for(notification).page, notification)


def _link_maker() -> LinkMaker:
    maker: LinkMaker = import_string(settings.LINKS)
    return maker


def _found_facts(notification: Notification) -> Any:
    """Return what a mail that asks for a decision shows about its subject."""
    if not message_for(notification).choices:
        return None
    find: FactFinder = import_string(settings.MAIL_FACTS[notification.about_type])
    return find(notification.about_id)


def _tidy(text: str) -> str:
    """Return a text without the gaps that a template leaves."""
    return _GAPS.sub("\n\n", text).strip() + "\n"


@contextmanager
def _reader(recipient: User) -> Iterator[None]:
    """Write in a reader's language, with his clock."""
    known = dict(settings.LANGUAGES)
    language = recipient.language if recipient.language in known else settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(zone_of(recipient)):
        yield


def zone_of(person: User) -> ZoneInfo:
    """Return a person's time zone, or the organization's where he has chosen none."""
    try:
        return ZoneInfo(person.time_zone) if person.time_zone else clock.zone()
    except (KeyError, ValueError):
        return clock.zone()
