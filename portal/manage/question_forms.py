"""The questions of a policy: added, removed and put in order within the policy's own form.

Every button but the one that saves sends the whole form, and gets it back with the questions as
they are then; that works with a script and without.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from entitlements.policies.patterns import LONGEST_PATTERN, fits, pattern_fits
from entitlements.policies.question_terms import (
    DATE,
    LISTS,
    LONGEST_QUESTION,
    MOST_QUESTIONS,
    RANGES,
    TEXTS,
    ChoiceTerms,
    QuestionTerms,
)
from entitlements.policies.questions import QuestionKind
from portal.manage.picker import PickingForm

LONGEST_LINES: Final = 50_000
ACT: Final = "parts:question-"


class LinesField(forms.CharField):
    """Several entries, one per line."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 3, "maxlength": LONGEST_LINES})
        super().__init__(required=False, max_length=LONGEST_LINES, widget=widget, **options)


def _switch(label: str, help_text: str = "", *, initial: bool) -> forms.BooleanField:
    return forms.BooleanField(label=label, help_text=help_text, required=False, initial=initial)


class QuestionForm(PickingForm):
    """One question; the fields that its kind does not need are not shown, and not read."""

    key = forms.UUIDField(required=False, widget=forms.HiddenInput)
    text = forms.CharField(label="Question", max_length=LONGEST_QUESTION)
    kind = forms.ChoiceField(
        label="Answer", choices=QuestionKind.choices, initial=QuestionKind.SHORT_TEXT
    )
    choices = LinesField(
        label="Answers to choose from",
        help_text="One per line. Other languages after a bar: North | de: Norden | fr: Nord",
    )
    pattern = forms.CharField(
        label="Pattern that the whole answer must match",
        required=False,
        max_length=LONGEST_PATTERN,
        help_text="A regular expression, for example [A-Z]{2}-[0-9]{4}. Empty: anything.",
    )
    sample = forms.CharField(label="Try the pattern with", required=False, max_length=500)
    minimum = forms.CharField(label="At least", required=False, max_length=32)
    maximum = forms.CharField(label="At most", required=False, max_length=32)
    localizations = LinesField(
        label="In other languages",
        help_text="One per line, for example de: Welches Projekt? "
        "The browser's language decides which is shown.",
    )
    is_required = _switch("An answer is needed", initial=True)
    is_editable = _switch(
        "The answer may be corrected",
        "By approvers before they decide, and later by managers of assignments, and by holders "
        "where the policy lets them.",
        initial=False,
    )

    def __init__(
        self, sent: Any, *, number: str, position: int = 0, terms: QuestionTerms | None = None
    ) -> None:
        initial = initial_of(terms) if terms else {}
        super().__init__(sent, prefix=f"question{number}", initial=initial)
        self.number = number
        self.position = position
        if self.shown_kind == DATE:
            for name in ("minimum", "maximum"):
                self.fields[name].widget = forms.DateInput({"type": "date"})

    @property
    def shown_kind(self) -> str:
        return str(self["kind"].value())

    @property
    def shows_choices(self) -> bool:
        return self.shown_kind in LISTS

    @property
    def shows_pattern(self) -> bool:
        return self.shown_kind in TEXTS

    @property
    def shows_limits(self) -> bool:
        return self.shown_kind in RANGES

    @property
    def verdict(self) -> str:
        """Say whether the sample matches the pattern; nothing when there is nothing to try."""
        pattern, sample = str(self["pattern"].value() or ""), self["sample"].value()
        if not pattern or not sample:
            return ""
        for reason in pattern_fits(pattern):
            return str(reason)
        return "It matches." if fits(pattern, str(sample).strip()) else "It does not match."

    def clean_choices(self) -> tuple[ChoiceTerms, ...]:
        """Read the answers with their words in other languages."""
        return tuple(_choice(line) for line in _lines(self.cleaned_data["choices"]))

    def clean_localizations(self) -> dict[str, str]:
        """Read the question in other languages."""
        return dict(_spoken(line) for line in _lines(self.cleaned_data["localizations"]))

    def terms(self) -> QuestionTerms:
        entered = self.cleaned_data
        return QuestionTerms(
            kind=entered["kind"],
            text=entered["text"],
            key=entered["key"],
            localizations=entered["localizations"],
            choices=entered["choices"] if self.shows_choices else (),
            is_required=entered["is_required"],
            is_editable=entered["is_editable"],
            pattern=entered["pattern"] if self.shows_pattern else "",
            minimum=entered["minimum"] if self.shows_limits else "",
            maximum=entered["maximum"] if self.shows_limits else "",
        )


class QuestionForms:
    """All questions of a policy's form, in order, after the button that was pressed."""

    def __init__(self, sent: Any, before: Sequence[QuestionTerms]) -> None:
        if sent:
            numbers = _acted(_numbers(sent.getlist("question")), sent.get("find", ""))
            self.shown = [self._sent(sent, number) for number in numbers]
        else:
            self.shown = [
                QuestionForm(None, number=str(number), terms=terms)
                for number, terms in enumerate(before, start=1)
            ]
        for position, form in enumerate(self.shown, start=1):
            form.position = position

    @staticmethod
    def _sent(sent: Any, number: str) -> QuestionForm:
        is_known = f"question{number}-text" in sent
        return QuestionForm(sent if is_known else None, number=number)

    @property
    def may_grow(self) -> bool:
        return len(self.shown) < MOST_QUESTIONS

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each question that cannot be read."""
        for form in self.shown:
            if not form.is_valid():
                yield f"Question {form.position} needs your attention."

    def terms(self) -> tuple[QuestionTerms, ...]:
        """Return the questions of a form without problems."""
        return tuple(form.terms() for form in self.shown)


def initial_of(terms: QuestionTerms) -> dict[str, Any]:
    """Return what the form shows of a question."""
    return {
        "key": terms.key,
        "text": terms.text,
        "kind": terms.kind,
        "choices": "\n".join(_choice_line(choice) for choice in terms.choices),
        "pattern": terms.pattern,
        "minimum": terms.minimum,
        "maximum": terms.maximum,
        "localizations": "\n".join(_spoken_lines(terms.localizations)),
        "is_required": terms.is_required,
        "is_editable": terms.is_editable,
    }


def _numbers(sent: Sequence[str]) -> list[str]:
    """Return the names by which the form knows its questions."""
    known = dict.fromkeys(number for number in sent if number.isascii() and number.isdigit())
    return [number for number in known if len(number) < 4][: MOST_QUESTIONS + 1]


def _acted(numbers: list[str], pressed: str) -> list[str]:
    """Return the questions after a button such as "parts:question-up-3" was pressed."""
    act, _, number = pressed.removeprefix(ACT).partition("-")
    if not pressed.startswith(ACT):
        return numbers
    if act == "add":
        return [*numbers, str(max(map(int, numbers), default=0) + 1)]
    if number not in numbers:
        return numbers
    place = numbers.index(number)
    left = [one for one in numbers if one != number]
    if act == "remove":
        return left
    moved = {"up": max(place - 1, 0), "down": place + 1}.get(act, place)
    return [*left[:moved], number, *left[moved:]]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _choice(line: str) -> ChoiceTerms:
    value, *others = (part.strip() for part in line.split("|"))
    return ChoiceTerms(value, dict(_spoken(other) for other in others))


def _spoken(entry: str) -> tuple[str, str]:
    language, colon, text = entry.partition(":")
    if not colon:
        raise ValidationError(f"“{entry[:40]}” has no language. Write it as de: …")
    return language.strip().lower(), text.strip()


def _choice_line(choice: ChoiceTerms) -> str:
    return " | ".join([choice.value, *_spoken_lines(choice.texts)])


def _spoken_lines(texts: Mapping[str, str]) -> list[str]:
    return [f"{language}: {text}" for language, text in texts.items()]
