"""Call extensions about a request, and let it wait for those whose answer counts."""

from typing import Any, Final

from entitlements.audit import trail
from entitlements.callouts import planning
from entitlements.callouts.models import until
from entitlements.catalog.extension_models import HOLDING, CalloutStage
from entitlements.requests.models import AccessRequest
from entitlements.requests.states import Event

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
    moved = access_request.move(Event.CALL_OUT)
    trail.record(
        "request.waits_for_callback",
        access_request,
        by=None,
        target=access_request.target,
        package=str(access_request.package),
        extensions=[str(callout.extension) for callout in waited_for][:LONGEST_NAMES],
        answer_by=until(waited_for),
        stage=stage.value,
        **moved,
    )
    return True


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
