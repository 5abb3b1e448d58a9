"""The ends of a request before it is carried out: nobody is asked, and nothing is waited for."""

from entitlements.callouts import models as callouts
from entitlements.requests.models import AccessRequest, StepState
from entitlements.requests.states import Event
from entitlements.requests.telling import record, tell


def close_steps(access_request: AccessRequest) -> None:
    """Within the caller's transaction: nobody is asked any more, and no answer is waited for."""
    callouts.close(access_request.pk)
    access_request.steps.filter(state__in=[StepState.COMING, StepState.WAITING]).update(
        state=StepState.CLOSED
    )


def call_off(access_request: AccessRequest, reason: str) -> None:
    """Within the caller's transaction: cancel a request that events have overtaken."""
    close_steps(access_request)
    moved = access_request.move(Event.CANCEL, reason=reason, final=True)
    record(access_request, "request.canceled", by=None, justification=reason, **moved)


def end_unanswered(
    access_request: AccessRequest, extension: str, reason: str, *, event: Event, action: str
) -> None:
    """Within the caller's transaction: end a request for want of an extension's answer."""
    close_steps(access_request)
    moved = access_request.move(event, reason=reason, final=True)
    record(access_request, action, by=None, extension=extension, **moved)
    concerned = {access_request.requestor, access_request.target}
    if event == Event.DENY:
        tell(access_request, "request.denied", concerned, by=extension, decision=reason)
    else:
        tell(access_request, "request.unanswered", concerned, by=extension, decision=reason)
