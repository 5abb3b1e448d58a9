"""Tell people: within the act's transaction, never beside it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import models, transaction

from entitlements import clock, outbox
from entitlements.audit.trail import plain
from entitlements.directory.models import User
from entitlements.notifications.models import Notification


def notify(
    event: str,
    recipients: Iterable[User],
    about: models.Model,
    *,
    once: str | None = None,
    **facts: Any,
) -> None:
    """Within the caller's transaction: tell each recipient, and queue the mails.

    With `once`, nobody is told a second time under the same key.
    """
    rows = [
        Notification(
            event=event,
            recipient=recipient,
            about_type=str(about._meta.model_name),
            about_id=about.pk,
            facts={name: plain(value) for name, value in facts.items()},
            once_key=once,
            created_at=clock.now(),
            next_attempt_at=clock.now(),
        )
        for recipient in recipients
    ]
    Notification.objects.bulk_create(rows, batch_size=500, ignore_conflicts=once is not None)
    if rows:
        outbox.enqueue("notifications.tasks.send_due")


@transaction.atomic(durable=True)
def mark_read(user: User, notification_ids: Iterable[UUID] | None = None) -> int:
    """Mark one's own notifications as read: these, or all; returns how many were unread."""
    mine = Notification.objects.filter(recipient=user).unread()
    if notification_ids is not None:
        mine = mine.filter(pk__in=list(notification_ids))
    return mine.update(read_at=clock.now())
