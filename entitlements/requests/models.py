"""Asking and deciding: requests, the stages they pass, and who was asked."""

from datetime import datetime
from typing import Any, Self
from uuid import uuid4

from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q, Subquery

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests.states import (
    MOVING,
    OPEN,
    REMOVES,
    Event,
    RequestKind,
    RequestState,
    allows,
    target_of,
)


class StepState(models.TextChoices):
    COMING = "coming", "To come"
    WAITING = "waiting", "Waiting"
    APPROVED = "approved", "Approved"
    DENIED = "denied", "Denied"
    LAPSED = "lapsed", "Lapsed"
    CLOSED = "closed", "Not needed any more"


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def open(self) -> Self:
        """Requests that are not decided, or not started yet."""
        return self.filter(state__in=OPEN)

    def moving(self) -> Self:
        """Requests in which something is still to happen."""
        return self.filter(state__in=MOVING)

    def closed(self) -> Self:
        """Requests in which nothing more happens by itself."""
        return self.exclude(state__in=MOVING)

    def stuck(self) -> Self:
        """Requests of which some role could not be set up, with nothing more planned."""
        return self.filter(
            state__in=[RequestState.PARTIALLY_DELIVERED, RequestState.DELIVERY_FAILED]
        )

    def with_waiting_step(self) -> Self:
        """Bring along the stage that waits and who is asked in it, by two more queries."""
        waiting = ApprovalStep.objects.filter(state=StepState.WAITING)
        steps = waiting.prefetch_related(
            Prefetch("approvers", User.objects.order_by("display_name"))
        )
        return self.prefetch_related(Prefetch("steps", steps, to_attr="waiting_steps"))

    def first_due_first(self) -> Self:
        """The stage with the nearest deadline comes first; `due_at` is that deadline (UTC)."""
        waiting = ApprovalStep.objects.filter(
            access_request=OuterRef("pk"), state=StepState.WAITING
        )
        return self.annotate(due_at=Subquery(waiting.values("due_at"))).order_by("due_at", "pk")

    def made_by_or_for(self, user: User) -> Self:
        return self.filter(Q(requestor=user) | Q(target=user))

    def visible_to(self, user: User) -> Self:
        """Requests of one's own, those one was asked to decide, and those of one's catalogs."""
        if user.is_superuser:
            return self
        asked = StepApprover.objects.filter(step__access_request=OuterRef("pk"), user=user)
        managed = Catalog.objects.visible_to(user)
        return self.filter(
            Q(requestor=user) | Q(target=user) | Exists(asked) | Q(package__catalog__in=managed)
        )

    def managed_by(self, user: User) -> Self:
        """Requests for packages of the catalogs that a person manages, and no others."""
        return self.filter(package__catalog__in=Catalog.objects.visible_to(user))

    def waiting_for(self, user: User) -> Self:
        """Requests that a person can decide now; never those made by or for himself.

        Joined, not nested: this count is on every page, and only few steps are anybody's.
        """
        return (
            self.filter(
                state=RequestState.PENDING_APPROVAL,
                steps__state=StepState.WAITING,
                steps__due_at__gt=clock.now(),
                steps__asked__user=user,
            )
            .exclude(requestor=user)
            .exclude(target=user)
        )

    def asked_of(self, user: User) -> Self:
        """Requests that a person was asked to decide, whatever has become of them."""
        asked = StepApprover.objects.filter(step__access_request=OuterRef("pk"), user=user)
        return self.filter(Exists(asked)).exclude(requestor=user).exclude(target=user)

    def decided_with(self, user: User) -> Self:
        """Requests with a decision in a stage that a person was asked in."""
        asked = StepApprover.objects.filter(
            step__access_request=OuterRef("pk"),
            step__state__in=[StepState.APPROVED, StepState.DENIED, StepState.LAPSED],
            user=user,
        )
        return self.filter(Exists(asked))

    def start_due(self) -> Self:
        return self.filter(state=RequestState.SCHEDULED, starts_at__lte=clock.now())

    def obsolete(self) -> Self:
        """Open requests to extend access that has ended."""
        return self.open().filter(assignment__ended_at__isnull=False)


class AccessRequest(models.Model):
    """Somebody asks that a person gets, keeps longer, or loses a package.

    `starts_at` and `ends_at` are what was chosen (UTC; None: what the policy says). `shortened_to`
    is an earlier end that an approver set. `terms` is the policy as it read at that time.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=RequestKind, editable=False)
    state = models.CharField(
        max_length=30, choices=RequestState, default=RequestState.SUBMITTED, editable=False
    )
    package = models.ForeignKey(AccessPackage, models.PROTECT, related_name="requests")
    policy = models.ForeignKey(AssignmentPolicy, models.PROTECT, related_name="requests")
    assignment = models.ForeignKey(
        Assignment, models.PROTECT, null=True, blank=True, related_name="requests"
    )
    requestor = models.ForeignKey(User, models.PROTECT, related_name="requests_made")
    target = models.ForeignKey(User, models.PROTECT, related_name="requests_received")
    justification = models.TextField(blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    shortened_to = models.DateTimeField(null=True, blank=True)
    terms = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    outcome_reason = models.TextField(blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target", "package"],
                condition=Q(state__in=OPEN),
                name="one_open_request_per_package_and_target",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["user_add", "admin_add"]) | Q(assignment__isnull=False),
                name="request_about_access_names_it",
            ),
        ]
        indexes = [
            models.Index(fields=["requestor", "-created_at"], name="request_by_requestor"),
            models.Index(fields=["target", "-created_at"], name="request_by_target"),
            models.Index(fields=["package", "-created_at"], name="request_by_package"),
            models.Index(fields=["assignment"], name="request_by_assignment"),
            models.Index(
                fields=["starts_at"], condition=Q(state="scheduled"), name="request_by_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.package} for {self.target}"

    @property
    def reference(self) -> str:
        """A short name that people can read out."""
        return f"R-{self.pk.hex[:8].upper()}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_moving(self) -> bool:
        return self.state in MOVING

    @property
    def shown_state(self) -> str:
        """The state that people read: what is taken away is not being set up."""
        is_going = self.kind in REMOVES and self.state == RequestState.DELIVERING
        return "removing" if is_going else self.state

    @property
    def waiting_step(self) -> "ApprovalStep | None":
        """The stage that waits, of a request that was read `with_waiting_step`."""
        steps: list[ApprovalStep] = getattr(self, "waiting_steps", [])
        return steps[0] if steps else None

    def can_see(self, event: Event) -> bool:
        """Say whether the transition table has a step for `event` here."""
        return allows(self.kind, self.state, event)

    def move(self, event: Event, *, reason: str = "", final: bool = False) -> dict[str, str]:
        """Take one step of the transition table and save; raises InvalidTransition.

        Returns the step for the audit event.
        """
        before = self.state
        self.state = target_of(self.kind, self.state, event)
        self.outcome_reason = reason
        self.completed_at = clock.now() if final else None
        self.save(
            update_fields=["state", "outcome_reason", "completed_at", "shortened_to", "assignment"]
        )
        return {"source": before, "state": self.state}


class ApprovalStepQuerySet(models.QuerySet["ApprovalStep"]):
    def lapsing(self) -> Self:
        """Steps that nobody decided in time."""
        return self.filter(state=StepState.WAITING, due_at__lte=clock.now())

    def reminder_due(self) -> Self:
        moment = clock.now()
        return self.filter(state=StepState.WAITING, remind_at__lte=moment, due_at__gt=moment)

    def decided_among(self, user: User) -> Self:
        """Stages that a person was asked in and that have an outcome, his own or another's."""
        outcomes = [StepState.APPROVED, StepState.DENIED, StepState.LAPSED]
        return self.filter(asked__user=user, state__in=outcomes)


class ApprovalStep(models.Model):
    """A stage of one request: a copy of the policy's stage, and its one outcome."""

    access_request = models.ForeignKey(AccessRequest, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=20, choices=StepState, default=StepState.COMING)
    decision_days = models.PositiveSmallIntegerField()
    requires_justification = models.BooleanField(default=False)
    terms = models.JSONField(default=list)
    opened_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    remind_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="decisions"
    )
    justification = models.TextField(blank=True)
    approvers = models.ManyToManyField(User, through="StepApprover", related_name="+")

    objects = ApprovalStepQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["access_request", "position"], name="one_step_per_position"
            ),
            models.UniqueConstraint(
                fields=["access_request"],
                condition=Q(state="waiting"),
                name="one_waiting_step_per_request",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["approved", "denied"], decided_at__isnull=False)
                & Q(decided_by__isnull=False)
                | ~Q(state__in=["approved", "denied"]) & Q(decided_at=None, decided_by=None),
                name="decided_step_says_who_and_when",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="step_by_due"),
            models.Index(fields=["remind_at"], condition=Q(state="waiting"), name="step_by_remind"),
        ]

    def __str__(self) -> str:
        return f"Stage {self.position} of {self.access_request}"

    def open(self, *, due_at: datetime, remind_at: datetime | None) -> None:
        """Within the caller's transaction: let it wait for a decision from now on, and save."""
        self.state = StepState.WAITING
        self.opened_at = clock.now()
        self.due_at = due_at
        self.remind_at = remind_at
        self.save(update_fields=["state", "opened_at", "due_at", "remind_at"])

    def decide(self, state: StepState, *, by: User, justification: str) -> None:
        """Within the caller's transaction: write down the decision, and save."""
        self.state = state
        self.decided_at = clock.now()
        self.decided_by = by
        self.justification = justification
        self.save(update_fields=["state", "decided_at", "decided_by", "justification"])

    def close(self, state: StepState) -> None:
        """Within the caller's transaction: end it without a decision, and save."""
        self.state = state
        self.save(update_fields=["state"])


class StepApprover(models.Model):
    """Somebody who was asked to decide a step."""

    step = models.ForeignKey(ApprovalStep, models.CASCADE, related_name="asked")
    user = models.ForeignKey(User, models.PROTECT, related_name="asked_in")
    is_fallback = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "step"], name="asked_once_per_step"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.step}"


def stage_terms(access_request: AccessRequest) -> list[dict[str, Any]]:
    """Return the frozen stages of a request."""
    stages: list[dict[str, Any]] = access_request.terms.get("stages", [])
    return stages
