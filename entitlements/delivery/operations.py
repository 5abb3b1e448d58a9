"""Make target systems so: carry out what grants say, and write down what came of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F

from entitlements import clock, outbox
from entitlements.assignments import grants
from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.audit import trail
from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.catalog.permissions import can
from entitlements.connectors.base import Connector, ConnectorRefused, ConnectorUnavailable, Place
from entitlements.connectors.registry import account_of
from entitlements.directory.models import User
from entitlements.requests import flow, permissions
from entitlements.requests.models import AccessRequest
from entitlements.requests.states import Event
from entitlements.work import moment_after

log = structlog.get_logger(__name__)

GIVE_PAUSES = tuple(timedelta(seconds=s) for s in (10, 30, 120, 600, 1800, 3600, 3600, 3600))
TAKE_PAUSES = tuple(timedelta(seconds=s) for s in (10, 15, 30, 60, 120, 300))
LONGEST_PAUSE = timedelta(minutes=15)
LONGEST_ERROR = 2000


@dataclass(frozen=True)
class Claim:
    """One grant in the hands of one worker, as it read when it was claimed."""

    grant: Grant
    is_wanted: bool
    attempt: int

    @property
    def place(self) -> Place:
        return Place(self.grant.role.resource.external_id, self.grant.role.external_id)


@transaction.atomic(durable=True)
def claim(grant_id: int) -> Claim | None:
    """Lease a grant that is due, or return None when it is not, or somebody else has it.

    Whether it is wanted is asked of the assignments again: access past its end is never given.
    """
    if not Grant.objects.filter(pk=grant_id).claim():
        return None
    grant = Grant.objects.select_related("user", "role__resource__system").get(pk=grant_id)
    is_wanted = Grant.objects.filter(pk=grant_id).covered().exists()
    if grant.is_wanted != is_wanted:
        Grant.objects.filter(pk=grant_id).update(is_wanted=is_wanted)
        grant.is_wanted = is_wanted
    return Claim(grant, is_wanted, grant.attempts)


def carry_out(claimed: Claim, connector: Connector) -> None:
    """Make the target system so, outside any transaction, and write down what came of it.

    Raises ConnectorUnavailable, after writing it down, so that the caller leaves the system alone.
    A fault in the connector itself is tried again later, and stops nothing else.
    """
    kept = False
    try:
        account = account_of(claimed.grant.user, claimed.grant.role.resource.system)
        if claimed.is_wanted:
            _give(claimed, connector, account)
        else:
            kept = not _take(claimed, connector, account)
    except ConnectorUnavailable as error:
        postpone(claimed, error)
        raise
    except ConnectorRefused as error:
        refuse(claimed, error)
    except Exception as error:
        log.exception("connector_failed", grant=claimed.grant.pk)
        fault = f"The connector has a fault: {type(error).__name__}."
        postpone(claimed, ConnectorUnavailable("connector_failed", fault))
    else:
        complete(claimed, kept=kept)


def _give(claimed: Claim, connector: Connector, account: str) -> None:
    """Look before the first attempt whether the person had the role already, and remember it."""
    if claimed.grant.held_before is None:
        held = connector.is_member(claimed.place, account)
        Grant.objects.filter(pk=claimed.grant.pk, held_before=None).update(held_before=held)
    connector.ensure_member(claimed.place, account)


def _take(claimed: Claim, connector: Connector, account: str) -> bool:
    """Say whether the role was taken; access held before the package may be kept.

    As long as nobody has looked, nothing was given, and what is there was held before.
    """
    if claimed.grant.held_before is not False and _keeps_access_held_before(claimed.grant):
        return False
    connector.ensure_absent(claimed.place, account)
    return True


def _keeps_access_held_before(grant: Grant) -> bool:
    """Ask the catalog of the package through which the role was held last."""
    last = (
        Assignment.objects.filter(target=grant.user_id, package__roles=grant.role_id)
        .select_related("package__catalog")
        .order_by(F("ended_at").desc(nulls_first=True))
        .first()
    )
    if last:
        return last.package.catalog.keeps_access_held_before
    catalogs = Catalog.objects.filter(resources=grant.role.resource_id)
    return all(catalog.keeps_access_held_before for catalog in catalogs)


@transaction.atomic(durable=True)
def complete(claimed: Claim, *, kept: bool = False) -> None:
    """Write down that the target system is so; what changed meanwhile stays due.

    With `kept` the grant is gone, and the person goes on to hold what he had before it.
    """
    grant = _still_claimed(claimed)
    if grant is None:
        _do_once_more(claimed)
        return
    changed = grant.is_wanted != claimed.is_wanted
    grant.is_given = claimed.is_wanted
    if not claimed.is_wanted:
        grant.held_before = None
    grant.attempts = 0
    grant.last_error = grant.error_code = ""
    grant.lease_until = None
    grant.next_attempt_at = clock.now() if changed else None
    grant.changed_at = clock.now()
    grant.save()
    trail.record(
        "grant.given" if claimed.is_wanted else "grant.taken",
        grant.role,
        by=None,
        target=grant.user,
        system=str(grant.role.resource.system),
        **({"kept": True} if kept else {}),
    )


def postpone(claimed: Claim, error: ConnectorRefused) -> None:
    """Write down a failure that may pass, and when to try again.

    What is to be given fails after the last pause; what is to be taken is tried for ever.
    """
    pauses = GIVE_PAUSES if claimed.is_wanted else TAKE_PAUSES
    again = moment_after(claimed.attempt, pauses)
    if again is None and not claimed.is_wanted:
        again = clock.now() + LONGEST_PAUSE
    _fail(claimed, error, again)


def refuse(claimed: Claim, error: ConnectorRefused) -> None:
    """Write down that the target system said no: giving has failed, taking is tried again."""
    again = None if claimed.is_wanted else clock.now() + LONGEST_PAUSE
    _fail(claimed, error, again)


@transaction.atomic(durable=True)
def _fail(claimed: Claim, error: ConnectorRefused, again: datetime | None) -> None:
    grant = _still_claimed(claimed)
    if grant is None:
        _do_once_more(claimed)
        return
    changed = grant.is_wanted != claimed.is_wanted
    grant.last_error, grant.error_code = str(error)[:LONGEST_ERROR], error.code[:40]
    grant.lease_until = None
    grant.next_attempt_at = clock.now() if changed else again
    grant.attempts = 0 if changed else grant.attempts
    grant.save()
    if grant.next_attempt_at is None or claimed.attempt == 1:
        trail.record(
            "grant.failed",
            grant.role,
            by=None,
            target=grant.user,
            code=error.code,
            error=str(error),
            attempt=claimed.attempt,
            next_attempt_at=grant.next_attempt_at,
        )


def _still_claimed(claimed: Claim) -> Grant | None:
    """Within the caller's transaction: the locked grant, unless another worker took it over."""
    return (
        Grant.objects.select_for_update(of=("self",))
        .select_related("user", "role__resource__system")
        .filter(
            pk=claimed.grant.pk,
            attempts=claimed.attempt,
            lease_until=claimed.grant.lease_until,
        )
        .first()
    )


def _do_once_more(claimed: Claim) -> None:
    """Within the caller's transaction: call again, since a late call may have undone a newer one.

    Counting up lets a worker who has the grant in his hands find that he must leave it due.
    """
    Grant.objects.filter(pk=claimed.grant.pk).update(
        next_attempt_at=clock.now(), attempts=F("attempts") + 1
    )


@transaction.atomic(durable=True)
def reprocess(access_request: AccessRequest, *, by: User) -> AccessRequest:
    """Try again what failed of a request, and check every role of it."""
    access_request = flow.locked(access_request)
    permissions.can_reprocess(by, access_request).require()
    assignment = Assignment.objects.get(requests=access_request)
    moved = access_request.move(Event.REPROCESS)
    flow.record(access_request, "request.reprocessed", by=by, **moved)
    _deliver_again(assignment)
    return access_request


@transaction.atomic(durable=True)
def reprocess_assignment(assignment: Assignment, *, by: User) -> None:
    """Make every role of live access so again, also where the target system was changed by hand."""
    can(by, "manage_assignments", assignment.package.catalog).require()
    permissions.can_remove(by, assignment).require()
    trail.record("assignment.reprocessed", assignment, by=by, target=assignment.target)
    _deliver_again(assignment)


def _deliver_again(assignment: Assignment) -> None:
    """Within the caller's transaction: make all grants of an assignment due."""
    Grant.objects.of_assignment(assignment).filter(lease_until=None).update(
        next_attempt_at=clock.now(), attempts=0, last_error="", error_code=""
    )
    outbox.enqueue("delivery.tasks.deliver", assignment_id=assignment.pk)


@transaction.atomic(durable=True)
def recount(package: AccessPackage) -> int:
    """Let the holders of a package gain and lose what its changed roles say; how many hold it."""
    package = AccessPackage.objects.select_for_update().get(pk=package.pk)
    if package.recount_at is None:
        return 0
    holders = grants.recount(package.pk)
    package.recount_at = None
    package.save(update_fields=["recount_at"])
    trail.record("package.recounted", package, by=None, holders=holders)
    return holders
