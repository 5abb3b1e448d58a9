"""The answers of access that somebody has, as a form: for its holder, and for managers."""

from collections.abc import Mapping, Sequence
from typing import Any

from entitlements.assignments.models import Assignment
from entitlements.catalog.attributes import attributes_of
from entitlements.requests.correcting import answers_of
from portal.forms import PLACES, WordsField
from portal.questions import AnswerField, AskingForm, ProfileField


class CorrectionForm(AskingForm):
    """What was answered; what may not be corrected is shown, and stays."""

    def __init__(
        self, *args: Any, assignment: Assignment, languages: Sequence[str], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.policy = assignment.policy
        answered = answers_of(assignment)
        needed = attributes_of(assignment.package_id)
        self.ask_questions([self.policy], languages, answered, needed, assignment.target)
        given = {answer["question"] for answer in answered}
        for field in self.fields.values():
            if isinstance(field, AnswerField) and not isinstance(field, ProfileField):
                _close(field, given)
        self.fields["justification"] = WordsField(label="Why? (optional)", required=False)

    @property
    def places(self) -> Mapping[str, str]:
        """Return the field that each reason of a refusal concerns."""
        return {**PLACES, **self.places_under(self.policy)}

    def wishes(self) -> dict[str, Any]:
        """Return the answers by the keys of their questions, and why they are corrected."""
        words = self.cleaned_data["justification"]
        return {"answers": self.answers_under(self.policy), "justification": words}


def _close(field: AnswerField, given: set[str]) -> None:
    if not field.question.is_editable and str(field.question.key) in given:
        field.disabled, field.required = True, False
        field.help_text = "It stays as it was given."
