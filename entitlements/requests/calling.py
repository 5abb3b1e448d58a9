"""Call extensions about a request, and let it wait for those whose answer counts."""

from collections.abc import Sequence
from typing import Any, Final

from entitlements.callouts import planning
from entitlements.callouts.models import Callout, until
from entitlements.catalog.extension_models import HOLDING, CalloutStage
from entitlements.requests.models import AccessRequest, stage_terms
from entitlements.requests.states import Event
from entitlements.requests.telling import record

LONGEST_NAMES: Final = 10


def call_out(access_request: AccessRequest, stage: CalloutStage) -> bool:
    """Within the caller's transaction: make the calls of a stage; say whether it waits now."""
    attached = access_request.terms.get("callouts", [])
    if not any(one["stage"] == stage for one in attached):
        return False
    facts = _facts(access_request)
    callouts = planning.call_out(attached, stage, access_request, facts)
    waited_for = [callout for callout in callouts if callout.waits]
    if not waited_for or stage not in HOLDING:
        return False
    _wait(access_request, waited_for)
    return True


def ask_who_approves(access_request: AccessRequest, extension_id: str, step: int) -> bool:
    """Within the caller's transaction: let an extension say who approves; say whether it waits now.

    It does not where the extension is off or gone.
    """
    stage = CalloutStage.DETERMINING_APPROVAL
    attached = [{"stage": stage, "extension": extension_id}]
    approval = {"stage": step, "of": len(stage_terms(access_request))}
    facts = {**_facts(access_request), "approval": approval}
    earlier = Callout.objects.about(access_request).filter(stage=stage).count()
    occasion = str(earlier + 1)
    callouts = planning.call_out(attached, stage, access_request, facts, occasion=occasion)
    if callouts:
        _wait(access_request, callouts, step=step)
    return bool(callouts)


def _wait(access_request: AccessRequest, waited_for: Sequence[Callout], **facts: Any) -> None:
    moved = access_request.move(Event.CALL_OUT)
    record(
        access_request,
        "request.waits_for_callback",
        by=None,
        extensions=[str(callout.extension) for callout in waited_for][:LONGEST_NAMES],
        answer_by=until(waited_for),
        stage=waited_for[0].stage,
        **facts,
        **moved,
    )


def _facts(access_request: AccessRequest) -> dict[str, Any]:
    assignment = access_request.assignment
    return planning.facts_of(
        access_request.package,
        access_request.policy,
        access_request.target,
        requestor=access_request.requestor,
        starts_at=assignment.starts_at if assignment else access_request.starts_at,
        ends_at=assignment.ends_at if assignment else access_request.ends_at,
        request=str(access_request.pk),
        reference=access_request.reference,
        kind=access_request.kind,
        justification=access_request.justification,
        answers=access_request.answers,
        assignment=str(assignment.pk) if assignment else None,
    )
