"""Answers to the questions of a policy: what speaks against them, and how they are kept.

Everything here is pure. Every answer is checked, so that people learn all the reasons at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple
from unicodedata import category

from entitlements.decisions import Reason
from entitlements.policies.patterns import fits
from entitlements.policies.question_terms import (
    CHOICE,
    CHOICES,
    DATE,
    LONG_TEXT,
    NUMBER,
    SHORT_TEXT,
    YES_NO,
    QuestionTerms,
    read_day,
    read_limit,
    read_number,
)

LONGEST_LINE = 500
LONGEST_ANSWER = 10_000
YES: Final = frozenset({"yes", "true"})
NO: Final = frozenset({"no", "false"})
SHORT_NAME = 80

Given = Mapping[str, Any]


class Value(NamedTuple):
    """An answer as it is kept (plain JSON), and as people read it."""

    value: Any
    shown: str


@dataclass(frozen=True)
class Answer:
    """What a request keeps: the question's key and text as asked, the value, and its words."""

    question: str
    text: str
    value: Any
    shown: str


@dataclass(frozen=True)
class AnswerReason(Reason):
    """Why an answer cannot be taken; `beside_question` says so where the question can be read."""

    beside_question: str = ""


class _Unfit(Exception):
    """An answer cannot be taken; says why."""

    def __init__(self, code: str, text: str, remedy: str = "") -> None:
        super().__init__(code)
        self.reason = Reason(code, text, remedy)


def speaks_against(questions: Sequence[QuestionTerms], given: Given) -> list[Reason]:
    """Return every reason why these answers (by the questions' keys) cannot be taken."""
    return _judge(questions, given)[1]


def kept(questions: Sequence[QuestionTerms], given: Given) -> list[dict[str, Any]]:
    """Return the answers as a request keeps them; those that cannot be taken are left out."""
    return [asdict(answer) for answer in _judge(questions, given)[0]]


def given_again(answers: Sequence[Mapping[str, Any]], asked: Sequence[QuestionTerms]) -> Given:
    """Return answers that a request has kept as somebody would give them anew.

    Answers to questions that are not asked any more are left out.
    """
    known = {str(question.key) for question in asked}
    return {one["question"]: one["value"] for one in answers if one["question"] in known}


def _judge(questions: Sequence[QuestionTerms], given: Given) -> tuple[list[Answer], list[Reason]]:
    answers: list[Answer] = []
    reasons: list[Reason] = []
    keys = [str(question.key) for question in questions]
    if not set(given) <= set(keys):
        reasons.append(
            Reason(
                "question_unknown",
                "An answer is given to a question that is not asked.",
                "Look at the questions again: they may have been changed.",
            )
        )
    for key, question in zip(keys, questions, strict=True):
        try:
            value = _value(question, given.get(key))
        except _Unfit as unfit:
            reasons.append(_about(question, unfit.reason))
        else:
            if value:
                answers.append(Answer(key, question.text, value.value, value.shown))
    return answers, reasons


def _about(question: QuestionTerms, reason: Reason) -> Reason:
    name = question.text
    if len(name) > SHORT_NAME:
        name = f"{name[: SHORT_NAME - 1]}…"
    return AnswerReason(
        reason.code,
        f"“{name}”: {reason.text}",
        reason.remedy,
        about=str(question.key),
        beside_question=str(reason),
    )


def _value(question: QuestionTerms, raw: Any) -> Value | None:
    if isinstance(raw, str):
        raw = _readable(raw)
    if raw is None or raw in ("", [], ()):
        if question.is_required:
            raise _Unfit("answer_missing", "An answer is needed.")
        return None
    return _READERS[question.kind](question, raw)


def _readable(text: str) -> str:
    if len(text) > LONGEST_ANSWER:
        raise _Unfit(
            "answer_too_long",
            f"The answer has {len(text):,} characters; at most {LONGEST_ANSWER:,} are kept.",
            "Shorten it.",
        )
    if "\x00" in text or any(category(letter) == "Cs" for letter in text):
        raise _Unfit("answer_unreadable", "The answer contains a null character.")
    return text.replace("\r\n", "\n").strip()


def _text(question: QuestionTerms, raw: Any) -> str:
    if not isinstance(raw, str):
        raise _Unfit("answer_wrong_kind", "The answer is no text.")
    return raw


def _short_text(question: QuestionTerms, raw: Any) -> Value:
    text = _text(question, raw)
    if len(text) > LONGEST_LINE:
        raise _Unfit(
            "answer_too_long",
            f"The answer has {len(text):,} characters; at most {LONGEST_LINE} are kept.",
            "Shorten it.",
        )
    if any(category(letter) == "Cc" for letter in text):
        raise _Unfit("answer_unreadable", "The answer must be one line.")
    return _long_text(question, text)


def _long_text(question: QuestionTerms, raw: Any) -> Value:
    text = _text(question, raw)
    if question.pattern and not fits(question.pattern, text):
        raise _Unfit(
            "answer_unmatched",
            "The answer does not have the form that is wanted.",
            f"It must match {question.pattern}",
        )
    return Value(text, text)


def _choice(question: QuestionTerms, raw: Any) -> Value:
    text = _text(question, raw)
    if text not in {choice.value for choice in question.choices}:
        raise _not_offered()
    return Value(text, text)


def _choices(question: QuestionTerms, raw: Any) -> Value:
    chosen = [raw] if isinstance(raw, str) else raw
    if not isinstance(chosen, list | tuple) or not all(isinstance(one, str) for one in chosen):
        raise _Unfit("answer_wrong_kind", "The answer is no list of texts.")
    offered = [choice.value for choice in question.choices]
    if not set(chosen) <= set(offered):
        raise _not_offered()
    values = [value for value in offered if value in chosen]
    return Value(values, ", ".join(values))


def _not_offered() -> _Unfit:
    return _Unfit("answer_not_offered", "This answer is not offered.", "Choose one of those shown.")


def _yes_no(question: QuestionTerms, raw: Any) -> Value:
    word = str(raw).lower()
    if not isinstance(raw, bool | str) or word not in YES | NO:
        raise _Unfit("answer_wrong_kind", "The answer is neither yes nor no.")
    return Value(True, "Yes") if word in YES else Value(False, "No")


def _number(question: QuestionTerms, raw: Any) -> Value:
    is_number = isinstance(raw, str | int | float | Decimal) and not isinstance(raw, bool)
    number = read_number(str(raw)) if is_number else None
    if number is None:
        raise _Unfit("answer_no_number", "The answer is no number.", "Write it as 12 or 12.5.")
    _in_range(question, number)
    text = f"{number.normalize() + 0:f}"
    return Value(text, text)


def _day(question: QuestionTerms, raw: Any) -> Value:
    day = raw if type(raw) is date else read_day(str(raw))
    if day is None:
        raise _Unfit("answer_no_date", "The answer is no day.", "Write it as 2026-11-26.")
    _in_range(question, day)
    return Value(day.isoformat(), f"{day:%d %b %Y}")


def _in_range(question: QuestionTerms, value: Any) -> None:
    least = read_limit(question.kind, question.minimum)
    most = read_limit(question.kind, question.maximum)
    if least is not None and value < least:
        raise _Unfit("answer_out_of_range", f"The least is {question.minimum}.")
    if most is not None and value > most:
        raise _Unfit("answer_out_of_range", f"The most is {question.maximum}.")


_READERS: Final[Mapping[str, Callable[[QuestionTerms, Any], Value]]] = {
    SHORT_TEXT: _short_text,
    LONG_TEXT: _long_text,
    CHOICE: _choice,
    CHOICES: _choices,
    YES_NO: _yes_no,
    NUMBER: _number,
    DATE: _day,
}
