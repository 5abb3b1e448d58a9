"""Ask for access, keep it longer, give it back, give it directly, end it, call a request off."""

from datetime import datetime

from django.db import transaction

from entitlements import clock
from entitlements.assignments import operations as assignments
from entitlements.assignments.models import Assignment, EndReason
from entitlements.catalog.attributes import attributes_of
from entitlements.decisions import Denied, collect, deny
from entitlements.directory.models import User
from entitlements.locks import take_turns
from entitlements.policies.answers import Given, given_again
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.questions import terms_of_questions
from entitlements.policies.rules import text_fits
from entitlements.requests import candidates, flow, making, permissions
from entitlements.requests.attributes import questions_about
from entitlements.requests.candidates import Wish
from entitlements.requests.models import AccessRequest, StepState
from entitlements.requests.states import ADDS, WISHED, Event, RequestKind, RequestState

REMIND_AGAIN = flow.ONE_DAY
OVERTAKEN = "The access ended before the request was decided."


@transaction.atomic(durable=True)
def submit(
    policy: AssignmentPolicy,
    *,
    by: User,
    target: User | None = None,
    answers: Given | None = None,
    justification: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> AccessRequest:
    """Ask for a package under one of its policies, for oneself or for `target` (moments in UTC).

    For others ask their managers and sponsors, where the policy lets them. `answers` are by the
    keys of the policy's questions. Raises Denied with every reason that speaks against it.
    """
    target = target or by
    take_turns(target.pk, policy.package_id)
    wish = Wish(justification=justification, starts_at=starts_at, ends_at=ends_at, answers=answers)
    may_ask = permissions.can_ask_for(by, target, policy)
    (may_ask + candidates.can_request(policy, target, **wish)).require()
    kind = RequestKind.USER_ADD if target == by else RequestKind.ON_BEHALF_ADD
    access_request = making.create(kind, policy, by, target, **wish)
    flow.record(access_request, "request.submitted", by=by, justification=justification)
    if kind == RequestKind.ON_BEHALF_ADD:
        flow.tell(access_request, "request.asked_for_you", [target])
    flow.take_in(access_request, by=by)
    return access_request


@transaction.atomic(durable=True)
def assign(
    policy: AssignmentPolicy,
    target: User,
    *,
    by: User,
    answers: Given | None = None,
    justification: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    skips_approval: bool = False,
) -> AccessRequest:
    """Give a package directly; under a policy with approval it waits for the approvers.

    Owners may skip them where the organization allows it. Raises Denied when `by` may not, or
    `target` does not fit the policy.
    """
    wish = Wish(justification=justification, starts_at=starts_at, ends_at=ends_at, answers=answers)
    return give(policy, target, wish, by=by, skips_approval=skips_approval)


def give(
    policy: AssignmentPolicy,
    target: User,
    wish: Wish,
    *,
    by: User,
    skips_approval: bool,
    takes_over: bool = False,
) -> AccessRequest:
    """Within the caller's transaction: give a package directly, or raise Denied."""
    take_turns(target.pk, policy.package_id)
    permissions.can_give(by, policy.package).require()
    if skips_approval:
        permissions.can_skip_approval(by, policy.package.catalog).require()
    candidates.can_request(policy, target, is_direct=True, **wish).require()
    access_request = making.create(
        RequestKind.ADMIN_ADD,
        policy,
        by,
        target,
        skips_approval=skips_approval,
        takes_over=takes_over,
        **wish,
    )
    facts: dict[str, object] = {"justification": wish["justification"]}
    facts |= {"approval_skipped": True} if skips_approval else {}
    facts |= {"takes_over": True} if takes_over else {}
    facts |= {"invites": target.email} if target.is_invited else {}
    flow.record(access_request, "request.given_directly", by=by, **facts)
    flow.take_in(access_request, by=by)
    return access_request


@transaction.atomic(durable=True)
def extend(
    assignment: Assignment, *, by: User, ends_at: datetime | None = None, justification: str = ""
) -> AccessRequest:
    """Ask to keep access until `ends_at` (UTC), or for as long as the policy allows."""
    take_turns(assignment.target_id, assignment.package_id)
    assignment = _locked(assignment)
    permissions.can_change_own(by, assignment).require()
    candidates.can_extend(assignment, justification=justification, ends_at=ends_at).require()
    access_request = making.create(
        RequestKind.USER_EXTEND,
        assignment.policy,
        by,
        assignment.target,
        justification=justification,
        ends_at=ends_at or candidates.extension_limit(assignment),
        assignment=assignment,
    )
    flow.record(access_request, "request.extension_asked", by=by, ends_at=access_request.ends_at)
    flow.take_in(access_request, by=by)
    return access_request


@transaction.atomic(durable=True)
def prolong(
    assignment: Assignment, *, by: User, ends_at: datetime | None = None, justification: str = ""
) -> AccessRequest:
    """Let somebody keep access until `ends_at` (UTC), as a manager of assignments in its catalog.

    The limits of the policy hold, and its approvers are asked as for a new assignment.
    """
    return let_keep(assignment, by=by, ends_at=ends_at, justification=justification)


def let_keep(
    assignment: Assignment, *, by: User, ends_at: datetime | None, justification: str
) -> AccessRequest:
    """Within the caller's transaction: let somebody keep access for longer, or raise Denied."""
    take_turns(assignment.target_id, assignment.package_id)
    assignment = _locked(assignment)
    permissions.can_prolong(by, assignment).require()
    wish = {"justification": justification, "ends_at": ends_at}
    candidates.can_extend(assignment, is_by_manager=True, **wish).require()
    access_request = making.create(
        RequestKind.ADMIN_UPDATE,
        assignment.policy,
        by,
        assignment.target,
        justification=justification,
        ends_at=ends_at or candidates.extension_limit(assignment),
        assignment=assignment,
    )
    facts = {"justification": justification, "ends_at": access_request.ends_at}
    flow.record(access_request, "request.extension_given", by=by, **facts)
    flow.take_in(access_request, by=by)
    return access_request


@transaction.atomic(durable=True)
def give_back(assignment: Assignment, *, by: User, justification: str = "") -> AccessRequest:
    """End one's own access now; what nothing else gives is taken away within minutes."""
    overtaken, assignment = _locked_with_requests(assignment)
    permissions.can_change_own(by, assignment).require()
    _call_off(overtaken)
    return _remove(RequestKind.USER_REMOVE, EndReason.GIVEN_BACK, assignment, by, justification)


@transaction.atomic(durable=True)
def remove(assignment: Assignment, *, by: User, justification: str = "") -> AccessRequest:
    """End somebody's access now, as a manager of assignments in its catalog."""
    return take(assignment, by=by, justification=justification)


def take(assignment: Assignment, *, by: User, justification: str) -> AccessRequest:
    """Within the caller's transaction: end somebody's access now, or raise Denied."""
    overtaken, assignment = _locked_with_requests(assignment)
    permissions.can_remove(by, assignment).require()
    _call_off(overtaken)
    return _remove(RequestKind.ADMIN_REMOVE, EndReason.REMOVED, assignment, by, justification)


@transaction.atomic(durable=True)
def revoke(assignment: Assignment, *, by: User, justification: str) -> AccessRequest:
    """End access now that one approved in some stage, and say why."""
    overtaken, assignment = _locked_with_requests(assignment)
    needs_words = collect((text_fits(justification, is_required=True),))
    (permissions.can_revoke(by, assignment) + needs_words).require()
    _call_off(overtaken)
    return _remove(RequestKind.APPROVER_REMOVE, EndReason.REVOKED, assignment, by, justification)


@transaction.atomic(durable=True)
def remove_on_behalf(assignment: Assignment, *, by: User, justification: str) -> AccessRequest:
    """End the access of somebody whom one answers for, now, and say why."""
    overtaken, assignment = _locked_with_requests(assignment)
    needs_words = collect((text_fits(justification, is_required=True),))
    (permissions.can_remove_on_behalf(by, assignment) + needs_words).require()
    _call_off(overtaken)
    kind, reason = RequestKind.ON_BEHALF_REMOVE, EndReason.REMOVED_ON_BEHALF
    return _remove(kind, reason, assignment, by, justification)


@transaction.atomic(durable=True)
def cancel(access_request: AccessRequest, *, by: User, justification: str = "") -> AccessRequest:
    """Call a request off; what a failed one has given already is taken away again."""
    return withdraw(access_request, by=by, justification=justification)


def withdraw(access_request: AccessRequest, *, by: User, justification: str) -> AccessRequest:
    """Within the caller's transaction: call a request off, or raise Denied."""
    access_request = flow.locked(access_request)
    permissions.can_cancel(by, access_request).require()
    _refuse_bad_text(justification)
    if access_request.assignment_id and access_request.kind in ADDS:
        assignment = _locked(Assignment(pk=access_request.assignment_id))
        if assignment.ended_at is None:
            assignments.end(assignment, EndReason.CANCELED, by=by)
    flow.close_steps(access_request)
    moved = access_request.move(Event.CANCEL, reason=justification, final=True)
    flow.record(access_request, "request.canceled", by=by, justification=justification, **moved)
    return access_request


@transaction.atomic(durable=True)
def cancel_obsolete(access_request: AccessRequest) -> AccessRequest:
    """Call off a request to extend access that has ended meanwhile; a second call does nothing."""
    access_request = flow.locked(access_request)
    if access_request.is_open:
        _call_off([access_request])
    return access_request


def resubmit(access_request: AccessRequest, *, by: User) -> AccessRequest:
    """Ask again with the words and dates of a request that was denied, lapsed or canceled.

    Dates that have passed meanwhile are left to the policy.
    """
    if not access_request.was_not_granted or access_request.kind not in WISHED:
        deny(
            "not_resubmittable",
            "Only a request that was not granted can be sent again.",
            "Ask for the package anew.",
        ).require()
    if by.pk != access_request.requestor_id:
        deny(
            "not_requestor", "Only whoever asked can send the request again.", "Ask that person."
        ).require()
    moment = clock.now()
    dates = (access_request.starts_at, access_request.ends_at)
    starts_at, ends_at = (date if date and date > moment else None for date in dates)
    return submit(
        access_request.policy,
        by=by,
        target=access_request.target,
        justification=access_request.justification,
        starts_at=starts_at,
        ends_at=ends_at,
        answers=_answers_again(access_request),
    )


@transaction.atomic(durable=True)
def remind(access_request: AccessRequest, *, by: User) -> None:
    """Remind whoever is asked to decide; once a day at most."""
    access_request = flow.locked(access_request)
    permissions.can_remind(by, access_request).require()
    last = access_request.reminded_at
    if last and last > clock.now() - REMIND_AGAIN:
        deny(
            "reminded_already", "The approvers were reminded within the last day.", "Wait a day."
        ).require()
    step = access_request.steps.get(state=StepState.WAITING)
    access_request.reminded_at = clock.now()
    access_request.save(update_fields=["reminded_at"])
    flow.remind(access_request, step, by=by)


@transaction.atomic(durable=True)
def start_scheduled(access_request: AccessRequest) -> AccessRequest:
    """Begin access whose start has come; a second call does nothing.

    When the person was disabled or holds the package already, or what clashes with it, or lacks
    what it requires, or the period is over, the request is canceled.
    """
    access_request = flow.locked(access_request)
    if access_request.state != RequestState.SCHEDULED:
        return access_request
    try:
        flow.still_fits(access_request, is_start=True).require()
        flow.start(access_request, by=None)
    except Denied as denied:
        flow.call_off(access_request, " ".join(r.text for r in denied.decision.reasons))
    return access_request


def _answers_again(access_request: AccessRequest) -> Given:
    """Return the answers of a request that the policy's questions of today still ask for."""
    questions = terms_of_questions(access_request.policy)
    needed = attributes_of(access_request.package_id)
    asked = (*questions, *questions_about(needed, access_request.target))
    return given_again(access_request.answers, asked)


def _remove(
    kind: RequestKind, reason: EndReason, assignment: Assignment, by: User, justification: str
) -> AccessRequest:
    _refuse_bad_text(justification)
    access_request = making.create(
        kind,
        assignment.policy,
        by,
        assignment.target,
        justification=justification,
        assignment=assignment,
    )
    moved = access_request.move(Event.REMOVE)
    flow.record(
        access_request, "request.removal_asked", by=by, justification=justification, **moved
    )
    assignments.end(assignment, reason, by=by, words=justification)
    return access_request


def _refuse_bad_text(text: str) -> None:
    collect((text_fits(text, is_required=False),)).require()


def _call_off(overtaken: list[AccessRequest]) -> None:
    """Within the caller's transaction: cancel requests to extend access that ends, or has ended."""
    for access_request in overtaken:
        flow.call_off(access_request, OVERTAKEN)


def _locked_with_requests(assignment: Assignment) -> tuple[list[AccessRequest], Assignment]:
    """Within the caller's transaction: lock open requests about the access before it itself."""
    take_turns(assignment.target_id, assignment.package_id)
    about = AccessRequest.objects.open().filter(assignment=assignment.pk).order_by("pk")
    requests = [flow.locked(access_request) for access_request in about]
    still_open = [access_request for access_request in requests if access_request.is_open]
    return still_open, _locked(assignment)


def _locked(assignment: Assignment) -> Assignment:
    return (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("package__catalog", "policy", "target")
        .get(pk=assignment.pk)
    )
