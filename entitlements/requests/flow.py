"""The steps that several acts share: take a request in, ask approvers, carry an approval out."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from entitlements import clock
from entitlements.assignments import operations as assignments
from entitlements.assignments.models import Assignment
from entitlements.catalog.extension_models import CalloutStage
from entitlements.catalog.permissions import owners_of
from entitlements.decisions import Decision, Denied, collect, deny
from entitlements.directory.models import User
from entitlements.directory.organizations.guests import let_in
from entitlements.notifications.models import Notification
from entitlements.policies import approvers, rules
from entitlements.policies.separation import speaks_against
from entitlements.requests import calling, determining, permissions, stage_rules
from entitlements.requests.attributes import rewrite_attributes, write_attributes
from entitlements.requests.candidates import admits_anybody, can_start, limit_of_terms
from entitlements.requests.closing import call_off as call_off
from entitlements.requests.closing import close_steps as close_steps
from entitlements.requests.closing import end_unanswered as end_unanswered
from entitlements.requests.delegations import ApprovalDelegation, stand_ins
from entitlements.requests.models import (
    AccessRequest,
    ApprovalStep,
    StepApprover,
    StepState,
    stage_terms,
)
from entitlements.requests.separation import separation_of, wait_for_turn
from entitlements.requests.states import Event, RequestKind, RequestState
from entitlements.requests.steps import step_columns as step_columns
from entitlements.requests.telling import names as names
from entitlements.requests.telling import record as record
from entitlements.requests.telling import tell as tell

ONE_DAY = timedelta(days=1)


def locked(access_request: AccessRequest) -> AccessRequest:
    """Within the caller's transaction: return the fresh row, kept from other writers, if any."""
    found = _lock(AccessRequest.objects.filter(pk=access_request.pk)).first()
    if found is None:
        raise Denied(permissions.RECORD_DELETED)
    return found


def locked_deliveries(assignment_id: UUID) -> list[AccessRequest]:
    """Within the caller's transaction: lock the requests that wait for an assignment's roles."""
    waiting = AccessRequest.objects.filter(assignment=assignment_id, state=RequestState.DELIVERING)
    return list(_lock(waiting).order_by("pk"))


def _lock(access_requests: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    return access_requests.select_for_update(of=("self",)).select_related(
        "package__catalog", "policy__package", "requestor", "target__manager"
    )


def take_in(access_request: AccessRequest, *, by: User) -> None:
    """Within the caller's transaction: call extensions, then ask approvers or approve at once."""
    if not calling.call_out(access_request, CalloutStage.CREATED):
        ask_approvers(access_request, by=by)


def ask_approvers(access_request: AccessRequest, *, by: User | None) -> None:
    """Within the caller's transaction: ask the first approvers, or approve at once."""
    stages = stage_terms(access_request)
    if not stages:
        step = access_request.move(Event.APPROVE_AUTOMATICALLY)
        record(access_request, "request.approved_automatically", by=None, **step)
        carry_out(access_request, by=by)
        return
    ApprovalStep.objects.bulk_create(
        ApprovalStep(access_request=access_request, position=position, **step_columns(stage))
        for position, stage in enumerate(stages, start=1)
    )
    open_next_step(access_request, event=Event.ASK_APPROVERS)


def open_next_step(access_request: AccessRequest, *, event: Event | None = None) -> list[User]:
    """Within the caller's transaction: open the first step to come; return who is asked.

    The people are found now, not when the request was made: managers and groups change. When none
    of them is to be had, alternates are asked at once, and without these somebody is told. Where an
    extension is to say who approves, it is called first. `event` is what leads to the step.
    """
    step = access_request.steps.filter(state=StepState.COMING).order_by("position")[0]
    if determining.holds_up(access_request, step):
        return []
    moved = access_request.move(event) if event else {}
    step.open(due_at=clock.now() + timedelta(days=step.decision_days))
    found = resolve(access_request, step)
    is_alternate = not found
    if is_alternate:
        found = resolve(access_request, step, alternates=True)
        step.pass_on(is_passed_on=bool(found))
    asked = ask(
        access_request,
        "approval.asked",
        step,
        [approver.user for approver in found],
        is_fallback=any(approver.is_fallback for approver in found),
        is_alternate=is_alternate,
    )
    step.expect(stage_rules.asked_for(step.rule, step.quorum, len(asked)))
    facts: dict[str, Any] = {"step": step.position, "asked": names(asked), **moved}
    record(access_request, "request.approval_asked", by=None, **facts)
    ask_stand_ins(access_request, step, asked)
    if not asked:
        _tell_that_nobody_is_asked(access_request, step)
    return asked


def ask_stand_ins(
    access_request: AccessRequest, step: ApprovalStep, people: Iterable[User]
) -> None:
    """Within the caller's transaction: let those decide too who stand in for people just asked.

    Who came to be asked by a delegation passes nothing on himself.
    """
    barred = {access_request.requestor_id, access_request.target_id}
    for delegation in stand_ins(people, access_request.package.catalog_id, barred=barred):
        let_stand_in(access_request, step, delegation)


def let_stand_in(
    access_request: AccessRequest, step: ApprovalStep, delegation: ApprovalDelegation
) -> None:
    """Within the caller's transaction: ask a delegate too, unless he is asked already."""
    delegate, delegator = delegation.delegate, delegation.delegator
    if step.asked.filter(user=delegate).exists():
        return
    StepApprover.objects.create(step=step, user=delegate, delegation=delegation)
    tell(
        access_request,
        "approval.asked",
        [delegate],
        step=step.position,
        due_at=step.due_at,
        stands_in_for=str(delegator),
    )
    record(
        access_request,
        "request.stand_in_asked",
        by=None,
        step=step.position,
        asked=[str(delegate)],
        stands_in_for=str(delegator),
    )


def resolve(
    access_request: AccessRequest, step: ApprovalStep, *, alternates: bool = False
) -> list[approvers.Approver]:
    """Return who can decide a step as things are now; never the requestor or the target."""
    return approvers.resolve(
        step.terms,
        target=access_request.target,
        package=access_request.package,
        barred={access_request.requestor_id, access_request.target_id},
        alternates=alternates,
    )


def ask(
    access_request: AccessRequest,
    event: str,
    step: ApprovalStep,
    people: Iterable[User],
    **turn: Any,
) -> list[User]:
    """Within the caller's transaction: give people their turn in a step that waits, and tell them.

    `turn` holds further columns of StepApprover. Returns who was not asked already.
    """
    already = set(step.asked.values_list("user_id", flat=True))
    asked = [user for user in people if user.pk not in already]
    StepApprover.objects.bulk_create(StepApprover(step=step, user=user, **turn) for user in asked)
    tell(access_request, event, asked, step=step.position, due_at=step.due_at)
    return asked


def _tell_that_nobody_is_asked(access_request: AccessRequest, step: ApprovalStep) -> None:
    concerned = {
        access_request.requestor,
        access_request.target,
        *owners_of(access_request.package.catalog),
    }
    tell(
        access_request,
        "request.nobody_asked",
        sorted(concerned, key=str),
        step=step.position,
        due_at=step.due_at,
    )


def carry_out(access_request: AccessRequest, *, by: User | None) -> None:
    """Within the caller's transaction: do what an approved request asks for, now or later."""
    if not calling.call_out(access_request, CalloutStage.APPROVED):
        fulfill(access_request, by=by)


def fulfill(access_request: AccessRequest, *, by: User | None) -> None:
    """Within the caller's transaction: let access begin or last longer, or correct its answers."""
    if access_request.corrects:
        _correct(access_request, by=by)
        return
    decision = still_fits(access_request)
    if not decision:
        call_off(access_request, " ".join(reason.text for reason in decision.reasons))
    elif access_request.extends:
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
    """Within the caller's transaction: begin the assignment; raises Denied unless `can_start`.

    Whoever has no account yet gets it now.
    """
    span = span_of(access_request)
    can_start(access_request, span).require()
    made = {"account_made": True} if access_request.target.is_invited else {}
    access_request.target = let_in(access_request.target, proposes=admits_anybody(access_request))
    access_request.assignment = assignments.begin(
        access_request.policy,
        access_request.target,
        span,
        by=by,
        is_direct=access_request.kind == RequestKind.ADMIN_ADD,
        takes_over=access_request.takes_over,
    )
    write_attributes(access_request, access_request.assignment)
    moved = access_request.move(Event.START)
    record(access_request, "request.delivery_started", by=None, **made, **moved)


def still_fits(access_request: AccessRequest, *, is_start: bool = False) -> Decision:
    """Within the caller's transaction: say whether a person may have a package beside the others.

    Nothing else begins for him until it ends, so that of two that clash only one does.
    """
    wait_for_turn(access_request.target_id)
    package = access_request.package
    separation = separation_of(package, access_request.target, is_start=is_start)
    return collect(speaks_against(str(package), separation))


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


def _correct(access_request: AccessRequest, *, by: User | None) -> None:
    assignment = _live_assignment(access_request)
    rewrite_attributes(access_request, assignment)
    moved = access_request.move(Event.CORRECT, final=True)
    record(access_request, "request.corrected", by=None, **moved)
    if by != access_request.target:
        tell(
            access_request,
            "access.corrected",
            [access_request.target],
            by=str(access_request.requestor),
            assignment=assignment.pk,
        )


def _live_assignment(access_request: AccessRequest) -> Assignment:
    """Within the caller's transaction: lock the access that a request is about, while it lasts."""
    assignment = Assignment.objects.select_for_update(of=("self",)).get(requests=access_request)
    if not assignment.is_live:
        deny("access_ended", f"{access_request.package} has ended.", "Ask for it again.").require()
    return assignment


def _extend(access_request: AccessRequest, *, by: User | None) -> None:
    assignment = _live_assignment(access_request)
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


def remind(access_request: AccessRequest, step: ApprovalStep, *, by: User | None) -> None:
    """Within the caller's transaction: tell whoever has not decided a step yet once more."""
    asked = list(step.undecided())
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
