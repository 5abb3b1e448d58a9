"""Asking and deciding: requests, the stages they pass, and who was asked."""

from collections.abc import Mapping
from typing import Any, Self
from uuid import uuid4

from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q, Subquery

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.directory.models import User
from entitlements.policies.corrections import changes_between
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests.delegations import in_force
from entitlements.requests.states import (
    EXTENDS,
    MOVING,
    OPEN,
    REMOVES,
    Event,
    RequestKind,
    RequestState,
    allows,
    target_of,
)
from entitlements.requests.steps import ApprovalStep, StepApprover, StepState

__all__ = [
    "AccessRequest",
    "AccessRequestQuerySet",
    "ApprovalStep",
    "StepApprover",
    "StepState",
    "calls_systems",
    "decider_of",
    "stage_terms",
]


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
        turns = StepApprover.objects.select_related("user").order_by("user__display_name")
        steps = waiting.prefetch_related(Prefetch("asked", turns))
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
        asked = StepApprover.objects.filter(
            Q(user=user) | Q(handed_over_by=user), step__access_request=OuterRef("pk")
        )
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
                Q(steps__asked__delegation=None) | in_force("steps__asked__delegation__"),
                state=RequestState.PENDING_APPROVAL,
                steps__state=StepState.WAITING,
                steps__due_at__gt=clock.now(),
                steps__asked__user=user,
                steps__asked__decided_at=None,
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
        """Open requests to change access that has ended."""
        return self.open().filter(assignment__ended_at__isnull=False)


class AccessRequest(models.Model):
    """Somebody asks that a person gets, keeps longer, or loses a package.

    `starts_at` and `ends_at` are what was chosen (UTC; None: what the policy says). `shortened_to`
    is an earlier end that an approver set. It `invites` when its target had no account as it was
    made. `terms` is the policy as it read at that time, `answers`
    what was answered to its questions: the key and text of each, the value and its words.
    When it `takes_over`, what the target has of the package already ends with it.
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
    invites = models.BooleanField(default=False)
    justification = models.TextField(blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    shortened_to = models.DateTimeField(null=True, blank=True)
    takes_over = models.BooleanField(default=False, editable=False)
    terms = models.JSONField(default=dict)
    answers = models.JSONField(default=list, blank=True)
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
                condition=Q(kind__in=["user_add", "admin_add", "on_behalf_add", "system_add"])
                | Q(assignment__isnull=False),
                name="request_about_access_names_it",
            ),
            models.CheckConstraint(
                condition=Q(invites=False) | Q(kind="admin_add"),
                name="only_what_is_given_directly_invites",
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
    def corrects(self) -> bool:
        """Whether it changes answers of access that somebody has, and nothing else."""
        return bool(self.terms.get("corrects"))

    @property
    def corrected_answers(self) -> list[dict[str, str]]:
        """Which answers are changed: each question with the old and the new words."""
        return changes_between(self.terms.get("answered_before", []), self.answers)

    @property
    def told_answers(self) -> list[dict[str, Any]]:
        """The answers as people read them; of one that is corrected `was` says the old words."""
        if not self.corrects:
            return list(self.answers)
        old = {change["key"]: change for change in self.corrected_answers}
        told = [{**one, "was": old.get(one["question"], {}).get("old")} for one in self.answers]
        answered = {one["question"] for one in self.answers}
        gone = [change for key, change in old.items() if key not in answered]
        return told + [{"text": one["question"], "shown": "", "was": one["old"]} for one in gone]

    @property
    def extends(self) -> bool:
        """Whether it is to move the end of access that somebody has."""
        return self.kind in EXTENDS and not self.corrects

    @property
    def is_moving(self) -> bool:
        return self.state in MOVING

    @property
    def shown_state(self) -> str:
        """The state that people read: what is taken away is not being set up.

        Whether it was passed on is known of a request that was read `with_waiting_step`.
        """
        if self.kind in REMOVES and self.state == RequestState.DELIVERING:
            return "removing"
        step = self.waiting_step
        return "pending_approval_escalated" if step and step.escalated_at else self.state

    @property
    def waiting_step(self) -> "ApprovalStep | None":
        """The stage that waits, of a request that was read `with_waiting_step`."""
        steps: list[ApprovalStep] = getattr(self, "waiting_steps", [])
        return steps[0] if steps else None

    @property
    def was_not_granted(self) -> bool:
        """Whether it ended without any access, so that it can be made again."""
        lost = (RequestState.DENIED, RequestState.EXPIRED, RequestState.CANCELED)
        is_unanswered = self.state == RequestState.DELIVERY_FAILED and self.assignment_id is None
        return self.state in lost or is_unanswered

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


def stage_terms(access_request: AccessRequest) -> list[dict[str, Any]]:
    """Return the frozen stages of a request."""
    stages: list[dict[str, Any]] = access_request.terms.get("stages", [])
    return stages


def decider_of(stage: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the extension (its id and name) that is still to say who approves a frozen stage."""
    extension: dict[str, str] | None = stage.get("extension")
    return None if stage.get("is_settled") else extension


def calls_systems(access_request: AccessRequest) -> bool:
    """Say whether systems are called on account of a request."""
    stages = stage_terms(access_request)
    return bool(access_request.terms.get("callouts")) or any(
        stage.get("extension") for stage in stages
    )
