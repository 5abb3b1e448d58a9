"""Carry out what is due: called by the queue with ids, and again by the sweep."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from entitlements import clock, outbox
from entitlements.assignments.grants import Grant, GrantQuerySet
from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage
from entitlements.connectors.base import ConnectorUnavailable
from entitlements.connectors.registry import connector_for
from entitlements.delivery import operations
from entitlements.delivery.claims import claim
from entitlements.delivery.settling import affected, settle, unsettled
from entitlements.systems.models import ConnectedSystem
from entitlements.work import each

log = structlog.get_logger(__name__)

BATCH = 200
HANDFUL = 10
PROBE_AGAIN = timedelta(seconds=10)


def deliver(*, assignment_id: str) -> None:
    """Carry out the due grants of one assignment, and settle it; repeated calls do no harm."""
    assignment = Assignment.objects.filter(pk=assignment_id).first()
    if assignment is None:
        return
    due = Grant.objects.of_assignment(assignment).due().select_related("role__resource__system")
    by_system: dict[UUID, list[Grant]] = {}
    for grant in due.order_by("pk"):
        by_system.setdefault(grant.role.resource.system_id, []).append(grant)
    for grants in by_system.values():
        _carry_out(grants[0].role.resource.system, grants)
    settle(assignment.pk)


def deliver_due(*, system_id: str) -> None:
    """Carry out a batch of what is due in one system; what must go, goes first."""
    if _carry_out_batch(system_id, Grant.objects.due()) == BATCH:
        outbox.enqueue("delivery.tasks.deliver_due", system_id=system_id)


def take_due(*, system_id: str) -> None:
    """Take away a batch of what must go in one system."""
    if _carry_out_batch(system_id, Grant.objects.due().filter(is_wanted=False)) == BATCH:
        outbox.enqueue_revocation("delivery.tasks.take_due", system_id=system_id)


def _carry_out_batch(system_id: str, due: GrantQuerySet) -> int:
    """Carry out a batch in one system; return how many grants it had."""
    system = ConnectedSystem.objects.get(pk=system_id)
    if not system.is_enabled:
        return 0
    here = due.filter(role__resource__system=system)
    batch = list(here.order_by("is_wanted", "next_attempt_at", "pk")[:BATCH])
    _carry_out(system, batch)
    for assignment_id in affected(batch):
        settle(assignment_id)
    return len(batch)


def _carry_out(system: ConnectedSystem, grants: Iterable[Grant]) -> None:
    """Carry grants out a few at a time; when the system cannot be reached, leave it alone.

    Few enough that slow calls end long before the lease does. In a system that is switched off
    everything waits, and no attempt is counted, until it is switched on again.
    """
    if not system.is_enabled:
        _say_switched_off(system, grants)
        return
    connector = connector_for(system)
    keys = [grant.pk for grant in grants]
    try:
        for start in range(0, len(keys), HANDFUL):
            operations.carry_out(claim(keys[start : start + HANDFUL]), connector)
    except ConnectorUnavailable as error:
        log.warning("system_unavailable", system=system.name, code=error.code)
        _wait_together(system, clock.now() + PROBE_AGAIN)
    finally:
        connector.close()


def _say_switched_off(system: ConnectedSystem, grants: Iterable[Grant]) -> None:
    """Let whoever looks at these grants read why they wait."""
    waiting = Grant.objects.due().filter(pk__in=[grant.pk for grant in grants])
    waiting.update(last_error=f"{system} is switched off.", error_code="switched_off")


def _wait_together(system: ConnectedSystem, until: datetime) -> None:
    """Let what else is due in a system wait until it is tried again: nothing hangs on it."""
    others = Grant.objects.due().filter(role__resource__system=system)
    Grant.objects.filter(pk__in=others.values("pk"), lease_until=None).update(next_attempt_at=until)


def sweep_grants() -> int:
    """Queue a task for each system in which something is due; return how many systems."""
    systems = _systems(Grant.objects.due())
    for system_id in systems:
        outbox.enqueue("delivery.tasks.deliver_due", system_id=system_id)
    return len(systems)


def sweep_revocations() -> int:
    """Queue a task for each system in which something must go; return how many systems."""
    systems = _systems(Grant.objects.due().filter(is_wanted=False))
    for system_id in systems:
        outbox.enqueue_revocation("delivery.tasks.take_due", system_id=system_id)
    return len(systems)


def _systems(due: GrantQuerySet) -> list[UUID]:
    on = due.filter(role__resource__system__is_enabled=True)
    return list(on.order_by().values_list("role__resource__system", flat=True).distinct())


def sweep_unsettled() -> int:
    """Settle what a crash left unsettled; return how many assignments."""
    return each(settle, unsettled(BATCH))


def sweep_recounts() -> int:
    """Mark the holders of packages whose roles were changed; return how many packages."""
    changed = AccessPackage.objects.filter(recount_at__isnull=False).order_by("recount_at")
    return each(operations.recount, changed[:BATCH])
