"""From grants to assignments and requests: all roles set up, some, or none; or all gone."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment, AssignmentState
from entitlements.catalog.extension_models import CalloutStage
from entitlements.catalog.models import PackageRole
from entitlements.requests import calling, flow
from entitlements.requests.models import AccessRequest
from entitlements.requests.states import ADDS, WISHED, Event, RequestKind, RequestState

OUTCOMES = {
    AssignmentState.DELIVERED: Event.GIVE_ALL,
    AssignmentState.PARTIALLY_DELIVERED: Event.GIVE_SOME,
    AssignmentState.DELIVERY_FAILED: Event.GIVE_NONE,
}


def delivery_state(grants: Iterable[Grant]) -> AssignmentState:
    """Return how far a set of wanted grants has been carried out."""
    states = [grant.shown_state for grant in grants]
    if "waiting" in states:
        return AssignmentState.DELIVERING
    if all(state == "done" for state in states):
        return AssignmentState.DELIVERED
    if "done" in states:
        return AssignmentState.PARTIALLY_DELIVERED
    return AssignmentState.DELIVERY_FAILED


def affected(grants: Iterable[Grant]) -> list[UUID]:
    """Return the assignments whose delivery these grants may have completed."""
    pairs = Q(pk__in=[])
    for grant in grants:
        pairs |= Q(target=grant.user_id, package__roles=grant.role_id)
    moving = AccessRequest.objects.filter(assignment=OuterRef("pk"), state=RequestState.DELIVERING)
    unfinished = Assignment.objects.filter(pairs).filter(Q(ended_at=None) | Q(Exists(moving)))
    return list(unfinished.order_by("pk").values_list("pk", flat=True).distinct())


def unsettled(limit: int) -> list[UUID]:
    """Return assignments that are being set up or taken away although nothing is left to do."""
    waiting = Grant.objects.filter(
        user=OuterRef("target"),
        role__in=PackageRole.objects.filter(package=OuterRef(OuterRef("package"))).values("role"),
        next_attempt_at__isnull=False,
    )
    moving = AccessRequest.objects.filter(assignment=OuterRef("pk"), state=RequestState.DELIVERING)
    left = Assignment.objects.filter(
        ~Exists(waiting),
        Q(ended_at=None, state=AssignmentState.DELIVERING) | Q(Exists(moving)),
    )
    return list(left.order_by("pk").values_list("pk", flat=True)[:limit])


@transaction.atomic(durable=True)
def settle(assignment_id: UUID) -> None:
    """Let an assignment, and the requests that wait for it, say how far its roles have come.

    Requests are locked before the assignment, as everywhere.
    """
    requests = flow.locked_deliveries(assignment_id)
    assignment = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("policy", "package", "target")
        .get(pk=assignment_id)
    )
    grants = list(Grant.objects.of_assignment(assignment).select_related("role__resource"))
    if assignment.ended_at is None:
        _settle_live(assignment, grants)
    for access_request in requests:
        if access_request.kind not in ADDS:
            _settle_removal(access_request, grants)
        elif assignment.ended_at is None:
            _settle_add(access_request, assignment, grants)
        else:
            _finish(access_request, Event.GIVE_NONE, reason="It ended before it was set up.")


def _settle_live(assignment: Assignment, grants: list[Grant]) -> None:
    state = delivery_state(grants)
    if assignment.state != state:
        assignment.state = state
        assignment.save(update_fields=["state"])


def _settle_add(access_request: AccessRequest, assignment: Assignment, grants: list[Grant]) -> None:
    event = OUTCOMES.get(AssignmentState(assignment.state))
    if event is None:
        return
    failed = [grant for grant in grants if grant.shown_state == "failed"]
    reason = "; ".join(f"{grant.role}: {grant.last_error}" for grant in failed)
    _finish(access_request, event, reason=reason)
    if event == Event.GIVE_ALL:
        calling.call_out(access_request, CalloutStage.GRANTED)
    is_told = access_request.terms.get("sends_notifications", True)
    is_waited_for = access_request.kind in WISHED or access_request.invites
    if event == Event.GIVE_ALL and is_told and is_waited_for:
        facts: dict[str, Any] = {
            "assignment": assignment.pk,
            "ends_at": assignment.ends_at,
            "roles": [str(grant.role) for grant in grants],
            **({"has_new_account": True} if access_request.invites else {}),
        }
        flow.tell(access_request, "access.given", [access_request.target], **facts)
        if access_request.kind == RequestKind.ON_BEHALF_ADD:
            flow.tell(access_request, "access.given_to_other", [access_request.requestor], **facts)


def _settle_removal(access_request: AccessRequest, grants: list[Grant]) -> None:
    left = [grant for grant in grants if grant.shown_state == "removing"]
    if not left:
        _finish(access_request, Event.TAKE_ALL)


def _finish(access_request: AccessRequest, event: Event, *, reason: str = "") -> None:
    moved = access_request.move(event, reason=reason, final=True)
    flow.record(access_request, f"request.{moved['state']}", by=None, reason=reason, **moved)
