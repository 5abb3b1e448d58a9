"""Why the link of a mail cannot be used any more, each case in its own sentence."""

from entitlements import clock
from entitlements.directory.models import User
from entitlements.requests.models import ApprovalStep, StepState
from entitlements.requests.records import deletion_of
from portal import dates
from portal.approvals.tokens import Ticket


def why_stale(user: User, ticket: Ticket) -> str:
    """Say why a link does not lead to a decision for somebody; nothing when it does."""
    if ticket.approver != user.pk:
        return (
            f"This link was made for somebody else, and you are signed in as {user}. "
            "A decision cannot be passed on by forwarding a mail."
        )
    asked = ApprovalStep.objects.filter(asked__user=user, access_request=ticket.access_request)
    step = asked.filter(position=ticket.step).select_related("access_request", "decided_by").first()
    deletion = deletion_of(ticket.access_request, viewer=user) if step is None else None
    if deletion:
        when = dates.exact(deletion.at)
        return f"{deletion.by} deleted the record of this request on {when}."
    if step is None or user.pk in (
        step.access_request.requestor_id,
        step.access_request.target_id,
    ):
        return "You are not asked to decide this request any more."
    return _outcome(step, user)


def _outcome(step: ApprovalStep, user: User) -> str:
    if step.decided_by and step.decided_at:
        who = "You" if step.decided_by_id == user.pk else str(step.decided_by)
        word = StepState(step.state).label.lower()
        return f"{who} {word} this on {dates.exact(step.decided_at)}."
    if step.state == StepState.CLOSED:
        return "The request was called off before anybody decided it."
    if step.due_at and step.due_at <= clock.now():
        return f"The deadline was {dates.exact(step.due_at)}. Nobody decided in time."
    return ""
