"""What people are told: one row is the entry on the page, and the mail still to be sent."""

from typing import Any, Self, cast
from uuid import uuid4

from django.db import models
from django.db.models import Q

from entitlements.directory.models import User
from entitlements.work import WorkQuerySet, WorkRow


class NotificationQuerySet(WorkQuerySet["Notification"]):
    def unread(self) -> Self:
        return self.filter(read_at=None)


class Notification(WorkRow):
    """One message to one person about one thing.

    `event` names an entry of `messages.MESSAGES`; `facts` are the values its words are made of.
    A mail is still to be sent while `next_attempt_at` is set; `sent_at` says when it went.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    event = models.CharField(max_length=64)
    recipient = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    about_type = models.CharField(max_length=40)
    about_id = models.UUIDField()
    facts = models.JSONField(default=dict)
    once_key = models.CharField(  # noqa: DJ001  # null: any number of rows without a key
        max_length=200, null=True, blank=True
    )
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "once_key"], name="one_notification_per_once_key"
            ),
        ]
        indexes = [
            models.Index(fields=["recipient", "-created_at"], name="notification_by_recipient"),
            models.Index(fields=["about_id"], name="notification_by_subject"),
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="notification_by_next_attempt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.recipient}"

    def fact(self, name: str) -> Any:
        """Return one of the facts, or None."""
        return cast("dict[str, Any]", self.facts).get(name)
