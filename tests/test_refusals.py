"""Every refusal explains itself: a stable code, a sentence, and what would change it or who can."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

DOMAIN = Path(settings.BASE_DIR) / "entitlements"
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
NAMES = {"Reason", "deny"}


def refusals():
    """Every place where a reason is written down: where, its code, its text, its remedy."""
    for path in sorted(DOMAIN.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in NAMES:
                words = dict(zip(("code", "text", "remedy"), node.args, strict=False))
                words |= {word.arg: word.value for word in node.keywords}
                yield f"{path.relative_to(DOMAIN.parent)}:{node.lineno}", words


WRITTEN = dict(refusals())


def ending(node):
    """The last characters of a text, as far as they are written down; None if it is handed on."""
    if isinstance(node, ast.JoinedStr):
        return ending(node.values[-1])
    return node.value if isinstance(node, ast.Constant) else None


def is_handed_on(words):
    """Whether a reason repeats another one's words."""
    return isinstance(words["text"], ast.Attribute | ast.Name)


def test_there_are_refusals_to_look_at():
    assert len(WRITTEN) > 100


def test_every_code_is_in_snake_case():
    codes = {place: words["code"] for place, words in WRITTEN.items()}
    literal = {place: node.value for place, node in codes.items() if isinstance(node, ast.Constant)}

    assert {place: code for place, code in literal.items() if not CODE.fullmatch(code)} == {}


@pytest.mark.parametrize("part", ["text", "remedy"])
def test_every_sentence_ends_with_a_full_stop(part):
    ends = {place: ending(words[part]) for place, words in WRITTEN.items() if part in words}

    assert [place for place, end in ends.items() if end and not end.endswith((".", "?"))] == []


def test_every_refusal_says_what_would_change_it_or_who_can():
    without = [
        place
        for place, words in WRITTEN.items()
        if "remedy" not in words and not is_handed_on(words)
    ]

    assert without == []
