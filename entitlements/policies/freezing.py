"""A policy as a request keeps it, so that later changes never reach requests under way."""

from typing import Any

from entitlements.policies.models import AssignmentPolicy


def frozen_terms(policy: AssignmentPolicy) -> dict[str, Any]:
    """Return the policy as a request keeps it: plain values, ids as text, moments as ISO 8601."""
    stages = policy.stages.select_related("extension").prefetch_related(
        "approvers__user", "approvers__group"
    )
    return {
        "policy": policy.name,
        "scope": policy.scope,
        "requires_justification": policy.requires_justification,
        "expiration": policy.expiration,
        "ends_on": policy.ends_on.isoformat() if policy.ends_on else None,
        "duration": policy.duration,
        "allows_custom_dates": policy.allows_custom_dates,
        "allows_on_behalf": policy.allows_on_behalf,
        "allows_extension": policy.allows_extension,
        "extension_requires_approval": policy.extension_requires_approval,
        "allows_correction": policy.allows_correction,
        "sends_notifications": policy.sends_notifications,
        "shows_approvers": policy.names_approvers,
        "approver_can_remove": policy.approver_can_remove,
        "stages": [stage.frozen() for stage in stages],
        "questions": [question.terms().frozen() for question in policy.questions.all()],
        "callouts": [one.frozen() for one in policy.callouts.select_related("extension")],
    }
