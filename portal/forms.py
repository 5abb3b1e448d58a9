"""What several forms share: days, reasons in words, and refusals beside the fields they concern."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.html import format_html

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.policies.answers import AnswerReason
from entitlements.policies.rules import LONGEST_TEXT
from entitlements.requests.candidates import end_on

FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2999, 12, 31)
OUT_OF_RANGE: Final = "Choose a day between 1 Jan 2000 and 31 Dec 2999."

PLACES: Final = {
    "justification_missing": "justification",
    "justification_too_long": "justification",
    "justification_unreadable": "justification",
    "starts_in_the_past": "starts_on",
    "ends_in_the_past": "ends_on",
    "ends_before_start": "ends_on",
    "ends_after_limit": "ends_on",
    "not_later": "ends_on",
}


class DayField(forms.DateField):
    """A calendar day of the organization, in the browser's own control."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    default_error_messages = {"invalid": "Choose a day, for example 2026-11-26."}
    default_validators = [
        MinValueValidator(FIRST_DAY, OUT_OF_RANGE),
        MaxValueValidator(LAST_DAY, OUT_OF_RANGE),
    ]


class WordsField(forms.CharField):
    """Somebody's own words; how long they may be and whether they are needed, the rules say."""

    def __init__(self, **options: Any) -> None:
        attributes = {"rows": 3, "maxlength": LONGEST_TEXT}
        super().__init__(widget=forms.Textarea(attrs=attributes), **options)

    def validate(self, value: str) -> None:
        """Accept nothing too, so that people read all reasons of a refusal at once."""


def start_of(day: date | None) -> datetime | None:
    """Return when access starts that is wanted from a day on; None: at once, which today means."""
    if day is None or day == clock.today_begins().date():
        return None
    return clock.day_begins(day)


def end_of(day: date | None, *, limit: datetime | None) -> datetime | None:
    """Return when access ends that is wanted until a day, if there is one."""
    return end_on(day, limit=limit) if day else None


def day_of(moment: datetime | None) -> date | None:
    """Return the organization's calendar day of a moment."""
    return moment.astimezone(clock.zone()).date() if moment else None


def refuse(form: forms.Form, error: Denied, places: Mapping[str, str] = PLACES) -> None:
    """Write every reason of a refusal into a form, beside its field where it has one."""
    for reason in error.decision.reasons:
        place = places.get(reason.code) or places.get(reason.about)
        if place in form.fields:
            words = reason.beside_question if isinstance(reason, AnswerReason) else str(reason)
            form.add_error(place, ValidationError(words, code=reason.code))
        else:
            text = format_html('{} <code class="small">({})</code>', str(reason), reason.code)
            form.add_error(None, ValidationError(text, code=reason.code))
