"""The stages that a request passes: copies of a policy's stages, who was asked, who decided."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.directory.models import User, UserQuerySet
from entitlements.policies.models import DecisionRule
from entitlements.requests.delegations import ApprovalDelegation, in_force
from entitlements.requests.stage_rules import Turn, approved, next_reminder, still_needed
from entitlements.requests.states import GRANTED


class StepState(models.TextChoices):
    COMING = "coming", "To come"
    WAITING = "waiting", "Waiting"
    APPROVED = "approved", "Approved"
    DENIED = "denied", "Denied"
    LAPSED = "lapsed", "Lapsed"
    CLOSED = "closed", "Not needed any more"


class ApprovalStepQuerySet(models.QuerySet["ApprovalStep"]):
    def lapsing(self) -> Self:
        """Steps that nobody decided in time."""
        return self.filter(state=StepState.WAITING, due_at__lte=clock.now())

    def escalation_due(self) -> Self:
        """Steps whose alternates are to be asked by now."""
        moment = clock.now()
        return self.filter(state=StepState.WAITING, escalate_at__lte=moment, due_at__gt=moment)

    def forsaken(self) -> Self:
        """Steps that some have approved, and of whom else was asked nobody can any more."""
        turns = StepApprover.objects.in_force().filter(
            step=OuterRef("pk"), decided_at=None, user__is_active=True
        )
        return self.filter(~Exists(turns), state=StepState.WAITING, approvals__gt=0)

    def reminder_due(self) -> Self:
        moment = clock.now()
        return self.filter(state=StepState.WAITING, remind_at__lte=moment, due_at__gt=moment)

    def decided_among(self, user: User) -> Self:
        """Stages that a person was asked in and that have an outcome, his own or another's."""
        outcomes = [StepState.APPROVED, StepState.DENIED, StepState.LAPSED]
        return self.filter(asked__user=user, state__in=outcomes)


class ApprovalStep(models.Model):
    """A stage of one request: a copy of the policy's stage, and its one outcome.

    `needed` is how many have to approve, as the people who are asked allow, and `approvals` how
    many have. `escalated_at` is when alternates were asked as well (UTC).
    """

    access_request = models.ForeignKey(
        "entitlements.AccessRequest", models.CASCADE, related_name="steps"
    )
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=20, choices=StepState, default=StepState.COMING)
    decision_days = models.PositiveSmallIntegerField()
    requires_justification = models.BooleanField(default=False)
    rule = models.CharField(max_length=10, choices=DecisionRule, default=DecisionRule.ANY)
    quorum = models.PositiveSmallIntegerField(null=True, blank=True)
    escalation_days = models.PositiveSmallIntegerField(null=True, blank=True)
    reminder_days = models.JSONField(null=True, blank=True, default=None)
    terms = models.JSONField(default=list)
    needed = models.PositiveSmallIntegerField(default=1)
    approvals = models.PositiveSmallIntegerField(default=0)
    opened_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    remind_at = models.DateTimeField(null=True, blank=True)
    escalate_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="decisions"
    )
    justification = models.TextField(blank=True)
    approvers = models.ManyToManyField(
        User, through="StepApprover", through_fields=("step", "user"), related_name="+"
    )

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
            models.Index(
                fields=["escalate_at"],
                condition=Q(state="waiting", escalate_at__isnull=False),
                name="step_by_escalate",
            ),
            models.Index(
                fields=["id"],
                condition=Q(state="waiting", approvals__gt=0),
                name="step_partly_approved",
            ),
        ]

    def __str__(self) -> str:
        return f"Stage {self.position} of {self.access_request}"

    def open(self, *, due_at: datetime) -> None:
        """Within the caller's transaction: let it wait for a decision from now on, and save."""
        self.state = StepState.WAITING
        self.opened_at = clock.now()
        self.due_at = due_at
        self.remind_at = self.next_reminder()
        if self.escalation_days:
            self.escalate_at = self.opened_at + timedelta(days=self.escalation_days)
        self.save(update_fields=["state", "opened_at", "due_at", "remind_at", "escalate_at"])

    def next_reminder(self) -> datetime | None:
        """Return when whoever is asked is reminded next (UTC), as the stage plans it."""
        if not self.opened_at or not self.due_at:
            return None
        return next_reminder(clock.now(), self.opened_at, self.due_at, self.reminder_days)

    @property
    def shown_state(self) -> str:
        """The state that people read: what was passed on to alternates waits for these as well."""
        is_passed_on = self.state == StepState.WAITING and self.escalated_at is not None
        return "escalated" if is_passed_on else self.state

    @property
    def waited_for(self) -> list[User]:
        """Who is asked and has not decided, in the order in which `asked` was read."""
        return [turn.user for turn in self.asked.all() if not turn.decided_at]

    def expect(self, needed: int) -> None:
        """Within the caller's transaction: write down how many have to approve, and save."""
        self.needed = needed
        self.save(update_fields=["needed"])

    def pass_on(self, *, is_passed_on: bool) -> None:
        """Within the caller's transaction: alternates are asked now or not at all, and save."""
        self.escalate_at = None
        self.escalated_at = clock.now() if is_passed_on else None
        self.save(update_fields=["escalate_at", "escalated_at"])

    def undecided(self) -> UserQuerySet:
        """Whoever is asked, can decide now, and has not, by name."""
        people: UserQuerySet = User.objects.active().filter(
            Q(asked_in__delegation=None) | in_force("asked_in__delegation__"),
            asked_in__step=self,
            asked_in__decided_at=None,
        )
        return people.order_by("display_name", "pk")

    def turns(self) -> list[Turn]:
        """Return whose voices there are, as the rules of stages count them."""
        standing = set(self.undecided().values_list("pk", flat=True))
        return [
            Turn(
                seat=turn.delegation.delegator_id if turn.delegation else turn.user_id,
                has_approved=turn.decision == StepState.APPROVED,
                can_approve=turn.user_id in standing,
            )
            for turn in self.asked.select_related("delegation")
        ]

    def count(self) -> bool:
        """Within the caller's transaction: count the approvals, save, and say if they suffice.

        When fewer people are left than have to approve, all who are left suffice, but at least one.
        """
        turns = self.turns()
        self.approvals = approved(turns)
        self.needed = still_needed(self.needed, turns)
        self.save(update_fields=["approvals", "needed"])
        return self.approvals >= self.needed

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


def step_columns(stage: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step copies from a frozen stage."""
    return {
        "decision_days": stage["decision_days"],
        "requires_justification": stage["requires_justification"],
        "rule": stage.get("rule", DecisionRule.ANY),
        "quorum": stage.get("quorum"),
        "escalation_days": stage.get("escalation_days"),
        "reminder_days": stage.get("reminder_days"),
        "terms": stage["approvers"],
    }


class StepApproverQuerySet(models.QuerySet["StepApprover"]):
    def in_force(self) -> Self:
        """Turns of one's own, and those that came by a delegation that counts now."""
        return self.filter(Q(delegation=None) | in_force("delegation__"))

    def granted_by(self, user: User, assignment: Assignment) -> Self:
        """A person's approvals of requests by which access was given or extended."""
        return self.filter(
            user=user,
            decision=StepState.APPROVED,
            step__access_request__assignment=assignment,
            step__access_request__state__in=GRANTED,
        )


class StepApprover(models.Model):
    """Somebody who was asked to decide a step, and what he decided.

    `delegation` says by which he stands in for another; `handed_over_by` who gave him the turn.
    """

    step = models.ForeignKey(ApprovalStep, models.CASCADE, related_name="asked")
    user = models.ForeignKey(User, models.PROTECT, related_name="asked_in")
    is_fallback = models.BooleanField(default=False)
    is_alternate = models.BooleanField(default=False)
    decision = models.CharField(max_length=20, choices=StepState, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    justification = models.TextField(blank=True)
    delegation = models.ForeignKey(
        ApprovalDelegation, models.PROTECT, null=True, blank=True, related_name="turns"
    )
    handed_over_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="turns_handed_over"
    )

    objects = StepApproverQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "step"], name="asked_once_per_step"),
            models.CheckConstraint(
                condition=Q(decision="", decided_at=None)
                | Q(decision__in=["approved", "denied"], decided_at__isnull=False),
                name="approvers_decision_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.step}"

    def stands_in(self) -> dict[str, str]:
        """Return what an event tells about whose turn it was; nothing for one's own."""
        return {"stands_in_for": str(self.delegation.delegator)} if self.delegation else {}

    def decide(self, decision: StepState, justification: str) -> None:
        """Within the caller's transaction: write down what this one person decided, and save."""
        self.decision = decision
        self.decided_at = clock.now()
        self.justification = justification
        self.save(update_fields=["decision", "decided_at", "justification"])
