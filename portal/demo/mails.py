"""The mails of the demo company, read in the portal instead of being sent."""

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from django.conf import settings
from django.utils.html import urlize
from django.utils.safestring import SafeString, mark_safe

from entitlements.notifications.messages import subject_of
from entitlements.notifications.models import Notification, NotificationQuerySet
from entitlements.notifications.rendering import render

_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """A mail as a list shows it."""

    notification: Notification
    subject: str
    state: str


def all_mails() -> NotificationQuerySet:
    """Every mail with its reader, newest first."""
    return Notification.objects.select_related("recipient").order_by("-created_at", "-pk")


def line_of(notification: Notification) -> Line:
    """Return what a list shows of a mail."""
    return Line(notification, subject_of(notification), _state_of(notification))


def as_text(notification: Notification) -> SafeString:
    """Return the text of a mail, its addresses as links."""
    return mark_safe(_led_here(urlize(render(notification).text, autoescape=True)))  # noqa: S308


def as_html(notification: Notification) -> str:
    """Return the HTML of a mail."""
    return _led_here(render(notification).html)


def _led_here(html: str) -> str:
    """Let links lead to this portal by whatever name it was reached."""
    return html.replace(f'"{settings.PORTAL_URL}/', '"/')


def styles_allowed(html: str) -> str:
    """Return the directive that lets in exactly the style sheets inside a mail."""
    digests = [sha256(style.encode()).digest() for style in _STYLE.findall(html)]
    hashes = " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)
    return f"style-src {hashes}"


def _state_of(notification: Notification) -> str:
    if notification.sent_at:
        return "sent"
    if notification.next_attempt_at:
        return "waiting"
    return "failed" if notification.last_error else "off"
