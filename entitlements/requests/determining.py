"""Stages for which an extension says who approves: it is asked, it answers, or others decide."""

from collections.abc import Iterator, Mapping
from typing import Any

from entitlements.decisions import Reason
from entitlements.policies import approvers
from entitlements.policies.answered_stages import frozen_stage
from entitlements.policies.stage_terms import StageTerms, answer_fits
from entitlements.requests import calling
from entitlements.requests.closing import end_unanswered
from entitlements.requests.models import (
    AccessRequest,
    ApprovalStep,
    StepState,
    decider_of,
    stage_terms,
)
from entitlements.requests.states import Event
from entitlements.requests.steps import step_columns
from entitlements.requests.telling import record


def holds_up(access_request: AccessRequest, step: ApprovalStep) -> bool:
    """Within the caller's transaction: say whether a step is not to be opened now.

    Its extension is called, if it has one. Where that is off or gone the stage's fallbacks decide,
    and without any the request fails: nobody is approved by nobody.
    """
    decider = decider_of(stage_terms(access_request)[step.position - 1])
    if decider is None:
        return False
    if calling.ask_who_approves(access_request, decider["id"], step.position):
        return True
    if has_fallbacks(access_request, step):
        settle(access_request, step)
        record(
            access_request,
            "request.decided_by_fallbacks",
            by=None,
            step=step.position,
            extension=decider["name"],
        )
        return False
    end_unanswered(
        access_request,
        decider["name"],
        f"“{decider['name']}” is off, and nobody is named who decides instead.",
        event=Event.FAIL,
        action="request.undeterminable",
    )
    return True


def step_to_determine(access_request: AccessRequest) -> ApprovalStep:
    """Return the step whose approvers are waited for."""
    return access_request.steps.filter(state=StepState.COMING).order_by("position")[0]


def has_fallbacks(access_request: AccessRequest, step: ApprovalStep) -> bool:
    """Say whether somebody is named who decides where the extension does not say who."""
    return bool(stage_terms(access_request)[step.position - 1]["approvers"])


def settle(
    access_request: AccessRequest, step: ApprovalStep, terms: StageTerms | None = None
) -> dict[str, Any]:
    """Within the caller's transaction: freeze a stage as it was answered; return what is new.

    Without terms its fallbacks decide, as the policy says.
    """
    stages = stage_terms(access_request)
    stage: Mapping[str, Any] = stages[step.position - 1]
    answered = frozen_stage(terms) if terms else {}
    settled = {**stage, **answered, "is_settled": True}
    stages[step.position - 1] = settled
    access_request.save(update_fields=["terms"])
    columns = step_columns(settled)
    for name, value in columns.items():
        setattr(step, name, value)
    step.save(update_fields=list(columns))
    return answered


def speaks_against(access_request: AccessRequest, terms: StageTerms) -> Iterator[Reason]:
    """Yield what speaks against a stage for this one request; people are found as they are now."""
    yield from answer_fits(terms, "The stage")
    users = {one.user_id for one in terms.approvers if one.user_id}
    groups = {one.group_id for one in terms.approvers if one.group_id}
    yield from approvers.unknown_among(users, groups)
    entries = frozen_stage(terms)["approvers"]
    for is_alternate in (False, True):
        named = [one for one in entries if one["is_alternate"] is is_alternate]
        found = approvers.resolve(
            named,
            target=access_request.target,
            package=access_request.package,
            barred={access_request.requestor_id, access_request.target_id},
            alternates=is_alternate,
        )
        if named and not found:
            yield Reason(
                "nobody_to_decide",
                f"Of {', '.join(one['name'] for one in named)} nobody can decide about "
                f"{access_request.target}.",
                "Nobody decides his own request; name somebody else.",
            )
