"""Custom extensions: other systems that are called when something happens to access."""

import base64
import secrets
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from entitlements import clock, vault
from entitlements.catalog.models import Catalog
from entitlements.directory.models import User

LONGEST_WAIT: Final = timedelta(days=14)
SECRET_PREFIX: Final = "whsec_"  # noqa: S105  # the mark before a secret, not one
SECRET_BYTES: Final = 32


class CalloutStage(models.TextChoices):
    """What happens to access when an extension is called."""

    CREATED = "created", "Access is asked for"
    DETERMINING_APPROVAL = "determining_approval", "A stage of approval is reached"
    APPROVED = "approved", "A request is approved"
    GRANTED = "granted", "Access is set up"
    REMOVED = "removed", "Access ends"
    FOURTEEN_DAYS_BEFORE = "fourteen_days_before", "14 days before access ends"
    ONE_DAY_BEFORE = "one_day_before", "1 day before access ends"
    TEST = "test", "Test call"


DENYING: Final = (CalloutStage.CREATED, CalloutStage.APPROVED)
"""Where a request is held up by an extension that is waited for, and may be denied by it."""
HOLDING: Final = (*DENYING, CalloutStage.DETERMINING_APPROVAL)
"""Where a request is held up by an extension that is waited for."""


class ExtensionKind(models.TextChoices):
    REQUEST_WORKFLOW = "request_workflow", "When access is asked for, approved, set up or ended"
    PRE_EXPIRATION = "pre_expiration", "Before access ends"


STAGES: Final = {
    ExtensionKind.REQUEST_WORKFLOW: (
        CalloutStage.CREATED,
        CalloutStage.APPROVED,
        CalloutStage.GRANTED,
        CalloutStage.REMOVED,
    ),
    ExtensionKind.PRE_EXPIRATION: (
        CalloutStage.FOURTEEN_DAYS_BEFORE,
        CalloutStage.ONE_DAY_BEFORE,
    ),
}


class Behaviour(models.TextChoices):
    LAUNCH_AND_CONTINUE = "launch_and_continue", "Call it and go on"
    LAUNCH_AND_WAIT = "launch_and_wait", "Call it and wait for its answer"


class ExtensionResponse(models.TextChoices):
    """What the answer of an extension that is waited for says."""

    OUTCOME = "outcome", "Whether the request goes on"
    APPROVAL_STAGE = "approval_stage", "Who approves: one whole stage of approval"


class OnTimeout(models.TextChoices):
    FAIL = "fail", "The request fails"
    CONTINUE = "continue", "The request goes on"
    DENY = "deny", "The request is denied"


class CustomExtensionQuerySet(models.QuerySet["CustomExtension"]):
    def visible_to(self, user: User) -> Self:
        """Extensions of the catalogs that a person manages."""
        return self.filter(catalog__in=Catalog.objects.visible_to(user))

    def deciding(self) -> Self:
        """Extensions whose answer says who approves."""
        return self.filter(response=ExtensionResponse.APPROVAL_STAGE)


class CustomExtension(models.Model):
    """A system of somebody's own, its address, and the secret that calls are signed with.

    `wait_minutes` is how long an answer is waited for, `on_timeout` what follows when none comes.
    Where the answer would say who approves, going on means that the stage's fallbacks decide, and
    never that nobody does. After a change of the secret both count until `previous_until` (UTC).
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    catalog = models.ForeignKey(Catalog, models.CASCADE, related_name="extensions")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=20, choices=ExtensionKind, editable=False)
    url = models.CharField("address", max_length=1000)
    behaviour = models.CharField(
        max_length=20, choices=Behaviour, default=Behaviour.LAUNCH_AND_CONTINUE
    )
    response = models.CharField(
        "its answer says",
        max_length=20,
        choices=ExtensionResponse,
        default=ExtensionResponse.OUTCOME,
        editable=False,
    )
    wait_minutes = models.PositiveIntegerField(null=True, blank=True)
    on_timeout = models.CharField(max_length=10, choices=OnTimeout, default=OnTimeout.FAIL)
    is_enabled = models.BooleanField("on", default=True)
    sealed_secret = models.TextField(editable=False)
    sealed_previous_secret = models.TextField(blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = CustomExtensionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"), "catalog", name="extension_name_is_unique_in_its_catalog"
            ),
            models.CheckConstraint(
                condition=Q(
                    behaviour=Behaviour.LAUNCH_AND_WAIT,
                    kind=ExtensionKind.REQUEST_WORKFLOW,
                    wait_minutes__isnull=False,
                    wait_minutes__gte=1,
                    wait_minutes__lte=LONGEST_WAIT // timedelta(minutes=1),
                )
                | Q(behaviour=Behaviour.LAUNCH_AND_CONTINUE, wait_minutes=None),
                name="extension_waits_from_1_minute_to_14_days",
            ),
            models.CheckConstraint(
                condition=Q(response=ExtensionResponse.OUTCOME)
                | Q(
                    response=ExtensionResponse.APPROVAL_STAGE,
                    behaviour=Behaviour.LAUNCH_AND_WAIT,
                ),
                name="extension_that_says_who_approves_is_waited_for",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def waits(self) -> bool:
        return self.behaviour == Behaviour.LAUNCH_AND_WAIT

    @property
    def wait(self) -> timedelta:
        """How long its answer is waited for; nothing when it is not."""
        return timedelta(minutes=self.wait_minutes or 0)

    @property
    def says_who_approves(self) -> bool:
        return self.response == ExtensionResponse.APPROVAL_STAGE

    @property
    def stages(self) -> tuple[CalloutStage, ...]:
        """When a policy can call it; one that says who approves is named by a stage of approval."""
        return () if self.says_who_approves else STAGES[ExtensionKind(self.kind)]

    def secrets(self) -> list[bytes]:
        """Return the keys that count now, the newest first; raises SecretUnreadable."""
        sealed = [self.sealed_secret]
        if self.previous_until and self.previous_until > clock.now():
            sealed.append(self.sealed_previous_secret)
        return [_key_of(vault.unseal(one)) for one in sealed]

    def renew_secret(self, *, previous_until: datetime | None = None) -> str:
        """Make a new secret and return it, without saving; the old one counts until a moment."""
        secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        self.sealed_previous_secret = self.sealed_secret if previous_until else ""
        self.previous_until = previous_until
        self.sealed_secret = vault.seal(secret)
        return secret


def _key_of(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(SECRET_PREFIX))
