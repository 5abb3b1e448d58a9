from typing import Any, Final

from django import forms

from portal.forms import PLACES, DayField, WordsField

SHORTER_PLACES: Final = {**PLACES, "not_shorter": "ends_on"}


class ApproveForm(forms.Form):
    """What an approver adds to a yes: a reason, and perhaps an earlier end."""

    justification = WordsField(label="Reason", required=False)
    ends_on = DayField(label="Until", required=False)


class ShortenForm(ApproveForm):
    """A yes until an earlier day."""

    ends_on = DayField(
        label="Until", error_messages={"required": "Choose the day on which the access ends."}
    )


class DenyForm(forms.Form):
    """Why not: whoever asked reads it."""

    justification = forms.CharField(
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why. Whoever asked reads it."},
    )


class TogetherForm(forms.Form):
    """The one reason that goes with several decisions; a denial needs one."""

    justification = WordsField(label="Reason for all", required=False)

    def __init__(self, *args: Any, is_required: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_required = is_required

    def clean_justification(self) -> str:
        """Ask for a reason where one is needed."""
        words: str = self.cleaned_data["justification"]
        if self.is_required and not words.strip():
            raise forms.ValidationError("Say why. Those who asked read it.")
        return words
