"""Ask for access, keep it longer, give it back, give it directly, end it, call a request off."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypedDict

from django.db import IntegrityError, transaction

from entitlements import clock
from entitlements.assignments import operations as assignments
from entitlements.assignments.models import Assignment, EndReason
from entitlements.catalog.permissions import can
from entitlements.decisions import Denied, collect, deny
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy, frozen_terms
from entitlements.policies.rules import text_fits
from entitlements.requests import candidates, flow, permissions
from entitlements.requests.models import AccessRequest, StepState
from entitlements.requests.states import ADDS, Event, RequestKind, RequestState

REMIND_AGAIN = flow.ONE_DAY


class Wish(TypedDict):
    """What somebody who asks writes and chooses."""

    justification: str
    starts_at: datetime | None
    ends_at: datetime | None


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
    with _one_at_a_time():
        return _submit(policy, by, justification, starts_at, ends_at)


@transaction.atomic(durable=True)
def _submit(
    policy: AssignmentPolicy,
    by: User,
    justification: str,
    starts_at: datetime | None,
    ends_at: datetime | None,
) -> AccessRequest:
    wish: Wish = {"justification": justification, "starts_at": starts_at, "ends_at": ends_at}
    candidates.can_request(policy, by, **wish).require()
    access_request = _create(RequestKind.USER_ADD, policy, by, by, **wish)
    flow.record(access_request, "request.submitted", by=by, justification=justification)
    flow.take_in(access_request, by=by)
    return access_request


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
    with _one_at_a_time():
        return _assign(policy, target, by, justification, starts_at, ends_at)


@transaction.atomic(durable=True)
def _assign(
    policy: AssignmentPolicy,
    target: User,
    by: User,
    justification: str,
    starts_at: datetime | None,
    ends_at: datetime | None,
) -> AccessRequest:
    can(by, "manage_assignments", policy.package.catalog).require()
    wish: Wish = {"justification": justification, "starts_at": starts_at, "ends_at": ends_at}
    candidates.can_request(policy, target, is_direct=True, **wish).require()
    access_request = _create(RequestKind.ADMIN_ADD, policy, by, target, **wish)
    flow.record(access_request, "request.given_directly", by=by, justification=justification)
    flow.take_in(access_request, by=by)
    return access_request


def extend(
    assignment: Assignment, *, by: User, ends_at: datetime | None = None, justification: str = ""
) -> AccessRequest:
    """Ask to keep access until `ends_at` (UTC), or for as long as the policy allows."""
    with _one_at_a_time():
        return _extend(assignment, by, ends_at, justification)


@transaction.atomic(durable=True)
def _extend(
    assignment: Assignment, by: User, ends_at: datetime | None, justification: str
) -> AccessRequest:
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
    assignment = _locked(assignment)
    permissions.can_change_own(by, assignment).require()
    return _remove(RequestKind.USER_REMOVE, EndReason.GIVEN_BACK, assignment, by, justification)


@transaction.atomic(durable=True)
def remove(assignment: Assignment, *, by: User, justification: str = "") -> AccessRequest:
    """End somebody's access now, as a manager of assignments in its catalog."""
    assignment = _locked(assignment)
    permissions.can_remove(by, assignment).require()
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
    if not access_request.is_open:
        return access_request
    flow.close_steps(access_request)
    reason = "The access ended before the request was decided."
    moved = access_request.move(Event.CANCEL, reason=reason, final=True)
    flow.record(access_request, "request.canceled", by=None, justification=reason, **moved)
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
    asked = list(step.approvers.all())
    flow.tell(access_request, "approval.reminder", asked, step=step.position, due_at=step.due_at)
    flow.record(access_request, "request.reminded", by=by, asked=flow.names(asked))


@transaction.atomic(durable=True)
def start_scheduled(access_request: AccessRequest) -> AccessRequest:
    """Begin access whose start has come; a second call does nothing.

    When the person was disabled or holds the package already, the request is canceled.
    """
    access_request = flow.locked(access_request)
    if access_request.state != RequestState.SCHEDULED:
        return access_request
    reason = _why_not_start(access_request)
    if reason:
        moved = access_request.move(Event.CANCEL, reason=reason, final=True)
        flow.record(access_request, "request.canceled", by=None, justification=reason, **moved)
        return access_request
    flow.start(access_request, by=None)
    return access_request


def _why_not_start(access_request: AccessRequest) -> str:
    target = access_request.target
    if not target.is_active:
        return "The account was disabled before the start."
    span = flow.span_of(access_request)
    if span.ends_at is not None and span.ends_at <= span.starts_at:
        return "The period that was asked for is over."
    held = Assignment.objects.live().filter(target=target, package=access_request.package_id)
    return "The package was held already at the start." if held.exists() else ""


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


def _locked(assignment: Assignment) -> Assignment:
    return (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("package__catalog", "policy", "target")
        .get(pk=assignment.pk)
    )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Turn the database's refusal of a twin into a polite one."""
    try:
        yield
    except IntegrityError as error:
        raise Denied(
            deny(
                "already_requested",
                "The same was asked for at this very moment.",
                "Look at your requests.",
            )
        ) from error
