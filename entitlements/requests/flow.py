"""The steps that several acts share: take a request in, ask approvers, carry an approval out."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from entitlements import clock
from entitlements.assignments import operations as assignments
from entitlements.assignments.models import Assignment
from entitlements.audit import trail
from entitlements.decisions import Decision, Reason, collect, deny
from entitlements.directory.models import User
from entitlements.notifications.models import Notification
from entitlements.notifications.operations import notify
from entitlements.policies import approvers, rules
from entitlements.requests.candidates import limit_of_terms
from entitlements.requests.models import (
    AccessRequest,
    ApprovalStep,
    StepApprover,
    StepState,
    stage_terms,
)
from entitlements.requests.states import EXTENDS, Event, RequestKind, RequestState

ONE_DAY = timedelta(days=1)
SHORT_TEXT = 300


def locked(access_request: AccessRequest) -> AccessRequest:
    """Within the caller's transaction: return the fresh row, kept from other writers."""
    return _lock(AccessRequest.objects.filter(pk=access_request.pk)).get()


def locked_deliveries(assignment_id: UUID) -> list[AccessRequest]:
    """Within the caller's transaction: lock the requests that wait for an assignment's roles."""
    waiting = AccessRequest.objects.filter(assignment=assignment_id, state=RequestState.DELIVERING)
    return list(_lock(waiting).order_by("pk"))


def _lock(access_requests: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    return access_requests.select_for_update(of=("self",)).select_related(
        "package__catalog", "policy__package", "requestor", "target__manager"
    )


def take_in(access_request: AccessRequest, *, by: User) -> None:
    """Within the caller's transaction: ask the first approvers, or approve at once."""
    stages = stage_terms(access_request)
    if not stages:
        step = access_request.move(Event.APPROVE_AUTOMATICALLY)
        record(access_request, "request.approved_automatically", by=None, **step)
        carry_out(access_request, by=by)
        return
    ApprovalStep.objects.bulk_create(
        ApprovalStep(
            access_request=access_request,
            position=position,
            decision_days=stage["decision_days"],
            requires_justification=stage["requires_justification"],
            terms=stage["approvers"],
        )
        for position, stage in enumerate(stages, start=1)
    )
    moved = access_request.move(Event.ASK_APPROVERS)
    asked = open_next_step(access_request)
    record(access_request, "request.approval_asked", by=None, asked=names(asked), **moved)


def open_next_step(access_request: AccessRequest) -> list[User]:
    """Within the caller's transaction: open the first step to come; return who is asked.

    The people are found now, not when the request was made: managers and groups change.
    """
    step = access_request.steps.filter(state=StepState.COMING).order_by("position")[0]
    due_at = clock.now() + timedelta(days=step.decision_days)
    step.open(due_at=due_at, remind_at=next_step_reminder(clock.now(), due_at))
    found = approvers.resolve(
        step.terms,
        target=access_request.target,
        barred={access_request.requestor_id, access_request.target_id},
    )
    StepApprover.objects.bulk_create(
        StepApprover(step=step, user=approver.user, is_fallback=approver.is_fallback)
        for approver in found
    )
    asked = [approver.user for approver in found]
    tell(access_request, "approval.asked", asked, step=step.position, due_at=due_at)
    return asked


def next_step_reminder(moment: datetime, due_at: datetime) -> datetime | None:
    """Return when approvers are reminded next: at half time, and a day before the deadline."""
    half = moment + (due_at - moment) / 2
    last = due_at - ONE_DAY
    return min((coming for coming in (half, last) if coming > moment), default=None)


def carry_out(access_request: AccessRequest, *, by: User | None) -> None:
    """Within the caller's transaction: do what an approved request asks for, now or later."""
    if access_request.kind in EXTENDS:
        _extend(access_request, by=by)
    elif access_request.starts_at and access_request.starts_at > clock.now():
        moved = access_request.move(Event.SCHEDULE)
        record(
            access_request,
            "request.scheduled",
            by=None,
            starts_at=access_request.starts_at,
            **moved,
        )
    else:
        start(access_request, by=by)


def start(access_request: AccessRequest, *, by: User | None) -> None:
    """Within the caller's transaction: begin the assignment; raises Denied unless `can_start`."""
    span = span_of(access_request)
    can_start(access_request, span).require()
    access_request.assignment = assignments.begin(
        access_request.policy,
        access_request.target,
        span,
        by=by,
        is_direct=access_request.kind == RequestKind.ADMIN_ADD,
    )
    moved = access_request.move(Event.START)
    record(access_request, "request.delivery_started", by=None, **moved)


def can_start(access_request: AccessRequest, span: rules.Span) -> Decision:
    """Say whether access can begin at this moment, since much can happen before an approval."""
    target = access_request.target
    held = Assignment.objects.live().filter(target=target, package=access_request.package_id)
    is_over = span.ends_at is not None and span.ends_at <= span.starts_at
    return collect(
        (
            None
            if target.is_active
            else Reason("account_disabled", f"The account of {target} is disabled."),
            Reason("period_over", "The period that was asked for is over.", "Ask again.")
            if is_over
            else None,
            Reason("already_held", f"{target} holds {access_request.package} already.")
            if held.exists()
            else None,
        )
    )


def call_off(access_request: AccessRequest, reason: str) -> None:
    """Within the caller's transaction: cancel a request that events have overtaken."""
    close_steps(access_request)
    moved = access_request.move(Event.CANCEL, reason=reason, final=True)
    record(access_request, "request.canceled", by=None, justification=reason, **moved)


def span_of(access_request: AccessRequest) -> rules.Span:
    """Return from when to when access would be given if it started now (UTC)."""
    moment = clock.now()
    starts_at = max(access_request.starts_at or moment, moment)
    limit = limit_of_terms(access_request.terms, starts_at=starts_at)
    ends = [wanted_end(access_request), limit]
    return rules.Span(starts_at, min((end for end in ends if end), default=None))


def wanted_end(access_request: AccessRequest) -> datetime | None:
    """Return the end (UTC) that was asked for, or the earlier one that an approver set, or None."""
    ends = [access_request.ends_at, access_request.shortened_to]
    return min((end for end in ends if end), default=None)


def _extend(access_request: AccessRequest, *, by: User | None) -> None:
    assignment = Assignment.objects.select_for_update(of=("self",)).get(requests=access_request)
    if not assignment.is_live:
        deny("access_ended", f"{access_request.package} has ended.", "Ask for it again.").require()
    assignments.move_end(assignment, wanted_end(access_request), by=by)
    moved = access_request.move(Event.EXTEND, final=True)
    record(access_request, "request.extended", by=None, **moved)
    tell(
        access_request,
        "access.extended",
        [access_request.target],
        ends_at=assignment.ends_at,
        assignment=assignment.pk,
    )


def close_steps(access_request: AccessRequest) -> None:
    """Within the caller's transaction: nobody is asked any more."""
    access_request.steps.filter(state__in=[StepState.COMING, StepState.WAITING]).update(
        state=StepState.CLOSED
    )


def record(access_request: AccessRequest, action: str, *, by: User | None, **details: Any) -> None:
    """Within the caller's transaction: write an event about a request and its target."""
    trail.record(
        action,
        access_request,
        by=by,
        target=access_request.target,
        package=str(access_request.package),
        **details,
    )


def tell(
    access_request: AccessRequest,
    event: str,
    recipients: Iterable[User],
    *,
    once: str | None = None,
    **facts: Any,
) -> None:
    """Within the caller's transaction: notify people about a request."""
    notify(
        event,
        recipients,
        access_request,
        once=once,
        package=str(access_request.package),
        target=str(access_request.target),
        requestor=str(access_request.requestor),
        kind=access_request.kind,
        justification=access_request.justification[:SHORT_TEXT],
        reference=access_request.reference,
        **facts,
    )


def remind(access_request: AccessRequest, step: ApprovalStep, *, by: User | None) -> None:
    """Within the caller's transaction: tell whoever is asked in a step once more."""
    asked = list(step.approvers.all())
    reminders = Notification.objects.filter(
        event="approval.reminder",
        about_id=access_request.pk,
        recipient__in=asked[:1],
        facts__step=step.position,
    )
    tell(
        access_request,
        "approval.reminder",
        asked,
        step=step.position,
        due_at=step.due_at,
        number=reminders.count() + 1,
    )
    record(access_request, "request.reminded", by=by, asked=names(asked))


def everyone_asked(access_request: AccessRequest) -> list[User]:
    """Return whoever was asked in any stage of a request."""
    return list(User.objects.filter(asked_in__step__access_request=access_request).distinct())


def names(people: Iterable[User]) -> list[str]:
    """Return people as an event keeps them."""
    return [str(user) for user in people]
