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
    USER_REMOVE = "user_remove", "Given back"
    ADMIN_ADD = "admin_add", "Given directly"
    ADMIN_REMOVE = "admin_remove", "Ended by a manager"


ADDS = (RequestKind.USER_ADD, RequestKind.ADMIN_ADD)
EXTENDS = (RequestKind.USER_EXTEND,)
REMOVES = (RequestKind.USER_REMOVE, RequestKind.ADMIN_REMOVE)
EVERY = (*ADDS, *EXTENDS, *REMOVES)


class RequestState(models.TextChoices):
    SUBMITTED = "submitted", "Received"
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
    RequestState.PENDING_APPROVAL,
    RequestState.APPROVED,
    RequestState.SCHEDULED,
)
MOVING = (*OPEN, RequestState.DELIVERING)


class Event(models.TextChoices):
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
ASKED = (*ADDS, *EXTENDS)

TRANSITIONS: tuple[Transition, ...] = (
    Transition(S.SUBMITTED, E.APPROVE_AUTOMATICALLY, S.APPROVED, ASKED),
    Transition(S.SUBMITTED, E.ASK_APPROVERS, S.PENDING_APPROVAL, ASKED),
    Transition(S.PENDING_APPROVAL, E.APPROVE_STAGE, S.PENDING_APPROVAL, ASKED),
    Transition(S.PENDING_APPROVAL, E.APPROVE, S.APPROVED, ASKED),
    Transition(S.PENDING_APPROVAL, E.DENY, S.DENIED, ASKED),
    Transition(S.PENDING_APPROVAL, E.LAPSE, S.EXPIRED, ASKED),
    Transition(S.SUBMITTED, E.CANCEL, S.CANCELED, ASKED),
    Transition(S.PENDING_APPROVAL, E.CANCEL, S.CANCELED, ASKED),
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
