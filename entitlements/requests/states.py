"""The life of a request: the one table of what may happen, in which state, and to what it leads.

Rows follow the transition table of the reference product's request life; `draw_states` prints
the diagram in `docs/states.md` from them.
"""

from dataclasses import dataclass

from django.db import models


class RequestKind(models.TextChoices):
    """Why a request exists; Graph's requestType in snake case. It never changes."""

    USER_ADD = "user_add", "Asked for"
    USER_EXTEND = "user_extend", "Asked to extend"
    USER_UPDATE = "user_update", "Answers corrected"
    USER_REMOVE = "user_remove", "Given back"
    ADMIN_ADD = "admin_add", "Given directly"
    ADMIN_UPDATE = "admin_update", "Changed by a manager"
    ADMIN_REMOVE = "admin_remove", "Ended by a manager"
    ON_BEHALF_ADD = "on_behalf_add", "Asked for somebody else"
    ON_BEHALF_REMOVE = "on_behalf_remove", "Ended for somebody else"
    APPROVER_REMOVE = "approver_remove", "Ended by an approver"
    SYSTEM_ADD = "system_add", "Given automatically"
    SYSTEM_UPDATE = "system_update", "Changed automatically"
    SYSTEM_REMOVE = "system_remove", "Ended automatically"


ADDS = (
    RequestKind.USER_ADD,
    RequestKind.ADMIN_ADD,
    RequestKind.ON_BEHALF_ADD,
    RequestKind.SYSTEM_ADD,
)
WISHED = (RequestKind.USER_ADD, RequestKind.ON_BEHALF_ADD)
EXTENDS = (RequestKind.USER_EXTEND, RequestKind.ADMIN_UPDATE, RequestKind.SYSTEM_UPDATE)
CORRECTS = (RequestKind.USER_UPDATE, RequestKind.ADMIN_UPDATE, RequestKind.SYSTEM_UPDATE)
"""A manager's or the system's update moves the end or changes answers: its terms say which."""
UPDATES = tuple(dict.fromkeys((*EXTENDS, *CORRECTS)))
REMOVES = (
    RequestKind.USER_REMOVE,
    RequestKind.ADMIN_REMOVE,
    RequestKind.ON_BEHALF_REMOVE,
    RequestKind.APPROVER_REMOVE,
    RequestKind.SYSTEM_REMOVE,
)
EVERY = (*ADDS, *UPDATES, *REMOVES)


class RequestState(models.TextChoices):
    SUBMITTED = "submitted", "Received"
    WAITING_FOR_CALLBACK = "waiting_for_callback", "Waiting for information"
    PENDING_APPROVAL = "pending_approval", "Waiting for approval"
    APPROVED = "approved", "Approved"
    SCHEDULED = "scheduled", "Starts later"
    DELIVERING = "delivering", "Being set up"
    DELIVERED = "delivered", "Done"
    PARTIALLY_DELIVERED = "partially_delivered", "Partly set up"
    DELIVERY_FAILED = "delivery_failed", "Failed"
    DENIED = "denied", "Denied"
    EXPIRED = "expired", "Lapsed"
    CANCELED = "canceled", "Canceled"


OPEN = (
    RequestState.SUBMITTED,
    RequestState.WAITING_FOR_CALLBACK,
    RequestState.PENDING_APPROVAL,
    RequestState.APPROVED,
    RequestState.SCHEDULED,
)
GRANTED = (
    RequestState.APPROVED,
    RequestState.SCHEDULED,
    RequestState.DELIVERING,
    RequestState.DELIVERED,
    RequestState.PARTIALLY_DELIVERED,
    RequestState.DELIVERY_FAILED,
)
MOVING = (*OPEN, RequestState.DELIVERING)


class Event(models.TextChoices):
    CALL_OUT = "call_out", "an extension is waited for"
    RESUME_SUBMITTED = "resume_submitted", "answered, before approval"
    RESUME_APPROVED = "resume_approved", "answered, after approval"
    RESUME_STAGE = "resume_stage", "it is known who approves"
    FAIL = "fail", "nobody says who approves"
    TIME_OUT = "time_out", "no answer in time"
    APPROVE_AUTOMATICALLY = "approve_automatically", "no approval needed"
    ASK_APPROVERS = "ask_approvers", "approval needed"
    APPROVE_STAGE = "approve_stage", "approved, more stages"
    APPROVE = "approve", "approved, last stage"
    DENY = "deny", "denied"
    LAPSE = "lapse", "no decision in time"
    CANCEL = "cancel", "canceled"
    SCHEDULE = "schedule", "starts in the future"
    START = "start", "start reached"
    GIVE_ALL = "give_all", "all roles set up"
    GIVE_SOME = "give_some", "some roles failed"
    GIVE_NONE = "give_none", "no role set up"
    REPROCESS = "reprocess", "tried again"
    REMOVE = "remove", "removal accepted"
    TAKE_ALL = "take_all", "all roles gone"
    EXTEND = "extend", "end moved"
    CORRECT = "correct", "answers corrected"


class InvalidTransition(Exception):
    """The transition table has no such step."""


@dataclass(frozen=True)
class Transition:
    """In state `source`, `event` leads to `target`, for requests of these kinds."""

    source: RequestState
    event: Event
    target: RequestState
    kinds: tuple[RequestKind, ...]


S, E = RequestState, Event
ASKED = (*ADDS, *UPDATES)

TRANSITIONS: tuple[Transition, ...] = (
    Transition(S.SUBMITTED, E.CALL_OUT, S.WAITING_FOR_CALLBACK, ASKED),
    Transition(S.APPROVED, E.CALL_OUT, S.WAITING_FOR_CALLBACK, ASKED),
    Transition(S.PENDING_APPROVAL, E.CALL_OUT, S.WAITING_FOR_CALLBACK, ASKED),
    Transition(S.WAITING_FOR_CALLBACK, E.RESUME_SUBMITTED, S.SUBMITTED, ASKED),
    Transition(S.WAITING_FOR_CALLBACK, E.RESUME_APPROVED, S.APPROVED, ASKED),
    Transition(S.WAITING_FOR_CALLBACK, E.RESUME_STAGE, S.PENDING_APPROVAL, ASKED),
    Transition(S.WAITING_FOR_CALLBACK, E.DENY, S.DENIED, ASKED),
    Transition(S.WAITING_FOR_CALLBACK, E.TIME_OUT, S.DELIVERY_FAILED, ASKED),
    Transition(S.WAITING_FOR_CALLBACK, E.CANCEL, S.CANCELED, ASKED),
    Transition(S.SUBMITTED, E.FAIL, S.DELIVERY_FAILED, ASKED),
    Transition(S.PENDING_APPROVAL, E.FAIL, S.DELIVERY_FAILED, ASKED),
    Transition(S.SUBMITTED, E.APPROVE_AUTOMATICALLY, S.APPROVED, ASKED),
    Transition(S.SUBMITTED, E.ASK_APPROVERS, S.PENDING_APPROVAL, ASKED),
    Transition(S.PENDING_APPROVAL, E.APPROVE_STAGE, S.PENDING_APPROVAL, ASKED),
    Transition(S.PENDING_APPROVAL, E.APPROVE, S.APPROVED, ASKED),
    Transition(S.PENDING_APPROVAL, E.DENY, S.DENIED, ASKED),
    Transition(S.PENDING_APPROVAL, E.LAPSE, S.EXPIRED, ASKED),
    Transition(S.SUBMITTED, E.CANCEL, S.CANCELED, ASKED),
    Transition(S.PENDING_APPROVAL, E.CANCEL, S.CANCELED, ASKED),
    Transition(S.APPROVED, E.CANCEL, S.CANCELED, ASKED),
    Transition(S.SCHEDULED, E.CANCEL, S.CANCELED, ADDS),
    Transition(S.APPROVED, E.SCHEDULE, S.SCHEDULED, ADDS),
    Transition(S.SCHEDULED, E.START, S.DELIVERING, ADDS),
    Transition(S.APPROVED, E.START, S.DELIVERING, ADDS),
    Transition(S.DELIVERING, E.GIVE_ALL, S.DELIVERED, ADDS),
    Transition(S.DELIVERING, E.GIVE_SOME, S.PARTIALLY_DELIVERED, ADDS),
    Transition(S.DELIVERING, E.GIVE_NONE, S.DELIVERY_FAILED, ADDS),
    Transition(S.PARTIALLY_DELIVERED, E.REPROCESS, S.DELIVERING, ADDS),
    Transition(S.DELIVERY_FAILED, E.REPROCESS, S.DELIVERING, ADDS),
    Transition(S.PARTIALLY_DELIVERED, E.CANCEL, S.CANCELED, ADDS),
    Transition(S.DELIVERY_FAILED, E.CANCEL, S.CANCELED, ADDS),
    Transition(S.SUBMITTED, E.REMOVE, S.DELIVERING, REMOVES),
    Transition(S.DELIVERING, E.TAKE_ALL, S.DELIVERED, REMOVES),
    Transition(S.APPROVED, E.EXTEND, S.DELIVERED, EXTENDS),
    Transition(S.APPROVED, E.CORRECT, S.DELIVERED, CORRECTS),
)

_TARGETS = {(kind, row.source, row.event): row.target for row in TRANSITIONS for kind in row.kinds}


def target_of(kind: str, state: str, event: Event) -> RequestState:
    """Return where `event` leads, or raise InvalidTransition."""
    try:
        return _TARGETS[RequestKind(kind), RequestState(state), event]
    except KeyError:
        raise InvalidTransition(
            f"A request of kind {kind} in state {state} cannot see “{event.label}”."
        ) from None


def allows(kind: str, state: str, event: Event) -> bool:
    """Say whether the table has the step."""
    return (RequestKind(kind), RequestState(state), event) in _TARGETS
