"""Calls to custom extensions: each a row of work, and what was answered."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID, uuid4

from django.db import models
from django.db.models import Q

from entitlements import clock
from entitlements.catalog.extension_models import (
    DENYING,
    HOLDING,
    CalloutStage,
    CustomExtension,
    OnTimeout,
)
from entitlements.directory.models import User
from entitlements.work import WorkQuerySet, WorkRow


class CalloutState(models.TextChoices):
    PLANNED = "planned", "To be called"
    WAITING = "waiting", "Waiting for its answer"
    DONE = "done", "Done"
    DENIED = "denied", "Denied"
    TIMED_OUT = "timed_out", "No answer in time"
    GIVEN_UP = "given_up", "Could not be called"
    CLOSED = "closed", "Not needed any more"


UNANSWERED: Final = (CalloutState.PLANNED, CalloutState.WAITING, CalloutState.GIVEN_UP)
"""States in which an answer that is waited for can still come."""


class CalloutQuerySet(WorkQuerySet["Callout"]):
    def about(self, thing: models.Model) -> Self:
        """The calls about one request, assignment or extension, oldest first."""
        return self.filter(about_id=thing.pk).order_by("created_at", "pk")

    def for_access(self) -> Self:
        """All calls but those that only tried an extension."""
        return self.exclude(stage=CalloutStage.TEST)

    def given_up(self) -> Self:
        """Calls that failed again and again and are not tried any more: the dead letters."""
        return self.filter(state=CalloutState.GIVEN_UP)

    def pending(self) -> Self:
        """Calls whose answer is waited for."""
        return self.filter(state__in=UNANSWERED, answer_by__isnull=False)

    def overdue(self) -> Self:
        """Calls whose answer has not come in time."""
        return self.pending().filter(answer_by__lte=clock.now())

    def visible_to(self, user: User) -> Self:
        """Calls to extensions of the catalogs that a person manages."""
        return self.filter(extension__in=CustomExtension.objects.visible_to(user))


class Callout(WorkRow):
    """One call to an extension, about a request, an assignment or (as a test) itself.

    Its id is the id of the message, however often that is sent. `answer_by` is until when an
    answer is waited for (UTC), `answer_id` the id of the message that brought it. `occasion` tells
    apart what can happen more than once.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    extension = models.ForeignKey(CustomExtension, models.CASCADE, related_name="callouts")
    stage = models.CharField(max_length=30, choices=CalloutStage)
    about_type = models.CharField(max_length=50)
    about_id = models.UUIDField()
    about_name = models.CharField(max_length=300)
    occasion = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=20, choices=CalloutState, default=CalloutState.PLANNED)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    answer_by = models.DateTimeField(null=True, blank=True)
    on_timeout = models.CharField(max_length=10, choices=OnTimeout, default=OnTimeout.FAIL)
    answered_at = models.DateTimeField(null=True, blank=True)
    answer_id = models.CharField(max_length=100, blank=True)
    detail = models.TextField(blank=True)

    objects = CalloutQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["about_id", "stage", "extension", "occasion"],
                name="extension_is_called_once_per_occasion",
            ),
            models.UniqueConstraint(
                fields=["extension", "answer_id"],
                condition=~Q(answer_id=""),
                name="answer_to_a_call_counts_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="callout_by_next_attempt",
            ),
            models.Index(
                fields=["answer_by"],
                condition=Q(state__in=["planned", "waiting", "given_up"]),
                name="callout_by_answer_by",
            ),
            models.Index(fields=["extension", "-created_at"], name="callout_by_extension"),
        ]

    def __str__(self) -> str:
        return f"{self.extension} about {self.about_name}"

    @property
    def waits(self) -> bool:
        """Whether an answer is waited for, or was."""
        return self.answer_by is not None

    @property
    def is_pending(self) -> bool:
        """Whether its answer can still come."""
        return self.waits and self.state in UNANSWERED

    @property
    def holds(self) -> bool:
        """Whether the request cannot go on without its answer."""
        return self.waits and self.stage in HOLDING

    @property
    def may_deny(self) -> bool:
        """Whether its answer may deny the request that waits for it."""
        return self.waits and self.stage in DENYING

    @property
    def asks_who_approves(self) -> bool:
        return self.stage == CalloutStage.DETERMINING_APPROVAL

    @property
    def shown_state(self) -> str:
        """The state that people read: one that failed and is tried again says so."""
        is_retried = self.state == CalloutState.PLANNED and self.last_error
        return "retried" if is_retried else self.state

    def end(self, state: CalloutState) -> None:
        """Within the caller's transaction: let nothing more be done about it, and save."""
        self.state = state
        self.next_attempt_at = None
        self.answered_at = clock.now()
        self.save(update_fields=["state", "next_attempt_at", "answered_at", "answer_id", "detail"])


def plan(
    extension: CustomExtension,
    stage: CalloutStage,
    about: models.Model,
    facts: dict[str, Any],
    *,
    occasion: str = "",
    waits: bool = False,
) -> Callout:
    """Return a call that is not saved yet, due now."""
    moment = clock.now()
    return Callout(
        extension=extension,
        stage=stage,
        about_type=str(about._meta.model_name),
        about_id=about.pk,
        about_name=str(about)[:300],
        occasion=occasion,
        payload=facts,
        created_at=moment,
        next_attempt_at=moment,
        answer_by=moment + extension.wait if waits else None,
        on_timeout=extension.on_timeout,
    )


def close(about_id: UUID) -> None:
    """Within the caller's transaction: no answers about this thing are waited for any more."""
    Callout.objects.pending().filter(about_id=about_id).update(
        state=CalloutState.CLOSED, next_attempt_at=None
    )


def until(callouts: Iterable[Callout]) -> datetime | None:
    """Return when the last of the answers is due (UTC), or None when none is waited for."""
    return max((callout.answer_by for callout in callouts if callout.answer_by), default=None)
