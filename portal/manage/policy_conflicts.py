"""Two people edit one policy: what the second is shown before he replaces what the first saved."""

from django import forms

from entitlements.policies import drafts
from entitlements.policies.models import AssignmentPolicy
from portal.manage.policy_words import Line, changes

CODE = "policy_changed_meanwhile"


def number_in(text: str | None) -> int | None:
    """Return the number of a version as a form has sent it."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def has_conflict(form: forms.Form) -> bool:
    """Say whether a form was refused because there is a newer version."""
    return form.is_bound and any(error.code == CODE for error in form.non_field_errors().as_data())


def conflict_of(policy: AssignmentPolicy, form: forms.Form, version: int) -> list[Line]:
    """Return what was saved since the version that somebody edited, if that is in his way."""
    if not has_conflict(form):
        return []
    newest, *earlier = drafts.versions_of(policy)
    edited = next((one for one in earlier if one.number == version), newest)
    return changes(edited.terms, newest.terms)
