"""What owners may ask: rule by rule, without a database."""

from uuid import UUID

import pytest

from entitlements.policies.question_terms import (
    ChoiceTerms,
    QuestionTerms,
    in_language,
    questions_fit,
)

WHY = QuestionTerms("short_text", "Which project?", key=UUID(int=1))
REGION = QuestionTerms(
    "choice",
    "Which region?",
    key=UUID(int=2),
    localizations={"de": "Welche Region?"},
    choices=(ChoiceTerms("North", {"de": "Norden"}), ChoiceTerms("South")),
)


def codes(*questions):
    return [reason.code for reason in questions_fit(questions)]


@pytest.mark.parametrize(
    "question",
    [
        WHY,
        REGION,
        QuestionTerms("long_text", "Tell us more", pattern="[^<]*"),
        QuestionTerms("choices", "Which?", choices=(ChoiceTerms("A"),)),
        QuestionTerms("yes_no", "Have you read the rules?"),
        QuestionTerms("number", "How many?", minimum="-1.5", maximum="10"),
        QuestionTerms("number", "How many?", minimum="1", maximum="1"),
        QuestionTerms("date", "Until when?", minimum="2026-01-01", maximum="2026-12-31"),
        QuestionTerms("date", "Until when?", maximum="2026-12-31"),
    ],
)
def test_every_kind_of_question_can_be_asked(question):
    assert codes(question) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "oracle"}, "unknown_question_kind"),
        ({"text": " "}, "question_missing"),
        ({"text": "x" * 501}, "question_too_long"),
        ({"text": "a\x00b"}, "question_unreadable"),
        ({"text": "a\ud800"}, "question_unreadable"),
        ({"localizations": {"Deutsch!": "Wer?"}}, "unknown_language"),
        ({"localizations": {"de": ""}}, "question_missing"),
        ({"localizations": {"de": "x" * 501}}, "question_too_long"),
        ({"choices": (ChoiceTerms("A"),)}, "question_contradicts"),
        ({"kind": "choice"}, "choices_missing"),
        ({"kind": "choices", "choices": ()}, "choices_missing"),
        ({"kind": "choice", "choices": (ChoiceTerms("A"), ChoiceTerms("A"))}, "choice_twice"),
        ({"kind": "choice", "choices": (ChoiceTerms("x" * 201),)}, "question_too_long"),
        ({"kind": "choice", "choices": (ChoiceTerms("A", {"de": ""}),)}, "question_missing"),
        ({"kind": "choice", "choices": (ChoiceTerms("A", {"1": "B"}),)}, "unknown_language"),
        (
            {"kind": "choice", "choices": tuple(ChoiceTerms(str(n)) for n in range(101))},
            "too_many_choices",
        ),
        ({"pattern": "("}, "pattern_unusable"),
        ({"kind": "yes_no", "pattern": "a"}, "question_contradicts"),
        ({"minimum": "1"}, "question_contradicts"),
        ({"kind": "number", "minimum": "many"}, "limit_unreadable"),
        ({"kind": "number", "minimum": "1e9"}, "limit_unreadable"),
        ({"kind": "number", "minimum": "2", "maximum": "1"}, "limits_contradict"),
        ({"kind": "date", "maximum": "31.12.2026"}, "limit_unreadable"),
        ({"kind": "date", "maximum": "2026-W01-1"}, "limit_unreadable"),
        ({"kind": "date", "minimum": "2026-02-30"}, "limit_unreadable"),
        ({"kind": "date", "minimum": "2026-02-02", "maximum": "2026-02-01"}, "limits_contradict"),
    ],
)
def test_what_speaks_against_a_question_has_a_code(changes, code):
    wrong = QuestionTerms(**{"kind": "short_text", "text": "Which project?", **changes})

    assert codes(wrong) == [code]


def test_all_reasons_come_at_once_each_with_its_question():
    bad = QuestionTerms("choice", "")

    reasons = list(questions_fit([WHY, bad, QuestionTerms("number", "x" * 501, minimum="a")]))

    assert [(reason.about, reason.code) for reason in reasons] == [
        ("question2", "question_missing"),
        ("question2", "choices_missing"),
        ("question3", "question_too_long"),
        ("question3", "limit_unreadable"),
    ]
    assert reasons[0].text.startswith("Question 2: ")


def test_a_policy_asks_twenty_questions_at_most_and_none_twice():
    many = [QuestionTerms("yes_no", f"Number {number}?") for number in range(21)]

    assert codes(*many[:20]) == []
    assert codes(*many) == ["too_many_questions"]
    assert codes(WHY, WHY) == ["question_twice"]


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [
        (("de",), ("Wer?", "de")),
        (("de-at", "en"), ("Wer?", "de")),
        (("fr", "de"), ("Wer?", "de")),
        (("en", "de"), ("Who?", "en")),
        (("en-gb", "de"), ("Who?", "en")),
        (("pt-br",), ("Quem é?", "pt-br")),
        (("pt",), ("Who?", "en")),
        (("*",), ("Who?", "en")),
        ((), ("Who?", "en")),
    ],
)
def test_a_text_is_shown_in_the_first_language_that_it_has(wanted, spoken):
    assert in_language("Who?", {"de": "Wer?", "pt-br": "Quem é?"}, wanted) == spoken


def test_the_words_for_ones_own_language_may_be_given_too():
    assert in_language("Wer?", {"en": "Who?"}, ("en",)) == ("Who?", "en")


@pytest.mark.parametrize("question", [WHY, REGION])
def test_a_frozen_question_reads_the_same(question):
    assert QuestionTerms.from_frozen(question.frozen()) == question
