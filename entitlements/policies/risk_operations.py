"""Report risks about people, and call them off."""

from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.decisions import Reason, collect
from entitlements.directory.models import User
from entitlements.directory.operations import can_administer
from entitlements.locks import take_turns
from entitlements.policies.risk import RiskKind, RiskLevel, RiskSignal, RiskSignalQuerySet

LONGEST_SOURCE = 200


@transaction.atomic(durable=True)
def report_risk(user: User, kind: str, level: int, *, source: str, by: User | None) -> RiskSignal:
    """Note that somebody is at risk from now on; a new level replaces the one that stood.

    Requests that are under way keep their stages. Raises Denied for what cannot be noted, and for
    all but administrators and the system itself.
    """
    can_administer(by).require()
    source = source.strip()
    collect(
        (
            None
            if kind in RiskKind.values
            else Reason("unknown_risk", "There is no such kind of risk.", "Choose one."),
            None
            if level in RiskLevel.values
            else Reason("unknown_level", "A risk is low, medium or high.", "Choose one."),
            None
            if 0 < len(source) <= LONGEST_SOURCE and "\x00" not in source
            else Reason(
                "source_missing",
                f"Who or what says so is told in 1 to {LONGEST_SOURCE} characters.",
                "Name the system or the person.",
            ),
        )
    ).require()
    take_turns(user.pk)
    _standing(user, kind).update(cleared_at=clock.now())
    signal = RiskSignal.objects.create(
        user=user, kind=kind, level=level, source=source, reported_at=clock.now()
    )
    told = RiskLevel(level).label
    trail.record("user.risk_reported", user, by=by, kind=kind, level=told, source=source)
    return signal


@transaction.atomic(durable=True)
def clear_risk(user: User, kind: str, *, by: User | None) -> bool:
    """Call a risk off; say whether one stood. Raises Denied for all but administrators."""
    can_administer(by).require()
    take_turns(user.pk)
    cleared = _standing(user, kind).update(cleared_at=clock.now())
    if cleared:
        trail.record("user.risk_cleared", user, by=by, kind=kind)
    return bool(cleared)


def _standing(user: User, kind: str) -> RiskSignalQuerySet:
    return RiskSignal.objects.standing().filter(user=user, kind=kind)
