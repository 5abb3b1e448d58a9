"""Answers: what each kind of question takes, what is refused, and how it is kept."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from time import perf_counter
from uuid import UUID

import pytest

from entitlements.policies.answers import given_again, kept, speaks_against
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms

KEY = UUID(int=1)
NAME = str(KEY)
REGIONS = (ChoiceTerms("North"), ChoiceTerms("South"), ChoiceTerms("=West"))


def question(kind, **options):
    return QuestionTerms(kind, "What is it?", key=KEY, **options)


SHORT = question("short_text")
CODE = question("short_text", pattern=r"\d{4}")
LONG = question("long_text")
ONE = question("choice", choices=REGIONS)
ANY = question("choices", choices=REGIONS)
YES_NO = question("yes_no")
NUMBER = question("number", minimum="0.5", maximum="100")
DAY = question("date", minimum="2026-01-01", maximum="2026-12-31")


@pytest.mark.parametrize(
    ("asked", "given", "value", "shown"),
    [
        (SHORT, "  Apollo ", "Apollo", "Apollo"),
        (SHORT, "<b>=1+1</b>", "<b>=1+1</b>", "<b>=1+1</b>"),
        (SHORT, "x" * 500, "x" * 500, "x" * 500),
        (CODE, "4711", "4711", "4711"),
        (LONG, "One\r\ntwo\tthree", "One\ntwo\tthree", "One\ntwo\tthree"),
        (LONG, "x" * 10_000, "x" * 10_000, "x" * 10_000),
        (ONE, "North", "North", "North"),
        (ONE, "=West", "=West", "=West"),
        (ANY, ["South", "North", "North"], ["North", "South"], "North, South"),
        (ANY, ("North",), ["North"], "North"),
        (ANY, "South", ["South"], "South"),
        (YES_NO, "yes", True, "Yes"),
        (YES_NO, "no", False, "No"),
        (YES_NO, True, True, "Yes"),
        (YES_NO, False, False, "No"),
        (YES_NO, "True", True, "Yes"),
        (NUMBER, "012.50", "12.5", "12.5"),
        (NUMBER, " 100 ", "100", "100"),
        (NUMBER, 7, "7", "7"),
        (NUMBER, 0.5, "0.5", "0.5"),
        (NUMBER, Decimal("99.999999"), "99.999999", "99.999999"),
        (question("number"), "-0", "0", "0"),
        (question("number"), "+1000000", "1000000", "1000000"),
        (DAY, "2026-11-26", "2026-11-26", "26 Nov 2026"),
        (DAY, date(2026, 1, 1), "2026-01-01", "01 Jan 2026"),
    ],
)
def test_an_answer_is_kept_in_one_form(asked, given, value, shown):
    assert speaks_against([asked], {NAME: given}) == []
    assert kept([asked], {NAME: given}) == [
        {"question": NAME, "text": "What is it?", "value": value, "shown": shown}
    ]


MILLION = "x" * 1_000_000
WRONG = [
    (SHORT, None, "answer_missing"),
    (SHORT, "   ", "answer_missing"),
    (ANY, [], "answer_missing"),
    (ANY, (), "answer_missing"),
    (SHORT, "x" * 501, "answer_too_long"),
    (SHORT, MILLION, "answer_too_long"),
    (LONG, MILLION, "answer_too_long"),
    (NUMBER, "9" * 1_000_000, "answer_too_long"),
    (DAY, MILLION, "answer_too_long"),
    (ONE, MILLION, "answer_too_long"),
    (SHORT, "a\x00b", "answer_unreadable"),
    (LONG, "a\x00b", "answer_unreadable"),
    (LONG, "a\ud800", "answer_unreadable"),
    (SHORT, "two\nlines", "answer_unreadable"),
    (SHORT, 7, "answer_wrong_kind"),
    (SHORT, ["a"], "answer_wrong_kind"),
    (LONG, {"a": 1}, "answer_wrong_kind"),
    (CODE, "47110", "answer_unmatched"),
    (CODE, "x4711", "answer_unmatched"),
    (ONE, "East", "answer_not_offered"),
    (ONE, ["North"], "answer_wrong_kind"),
    (ANY, ["North", "East"], "answer_not_offered"),
    (ANY, "East", "answer_not_offered"),
    (ANY, [1], "answer_wrong_kind"),
    (ANY, 1, "answer_wrong_kind"),
    (YES_NO, "maybe", "answer_wrong_kind"),
    (YES_NO, 1, "answer_wrong_kind"),
    (NUMBER, "many", "answer_no_number"),
    (NUMBER, "1,5", "answer_no_number"),
    (NUMBER, "1e2", "answer_no_number"),
    (NUMBER, "١٢", "answer_no_number"),
    (NUMBER, float("nan"), "answer_no_number"),
    (NUMBER, float("inf"), "answer_no_number"),
    (NUMBER, True, "answer_no_number"),
    (NUMBER, [1], "answer_no_number"),
    (NUMBER, "0.4", "answer_out_of_range"),
    (NUMBER, "100.1", "answer_out_of_range"),
    (DAY, "26.11.2026", "answer_no_date"),
    (DAY, "2026-02-30", "answer_no_date"),
    (DAY, 20261126, "answer_no_date"),
    (DAY, datetime(2026, 11, 26, 9, tzinfo=UTC), "answer_no_date"),
    (DAY, "2025-12-31", "answer_out_of_range"),
    (DAY, "2027-01-01", "answer_out_of_range"),
]


@pytest.mark.parametrize(("asked", "given", "code"), WRONG)
def test_what_speaks_against_an_answer_has_a_code_and_names_the_question(asked, given, code):
    [reason] = speaks_against([asked], {NAME: given})

    assert reason.code == code
    assert reason.about == NAME
    assert reason.text.startswith("“What is it?”: ")
    assert len(reason.text) < 200


@pytest.mark.parametrize("nothing", [None, "", "  ", [], ()])
def test_what_is_not_required_may_stay_empty(nothing):
    free = replace(SHORT, is_required=False)

    assert speaks_against([free], {NAME: nothing}) == []
    assert speaks_against([free], {}) == []
    assert kept([free], {NAME: nothing}) == []


def test_an_answer_that_is_not_required_must_fit_all_the_same():
    [reason] = speaks_against([replace(CODE, is_required=False)], {NAME: "x"})

    assert reason.code == "answer_unmatched"
    assert r"\d{4}" in reason.remedy


def test_every_answer_is_checked_at_once_and_unknown_questions_are_refused():
    other = replace(NUMBER, key=UUID(int=2), text="x" * 200)
    third = replace(YES_NO, key=UUID(int=3))
    given = {NAME: "x", str(other.key): "0", "somewhere": "else", str(third.key): "yes"}

    reasons = speaks_against([CODE, other, third], given)

    assert [reason.code for reason in reasons] == [
        "question_unknown",
        "answer_unmatched",
        "answer_out_of_range",
    ]
    assert "…”" in reasons[2].text
    assert [answer["question"] for answer in kept([CODE, other, third], given)] == [str(third.key)]


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(.*a){30}"])
def test_no_pattern_makes_anybody_wait(pattern):
    begun = perf_counter()
    [reason] = speaks_against([replace(LONG, pattern=pattern)], {NAME: "a" * 9_999 + "!"})

    assert reason.code == "answer_unmatched"
    assert perf_counter() - begun < 1


def test_answers_are_given_again_as_far_as_they_are_still_asked_for():
    answers = kept([ANY], {NAME: ["North"]})

    assert given_again(answers, [ANY]) == {NAME: ["North"]}
    assert given_again(answers, [replace(ANY, key=UUID(int=9))]) == {}
