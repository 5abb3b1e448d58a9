"""The sections in which a policy is entered, and what is wrong in each."""

from typing import Final

from portal.manage.policy_forms import PolicyForm
from portal.manage.wrong import wrong_in

SECTIONS: Final = {
    "words": ("name", "description", "is_enabled", "accepts_requests"),
    "scope": (
        "scope",
        "allowed",
        "allowed_organizations",
        "requires_justification",
        "allows_on_behalf",
    ),
    "approval": ("stage_count", "shows_approvers", "approver_can_remove"),
    "lasts": (
        "expiration",
        "duration",
        "ends_on",
        "allows_custom_dates",
        "allows_extension",
        "extension_requires_approval",
        "allows_correction",
        "sends_notifications",
    ),
}


def wrong_with(form: PolicyForm) -> dict[str, int]:
    """Return how many things are wrong in each section of a policy that was sent, if any are."""
    if not form.is_bound or form.is_finding:
        return {}
    wrong = wrong_in(form, SECTIONS)
    stages = sum(len(stage.errors) if stage.is_bound else 1 for stage in form.shown_stages)
    found = {
        **wrong,
        "approval": wrong.get("approval", 0) + stages,
        "questions": len(list(form.questions.problems())),
        "callouts": len(form.callouts.errors),
    }
    return {section: count for section, count in found.items() if count}
