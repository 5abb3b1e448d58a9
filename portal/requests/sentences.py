"""Where a request stands, in one sentence or two."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html

from entitlements.callouts.models import CalloutState
from entitlements.catalog.extension_models import OnTimeout
from entitlements.requests.models import StepState
from entitlements.requests.states import ADDS, RequestState
from portal import dates, wording
from portal.templatetags.portal import moment

if TYPE_CHECKING:
    from portal.requests.story import Story


def sentence(story: "Story") -> str:
    """Say who has a request, since when, until when, and what happens then (safe HTML)."""
    return SENTENCES[RequestState(story.access_request.state)](story)


def _received(story: "Story") -> str:
    return "We have it, and check it now."


OTHERWISE: Final = {
    OnTimeout.FAIL: "it fails",
    OnTimeout.CONTINUE: "it goes on without",
    OnTimeout.DENY: "it is denied",
}


INSTEAD: Final = "those decide who are named instead, and without any it fails"


def _waiting_for_systems(story: "Story") -> str:
    pending = [callout for callout in story.callouts if callout.is_pending]
    if not pending:
        return "It waits for information from another system."
    first = min(pending, key=lambda callout: callout.answer_by or callout.created_at)
    rule = OnTimeout(first.on_timeout)
    if first.asks_who_approves:
        return format_html(
            "{} is asked who approves. If no answer comes by {}, {}.",
            first.extension,
            moment(first.answer_by, "exact"),
            INSTEAD if rule == OnTimeout.CONTINUE else OTHERWISE[rule],
        )
    return format_html(
        "It waits for information from {}. If none comes by {}, {}.",
        wording.listed([str(callout.extension) for callout in pending]),
        moment(first.answer_by, "exact"),
        OTHERWISE[rule],
    )


def _waiting(story: "Story") -> str:
    step = story.step
    if step is None or step.opened_at is None or step.due_at is None:
        return "It waits for a decision."
    if story.is_stuck:
        return format_html(
            "No one can decide this stage: whoever is named for it has left, or it is about "
            "their own access. If nothing changes, it lapses {}.",
            moment(step.due_at),
        )
    names = [str(user) for user in story.waited_for]
    have = "has" if len(names) == 1 or not story.shows_names else "have"
    who = wording.listed(names) if story.shows_names else "An approver"
    tally = f"{wording.tally(step.approvals, step.needed)}. " if step.needed > 1 else ""
    if step.escalate_at:
        return format_html(
            "{} {} had it since {}. {}If nobody answers by {}, others are asked as well; "
            "on {} it lapses.",
            who,
            have,
            moment(step.opened_at, "exact"),
            tally,
            moment(step.escalate_at, "exact"),
            moment(step.due_at, "exact"),
        )
    return format_html(
        "{} {} had it since {}. {}If nobody answers by {}, the request lapses.",
        who,
        have,
        moment(step.opened_at, "exact"),
        tally,
        moment(step.due_at, "exact"),
    )


def _approved(story: "Story") -> str:
    return "It is approved; set-up starts."


def _scheduled(story: "Story") -> str:
    return format_html("It is approved. Access starts {}.", moment(story.access_request.starts_at))


def _delivering(story: "Story") -> str:
    states = [held.shown_state for held in story.roles]
    if story.access_request.kind in ADDS:
        done, total = states.count("done"), len(states)
        trouble = any(held.grant and held.grant.last_error for held in story.roles)
        more = " A system does not answer yet; we keep trying." if trouble else ""
        return f"{done} of {_roles(total)} done. It usually takes minutes.{more}"
    left = states.count("removing")
    return f"{_roles(left).capitalize()} still to be taken away. It usually takes minutes."


def _delivered(story: "Story") -> str:
    access_request, assignment = story.access_request, story.access_request.assignment
    if access_request.corrects:
        return "The new answers count. Access itself stays as it was."
    if access_request.extends and assignment:
        return format_html("It is extended. Access ends {}.", moment(assignment.over_at))
    if access_request.kind not in ADDS or assignment is None:
        return "It is given back, and what only this package gave is gone."
    if not assignment.is_live:
        return format_html(
            "It was set up, and has ended {}: {}.",
            moment(assignment.over_at),
            assignment.shown_end_reason,
        )
    if assignment.ends_at is None:
        return "Everything is set up. Access has no end."
    return format_html("Everything is set up. Access ends {}.", moment(assignment.ends_at))


def _partly(story: "Story") -> str:
    failed = [held.shown_state for held in story.roles].count("failed")
    owner = "You can" if story.can_try_again else "An owner of the catalog can"
    return f"{failed} of {_roles(len(story.roles))} could not be set up. {owner} try again."


def _failed(story: "Story") -> str:
    access_request = story.access_request
    if access_request.assignment is None or access_request.kind not in ADDS:
        what = "set up" if access_request.kind in ADDS else "changed"
        return f"Nothing was {what}: the information that was needed did not come."
    owner = "You can" if story.can_try_again else "An owner of the catalog can"
    return f"Nothing could be set up. {owner} try again."


def _denied(story: "Story") -> str:
    decided = next((step for step in story.steps if step.state == StepState.DENIED), None)
    if decided is None or decided.decided_at is None:
        denying = [callout for callout in story.callouts if callout.state == CalloutState.DENIED]
        return format_html("{} denied it.", denying[0].extension) if denying else "It was denied."
    who = str(decided.decided_by) if story.shows_names else "An approver"
    return format_html("{} denied it on {}.", who, moment(decided.decided_at, "exact"))


def _lapsed(story: "Story") -> str:
    return "Nobody answered in time. Nothing was changed."


def _canceled(story: "Story") -> str:
    at = story.access_request.completed_at
    return f"It was called off on {dates.exact(at)}." if at else "It was called off."


def _roles(count: int) -> str:
    return "1 role" if count == 1 else f"{count} roles"


SENTENCES: Final[dict[RequestState, Callable[["Story"], str]]] = {
    RequestState.SUBMITTED: _received,
    RequestState.WAITING_FOR_CALLBACK: _waiting_for_systems,
    RequestState.PENDING_APPROVAL: _waiting,
    RequestState.APPROVED: _approved,
    RequestState.SCHEDULED: _scheduled,
    RequestState.DELIVERING: _delivering,
    RequestState.DELIVERED: _delivered,
    RequestState.PARTIALLY_DELIVERED: _partly,
    RequestState.DELIVERY_FAILED: _failed,
    RequestState.DENIED: _denied,
    RequestState.EXPIRED: _lapsed,
    RequestState.CANCELED: _canceled,
}
