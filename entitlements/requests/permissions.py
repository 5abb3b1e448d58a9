"""Who may do what with a request."""

from django.conf import settings

from entitlements.assignments.models import Assignment
from entitlements.callouts.models import Callout, CalloutState
from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.catalog.passing_on import can_pass_on
from entitlements.catalog.permissions import can, holds
from entitlements.decisions import ALLOWED, Decision, Reason, collect, deny
from entitlements.directory.models import User
from entitlements.directory.tenant_roles import GOVERN, has_right
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests.models import AccessRequest, ApprovalStep, StepApprover, StepState
from entitlements.requests.states import Event, RequestState

RECORD_DELETED = deny(
    "record_deleted", "The record of this request was deleted.", "The audit trail says by whom."
)


def can_decide(user: User, access_request: AccessRequest, step: ApprovalStep | None) -> Decision:
    """Only people who are asked in the waiting stage, and never about their own access."""
    if access_request.state != RequestState.PENDING_APPROVAL or step is None:
        return deny("not_waiting", _outcome(access_request), "Nothing is left to decide.")
    return collect(
        (
            _is_active(user),
            Reason(
                "own_request", "Nobody decides his own request.", "Somebody else who is asked can."
            )
            if user.pk in (access_request.requestor_id, access_request.target_id)
            else None,
            _has_turn(user, step),
        )
    )


def can_cancel(user: User, access_request: AccessRequest) -> Decision:
    """The requestor while it waits; managers of assignments also what failed."""
    if not access_request.can_see(Event.CANCEL):
        return deny(
            "too_late_to_cancel",
            _outcome(access_request),
            "Access that was given can be given back.",
        )
    is_concerned = user.pk in (access_request.requestor_id, access_request.target_id)
    if access_request.is_open and is_concerned and user.is_active:
        return ALLOWED
    return can(user, "manage_assignments", access_request.package.catalog)


def can_reprocess(user: User, access_request: AccessRequest) -> Decision:
    """Only people who manage assignments, and only what failed."""
    assignment = access_request.assignment
    if assignment is None or not access_request.can_see(Event.REPROCESS):
        return deny(
            "nothing_to_reprocess", "Nothing of this request has failed.", "Nothing is to be done."
        )
    if not assignment.is_live:
        return deny("access_ended", f"{access_request.package} has ended.", "Ask for it again.")
    return can(user, "manage_assignments", access_request.package.catalog)


def can_remind(user: User, access_request: AccessRequest) -> Decision:
    """Whoever made the request, or is to get the access."""
    if access_request.state != RequestState.PENDING_APPROVAL:
        return deny("not_waiting", _outcome(access_request), "Nothing is left to decide.")
    if user.is_active and user.pk in (access_request.requestor_id, access_request.target_id):
        return ALLOWED
    return deny("not_requestor", "Only whoever asked can remind the approvers.", "Ask that person.")


def can_change_own(user: User, assignment: Assignment) -> Decision:
    """Only the holder, and only while the access is live."""
    if not assignment.is_live:
        return deny("access_ended", f"{assignment.package} has ended.", "You can ask for it again.")
    if user.is_active and user.pk == assignment.target_id:
        return ALLOWED
    return deny(
        "not_holder",
        "Only whoever holds the access can do this.",
        "Managers of its assignments can end it.",
    )


def can_ask_for(user: User, target: User, policy: AssignmentPolicy) -> Decision:
    """Anybody for himself; for others only who answers for them, where the policy allows it."""
    if user.pk == target.pk:
        return ALLOWED
    return collect(
        (
            _is_active(user),
            _answers_for(user, target),
            _reaches_others(policy, "ask for other people"),
        )
    )


def can_remove_on_behalf(user: User, assignment: Assignment) -> Decision:
    """Only who answers for the holder, under policies that let him ask too, while it is live."""
    if not assignment.is_live:
        return deny(
            "access_ended", f"{assignment.package} has ended already.", "It can be asked for again."
        )
    return collect(
        (
            _is_active(user),
            _answers_for(user, assignment.target),
            _reaches_others(assignment.policy, "end the access of others"),
        )
    )


def can_give(user: User, package: AccessPackage) -> Decision:
    """Only people who manage assignments, and could give what comes with the package's groups."""
    may = can(user, "manage_assignments", package.catalog)
    return may and can_pass_on(user, package)


def can_prolong(user: User, assignment: Assignment) -> Decision:
    """Only people who manage assignments in the catalog, and never their own access."""
    if not assignment.is_live:
        return deny(
            "access_ended", f"{assignment.package} has ended already.", "It can be asked for again."
        )
    if user.pk == assignment.target_id:
        return deny(
            "own_access",
            "You extend your own access on its page under My access.",
            "Extend it there.",
        )
    return can_give(user, assignment.package)


def can_correct_for(user: User, assignment: Assignment) -> Decision:
    """Only people who manage assignments in the catalog, and never for their own access."""
    if not assignment.is_live:
        return deny(
            "access_ended", f"{assignment.package} has ended already.", "It can be asked for again."
        )
    if user.pk == assignment.target_id:
        return deny(
            "own_access",
            "You correct your own answers on the page of your access, where its policy lets you.",
            "Or ask somebody else who manages assignments.",
        )
    return can(user, "manage_assignments", assignment.package.catalog)


def can_skip_approval(user: User, catalog: Catalog) -> Decision:
    """Only owners of a catalog, where the organization allows it."""
    is_owner = holds(user, "manage_roles", catalog.pk)
    return collect(
        (
            None
            if settings.DIRECT_ASSIGNMENT_SKIPS_APPROVAL
            else Reason(
                "approval_is_never_skipped",
                "Access under a policy with approval waits for its approvers.",
                "Whoever runs the portal can let owners give it without.",
            ),
            None
            if is_owner
            else Reason(
                "approval_is_for_owners_to_skip",
                f"Only owners of the catalog {catalog} give access without approval.",
                "Ask one of them.",
            ),
        )
    )


def _answers_for(user: User, target: User) -> Reason | None:
    if User.objects.looked_after_by(user).filter(pk=target.pk).exists():
        return None
    return Reason(
        "not_your_people",
        f"{target} neither reports to you nor is a guest whom you sponsor.",
        "The directory says who reports to whom.",
    )


def _reaches_others(policy: AssignmentPolicy, what: str) -> Reason | None:
    if policy.allows_on_behalf:
        return None
    return Reason(
        "on_behalf_not_allowed",
        f"The policy {policy} of {policy.package} does not let managers {what}.",
        "The catalog's owners can allow it.",
    )


def can_remove(user: User, assignment: Assignment) -> Decision:
    """Only people who manage assignments in the catalog, while the access is live."""
    if not assignment.is_live:
        return deny(
            "access_ended", f"{assignment.package} has ended already.", "It can be asked for again."
        )
    return can(user, "manage_assignments", assignment.package.catalog)


def can_revoke(user: User, assignment: Assignment) -> Decision:
    """Only who approved the access, where the policy lets approvers end it, while it is live."""
    if not assignment.is_live:
        return deny(
            "access_ended", f"{assignment.package} has ended already.", "It can be asked for again."
        )
    return collect(
        (
            _is_active(user),
            None
            if StepApprover.objects.granted_by(user, assignment).exists()
            else Reason(
                "not_approver", "You did not approve this access.", "Whoever was asked can."
            ),
            None
            if assignment.policy.approver_can_remove
            else Reason(
                "approvers_cannot_end",
                "Under this policy approvers cannot end what they approved.",
                f"Whoever manages assignments in {assignment.package.catalog} can.",
            ),
        )
    )


def can_delete_records(user: User) -> Decision:
    """Only administrators, those of governance too (Entra: Identity Governance Administrator)."""
    if has_right(user, GOVERN):
        return ALLOWED
    return deny(
        "administrators_only",
        "Only administrators delete the records of requests.",
        "Ask one of them.",
    )


def is_completed(access_request: AccessRequest) -> Decision:
    """Say whether nothing more can come of a request, so that its record may go."""
    assignment = access_request.assignment
    failed = (RequestState.PARTIALLY_DELIVERED, RequestState.DELIVERY_FAILED)
    calls = Callout.objects.about(access_request).filter(state=CalloutState.PLANNED)
    return collect(
        (
            Reason(
                "not_completed", _outcome(access_request), "Wait until it is over, or cancel it."
            )
            if access_request.is_moving
            else None,
            Reason(
                "can_be_tried_again",
                f"Some roles of {access_request} could not be set up, and can be tried again.",
                "Try it again or cancel it, or end the access.",
            )
            if access_request.state in failed and assignment and assignment.is_live
            else None,
            Reason(
                "calls_to_come",
                "A system that is told of this request has not been called yet.",
                "Wait until it is, or until the call is given up.",
            )
            if calls.exists()
            else None,
        )
    )


def can_see(user: User, access_request: AccessRequest) -> bool:
    """Say whether a person may look at a request."""
    return AccessRequest.objects.visible_to(user).filter(pk=access_request.pk).exists()


def manages(user: User, access_request: AccessRequest) -> bool:
    """Say whether a person manages assignments in the request's catalog."""
    return holds(user, "manage_assignments", access_request.package.catalog_id)


def _has_turn(user: User, step: ApprovalStep) -> Reason | None:
    turn = step.asked.in_force().filter(user=user).first()
    if turn is None:
        return Reason(
            "not_approver", "You are not asked to decide this stage.", "Whoever was asked can."
        )
    if turn.decided_at:
        others = f"{step.approvals} of {step.needed} have."
        return Reason(
            "decided_already",
            f"You have approved this stage already; {others}",
            "Nothing more is to be done.",
        )
    return None


def _is_active(user: User) -> Reason | None:
    if user.is_active:
        return None
    return Reason("account_disabled", "Your account is disabled.", "The directory decides this.")


def not_waiting(access_request: AccessRequest) -> Decision:
    """Refuse, and say what has become of a request."""
    return deny("not_waiting", _outcome(access_request), "Nothing is left to decide.")


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
