"""Pass a stage on: ask alternates as well when nobody has decided for some days."""

from django.db import transaction

from entitlements import clock
from entitlements.requests import flow
from entitlements.requests.models import ApprovalStep, StepState


@transaction.atomic(durable=True)
def escalate(step: ApprovalStep) -> bool:
    """Ask a stage's alternates, whom it was told to ask by now; say whether this call did.

    Whoever was asked first can still decide.
    """
    access_request = flow.locked(step.access_request)
    step = access_request.steps.get(pk=step.pk)
    moment = clock.now()
    is_due = step.escalate_at is not None and step.escalate_at <= moment
    if step.state != StepState.WAITING or not is_due:
        return False
    found = flow.resolve(access_request, step, alternates=True)
    asked = flow.ask(
        access_request,
        "approval.passed_on",
        step,
        [approver.user for approver in found],
        is_fallback=any(approver.is_fallback for approver in found),
        is_alternate=True,
    )
    step.pass_on(is_passed_on=bool(asked))
    flow.record(
        access_request,
        "request.escalated",
        by=None,
        step=step.position,
        asked=flow.names(asked),
    )
    flow.ask_stand_ins(access_request, step, asked)
    return True
