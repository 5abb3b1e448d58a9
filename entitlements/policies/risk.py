"""Stages that come before a policy's own when a risk was reported about whoever gets the access.

They count for the whole tenant. Which risks there are is asked of a provider, which the setting
RISK_PROVIDER names; the one here reads what was reported to this portal.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.module_loading import import_string

from entitlements.decisions import Denied, deny
from entitlements.directory.models import Group, User
from entitlements.policies.models import DECISION_DAYS, ApproverKind, DecisionRule

Levels = Mapping[str, int]
"""The level of each kind of risk that somebody has; kinds without a risk are left out."""


class RiskKind(models.TextChoices):
    IDENTITY = "identity", "Identity risk"
    INSIDER = "insider", "Insider risk"


class RiskLevel(models.IntegerChoices):
    LOW = 1, "low"
    MEDIUM = 2, "medium"
    HIGH = 3, "high"


ORDER: Final = (RiskKind.IDENTITY, RiskKind.INSIDER)
"""In which order the stages are asked, as in the reference product."""


class RiskSignalQuerySet(models.QuerySet["RiskSignal"]):
    def standing(self) -> Self:
        """Risks that were not called off."""
        return self.filter(cleared_at=None)


class RiskSignal(models.Model):
    """Somebody or something reported a risk about a person; it stands until it is cleared (UTC)."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="risk_signals")
    kind = models.CharField(max_length=20, choices=RiskKind)
    level = models.PositiveSmallIntegerField(choices=RiskLevel)
    source = models.CharField(max_length=200)
    reported_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)

    objects = RiskSignalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=Q(cleared_at=None),
                name="one_standing_risk_per_person_and_kind",
            ),
            models.CheckConstraint(
                condition=Q(level__in=[1, 2, 3]), name="risk_level_is_low_medium_or_high"
            ),
            models.CheckConstraint(
                condition=Q(cleared_at=None) | Q(cleared_at__gte=F("reported_at")),
                name="risk_is_cleared_after_it_was_reported",
            ),
        ]

    def __str__(self) -> str:
        return f"{RiskKind(self.kind).label} of {self.user}: {RiskLevel(self.level).label}"


class RiskStage(models.Model):
    """From which level on a kind of risk is judged, and by the members of which group."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=RiskKind, unique=True)
    from_level = models.PositiveSmallIntegerField(choices=RiskLevel, default=RiskLevel.MEDIUM)
    group = models.ForeignKey(Group, models.PROTECT, related_name="+", verbose_name="decided by")
    decision_days = models.PositiveSmallIntegerField("days to decide", default=DECISION_DAYS)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decision_days__gte=1, decision_days__lte=DECISION_DAYS),
                name="risk_stage_is_decided_in_1_to_14_days",
            ),
        ]

    def __str__(self) -> str:
        return f"{RiskKind(self.kind).label} from {RiskLevel(self.from_level).label}"

    def frozen(self, level: int) -> dict[str, Any]:
        """Return the stage as a request keeps it, with the level that it was opened for."""
        group = {"kind": ApproverKind.GROUP, "user": None, "group": str(self.group_id)}
        return {
            "risk": self.kind,
            "risk_level": level,
            "decision_days": self.decision_days,
            "requires_justification": True,
            "rule": DecisionRule.ANY,
            "quorum": None,
            "escalation_days": None,
            "reminder_days": None,
            "approvers": [
                {**group, "is_fallback": False, "is_alternate": False, "name": str(self.group)}
            ],
        }


def reported(user: User) -> Levels:
    """Return the risks that were reported to this portal about a person."""
    return dict(RiskSignal.objects.standing().filter(user=user).values_list("kind", "level"))


def stages_for(user: User) -> list[dict[str, Any]]:
    """Return the frozen stages that a person's risks put before those of any policy.

    Raises Denied when the provider cannot say: nothing is given past a check that failed.
    """
    stages = {stage.kind: stage for stage in RiskStage.objects.select_related("group")}
    if not stages:
        return []
    levels = _levels_of(user)
    return [
        stages[kind].frozen(levels[kind])
        for kind in ORDER
        if kind in stages and levels.get(kind, 0) >= stages[kind].from_level
    ]


def is_for_risk(stage: Mapping[str, Any]) -> bool:
    """Say whether a frozen stage is there for a risk, and not from the policy."""
    return bool(stage.get("risk"))


def words_for(stage: Mapping[str, Any]) -> str:
    """Say for which risk a frozen stage is there; nothing for a policy's own."""
    if not is_for_risk(stage):
        return ""
    return f"{RiskKind(stage['risk']).label}: {RiskLevel(stage['risk_level']).label}"


def _levels_of(user: User) -> Levels:
    provider: Callable[[User], Levels] = import_string(settings.RISK_PROVIDER)
    try:
        return provider(user)
    except Exception as error:
        raise Denied(
            deny(
                "risk_unknown",
                "Whether there is a risk about this person cannot be checked at present.",
                "Try again later; administrators can see why it failed.",
            )
        ) from error
