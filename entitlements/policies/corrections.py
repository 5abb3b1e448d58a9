"""Whether answers that somebody gave for his access may be corrected: pure rules over facts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entitlements.decisions import Decision, Reason, collect
from entitlements.policies.answers import Given, kept, speaks_against
from entitlements.policies.question_terms import QuestionTerms
from entitlements.policies.rules import text_fits

Answers = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Correction:
    """What the rules need to know about somebody who corrects answers.

    `before` is how the answers to these questions read, as a request keeps them, and `given` how
    they are to read, by the keys of the questions.
    """

    package: str
    allows_correction: bool
    is_by_manager: bool
    is_policy_enabled: bool
    has_open_request: bool
    justification: str
    questions: tuple[QuestionTerms, ...]
    before: Answers
    given: Given

    @property
    def after(self) -> list[dict[str, Any]]:
        """How the answers will read, as a request keeps them."""
        return kept(self.questions, self.given)


def can_correct(correction: Correction) -> Decision:
    """Apply every rule, and return all the reasons at once."""
    allowed = (*_is_allowed(correction), *_stay_as_given(correction))
    answers = speaks_against(correction.questions, correction.given)
    text = text_fits(correction.justification, is_required=False)
    changes = () if allowed or answers else _changes_something(correction)
    return collect((*allowed, text, *answers, *changes))


def _is_allowed(correction: Correction) -> Iterator[Reason]:
    may = correction.allows_correction or correction.is_by_manager
    if not (may and correction.is_policy_enabled):
        yield Reason(
            "correction_not_allowed",
            f"Answers for {correction.package} cannot be corrected under its policy.",
            "Managers of its assignments may be able to; the catalog's owners can allow it.",
        )
    if not correction.questions:
        yield Reason(
            "nothing_to_correct",
            f"Nothing is asked of whoever has {correction.package}.",
            "Nothing is to be done.",
        )
    if correction.has_open_request:
        yield Reason(
            "already_requested",
            "A request about this access is on its way already.",
            "Wait for its outcome, or cancel it first.",
        )


def _stay_as_given(correction: Correction) -> Iterator[Reason]:
    before = _by_key(correction.before)
    after = _by_key(correction.after)
    for question in correction.questions:
        key = str(question.key)
        if key in before and not question.is_editable and after.get(key) != before[key]:
            yield Reason(
                "answer_not_editable",
                f"The answer to “{question.text}” stays as it was given.",
                "Owners of the catalog decide which answers may be corrected.",
                about=key,
            )


def _changes_something(correction: Correction) -> Iterator[Reason]:
    if _by_key(correction.before) == _by_key(correction.after):
        yield Reason("nothing_corrected", "Every answer reads as before.", "Correct one of them.")


def _by_key(answers: Answers) -> dict[str, Any]:
    return {answer["question"]: answer["value"] for answer in answers}


def changes_between(before: Answers, after: Answers) -> list[dict[str, str]]:
    """Return which answers differ: each question and its key, with the old and the new words."""
    old = {answer["question"]: answer for answer in before}
    new = {answer["question"]: answer for answer in after}
    return [
        {
            "key": key,
            "question": (new.get(key) or old[key])["text"],
            "old": old[key]["shown"] if key in old else "",
            "new": new[key]["shown"] if key in new else "",
        }
        for key in dict.fromkeys((*old, *new))
        if old.get(key, {}).get("value") != new.get(key, {}).get("value")
    ]
