from datetime import datetime
from typing import Any

from django import forms

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.requests.candidates import extension_limit
from portal import dates
from portal.forms import DayField, WordsField, day_of, end_of


class ExtensionForm(forms.Form):
    """Until when somebody wants to keep access, and why."""

    ends_on = DayField(label="Keep it until", required=False)
    justification = WordsField(label="Why do you still need it?")

    def __init__(self, *args: Any, assignment: Assignment, **options: Any) -> None:
        super().__init__(*args, **options)
        self.limit = extension_limit(assignment)
        self.fields["justification"].required = assignment.policy.requires_justification
        self._fit_day()

    def wishes(self) -> dict[str, Any]:
        """Return what is asked for; without a day, as long as the policy allows."""
        return {
            "justification": self.cleaned_data["justification"],
            "ends_at": end_of(self.cleaned_data["ends_on"], limit=self.limit),
        }

    def _fit_day(self) -> None:
        field = self.fields["ends_on"]
        field.widget.attrs["min"] = clock.today_begins().date().isoformat()
        field.help_text = _at_most(self.limit)
        last = day_of(self.limit)
        if last:
            field.widget.attrs["max"] = last.isoformat()
            self.initial.setdefault("ends_on", last)


def _at_most(limit: datetime | None) -> str:
    return f"At most until {dates.exact(limit)}." if limit else "Empty: without an end."


class GiveBackForm(forms.Form):
    """Why somebody gives access back, if he likes to say so."""

    justification = WordsField(label="Why? (optional)", required=False)
