"""Two people edit one thing: what the second is shown before he replaces what the first saved."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django import forms

from portal.manage.policy_words import Line

CODES: Final = {"policy_changed_meanwhile", "package_changed_meanwhile"}


def number_in(text: str | None) -> int | None:
    """Return the number of a version as a form has sent it."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def has_conflict(form: forms.Form) -> bool:
    """Say whether a form was refused because there is a newer version."""
    return form.is_bound and any(error.code in CODES for error in form.non_field_errors().as_data())


def conflict_of(
    form: forms.Form,
    version: int,
    *,
    versions: Callable[[], Sequence[Any]],
    changes: Callable[[Any, Any], list[Line]],
) -> list[Line]:
    """Return what was saved since the version that somebody edited, if that is in his way."""
    if not has_conflict(form):
        return []
    newest, *earlier = versions()
    edited = next((one for one in earlier if one.number == version), newest)
    return changes(edited.terms, newest.terms)
