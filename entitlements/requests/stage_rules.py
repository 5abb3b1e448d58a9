"""How many have to approve a stage, and when its approvers are reminded: pure rules.

Moments are aware; people are ids.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from entitlements.policies.models import DecisionRule

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Turn:
    """Somebody's turn to decide; `seat` is the person whose voice it is, himself or another."""

    seat: UUID
    has_approved: bool = False
    can_approve: bool = True


def asked_for(rule: str, quorum: int | None, seats: int) -> int:
    """Return how many of the people who are asked have to approve, at least one."""
    wanted = {DecisionRule.ANY: 1, DecisionRule.ALL: seats}.get(DecisionRule(rule), quorum or 1)
    return max(1, min(wanted, seats))


def approved(turns: Iterable[Turn]) -> int:
    """Count the voices that have approved: somebody and who stands in for him have one."""
    return len({turn.seat for turn in turns if turn.has_approved})


def still_needed(needed: int, turns: Iterable[Turn]) -> int:
    """Return how many have to approve if no more can be had than these, at least one."""
    seats = {turn.seat for turn in turns if turn.has_approved or turn.can_approve}
    return max(1, min(needed, len(seats)))


def reminders(opened_at: datetime, due_at: datetime, days: Sequence[int] | None) -> list[datetime]:
    """Return when approvers are reminded, in order: so many days before the deadline.

    Without a plan that is at half time and a day before the deadline, or once if that is the same.
    """
    if days is not None:
        return sorted({due_at - day * ONE_DAY for day in days})
    half, last = opened_at + (due_at - opened_at) / 2, due_at - ONE_DAY
    if last <= opened_at:
        return [half]
    return [half, last] if half < last else [last]


def next_reminder(
    moment: datetime, opened_at: datetime, due_at: datetime, days: Sequence[int] | None
) -> datetime | None:
    """Return the first reminder after a moment, and before the deadline, or None."""
    coming = reminders(opened_at, due_at, days)
    return next((remind_at for remind_at in coming if moment < remind_at < due_at), None)
