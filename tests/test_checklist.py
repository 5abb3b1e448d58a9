"""The checklist in the documents names tests that exist, and each point once."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$")
NAME = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
HIGHEST = 190


def rows(text):
    """Return the rows of the tables: number, words, and the cell with the tests."""
    return [found.groups() for line in text.splitlines() if (found := ROW.match(line))]


def named(cell):
    """Return the tests that a cell names; whatever is not a test makes the cell wrong."""
    found = NAME.findall(cell)
    rest = NAME.sub("", cell).replace("<br>", "").strip()
    assert found, f"no test is named: {cell}"
    assert not rest, f"this is no test: {rest}"
    return found


@cache
def names_in(path):
    if not (ROOT / path).exists():
        return frozenset()
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


CHECKLIST = rows((ROOT / "docs" / "checklist.md").read_text())


def test_the_checklist_is_long_and_in_order():
    numbers = [int(number) for number, _, _ in CHECKLIST]

    assert len(numbers) > 50
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= set(range(1, HIGHEST + 1))


@pytest.mark.parametrize(("number", "words", "cell"), CHECKLIST)
def test_every_point_is_a_sentence_with_tests_that_exist(number, words, cell):
    assert words.endswith(".")
    for path, name in named(cell):
        assert name in names_in(path), f"{number}: {path} has no {name}"


def test_a_test_that_does_not_exist_would_be_noticed():
    [(_, _, cell)] = rows("| 1 | It holds. | `tests/test_checklist.py::test_nothing` |")

    assert named(cell) == [("tests/test_checklist.py", "test_nothing")]
    assert "test_nothing" not in names_in("tests/test_checklist.py")
    assert names_in("tests/test_no_such_file.py") == frozenset()


@pytest.mark.parametrize("cell", ["none yet", "`tests/test_checklist.py::test_a` and by hand"])
def test_a_cell_names_tests_and_nothing_else(cell):
    with pytest.raises(AssertionError):
        named(cell)
