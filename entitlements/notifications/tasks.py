"""Send the mails of notifications; the rows say what is still to be sent.

A mail is claimed just before it goes and marked just after, so that two workers never send the
same one. Should a worker die between the two, it is sent again under the same Message-ID.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from smtplib import SMTPException, SMTPServerDisconnected
from typing import Final
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from entitlements import clock, outbox
from entitlements.notifications.digests import digest_at
from entitlements.notifications.models import Notification
from entitlements.notifications.rendering import render, render_digest
from entitlements.work import pause_after

log = structlog.get_logger(__name__)

BATCH: Final = 200
LONGEST_RUN: Final = 60.0  # seconds; well under what a job may take
PAUSES: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
)
PATIENCE: Final = timedelta(days=7)
LONGEST_ERROR: Final = 500


def sweep_mails() -> int:
    """Queue sending when mails are due; return how many are."""
    due = Notification.objects.due().count()
    if due:
        outbox.enqueue("notifications.tasks.send_due")
    return due


def send_due() -> None:
    """Send a batch of what is due over one connection; what fails is tried again later."""
    due = Notification.objects.due().select_related("recipient")
    batch = list(due.order_by("next_attempt_at", "pk")[:BATCH])
    if not batch:
        return
    connection = get_connection()
    try:
        connection.open()
    except OSError as error:
        log.warning("mail_server_unreachable", error=str(error))
        _try_later(_claimed(batch), error)
        return
    _send_all(batch, connection)
    with suppress(OSError):
        connection.close()
    if len(batch) == BATCH:
        outbox.enqueue("notifications.tasks.send_due")


def _send_all(batch: list[Notification], connection: BaseEmailBackend) -> None:
    """Send mail after mail, until the connection is lost or the time is up."""
    stop_at = time.monotonic() + LONGEST_RUN
    for mail in _mails(batch):
        claimed = _claimed(mail)
        if claimed and not _send(claimed, connection):
            return
        if time.monotonic() > stop_at:
            return


def _mails(batch: list[Notification]) -> Iterator[list[Notification]]:
    """Put into one mail what somebody wants to read together; put off what he wants later."""
    together: dict[object, list[Notification]] = {}
    for notification in batch:
        moment = digest_at(notification)
        if moment is None:
            together[notification.pk] = [notification]
        elif moment <= clock.now():
            together.setdefault(notification.recipient_id, []).append(notification)
        else:
            own = Notification.objects.filter(pk=notification.pk)
            own.due().update(next_attempt_at=moment)
    yield from together.values()


def _claimed(batch: Iterable[Notification]) -> list[Notification]:
    """Claim what nobody else has sent or claimed meanwhile; drop what nobody is there to read."""
    claimed = [one for one in batch if Notification.objects.filter(pk=one.pk).claim()]
    gone = [one for one in claimed if not one.recipient.is_active]
    _done(gone, last_error="The recipient's account is disabled.")
    return [one for one in claimed if one.recipient.is_active]


def _send(notifications: list[Notification], connection: BaseEmailBackend) -> bool:
    """Send one mail; say whether the connection can be used for more."""
    try:
        _compose(notifications, connection).send()
    except Exception as error:
        log.warning("mail_failed", notification=str(notifications[0].pk), exc_info=True)
        _try_later(notifications, error)
        return not _lost(error)
    _done(notifications, sent_at=clock.now(), last_error="")
    return True


def _compose(
    notifications: list[Notification], connection: BaseEmailBackend
) -> EmailMultiAlternatives:
    first = notifications[0]
    is_single = len(notifications) == 1
    mail = render(first) if is_single else render_digest(notifications)
    host = urlsplit(settings.PORTAL_URL).hostname
    headers = {
        "Message-ID": f"<{first.pk}@{host}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if is_single:
        headers["References"] = headers["In-Reply-To"] = f"<{first.about_id}@{host}>"
    message = EmailMultiAlternatives(
        mail.subject,
        mail.text,
        to=[first.recipient.email],
        headers=headers,
        connection=connection,
    )
    message.attach_alternative(mail.html, "text/html")
    return message


def _done(notifications: list[Notification], **outcome: object) -> None:
    rows = Notification.objects.filter(pk__in=[one.pk for one in notifications])
    rows.update(next_attempt_at=None, lease_until=None, **outcome)


def _try_later(notifications: list[Notification], error: Exception) -> None:
    """Give claimed mails back, to be tried after a growing pause, and given up after a week."""
    moment = clock.now()
    for notification in notifications:
        pause = pause_after(notification.attempts + 1, PAUSES) or PAUSES[-1]
        is_hopeless = moment > notification.created_at + PATIENCE
        Notification.objects.filter(pk=notification.pk).update(
            next_attempt_at=None if is_hopeless else moment + pause,
            lease_until=None,
            last_error=f"{type(error).__name__}: {error}"[:LONGEST_ERROR],
        )


def _lost(error: Exception) -> bool:
    """Say whether an error means the connection, and not the one mail."""
    if isinstance(error, SMTPException):
        return isinstance(error, SMTPServerDisconnected)
    return isinstance(error, OSError)
