"""Decide stages: approve, deny, many at once, or let them lapse."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from entitlements import clock
from entitlements.decisions import Decision, Denied, collect, deny
from entitlements.directory.models import User
from entitlements.policies import rules
from entitlements.policies.rules import text_fits
from entitlements.requests import flow, permissions
from entitlements.requests.models import AccessRequest, ApprovalStep, StepApprover, StepState
from entitlements.requests.states import Event


@dataclass(frozen=True)
class Outcome:
    """What became of one decision among many."""

    access_request: AccessRequest
    decision: Decision


@transaction.atomic(durable=True)
def approve(
    access_request: AccessRequest,
    *,
    by: User,
    justification: str = "",
    ends_at: datetime | None = None,
) -> AccessRequest:
    """Approve the stage that waits, perhaps until an earlier end (UTC) than was asked for.

    A stage that several have to approve goes on waiting for the others. After the last stage
    access is set up, scheduled or extended. Raises Denied when somebody else was faster, when `by`
    is not asked or has approved already, and when the end is not an earlier one.
    """
    access_request, step = _decidable(access_request, by, justification)
    if ends_at is not None:
        _shorten(access_request, ends_at)
        access_request.save(update_fields=["shortened_to"])
    turn = step.asked.select_related("user", "delegation__delegator").get(user=by)
    turn.decide(StepState.APPROVED, justification)
    facts = {"justification": justification, "ends_at": ends_at, **turn.stands_in()}
    _tell_of_stand_in(access_request, turn)
    if step.count():
        step.decide(StepState.APPROVED, by=by, justification=justification)
        return _go_on(access_request, step, by=by, **facts)
    flow.record(
        access_request,
        "request.approval_given",
        by=by,
        step=step.position,
        approvals=step.approvals,
        needed=step.needed,
        **facts,
    )
    return access_request


def _tell_of_stand_in(access_request: AccessRequest, turn: StepApprover) -> None:
    """Within the caller's transaction: tell whoever asked that a stand-in has approved."""
    if turn.delegation and access_request.terms.get("shows_approvers", True):
        flow.tell(
            access_request,
            "request.approved_by_stand_in",
            [access_request.requestor],
            by=str(turn.user),
            decision=turn.justification,
            **turn.stands_in(),
        )


@transaction.atomic(durable=True)
def conclude(step: ApprovalStep) -> bool:
    """Approve a stage that some have approved, when nobody else can any more; say whether it did.

    People leave and accounts are disabled while several of them are asked.
    """
    access_request = flow.locked(step.access_request)
    step = access_request.steps.get(pk=step.pk)
    last = step.asked.filter(decision=StepState.APPROVED).order_by("-decided_at").first()
    if step.state != StepState.WAITING or last is None or not step.count():
        return False
    step.decide(StepState.APPROVED, by=last.user, justification=last.justification)
    _go_on(access_request, step, by=None, needed=step.needed)
    return True


def _go_on(
    access_request: AccessRequest, step: ApprovalStep, *, by: User | None, **facts: Any
) -> AccessRequest:
    """Within the caller's transaction: open the stage after an approved one, or carry it out."""
    facts["step"] = step.position
    decision = {"by": str(step.decided_by), "decision": step.justification}
    if access_request.steps.filter(state=StepState.COMING).exists():
        moved = access_request.move(Event.APPROVE_STAGE)
        flow.record(access_request, "request.stage_approved", by=by, **facts, **moved)
        flow.tell(
            access_request,
            "approval.stage_approved",
            step.approvers.all(),
            step=step.position,
            **decision,
        )
        flow.open_next_step(access_request)
        return access_request
    moved = access_request.move(Event.APPROVE)
    flow.record(access_request, "request.approved", by=by, **facts, **moved)
    asked = flow.everyone_asked(access_request)
    flow.tell(access_request, "approval.approved", asked, **decision)
    flow.carry_out(access_request, by=by)
    return access_request


@transaction.atomic(durable=True)
def deny_request(
    access_request: AccessRequest, *, by: User, justification: str = ""
) -> AccessRequest:
    """Deny the stage that waits, which ends the request."""
    access_request, step = _decidable(access_request, by, justification)
    turn = step.asked.select_related("user", "delegation__delegator").get(user=by)
    turn.decide(StepState.DENIED, justification)
    step.decide(StepState.DENIED, by=by, justification=justification)
    flow.close_steps(access_request)
    moved = access_request.move(Event.DENY, reason=justification, final=True)
    flow.record(
        access_request,
        "request.denied",
        by=by,
        step=step.position,
        justification=justification,
        **turn.stands_in(),
        **moved,
    )
    people = {access_request.requestor, access_request.target}
    flow.tell(access_request, "request.denied", people, by=str(by), decision=justification)
    return access_request


def decide_many(
    access_requests: Iterable[AccessRequest], *, by: User, approves: bool, justification: str = ""
) -> list[Outcome]:
    """Decide each request on its own: one that is refused does not stop the others."""
    outcomes = []
    for access_request in access_requests:
        try:
            if approves:
                decided = approve(access_request, by=by, justification=justification)
            else:
                decided = deny_request(access_request, by=by, justification=justification)
            outcomes.append(Outcome(decided, Decision()))
        except Denied as denied:
            outcomes.append(Outcome(access_request, denied.decision))
    return outcomes


@transaction.atomic(durable=True)
def lapse(step: ApprovalStep) -> bool:
    """End a request that nobody decided in time; say whether this call did."""
    access_request = flow.locked(step.access_request)
    step = access_request.steps.get(pk=step.pk)
    if step.state != StepState.WAITING or not step.due_at or step.due_at > clock.now():
        return False
    step.close(StepState.LAPSED)
    flow.close_steps(access_request)
    moved = access_request.move(Event.LAPSE, reason="Nobody decided in time.", final=True)
    flow.record(access_request, "request.lapsed", by=None, step=step.position, **moved)
    people = {access_request.requestor, access_request.target}
    flow.tell(access_request, "request.lapsed", people, step=step.position)
    flow.tell(access_request, "approval.lapsed", step.approvers.all(), step=step.position)
    return True


@transaction.atomic(durable=True)
def remind_approvers(step: ApprovalStep) -> bool:
    """Remind whoever is asked, at the moments that the stage plans; say whether it was due."""
    access_request = flow.locked(step.access_request)
    step = access_request.steps.get(pk=step.pk)
    moment = clock.now()
    if step.state != StepState.WAITING or not step.remind_at or step.remind_at > moment:
        return False
    step.remind_at = step.next_reminder()
    step.save(update_fields=["remind_at"])
    flow.remind(access_request, step, by=None)
    return True


def _decidable(
    access_request: AccessRequest, by: User, justification: str
) -> tuple[AccessRequest, ApprovalStep]:
    """Within the caller's transaction: lock, and return the request with the step that waits."""
    access_request = flow.locked(access_request)
    step = access_request.steps.filter(state=StepState.WAITING).first()
    permissions.can_decide(by, access_request, step).require()
    assert step is not None  # noqa: S101  # can_decide refuses without one
    if step.due_at and step.due_at <= clock.now():
        deny(
            "lapsed", "The deadline has passed; the request lapses.", "It can be asked for again."
        ).require()
    collect((text_fits(justification, is_required=step.requires_justification),)).require()
    return access_request, step


def _shorten(access_request: AccessRequest, ends_at: datetime) -> None:
    """Within the caller's transaction: keep an earlier end, or raise Denied."""
    if access_request.corrects:
        deny(
            "no_end_to_shorten",
            "Answers are to be corrected, and no end is asked for.",
            "Approve it as it is, or deny it.",
        ).require()
    assignment = access_request.assignment
    span = flow.span_of(access_request)
    planned = flow.wanted_end(access_request) if assignment else span.ends_at
    collect((rules.too_far_ahead(ends_at, moment=clock.now()),)).require()
    if ends_at <= clock.now():
        deny("ends_in_the_past", "The end is in the past.", "Choose a later date.").require()
    if ends_at <= span.starts_at:
        deny("ends_before_start", "The end is before the start.", "Choose a later end.").require()
    if planned is not None and ends_at >= planned:
        deny(
            "not_shorter",
            "The end is not earlier than what was asked for.",
            "Choose an earlier end.",
        ).require()
    if assignment and assignment.ends_at and ends_at <= assignment.ends_at:
        deny("not_later", "The access lasts that long already.", "Choose a later end.").require()
    access_request.shortened_to = ends_at
