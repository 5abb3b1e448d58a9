"""What each person decided in the stages of requests, read together with the stages."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, FilteredRelation, Q, QuerySet

from entitlements.requests.models import ApprovalStep

Stages = tuple[dict[UUID, list[ApprovalStep]], dict[UUID, list["Voice"]]]
"""Stages, and what was decided in them, by request."""


@dataclass(frozen=True)
class Voice:
    """What one person decided in a stage, and when (UTC)."""

    step: int
    name: str
    decision: str
    at: datetime
    justification: str


def with_voices(steps: QuerySet[ApprovalStep]) -> Stages:
    """Read stages in their order and every decision in them, by one query for both."""
    rows = (
        steps.annotate(
            turn=FilteredRelation("asked", condition=Q(asked__decided_at__isnull=False)),
            turn_name=F("turn__user__display_name"),
            turn_decision=F("turn__decision"),
            turn_at=F("turn__decided_at"),
            turn_words=F("turn__justification"),
        )
        .select_related("decided_by")
        .order_by("position", "turn_at", "turn_name")
    )
    found: dict[UUID, dict[int, ApprovalStep]] = defaultdict(dict)
    voices: dict[UUID, list[Voice]] = defaultdict(list)
    for row in rows:
        found[row.access_request_id].setdefault(row.pk, row)
        if row.turn_at:
            voices[row.access_request_id].append(
                Voice(row.position, row.turn_name, row.turn_decision, row.turn_at, row.turn_words)
            )
    return {pk: list(each.values()) for pk, each in found.items()}, voices


def voices_in(step: ApprovalStep, spoken: Iterable[Voice]) -> list[Voice]:
    """Return who decided a stage; its outcome, where single decisions were not kept yet."""
    found = [voice for voice in spoken if voice.step == step.position]
    if found or not step.decided_at:
        return found
    who = str(step.decided_by)
    return [Voice(step.position, who, step.state, step.decided_at, step.justification)]
