"""The questions of policies as fields of a form, in the language that the browser asks for.

The fields take everything: what an answer must be, the domain says, for all answers at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.html import format_html

from entitlements.catalog.attributes import ResourceAttribute
from entitlements.directory.models import User
from entitlements.policies.answers import LONGEST_ANSWER, LONGEST_LINE
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.question_terms import (
    CHOICE,
    CHOICES,
    DATE,
    LONG_TEXT,
    NUMBER,
    OWN_LANGUAGE,
    YES_NO,
    QuestionTerms,
    Spoken,
    in_language,
)
from entitlements.policies.questions import terms_of_questions
from entitlements.requests.attributes import is_fixed, questions_about

MOST_BUTTONS: Final = 7
NO_ANSWER: Final = ("", "No answer")


class AnswerField(forms.Field):
    """One question; whether the answer fits it, the domain says."""

    def __init__(self, question: QuestionTerms, languages: Sequence[str]) -> None:
        super().__init__(
            label=_marked(question.spoken(languages)),
            required=question.is_required,
            widget=_widget(question, languages),
            help_text=_limits(question),
        )
        self.question = question

    def validate(self, value: Any) -> None:
        """Accept everything, so that people read all reasons of a refusal at once."""

    def prepare_value(self, value: Any) -> Any:
        """Show a kept yes or no as the button for it."""
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


class ProfileField(AnswerField):
    """An attribute that a resource needs of somebody, with what his profile says.

    Nobody in particular (None) is whoever is chosen in the same form; empty means his profile then.
    """

    def __init__(
        self,
        question: QuestionTerms,
        languages: Sequence[str],
        attribute: ResourceAttribute,
        target: User | None,
    ) -> None:
        super().__init__(question, languages)
        self.initial = (getattr(target, attribute.name) if target else "") or None
        if target is None:
            self.required, self.help_text = False, "Empty: what the profile says."
        elif is_fixed(attribute, target):
            self.disabled, self.help_text = True, "From the profile; it stays as it is."
        else:
            self.help_text = "It is in the profile as long as the access lasts."

    def clean(self, value: Any) -> Any:
        """Return nothing where the profile is to speak."""
        return super().clean(value) if value or self.required else None


class AskingForm(forms.Form):
    """A form that asks the questions of policies among which somebody chooses."""

    def ask_questions(
        self,
        policies: Iterable[AssignmentPolicy],
        languages: Sequence[str],
        answered: Iterable[Mapping[str, Any]] = (),
        needed: Sequence[ResourceAttribute] = (),
        target: User | None = None,
    ) -> None:
        """Add a field for every question of every policy; `answered` are answers kept before.

        What the resources `needed` of whoever gets the access is asked under each of them too.
        """
        before = {answer["question"]: answer["value"] for answer in answered}
        about_person = questions_about(needed, target)
        self._names: dict[Any, dict[str, str]] = {}
        for policy in policies:
            self._names[policy.pk] = {}
            for question in terms_of_questions(policy):
                self._ask(policy, AnswerField(question, languages), before)
            for attribute, question in zip(needed, about_person, strict=True):
                self._ask(policy, ProfileField(question, languages, attribute, target), before)

    def _ask(self, policy: AssignmentPolicy, field: AnswerField, before: Mapping[str, Any]) -> None:
        key = str(field.question.key)
        name = f"answer-{policy.pk.hex[:8]}-{key}"
        self._names[policy.pk][key] = name
        self.fields[name] = field
        if field.initial is None and key in before:
            self.initial[name] = before[key]

    def asked_under(self, policy: AssignmentPolicy) -> list[forms.BoundField]:
        """Return the fields for the questions of one policy."""
        return [self[name] for name in self._names.get(policy.pk, {}).values()]

    def answers_under(self, policy: AssignmentPolicy) -> dict[str, Any]:
        """Return what was answered to the questions of one policy, by their keys."""
        return {key: self.cleaned_data.get(name) for key, name in self._names[policy.pk].items()}

    def places_under(self, policy: AssignmentPolicy) -> dict[str, str]:
        """Return the field of each question, for `refuse`."""
        return self._names[policy.pk]


def _marked(spoken: Spoken) -> str:
    """Return a text that says in which language it is, where that is not the page's own."""
    if spoken.language == OWN_LANGUAGE:
        return spoken.text
    return format_html('<span lang="{}">{}</span>', spoken.language, spoken.text)


def _widget(question: QuestionTerms, languages: Sequence[str]) -> forms.Widget:
    kind = question.kind
    if kind in (CHOICE, CHOICES, YES_NO):
        return _buttons(question, languages)
    if kind == LONG_TEXT:
        return forms.Textarea({"rows": 3, "maxlength": LONGEST_ANSWER})
    if kind == NUMBER:
        return forms.TextInput({"inputmode": "decimal", "maxlength": 24, "class": "short-answer"})
    if kind == DATE:
        limits = {"min": question.minimum, "max": question.maximum}
        given = {name: limit for name, limit in limits.items() if limit}
        return forms.DateInput({"type": "date", **given}, format="%Y-%m-%d")
    return forms.TextInput({"maxlength": LONGEST_LINE})


def _buttons(question: QuestionTerms, languages: Sequence[str]) -> forms.Widget:
    if question.kind == YES_NO:
        offered = [("yes", "Yes"), ("no", "No")]
    else:
        spoken = [
            (choice.value, in_language(choice.value, choice.texts, languages))
            for choice in question.choices
        ]
        if question.kind == CHOICE and len(spoken) > MOST_BUTTONS:
            options = [(value, words.text) for value, words in spoken]
            return forms.Select(choices=[("", "Choose …"), *options])
        offered = [(value, _marked(words)) for value, words in spoken]
    if question.kind == CHOICES:
        return forms.CheckboxSelectMultiple(choices=offered)
    return forms.RadioSelect(choices=offered if question.is_required else [*offered, NO_ANSWER])


def _limits(question: QuestionTerms) -> str:
    least, most = question.minimum, question.maximum
    if least and most:
        return f"From {least} to {most}."
    if least:
        return f"At least {least}." if question.kind == NUMBER else f"Not before {least}."
    if most:
        return f"At most {most}." if question.kind == NUMBER else f"Not after {most}."
    return ""
