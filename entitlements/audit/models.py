"""What happened: rows that nobody can change or delete, chained behind the writers."""

from typing import Self
from uuid import UUID

from django.db import models


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def about(self, thing: models.Model) -> Self:
        """Events whose subject is `thing`, oldest first."""
        return self.filter(subject_type=thing._meta.model_name, subject_id=thing.pk).order_by("pk")

    def concerning(self, user_id: UUID) -> Self:
        """Events that one person caused, or whose target he is."""
        return self.filter(models.Q(actor_id=user_id) | models.Q(target_id=user_id))


class AuditEvent(models.Model):
    """One act: who did what to which thing, when, and what changed.

    No foreign keys, and names as they read at the time: an event outlives everything it tells of.
    """

    at = models.DateTimeField()
    action = models.CharField(max_length=64)
    actor_id = models.UUIDField(null=True)
    actor_name = models.CharField(max_length=200)
    subject_type = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    subject_name = models.CharField(max_length=300)
    target_id = models.UUIDField(null=True)
    details = models.JSONField(default=dict)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "id"], name="audit_by_subject"),
            models.Index(fields=["actor_id", "-id"], name="audit_by_actor"),
            models.Index(fields=["target_id", "-id"], name="audit_by_target"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.subject_name}"


class AuditSeal(models.Model):
    """A link of the hash chain: `digest` covers one event and the digest before it."""

    position = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, models.PROTECT, related_name="seal")
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.position}: {self.digest[:12]}"
