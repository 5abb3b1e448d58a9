"""Make target systems so: carry out what grants say, and do it again when somebody asks."""

from collections.abc import Sequence

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
from entitlements.connectors.base import Connector, ConnectorRefused, ConnectorUnavailable
from entitlements.connectors.registry import account_of
from entitlements.delivery.claims import Claim, Done, complete, postpone, refuse, release
from entitlements.directory.models import User
from entitlements.requests import flow, permissions
from entitlements.requests.models import AccessRequest
from entitlements.requests.states import Event

log = structlog.get_logger(__name__)


def carry_out(claims: Sequence[Claim], connector: Connector) -> None:
    """Make the target system so, outside any transaction, and write down what came of it.

    Raises ConnectorUnavailable, after writing everything down, so that the caller leaves the
    system alone. A fault in the connector itself is tried again later, and stops nothing else.
    """
    done: list[Done] = []
    try:
        for position, claimed in enumerate(claims):
            try:
                done.append(Done(claimed, kept=_act(claimed, connector)))
            except ConnectorUnavailable as error:
                postpone(claimed, error)
                release(claims[position + 1 :])
                raise
            except ConnectorRefused as error:
                refuse(claimed, error)
            except Exception as error:
                log.exception("connector_failed", grant=claimed.grant.pk)
                fault = f"The connector has a fault: {type(error).__name__}."
                postpone(claimed, ConnectorUnavailable("connector_failed", fault))
    finally:
        if done:
            complete(done)


def _act(claimed: Claim, connector: Connector) -> bool:
    """Give or take one role; say whether the person keeps what he had before the package.

    As long as nobody has looked, nothing was given, and what is there was held before.
    """
    grant = claimed.grant
    account = account_of(grant.user, grant.role.resource.system)
    if claimed.is_wanted:
        _give(claimed, connector, account)
        return False
    if grant.held_before is not False and _keeps_access_held_before(grant):
        return True
    connector.ensure_absent(claimed.place, account)
    return False


def _give(claimed: Claim, connector: Connector, account: str) -> None:
    """Look before the first attempt whether the person had the role already, and remember it."""
    if claimed.grant.held_before is None:
        held = connector.is_member(claimed.place, account)
        Grant.objects.filter(pk=claimed.grant.pk, held_before=None).update(held_before=held)
        if held:
            return
    connector.ensure_member(claimed.place, account)


def _keeps_access_held_before(grant: Grant) -> bool:
    """Ask the catalog of the package through which the role was held last.

    What was taken under control is kept by none.
    """
    if grant.is_taken_over:
        return False
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
def reprocess(access_request: AccessRequest, *, by: User) -> AccessRequest:
    """Try again what failed of a request, and check every role of it."""
    return try_again(access_request, by=by)


def try_again(access_request: AccessRequest, *, by: User) -> AccessRequest:
    """Within the caller's transaction: try again what failed of a request, or raise Denied."""
    access_request = flow.locked(access_request)
    permissions.can_reprocess(by, access_request).require()
    assignment = Assignment.objects.get(requests=access_request)
    _reopen(access_request, by=by)
    _deliver_again(assignment)
    return access_request


@transaction.atomic(durable=True)
def reprocess_assignment(assignment: Assignment, *, by: User) -> None:
    """Make every role of live access so again, also where the target system was changed by hand.

    A request for it that had failed is tried again with it.
    """
    set_up_again(assignment, by=by)


def set_up_again(assignment: Assignment, *, by: User) -> None:
    """Within the caller's transaction: make every role of live access so again, or raise Denied."""
    can(by, "manage_assignments", assignment.package.catalog).require()
    permissions.can_remove(by, assignment).require()
    for access_request in AccessRequest.objects.filter(assignment=assignment).order_by("pk"):
        access_request = flow.locked(access_request)
        if access_request.can_see(Event.REPROCESS):
            _reopen(access_request, by=by)
    trail.record("assignment.reprocessed", assignment, by=by, target=assignment.target)
    _deliver_again(assignment)


def _reopen(access_request: AccessRequest, *, by: User) -> None:
    """Within the caller's transaction: let a request that failed wait for its roles once more."""
    moved = access_request.move(Event.REPROCESS)
    flow.record(access_request, "request.reprocessed", by=by, **moved)


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
