"""Who may do what with a request."""

from entitlements.assignments.models import Assignment
from entitlements.catalog.permissions import can, holds
from entitlements.decisions import ALLOWED, Decision, Reason, collect, deny
from entitlements.directory.models import User
from entitlements.requests.models import AccessRequest, ApprovalStep, StepState
from entitlements.requests.states import Event, RequestState


def can_decide(user: User, access_request: AccessRequest, step: ApprovalStep | None) -> Decision:
    """Only people who are asked in the waiting stage, and never about their own access."""
    if access_request.state != RequestState.PENDING_APPROVAL or step is None:
        return deny("not_waiting", _outcome(access_request))
    return collect(
        (
            _is_active(user),
            Reason("own_request", "Nobody decides his own request.")
            if user.pk in (access_request.requestor_id, access_request.target_id)
            else None,
            None
            if step.asked.filter(user=user).exists()
            else Reason("not_approver", "You are not asked to decide this stage."),
        )
    )


def can_cancel(user: User, access_request: AccessRequest) -> Decision:
    """The requestor while it waits; managers of assignments also what failed."""
    if not access_request.can_see(Event.CANCEL):
        return deny("too_late_to_cancel", _outcome(access_request))
    is_concerned = user.pk in (access_request.requestor_id, access_request.target_id)
    if access_request.is_open and is_concerned and user.is_active:
        return ALLOWED
    return can(user, "manage_assignments", access_request.package.catalog)


def can_reprocess(user: User, access_request: AccessRequest) -> Decision:
    """Only people who manage assignments, and only what failed."""
    assignment = access_request.assignment
    if assignment is None or not access_request.can_see(Event.REPROCESS):
        return deny("nothing_to_reprocess", "Nothing of this request has failed.")
    if not assignment.is_live:
        return deny("access_ended", f"{access_request.package} has ended.", "Ask for it again.")
    return can(user, "manage_assignments", access_request.package.catalog)


def can_remind(user: User, access_request: AccessRequest) -> Decision:
    """Whoever made the request, or is to get the access."""
    if access_request.state != RequestState.PENDING_APPROVAL:
        return deny("not_waiting", _outcome(access_request))
    if user.is_active and user.pk in (access_request.requestor_id, access_request.target_id):
        return ALLOWED
    return deny("not_requestor", "Only whoever asked can remind the approvers.")


def can_change_own(user: User, assignment: Assignment) -> Decision:
    """Only the holder, and only while the access is live."""
    if not assignment.is_live:
        return deny("access_ended", f"{assignment.package} has ended.", "You can ask for it again.")
    if user.is_active and user.pk == assignment.target_id:
        return ALLOWED
    return deny("not_holder", "Only whoever holds the access can do this.")


def can_remove(user: User, assignment: Assignment) -> Decision:
    """Only people who manage assignments in the catalog, while the access is live."""
    if not assignment.is_live:
        return deny("access_ended", f"{assignment.package} has ended already.")
    return can(user, "manage_assignments", assignment.package.catalog)


def can_see(user: User, access_request: AccessRequest) -> bool:
    """Say whether a person may look at a request."""
    return AccessRequest.objects.visible_to(user).filter(pk=access_request.pk).exists()


def manages(user: User, access_request: AccessRequest) -> bool:
    """Say whether a person manages assignments in the request's catalog."""
    return holds(user, "manage_assignments", access_request.package.catalog_id)


def _is_active(user: User) -> Reason | None:
    if user.is_active:
        return None
    return Reason("account_disabled", "Your account is disabled.", "The directory decides this.")


def _outcome(access_request: AccessRequest) -> str:
    """Say what has become of a request, and who decided."""
    decided = access_request.steps.filter(
        state__in=[StepState.APPROVED, StepState.DENIED]
    ).select_related("decided_by")
    last = decided.order_by("-position").first()
    state = RequestState(access_request.state).label.lower()
    if last and last.decided_by:
        word = StepState(last.state).label.lower()
        return f"This request is {state}: {last.decided_by} {word} it."
    return f"This request is {state}."
