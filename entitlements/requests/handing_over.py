"""Give a turn to decide to somebody else, for good."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction

from entitlements import clock
from entitlements.decisions import Decision, Reason, collect, deny
from entitlements.directory.kinds import is_a_person
from entitlements.directory.models import User
from entitlements.policies.rules import text_fits
from entitlements.requests import flow, permissions
from entitlements.requests.models import AccessRequest, ApprovalStep, StepApprover, StepState


@transaction.atomic(durable=True)
def hand_over(
    access_request: AccessRequest,
    to: User,
    *,
    by: User,
    justification: str,
    giver: User | None = None,
) -> StepApprover:
    """Let `to` decide the stage that waits in the place of `giver`, and say why.

    Whoever is asked gives his own turn. Managers of assignments give anybody's, and where nobody
    is asked, a new one. Raises Denied with every reason that speaks against it.
    """
    access_request = flow.locked(access_request)
    step = access_request.steps.filter(state=StepState.WAITING).first()
    can_hand_over(by, access_request).require()
    assert step is not None  # noqa: S101  # can_hand_over refuses without one
    turn = _turn_of(giver or by, step)
    needs_words = collect((text_fits(justification, is_required=True),))
    whose = _whose_turn(by, giver, step, turn, manages=permissions.manages(by, access_request))
    (whose + collect(_speaks_against(to, by, access_request, step)) + needs_words).require()
    turn = _give(step, turn, to, by)
    facts: dict[str, Any] = {"step": step.position, "words": justification.strip()}
    flow.record(
        access_request,
        "request.handed_over",
        by=by,
        giver=str(giver) if giver and giver != by else None,
        asked=[str(to)],
        **facts,
    )
    told = {**facts, "due_at": step.due_at, "handed_over_by": str(by)}
    flow.tell(access_request, "approval.asked", [to], **told)
    if giver and giver != by:
        flow.tell(access_request, "approval.handed_over", [giver], to=str(to), by=str(by), **facts)
    flow.ask_stand_ins(access_request, step, [to])
    return turn


def can_hand_over(user: User, access_request: AccessRequest) -> Decision:
    """Whoever has a turn of his own in the stage that waits, and managers of assignments."""
    step = access_request.steps.filter(state=StepState.WAITING).first()
    if step is None:
        return permissions.not_waiting(access_request)
    if step.due_at and step.due_at <= clock.now():
        return deny(
            "lapsed", "The deadline has passed; the request lapses.", "It can be asked for again."
        )
    if user.pk in (access_request.requestor_id, access_request.target_id):
        return deny(
            "own_request",
            "Nobody chooses who decides his own request.",
            "Somebody else who is asked can.",
        )
    if permissions.manages(user, access_request):
        return collect(())
    return collect((_why_no_turn(user, step),))


def givers(access_request: AccessRequest) -> list[User]:
    """Return whose turns can be given to others, by name."""
    turns = StepApprover.objects.filter(
        step__access_request=access_request,
        step__state=StepState.WAITING,
        delegation=None,
        decided_at=None,
    )
    return list(User.objects.filter(asked_in__in=turns).order_by("display_name", "pk"))


def _why_no_turn(user: User, step: ApprovalStep) -> Reason | None:
    turn = step.asked.in_force().filter(user=user).select_related("delegation__delegator").first()
    if not user.is_active:
        return Reason(
            "account_disabled", "Your account is disabled.", "The directory decides this."
        )
    if turn is None:
        return Reason(
            "not_approver", "You are not asked to decide this stage.", "Whoever was asked can."
        )
    if turn.decided_at:
        return Reason(
            "decided_already", "You have decided this stage already.", "Nothing more is to be done."
        )
    if turn.delegation:
        delegator = turn.delegation.delegator
        return Reason("stands_in", f"It is the turn of {delegator}.", "Only he can hand it over.")
    return None


def _turn_of(user: User, step: ApprovalStep) -> StepApprover | None:
    return step.asked.filter(user=user, delegation=None, decided_at=None).first()


def _whose_turn(
    by: User,
    giver: User | None,
    step: ApprovalStep,
    turn: StepApprover | None,
    *,
    manages: bool,
) -> Decision:
    """Say whether the turn may be given: one's own, or anybody's, or none where none is left."""
    if turn and (manages or turn.user_id == by.pk):
        return collect(())
    if giver and giver != by and not manages:
        return deny(
            "not_your_turn", "You can hand over only your own turn.", "Whoever has the turn can."
        )
    if giver is None and not step.undecided().exists():
        return collect(())
    if giver:
        return deny(
            "not_asked",
            f"{giver} is not asked to decide this stage.",
            "Choose somebody who is asked.",
        )
    return deny("giver_missing", "Several people could be meant.", "Choose whose turn it is.")


def _speaks_against(
    to: User, by: User, access_request: AccessRequest, step: ApprovalStep
) -> Iterator[Reason | None]:
    if to.pk == by.pk:
        yield Reason("to_yourself", "You cannot hand it to yourself.", "Choose somebody else.")
    yield is_a_person(to)
    if not to.is_active:
        yield Reason(
            "person_disabled", f"The account of {to} is disabled.", "Choose somebody else."
        )
    if to.pk in (access_request.requestor_id, access_request.target_id):
        yield Reason("about_himself", f"The request is {to}’s own.", "Choose somebody else.")
    if step.asked.filter(user=to).exists():
        yield Reason("asked_already", f"{to} is asked already.", "Choose somebody else.")


def _give(step: ApprovalStep, turn: StepApprover | None, to: User, by: User) -> StepApprover:
    """Within the caller's transaction: move the turn, and end those of stand-ins for its giver."""
    if turn is None:
        return StepApprover.objects.create(step=step, user=to, handed_over_by=by)
    step.asked.filter(delegation__delegator=turn.user_id, decided_at=None).delete()
    turn.user, turn.handed_over_by = to, by
    turn.save(update_fields=["user", "handed_over_by"])
    return turn
