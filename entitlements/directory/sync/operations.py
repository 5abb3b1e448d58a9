"""Bring the directory to what a source says, or say why not."""

from typing import NamedTuple

from django.db import IntegrityError, transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.models import User
from entitlements.directory.operations import can_administer
from entitlements.directory.sync.applying import Writer
from entitlements.directory.sync.groups import Groups
from entitlements.directory.sync.guard import Limits
from entitlements.directory.sync.people import People
from entitlements.directory.sync.plan import Plan
from entitlements.directory.sync.records import Feed, Progress, no_progress
from entitlements.systems.models import ConnectedSystem

CSV_SYSTEM = "CSV files"


class Interrupted(Exception):
    """Somebody else changed the same rows during a sync: what was written stays, the rest waits."""


class Outcome(NamedTuple):
    """What a sync found, and whether it was allowed; refused, it wrote nothing."""

    plan: Plan
    decision: Decision


def compare(system: ConnectedSystem, feed: Feed) -> Plan:
    """Work out every difference between a feed and the database; write nothing."""
    plan = Plan(system)
    people = People(plan, feed)
    people.compare()
    Groups(plan, feed, people).compare()
    plan.problems = feed.problems
    return plan


def synchronize(
    system: ConnectedSystem,
    feed: Feed,
    limits: Limits,
    *,
    by: User | None,
    skips_bad_rows: bool,
    progress: Progress = no_progress,
) -> Outcome:
    """Carry a feed out, unless it is held: for bad rows, or because it takes away too much.

    Not in one transaction: bounded batches follow one another. Raises Denied for all but
    administrators, and Interrupted when somebody else changes the same rows meanwhile.
    """
    can_administer(by).require()
    plan = compare(system, feed)
    decision = judge(plan, limits, skips_bad_rows=skips_bad_rows)
    if not decision:
        _hold(plan, decision, by)
        return Outcome(plan, decision)
    try:
        _save_if_new(system)
        Writer(plan, by=by, progress=progress).write()
    except IntegrityError as error:
        raise Interrupted(
            "Somebody else changed the directory at the same time. Nothing is lost: run it again."
        ) from error
    _finish(plan, by)
    return Outcome(plan, decision)


def judge(plan: Plan, limits: Limits, *, skips_bad_rows: bool) -> Decision:
    """Say whether a plan may be carried out."""
    return limits.judge(plan) + (ALLOWED if skips_bad_rows else _no_bad_rows(plan))


@transaction.atomic(durable=True)
def note_failure(system: ConnectedSystem, error: str) -> None:
    """Write down why a system could not be read."""
    ConnectedSystem.objects.filter(pk=system.pk).update(checked_at=clock.now(), check_error=error)


def csv_system(name: str = CSV_SYSTEM) -> ConnectedSystem:
    """Return the system that stands for people who come from files; the first sync saves it."""
    system = ConnectedSystem.objects.filter(name__iexact=name).first()
    system = system or ConnectedSystem(name=name, kind="csv")
    if system.kind != "csv":
        deny(
            "not_csv",
            f"{system} is a system of another kind: choose another name.",
            "Choose another name.",
        ).require()
    return system


def _no_bad_rows(plan: Plan) -> Decision:
    if not plan.problems:
        return ALLOWED
    count = len(plan.problems)
    return deny(
        "bad_rows",
        f"{count} {'row is' if count == 1 else 'rows are'} bad: nothing was imported.",
        "Correct them, or leave them out with --skip-bad-rows.",
    )


@transaction.atomic(durable=True)
def _save_if_new(system: ConnectedSystem) -> None:
    if system._state.adding:
        system.save(force_insert=True)


@transaction.atomic(durable=True)
def _hold(plan: Plan, decision: Decision, by: User | None) -> None:
    reasons = " ".join(str(reason) for reason in decision.reasons)
    ConnectedSystem.objects.filter(pk=plan.system.pk).update(
        checked_at=clock.now(), check_error=reasons
    )
    trail.record(
        "directory.sync_held",
        plan.system,
        by=by,
        codes=sorted(decision.codes),
        problems=len(plan.problems),
        counts=plan.counts(),
    )


@transaction.atomic(durable=True)
def _finish(plan: Plan, by: User | None) -> None:
    """Write down that it is done; when nothing changed, only when we looked."""
    ConnectedSystem.objects.filter(pk=plan.system.pk).update(checked_at=clock.now(), check_error="")
    if not plan.is_empty:
        trail.record(
            "directory.synced",
            plan.system,
            by=by,
            problems=len(plan.problems),
            counts=plan.counts(),
        )
