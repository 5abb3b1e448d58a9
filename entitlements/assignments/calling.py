"""Call extensions about access that ends, or soon will."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from entitlements.assignments.models import Assignment
from entitlements.callouts.planning import call_out, facts_of
from entitlements.catalog.extension_models import CalloutStage

LAST: Final = timedelta(days=1)


def call_about_ends(assignments: Iterable[UUID]) -> None:
    """Within the caller's transaction: tell extensions of access that has ended now.

    Only assignments whose policies call an extension cost anything.
    """
    called = Assignment.objects.filter(
        pk__in=list(assignments), policy__callouts__stage=CalloutStage.REMOVED
    )
    for assignment in called.select_related("policy", "package__catalog", "target").distinct():
        _call(assignment, CalloutStage.REMOVED, reason=assignment.shown_end_reason)


def call_about_coming_end(assignment: Assignment, *, announced_at: datetime) -> None:
    """Within the caller's transaction: tell extensions that access ends; once for each end."""
    if assignment.ends_at:
        is_last = assignment.ends_at - announced_at <= LAST
        stage = CalloutStage.ONE_DAY_BEFORE if is_last else CalloutStage.FOURTEEN_DAYS_BEFORE
        _call(assignment, stage, occasion=assignment.ends_at.isoformat())


def _call(
    assignment: Assignment, stage: CalloutStage, *, occasion: str = "", reason: str = ""
) -> None:
    attached = [one.frozen() for one in assignment.policy.callouts.select_related("extension")]
    facts = facts_of(
        assignment.package,
        assignment.policy,
        assignment.target,
        starts_at=assignment.starts_at,
        ends_at=assignment.over_at,
        assignment=str(assignment.pk),
        reason=reason,
    )
    call_out(attached, stage, assignment, facts, occasion=occasion)
