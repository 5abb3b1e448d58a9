"""Let a request that waits for approval follow its policy as it reads now.

What was decided stays decided. The stage that waits begins anew if the policy has changed it, and
stages to come are replaced. The rules are told in docs/decisions/0017.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from django.db import transaction

from entitlements import clock
from entitlements.catalog.permissions import can
from entitlements.comparing import Difference, compare
from entitlements.decisions import Decision, Reason, collect
from entitlements.directory.models import User
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.risk import is_for_risk
from entitlements.requests import flow
from entitlements.requests.making import is_approved_anew
from entitlements.requests.models import AccessRequest, ApprovalStep, StepState, decider_of
from entitlements.requests.states import UPDATES, RequestState

KEPT = ("questions", "attributes", "corrects", "answered_before")
UNOPENED = {
    "state": StepState.COMING,
    "needed": 1,
    "approvals": 0,
    "escalate_at": None,
    "escalated_at": None,
}


@transaction.atomic(durable=True)
def apply_policy(access_request: AccessRequest, *, by: User) -> AccessRequest:
    """Give a request that waits the terms of its policy as they are now.

    Raises Denied when somebody has decided in the stage that waits, when nothing differs, and when
    the policy leaves no stage to decide.
    """
    access_request = flow.locked(access_request)
    can_apply(by, access_request).require()
    terms = terms_now(access_request)
    changes = differences(access_request)
    access_request.terms = terms
    access_request.save(update_fields=["terms"])
    is_reopened = _replace_steps(access_request, terms["stages"])
    flow.record(
        access_request,
        "request.policy_applied",
        by=by,
        changes=[_told(change) for change in changes],
        is_reopened=is_reopened,
    )
    if is_reopened:
        flow.open_next_step(access_request)
    return access_request


def can_apply(user: User, access_request: AccessRequest) -> Decision:
    """Only people who manage packages, not for themselves, while nobody has decided the stage."""
    may = can(user, "manage_packages", access_request.package.catalog)
    return may + collect(_speaks_against(user, access_request))


def terms_now(access_request: AccessRequest) -> dict[str, Any]:
    """Return the policy as the request would keep it now, with the questions that it was asked."""
    policy, old = access_request.policy, access_request.terms
    terms = frozen_terms(policy)
    corrects = access_request.corrects
    if access_request.kind in UPDATES and not is_approved_anew(policy, corrects=corrects):
        terms["stages"] = []
    stages = [*filter(is_for_risk, old["stages"]), *terms["stages"]]
    terms["stages"] = [
        before if before and _has_said(before, stage) else stage
        for before, stage in zip_longest(old["stages"][: len(stages)], stages)
    ]
    return {**terms, **{name: old[name] for name in KEPT if name in old}}


def _has_said(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Say whether the extension that a stage names has said already who approves it."""
    decider = before.get("extension")
    is_same = bool(decider and now.get("extension") and decider["id"] == now["extension"]["id"])
    return is_same and bool(before.get("is_settled"))


def differences(access_request: AccessRequest) -> list[Difference]:
    """Return what differs between the request's copy of its policy and the policy now."""
    return compare(access_request.terms, terms_now(access_request))


def _speaks_against(user: User, access_request: AccessRequest) -> Iterator[Reason]:
    step = access_request.steps.filter(state=StepState.WAITING).first()
    if access_request.state != RequestState.PENDING_APPROVAL or step is None:
        yield Reason(
            "not_waiting",
            "This request does not wait for a decision.",
            "It keeps the policy as it was.",
        )
        return
    if user.pk in (access_request.requestor_id, access_request.target_id):
        yield Reason(
            "own_request",
            "Nobody changes the approval of his own request.",
            "Another owner of the catalog can.",
        )
    if step.asked.exclude(decision="").exists():
        yield Reason(
            "stage_in_decision",
            "Somebody has decided in this stage already.",
            "Wait until the stage is decided.",
        )
    if step.due_at and step.due_at <= clock.now():
        yield Reason(
            "lapsed", "The deadline has passed; the request lapses.", "It can be asked for again."
        )
    yield from _stages_speak_against(access_request, step)


def _stages_speak_against(access_request: AccessRequest, step: ApprovalStep) -> Iterator[Reason]:
    now = terms_now(access_request)
    if not differences(access_request):
        yield Reason(
            "nothing_to_apply",
            "The policy reads as it did when this was asked for.",
            "Nothing is to be done.",
        )
    elif len(now["stages"]) < step.position:
        yield Reason(
            "no_stage_left",
            f"The policy has {len(now['stages'])} stages now, and this request waits in stage "
            f"{step.position}: it would be approved without a decision.",
            "Let it be decided as it is, or ask again.",
        )


def _replace_steps(access_request: AccessRequest, stages: list[dict[str, Any]]) -> bool:
    """Replace the stages that are not decided; say whether the one that waits begins anew."""
    step = access_request.steps.get(state=StepState.WAITING)
    stage = stages[step.position - 1]
    columns = flow.step_columns(stage)
    is_undetermined = decider_of(stage) is not None
    differs = any(not _same(getattr(step, name), value) for name, value in columns.items())
    is_changed = is_undetermined or differs
    if is_changed:
        step.asked.all().delete()
        access_request.steps.filter(pk=step.pk).update(**columns, **UNOPENED)
    access_request.steps.filter(position__gt=step.position).delete()
    ApprovalStep.objects.bulk_create(
        ApprovalStep(access_request=access_request, position=position, **flow.step_columns(stage))
        for position, stage in enumerate(stages, start=1)
        if position > step.position
    )
    return is_changed


def _same(old: Any, new: Any) -> bool:
    """Say whether a column stays as it is; a new name for the same approver is no change."""
    return bool(_unnamed(old) == _unnamed(new))


def _unnamed(value: Any) -> Any:
    if isinstance(value, list):
        return [_unnamed(one) for one in value]
    if isinstance(value, dict):
        return {key: one for key, one in value.items() if key != "name" and one}
    return value


def _told(change: Difference) -> dict[str, Any]:
    """Return a difference as an event keeps it."""
    place = f"{change.part}.{change.position}." if change.part else ""
    return {"field": f"{place}{change.field}", "old": change.old, "new": change.new}
