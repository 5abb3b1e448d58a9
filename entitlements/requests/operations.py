"""Ask for access, keep it longer, give it back, give it directly, end it, call a request off."""

from datetime import datetime
from typing import TypedDict

from django.db import transaction

from entitlements import clock
from entitlements.assignments import operations as assignments
from entitlements.assignments.models import Assignment, EndReason
from entitlements.catalog.permissions import can
from entitlements.decisions import Denied, collect, deny
from entitlements.directory.models import User
from entitlements.locks import take_turns
from entitlements.policies.models import AssignmentPolicy, frozen_terms
from entitlements.policies.rules import text_fits
from entitlements.requests import candidates, flow, permissions
from entitlements.requests.models import AccessRequest, StepState
from entitlements.requests.states import ADDS, Event, RequestKind, RequestState

REMIND_AGAIN = flow.ONE_DAY
OVERTAKEN = "The access ended before the request was decided."


class Wish(TypedDict):
    """What somebody who asks writes and chooses."""

    justification: str
    starts_at: datetime | None
    ends_at: datetime | None


@transaction.atomic(durable=True)
def submit(
    policy: AssignmentPolicy,
    *,
    by: User,
    justification: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> AccessRequest:
    """Ask for a package for oneself, under one of its policies (moments in UTC).

    Raises Denied with every reason that speaks against it.
    """
    take_turns(by.pk, policy.package_id)
    wish: Wish = {"justification": justification, "starts_at": starts_at, "ends_at": ends_at}
    candidates.can_request(policy, by, **wish).require()
    access_request = _create(RequestKind.USER_ADD, policy, by, by, **wish)
    flow.record(access_request, "request.submitted", by=by, justification=justification)
    flow.take_in(access_request, by=by)
    return access_request


@transaction.atomic(durable=True)
def assign(
    policy: AssignmentPolicy,
    target: User,
    *,
    by: User,
    justification: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> AccessRequest:
    """Give a package directly; under a policy with approval it waits for the approvers.

    Raises Denied when `by` may not, or `target` does not fit the policy.
    """
    take_turns(target.pk, policy.package_id)
    can(by, "manage_assignments", policy.package.catalog).require()
    wish: Wish = {"justification": justification, "starts_at": starts_at, "ends_at": ends_at}
    candidates.can_request(policy, target, is_direct=True, **wish).require()
    access_request = _create(RequestKind.ADMIN_ADD, policy, by, target, **wish)
    flow.record(access_request, "request.given_directly", by=by, justification=justification)
    flow.take_in(access_request, by=by)
    return access_request


@transaction.atomic(durable=True)
def extend(
    assignment: Assignment, *, by: User, ends_at: datetime | None = None, justification: str = ""
) -> AccessRequest:
    """Ask to keep access until `ends_at` (UTC), or for as long as the policy allows."""
    take_turns(assignment.target_id, assignment.package_id)
    assignment = _locked(assignment)
    permissions.can_change_own(by, assignment).require()
    candidates.can_extend(assignment, justification=justification, ends_at=ends_at).require()
    access_request = _create(
        RequestKind.USER_EXTEND,
        assignment.policy,
        by,
        assignment.target,
        justification=justification,
        ends_at=ends_at or candidates.extension_limit(assignment),
        assignment=assignment,
    )
    flow.record(access_request, "request.extension_asked", by=by, ends_at=access_request.ends_at)
    flow.take_in(access_request, by=by)
    return access_request


@transaction.atomic(durable=True)
def give_back(assignment: Assignment, *, by: User, justification: str = "") -> AccessRequest:
    """End one's own access now; what nothing else gives is taken away within minutes."""
    overtaken, assignment = _locked_with_requests(assignment)
    permissions.can_change_own(by, assignment).require()
    _call_off(overtaken)
    return _remove(RequestKind.USER_REMOVE, EndReason.GIVEN_BACK, assignment, by, justification)


@transaction.atomic(durable=True)
def remove(assignment: Assignment, *, by: User, justification: str = "") -> AccessRequest:
    """End somebody's access now, as a manager of assignments in its catalog."""
    overtaken, assignment = _locked_with_requests(assignment)
    permissions.can_remove(by, assignment).require()
    _call_off(overtaken)
    return _remove(RequestKind.ADMIN_REMOVE, EndReason.REMOVED, assignment, by, justification)


@transaction.atomic(durable=True)
def cancel(access_request: AccessRequest, *, by: User, justification: str = "") -> AccessRequest:
    """Call a request off; what a failed one has given already is taken away again."""
    access_request = flow.locked(access_request)
    permissions.can_cancel(by, access_request).require()
    _refuse_bad_text(justification)
    if access_request.assignment_id and access_request.kind in ADDS:
        assignment = _locked(Assignment(pk=access_request.assignment_id))
        if assignment.ended_at is None:
            assignments.end(assignment, EndReason.CANCELED, by=by)
    flow.close_steps(access_request)
    moved = access_request.move(Event.CANCEL, reason=justification, final=True)
    flow.record(access_request, "request.canceled", by=by, justification=justification, **moved)
    return access_request


@transaction.atomic(durable=True)
def cancel_obsolete(access_request: AccessRequest) -> AccessRequest:
    """Call off a request to extend access that has ended meanwhile; a second call does nothing."""
    access_request = flow.locked(access_request)
    if access_request.is_open:
        _call_off([access_request])
    return access_request


def resubmit(access_request: AccessRequest, *, by: User) -> AccessRequest:
    """Ask again with the words and dates of a request that was denied, lapsed or canceled.

    Dates that have passed meanwhile are left to the policy.
    """
    if access_request.state not in (
        RequestState.DENIED,
        RequestState.EXPIRED,
        RequestState.CANCELED,
    ) or (access_request.kind != RequestKind.USER_ADD):
        deny(
            "not_resubmittable", "Only a request that was not granted can be sent again."
        ).require()
    if by.pk != access_request.requestor_id:
        deny("not_requestor", "Only whoever asked can send the request again.").require()
    moment = clock.now()
    dates = (access_request.starts_at, access_request.ends_at)
    starts_at, ends_at = (date if date and date > moment else None for date in dates)
    return submit(
        access_request.policy,
        by=by,
        justification=access_request.justification,
        starts_at=starts_at,
        ends_at=ends_at,
    )


@transaction.atomic(durable=True)
def remind(access_request: AccessRequest, *, by: User) -> None:
    """Remind whoever is asked to decide; once a day at most."""
    access_request = flow.locked(access_request)
    permissions.can_remind(by, access_request).require()
    last = access_request.reminded_at
    if last and last > clock.now() - REMIND_AGAIN:
        deny("reminded_already", "The approvers were reminded within the last day.").require()
    step = access_request.steps.get(state=StepState.WAITING)
    access_request.reminded_at = clock.now()
    access_request.save(update_fields=["reminded_at"])
    flow.remind(access_request, step, by=by)


@transaction.atomic(durable=True)
def start_scheduled(access_request: AccessRequest) -> AccessRequest:
    """Begin access whose start has come; a second call does nothing.

    When the person was disabled or holds the package already, or the period is over, the request
    is canceled.
    """
    access_request = flow.locked(access_request)
    if access_request.state != RequestState.SCHEDULED:
        return access_request
    try:
        flow.start(access_request, by=None)
    except Denied as denied:
        flow.call_off(access_request, " ".join(r.text for r in denied.decision.reasons))
    return access_request


def _create(
    kind: RequestKind,
    policy: AssignmentPolicy,
    requestor: User,
    target: User,
    *,
    justification: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    assignment: Assignment | None = None,
) -> AccessRequest:
    terms = frozen_terms(policy)
    if kind == RequestKind.USER_EXTEND and not policy.extension_requires_approval:
        terms["stages"] = []
    return AccessRequest.objects.create(
        kind=kind,
        package=policy.package,
        policy=policy,
        assignment=assignment,
        requestor=requestor,
        target=target,
        justification=justification.strip(),
        starts_at=starts_at,
        ends_at=ends_at,
        terms=terms,
        created_at=clock.now(),
    )


def _remove(
    kind: RequestKind, reason: EndReason, assignment: Assignment, by: User, justification: str
) -> AccessRequest:
    _refuse_bad_text(justification)
    access_request = _create(
        kind,
        assignment.policy,
        by,
        assignment.target,
        justification=justification,
        assignment=assignment,
    )
    moved = access_request.move(Event.REMOVE)
    flow.record(
        access_request, "request.removal_asked", by=by, justification=justification, **moved
    )
    assignments.end(assignment, reason, by=by)
    return access_request


def _refuse_bad_text(text: str) -> None:
    collect((text_fits(text, is_required=False),)).require()


def _call_off(overtaken: list[AccessRequest]) -> None:
    """Within the caller's transaction: cancel requests to extend access that ends, or has ended."""
    for access_request in overtaken:
        flow.call_off(access_request, OVERTAKEN)


def _locked_with_requests(assignment: Assignment) -> tuple[list[AccessRequest], Assignment]:
    """Within the caller's transaction: lock open requests about the access before it itself."""
    take_turns(assignment.target_id, assignment.package_id)
    about = AccessRequest.objects.open().filter(assignment=assignment.pk).order_by("pk")
    requests = [flow.locked(access_request) for access_request in about]
    still_open = [access_request for access_request in requests if access_request.is_open]
    return still_open, _locked(assignment)


def _locked(assignment: Assignment) -> Assignment:
    return (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("package__catalog", "policy", "target")
        .get(pk=assignment.pk)
    )
