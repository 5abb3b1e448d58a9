"""What owners enter about a question, and what speaks against it.

Everything here is pure. A question reads the same in a policy, in a form and in the terms that a
request has frozen, so that old requests still know what they were asked.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self
from unicodedata import category
from uuid import UUID

from entitlements.decisions import Reason
from entitlements.policies.patterns import pattern_fits

SHORT_TEXT, LONG_TEXT = "short_text", "long_text"
CHOICE, CHOICES = "choice", "choices"
YES_NO, NUMBER, DATE = "yes_no", "number", "date"
KINDS: Final = (SHORT_TEXT, LONG_TEXT, CHOICE, CHOICES, YES_NO, NUMBER, DATE)
TEXTS: Final = (SHORT_TEXT, LONG_TEXT)
LISTS: Final = (CHOICE, CHOICES)
RANGES: Final = (NUMBER, DATE)

MOST_QUESTIONS = 20
MOST_CHOICES = 100
LONGEST_QUESTION = 500
LONGEST_CHOICE = 200
OWN_LANGUAGE = "en"

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Spoken(NamedTuple):
    """A text, and the language it is in."""

    text: str
    language: str


@dataclass(frozen=True)
class ChoiceTerms:
    """One answer to choose: its text, which is also what is stored, and the text by language."""

    value: str
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class QuestionTerms:
    """One question; `minimum` and `maximum` are a number, or a day as ISO 8601.

    `key` is its id for good; a question without one is new.
    """

    kind: str
    text: str
    key: UUID | None = None
    localizations: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[ChoiceTerms, ...] = ()
    is_required: bool = True
    is_editable: bool = False
    pattern: str = ""
    minimum: str = ""
    maximum: str = ""

    def frozen(self) -> dict[str, Any]:
        """Return the question as a request keeps it: plain values."""
        return {**asdict(self), "key": str(self.key)}

    @classmethod
    def from_frozen(cls, kept: Mapping[str, Any]) -> Self:
        """Return the question that a request has kept."""
        choices = tuple(ChoiceTerms(**choice) for choice in kept["choices"])
        return cls(**{**kept, "key": UUID(kept["key"]), "choices": choices})

    def spoken(self, wanted: Sequence[str]) -> Spoken:
        """Return the text in the first of the wanted languages that it has."""
        return in_language(self.text, self.localizations, wanted)


def in_language(text: str, texts: Mapping[str, str], wanted: Sequence[str]) -> Spoken:
    """Return a text in the first of the wanted languages (such as "de-at") that there is."""
    known = {OWN_LANGUAGE: text, **texts}
    for language in wanted:
        for name in (language, language.partition("-")[0]):
            if name in known:
                return Spoken(known[name], name)
    return Spoken(text, OWN_LANGUAGE)


def questions_fit(questions: Sequence[QuestionTerms]) -> Iterator[Reason]:
    """Yield what speaks against the questions of a policy, each with its number."""
    if len(questions) > MOST_QUESTIONS:
        yield Reason(
            "too_many_questions",
            f"At most {MOST_QUESTIONS} questions can be asked.",
            "Remove one of them.",
        )
    keys = [question.key for question in questions if question.key]
    if len(set(keys)) < len(keys):
        yield Reason("question_twice", "A question is asked twice.", "Remove one of them.")
    for number, question in enumerate(questions, start=1):
        for reason in _question_fits(question):
            text = f"Question {number}: {reason.text}"
            yield Reason(reason.code, text, reason.remedy, about=f"question{number}")


def _question_fits(question: QuestionTerms) -> Iterator[Reason]:
    if question.kind not in KINDS:
        yield Reason(
            "unknown_question_kind",
            "There is no such kind of question.",
            "Choose one of those listed.",
        )
    yield from _words_fit(question.text, longest=LONGEST_QUESTION)
    yield from _languages_fit(question.localizations, longest=LONGEST_QUESTION)
    yield from _choices_fit(question)
    yield from _limits_fit(question)
    if question.pattern and question.kind not in TEXTS:
        yield Reason(
            "question_contradicts", "Only a text can have a pattern.", "Remove one of the two."
        )
    elif question.pattern:
        yield from pattern_fits(question.pattern)


def _words_fit(text: str, *, longest: int) -> Iterator[Reason]:
    if not text.strip():
        yield Reason("question_missing", "The words are missing.", "Write what is asked.")
    if len(text) > longest:
        yield Reason(
            "question_too_long",
            f"A text has {len(text):,} characters; at most {longest} fit.",
            "Shorten it.",
        )
    if any(category(letter) in {"Cc", "Cs"} for letter in text):
        yield Reason("question_unreadable", "A text contains a control character.", "Remove it.")


def _languages_fit(texts: Mapping[str, str], *, longest: int) -> Iterator[Reason]:
    for language, text in texts.items():
        if not _LANGUAGE.fullmatch(language):
            yield Reason(
                "unknown_language",
                f"“{language[:20]}” is no language.",
                "Write it as browsers do, for example “de” or “pt-br”.",
            )
        yield from _words_fit(text, longest=longest)


def _choices_fit(question: QuestionTerms) -> Iterator[Reason]:
    choices = question.choices
    if question.kind in LISTS and not choices:
        yield Reason("choices_missing", "There is nothing to choose.", "Write one answer per line.")
    if question.kind not in LISTS and choices:
        yield Reason(
            "question_contradicts",
            "Only a choice can have answers to choose.",
            "Remove one of the two.",
        )
    if len(choices) > MOST_CHOICES:
        yield Reason(
            "too_many_choices",
            f"At most {MOST_CHOICES} answers can be offered.",
            "Remove some of them.",
        )
    if len({choice.value for choice in choices}) < len(choices):
        yield Reason("choice_twice", "An answer is offered twice.", "Remove one of the two.")
    for choice in choices[:MOST_CHOICES]:
        yield from _words_fit(choice.value, longest=LONGEST_CHOICE)
        yield from _languages_fit(choice.texts, longest=LONGEST_CHOICE)


def _limits_fit(question: QuestionTerms) -> Iterator[Reason]:
    given = [limit for limit in (question.minimum, question.maximum) if limit]
    if given and question.kind not in RANGES:
        yield Reason(
            "question_contradicts",
            "Only a number or a date can have limits.",
            "Remove one of the two.",
        )
        return
    limits = [read_limit(question.kind, limit) for limit in given]
    if None in limits:
        yield Reason("limit_unreadable", "A limit is no number or day.", "Write it anew.")
    elif len(limits) == 2 and limits[0] > limits[1]:  # type: ignore[operator]  # of one kind
        yield Reason("limits_contradict", "The least is more than the most.", "Exchange them.")


def read_limit(kind: str, text: str) -> Decimal | date | None:
    """Return the number or the day that a text says, or None."""
    return read_day(text) if kind == DATE else read_number(text)


def read_number(text: str) -> Decimal | None:
    """Return a number of at most 15 digits before the point and 6 after it, or None."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def read_day(text: str) -> date | None:
    """Return a day written as 2026-11-26, or None."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def from_frozen(kept: Iterable[Mapping[str, Any]]) -> list[QuestionTerms]:
    """Return the questions that a request has kept."""
    return [QuestionTerms.from_frozen(question) for question in kept]
