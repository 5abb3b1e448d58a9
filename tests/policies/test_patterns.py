"""Patterns: what can be read, what matches, and that none of them makes anybody wait."""

from time import perf_counter

import pytest

from entitlements.policies.patterns import LONGEST_PATTERN, fits, pattern_fits

CATASTROPHIC = [
    r"(a+)+$",
    r"(a|a)*$",
    r"(a|aa)+$",
    r"(.*a){30}",
    r"([a-zA-Z]+)*!",
    r"(.*.*.*.*.*b){20}",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
]


def codes(pattern):
    return [reason.code for reason in pattern_fits(pattern)]


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"\d{4}", "4711", True),
        (r"\d{4}", "47110", False),
        (r"\d{4}", "x4711", False),
        (r"(?i)straße", "Straße", True),
        (r"[A-Z]{2}-\d+", "HR-9", True),
        (r"a|b", "ab", False),
        (r"", "", True),
        (r".*", "a\x00b", True),
    ],
)
def test_a_pattern_matches_the_whole_text(pattern, text, matches):
    assert codes(pattern) == []
    assert fits(pattern, text) is matches


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "*", r"(?=a)", r"(a)\1", "(x{1000}){1000}", "\ud800"]
)
def test_what_cannot_be_read_is_refused(pattern):
    assert codes(pattern) == ["pattern_unusable"]


def test_a_refusal_says_what_is_wrong():
    [reason] = pattern_fits("(a")

    assert "missing )" in reason.text


def test_a_pattern_can_be_too_long():
    assert codes("a" * LONGEST_PATTERN) == []
    assert codes("a" * (LONGEST_PATTERN + 1)) == ["pattern_too_long"]


@pytest.mark.parametrize("pattern", CATASTROPHIC)
def test_no_pattern_takes_long(pattern):
    assert codes(pattern) == []

    begun = perf_counter()
    fits(pattern, "a" * 10_000 + "!?")

    assert perf_counter() - begun < 1
