"""Answers of extensions to calls that wait for one, and what follows when none comes."""

from typing import Any, Final
from unicodedata import category

from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.callouts.models import UNANSWERED, Callout, CalloutState
from entitlements.catalog.extension_models import CalloutStage, OnTimeout
from entitlements.catalog.permissions import can
from entitlements.decisions import ALLOWED, Decision, Reason, collect, deny
from entitlements.directory.models import User
from entitlements.policies.answered_stages import read_stage
from entitlements.policies.stage_terms import StageTerms
from entitlements.requests import determining, flow
from entitlements.requests.candidates import can_start
from entitlements.requests.models import AccessRequest, stage_terms
from entitlements.requests.states import Event, RequestState

LONGEST_DETAIL: Final = 1000
GOES_ON: Final = {
    CalloutStage.CREATED: Event.RESUME_SUBMITTED,
    CalloutStage.DETERMINING_APPROVAL: Event.RESUME_STAGE,
    CalloutStage.APPROVED: Event.RESUME_APPROVED,
}


@transaction.atomic(durable=True)
def resume(
    callout: Callout,
    *,
    answer_id: str,
    detail: str = "",
    denies: bool = False,
    approval_stage: Any = None,
) -> Callout:
    """Take the answer of an extension: the request goes on, or is denied where that is possible.

    `approval_stage` is what says who approves, as it was sent; its extension needs one. The same
    message may come again and changes nothing. Raises Denied for an answer that is not waited for
    any more, or cannot be taken.
    """
    access_request, callout = _locked(callout)
    if callout.answer_id and callout.answer_id == answer_id:
        return callout
    collect((*_speaks_against(callout, detail, denies), _used(callout, answer_id))).require()
    terms = None if approval_stage is None else _read(callout, approval_stage)
    callout.answer_id = answer_id
    _answer(callout, access_request, detail, denies=denies, by=None, terms=terms)
    return callout


@transaction.atomic(durable=True)
def resume_by_hand(
    callout: Callout,
    *,
    by: User,
    detail: str = "",
    denies: bool = False,
    terms: StageTerms | None = None,
) -> Callout:
    """Answer in the place of an extension, as somebody who manages assignments in its catalog.

    Who approves what he asked for himself, or is to get, somebody else says.
    """
    access_request, callout = _locked(callout)
    can(by, "manage_assignments", callout.extension.catalog).require()
    reasons = _speaks_against(callout, detail, denies)
    collect((*reasons, _own_approvers(access_request, callout, by))).require()
    _answer(callout, access_request, detail, denies=denies, by=by, terms=terms)
    return callout


@transaction.atomic(durable=True)
def time_out(callout: Callout) -> bool:
    """Let follow what the extension's owner chose when no answer comes; say whether it was due.

    Where the answer would have said who approves, going on means that the fallbacks of the stage
    do; a request whose stage has none fails.
    """
    access_request, callout = _locked(callout)
    if not Callout.objects.overdue().filter(pk=callout.pk).exists():
        return False
    callout.end(CalloutState.TIMED_OUT)
    if access_request is None or access_request.state != RequestState.WAITING_FOR_CALLBACK:
        trail.record("callout.timed_out", callout, by=None, stage=callout.stage)
        return True
    reason = f"“{callout.extension}” gave no answer in time."
    if callout.on_timeout == OnTimeout.CONTINUE:
        facts = _settled_by_fallbacks(access_request) if callout.asks_who_approves else {}
        if facts is not None:
            _go_on(access_request, callout, "request.callback_missed", by=None, **facts)
            return True
        reason = f"{reason} Nobody is named who decides instead."
    is_denied = callout.on_timeout == OnTimeout.DENY
    flow.end_unanswered(
        access_request,
        str(callout.extension),
        reason,
        event=Event.DENY if is_denied else Event.TIME_OUT,
        action="request.denied_without_callback" if is_denied else "request.callback_timed_out",
    )
    return True


def _settled_by_fallbacks(access_request: AccessRequest) -> dict[str, Any] | None:
    """Within the caller's transaction: let a stage's fallbacks decide; None when it has none."""
    step = determining.step_to_determine(access_request)
    if not determining.has_fallbacks(access_request, step):
        return None
    determining.settle(access_request, step)
    return {"step": step.position}


def _locked(callout: Callout) -> tuple[AccessRequest | None, Callout]:
    """Within the caller's transaction: lock the request before the call, as everywhere."""
    about = AccessRequest.objects.filter(pk=callout.about_id).first()
    access_request = flow.locked(about) if about else None
    fresh = Callout.objects.select_for_update(of=("self",)).select_related("extension__catalog")
    return access_request, fresh.get(pk=callout.pk)


def _speaks_against(callout: Callout, detail: str, denies: bool) -> list[Reason | None]:
    return [
        None
        if callout.waits
        else Reason("not_waited_for", "This call waits for no answer.", "Nothing is to be done."),
        Reason(
            "answered_already",
            f"This call has an outcome already: {_outcome(callout)}.",
            "Nothing is to be done.",
        )
        if callout.waits and callout.state not in UNANSWERED
        else None,
        Reason(
            "cannot_deny",
            "At this stage there is nothing left to deny.",
            "A manager of its assignments can end the access.",
        )
        if denies and not callout.may_deny
        else None,
        Reason(
            "detail_too_long",
            f"The text may have {LONGEST_DETAIL:,} characters at most.",
            "Shorten it.",
        )
        if len(detail) > LONGEST_DETAIL
        else None,
        Reason("detail_unreadable", "The text contains a null character.", "Remove it.")
        if any(letter == "\x00" or category(letter) == "Cs" for letter in detail)
        else None,
    ]


def _outcome(callout: Callout) -> str:
    return CalloutState(callout.state).label.lower()


def _used(callout: Callout, answer_id: str) -> Reason | None:
    """A message answers one call; one that was overheard opens no other."""
    beside = Callout.objects.filter(extension=callout.extension_id, answer_id=answer_id)
    if not beside.exclude(pk=callout.pk).exists():
        return None
    return Reason(
        "message_used",
        "A message of this id has answered another call.",
        "Send it with an id of its own.",
    )


def _own_approvers(
    access_request: AccessRequest | None, callout: Callout, by: User
) -> Reason | None:
    if access_request is None or not callout.asks_who_approves:
        return None
    if by.pk not in (access_request.requestor_id, access_request.target_id):
        return None
    return Reason(
        "own_request",
        "Nobody chooses who decides his own request.",
        "Somebody else who manages assignments can.",
    )


def _read(callout: Callout, approval_stage: Any) -> StageTerms | None:
    """Return the stage that an answer names, or raise Denied with all that is wrong in it."""
    if not callout.asks_who_approves:
        deny(
            "approval_stage_unexpected",
            "This call does not ask who approves.",
            "Answer without “approvalStage”.",
        ).require()
    terms, reasons = read_stage(approval_stage)
    collect(reasons).require()
    return terms


def _take_stage(
    access_request: AccessRequest, callout: Callout, terms: StageTerms | None
) -> dict[str, Any]:
    """Within the caller's transaction: freeze who approves; return what the event tells of it."""
    if terms is None:
        deny(
            "approval_stage_missing",
            "The answer must say who approves, as “approvalStage”.",
            "Send one whole stage.",
        ).require()
    assert terms is not None  # noqa: S101  # refused above
    collect(determining.speaks_against(access_request, terms)).require()
    step = determining.step_to_determine(access_request)
    answered = determining.settle(access_request, step, terms)
    named = [one["name"] for one in answered["approvers"]]
    return {"step": step.position, "decision_days": terms.decision_days, "approvers": named}


def _answer(
    callout: Callout,
    access_request: AccessRequest | None,
    detail: str,
    *,
    denies: bool,
    by: User | None,
    terms: StageTerms | None,
) -> None:
    facts: dict[str, Any] = {}
    if access_request and callout.asks_who_approves:
        facts = _take_stage(access_request, callout, terms)
    callout.detail = detail.strip()
    callout.end(CalloutState.DENIED if denies else CalloutState.DONE)
    if access_request is None or not callout.holds:
        trail.record(
            "callout.answered", callout, by=by, stage=callout.stage, justification=callout.detail
        )
    elif denies:
        _deny(access_request, callout, by=by)
    else:
        _go_on(access_request, callout, "request.callback", by=by, **facts)


def _deny(access_request: AccessRequest, callout: Callout, *, by: User | None) -> None:
    flow.close_steps(access_request)
    moved = access_request.move(Event.DENY, reason=callout.detail, final=True)
    flow.record(
        access_request,
        "request.denied_by_callback",
        by=by,
        extension=str(callout.extension),
        justification=callout.detail,
        **moved,
    )
    flow.tell(
        access_request,
        "request.denied",
        _concerned(access_request),
        by=str(callout.extension),
        decision=callout.detail,
    )


def _concerned(access_request: AccessRequest) -> set[User]:
    return {access_request.requestor, access_request.target}


def _go_on(
    access_request: AccessRequest, callout: Callout, action: str, *, by: User | None, **facts: Any
) -> None:
    """Within the caller's transaction: write the answer down, and go on after the last one."""
    facts = {
        **facts,
        "stage": callout.stage,
        "extension": str(callout.extension),
        "justification": callout.detail,
    }
    if Callout.objects.about(access_request).pending().filter(stage=callout.stage).exists():
        flow.record(access_request, action, by=by, **facts)
        return
    can_go_on = _can_go_on(access_request, callout)
    if not can_go_on:
        flow.record(access_request, action, by=by, **facts)
        flow.call_off(access_request, " ".join(reason.text for reason in can_go_on.reasons))
        return
    moved = access_request.move(GOES_ON[CalloutStage(callout.stage)])
    flow.record(access_request, action, by=by, **facts, **moved)
    if callout.stage == CalloutStage.CREATED:
        flow.ask_approvers(access_request, by=None)
    elif callout.asks_who_approves:
        flow.open_next_step(access_request)
    else:
        flow.fulfill(access_request, by=None)


def _can_go_on(access_request: AccessRequest, callout: Callout) -> Decision:
    """Say whether access could begin or last longer, where nobody is asked before it does."""
    if callout.stage != CalloutStage.APPROVED and stage_terms(access_request):
        return ALLOWED
    assignment = access_request.assignment
    if assignment is not None:
        return (
            ALLOWED
            if assignment.is_live
            else deny(
                "access_ended", f"{access_request.package} has ended.", "It can be asked for again."
            )
        )
    if access_request.starts_at and access_request.starts_at > clock.now():
        return ALLOWED
    return can_start(access_request, flow.span_of(access_request))
