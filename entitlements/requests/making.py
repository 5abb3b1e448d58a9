"""New requests: the policy is frozen into them, and the answers are kept."""

from datetime import datetime
from typing import Any

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.catalog.attributes import ResourceAttribute, attributes_of
from entitlements.directory.models import User
from entitlements.policies.answers import Given, kept
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.question_terms import from_frozen
from entitlements.policies.risk import stages_for
from entitlements.requests.attributes import names_by_key, questions_about, with_profile
from entitlements.requests.models import AccessRequest
from entitlements.requests.states import ADDS, UPDATES, WISHED, RequestKind


def create(
    kind: RequestKind,
    policy: AssignmentPolicy,
    requestor: User,
    target: User,
    *,
    justification: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    answers: Given | None = None,
    assignment: Assignment | None = None,
    skips_approval: bool = False,
    takes_over: bool = False,
    answered_before: list[dict[str, Any]] | None = None,
) -> AccessRequest:
    """Within the caller's transaction: make a request, with its policy as it reads now.

    One that gets access answers what is asked under the policy, and so does one that corrects
    answers; `answered_before` is how these read.
    """
    terms = frozen_terms(policy)
    corrects = answered_before is not None
    if skips_approval or (kind in UPDATES and not is_approved_anew(policy, corrects=corrects)):
        terms["stages"] = []
    if kind in WISHED:
        terms["stages"] = [*stages_for(target), *terms["stages"]]
    terms |= {"corrects": True, "answered_before": answered_before} if corrects else {}
    needed = _asked(terms, policy, target, is_asked=corrects or kind in ADDS)
    return AccessRequest.objects.create(
        kind=kind,
        package=policy.package,
        policy=policy,
        assignment=assignment,
        requestor=requestor,
        target=target,
        invites=target.is_invited,
        takes_over=takes_over,
        justification=justification.strip(),
        starts_at=starts_at,
        ends_at=ends_at,
        terms=terms,
        answers=kept(from_frozen(terms["questions"]), with_profile(needed, target, answers)),
        created_at=clock.now(),
    )


def _asked(
    terms: dict[str, Any], policy: AssignmentPolicy, target: User, *, is_asked: bool
) -> list[ResourceAttribute]:
    """Write into the terms what is asked, and return the attributes among it."""
    needed = attributes_of(policy.package_id) if is_asked else []
    terms["questions"] = terms["questions"] if is_asked else []
    terms["questions"] += [one.frozen() for one in questions_about(needed, target)]
    terms["attributes"] = names_by_key(needed)
    return needed


def is_approved_anew(policy: AssignmentPolicy, *, corrects: bool) -> bool:
    """Say whether a policy's stages are asked about access that somebody has already.

    They are asked about an extension where holders cannot ask for one: the switch about extensions
    counts only where they may, and a manager does not skip the stages.
    """
    return policy.extension_requires_approval or not (corrects or policy.allows_extension)
