"""Which extensions a policy calls, and when."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db import models

from entitlements.catalog.extension_models import CalloutStage, CustomExtension
from entitlements.decisions import Reason
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.stage_terms import StageTerms
from entitlements.policies.terms import CalloutTerms

MOST_CALLOUTS: Final = 50


class PolicyCallout(models.Model):
    """One extension that a policy calls at one stage."""

    policy = models.ForeignKey(AssignmentPolicy, models.CASCADE, related_name="callouts")
    extension = models.ForeignKey(CustomExtension, models.PROTECT, related_name="attachments")
    stage = models.CharField(max_length=30, choices=CalloutStage)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "stage", "extension"], name="policy_calls_once_per_stage"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.extension} at {self.get_stage_display()}"

    def frozen(self) -> dict[str, Any]:
        """Return it as a request keeps it."""
        return {
            "stage": self.stage,
            "extension": str(self.extension_id),
            "name": str(self.extension),
        }


def terms_of_callouts(policy: AssignmentPolicy) -> tuple[CalloutTerms, ...]:
    """Return what a policy calls, in order."""
    return tuple(CalloutTerms(row.stage, row.extension_id) for row in policy.callouts.all())


def write_callouts(policy: AssignmentPolicy, chosen: Iterable[CalloutTerms]) -> None:
    """Within the caller's transaction: let a policy call these extensions, and no others."""
    policy.callouts.all().delete()
    PolicyCallout.objects.bulk_create(
        PolicyCallout(
            policy=policy, stage=one.stage, extension_id=one.extension_id, position=position
        )
        for position, one in enumerate(chosen)
    )


def callouts_fit(policy: AssignmentPolicy, chosen: tuple[CalloutTerms, ...]) -> Iterator[Reason]:
    """Yield what speaks against extensions: of another catalog, or not made for the stage."""
    keys = {one.extension_id for one in chosen}
    here = CustomExtension.objects.filter(catalog=policy.package.catalog_id)
    known = here.in_bulk(list(keys))
    if len(known) < len(keys):
        yield Reason(
            "extension_unknown", "An extension that is chosen here is gone.", "Choose again."
        )
    stages = [(one.stage, known.get(one.extension_id)) for one in chosen]
    if any(extension and stage not in extension.stages for stage, extension in stages):
        yield Reason(
            "stage_unknown",
            "An extension cannot be called at that moment.",
            "Choose one of those listed.",
        )
    if len(chosen) > MOST_CALLOUTS:
        yield Reason(
            "too_many_callouts",
            f"A policy can make at most {MOST_CALLOUTS} calls.",
            "Remove one of them.",
        )


def deciders_fit(policy: AssignmentPolicy, stages: Iterable[StageTerms]) -> Iterator[Reason]:
    """Yield what speaks against extensions that are to say who approves."""
    named = [(number, stage.extension_id) for number, stage in enumerate(stages, start=1)]
    keys = {key for _, key in named if key}
    known = CustomExtension.objects.filter(catalog=policy.package.catalog_id).in_bulk(list(keys))
    for number, key in named:
        extension = known.get(key) if key else None
        if key and extension is None:
            yield Reason(
                "extension_unknown",
                f"The extension that stage {number} names is gone.",
                "Choose again.",
            )
        elif extension and not extension.says_who_approves:
            yield Reason(
                "extension_names_nobody",
                f"“{extension}”, which stage {number} names, does not say who approves.",
                "Choose one whose answer does.",
            )
