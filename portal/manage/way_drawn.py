"""The way of a request as a drawing: where each of its boxes and lines stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from portal.manage.way_steps import Step

WIDTH: Final = 340
INSET: Final = 36
"""How far what is beside the way is moved in."""
PADDING: Final = 12
LINE: Final = 18
GAP: Final = 26
LETTER: Final = 7
"""How wide a letter is at most on average, so that all lines find room in their box."""


@dataclass(frozen=True)
class Box:
    """One step, or who is asked as well in it; `tone` is first, stage, aside or last."""

    x: int
    y: int
    width: int
    height: int
    tone: str
    heading: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Drawing:
    """All boxes from above to below, and the lines between them as paths."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[str, ...]
    branches: tuple[str, ...]
    words: tuple[str, ...]


def drawn(steps: Sequence[Step]) -> Drawing:
    """Draw steps from above to below; what is beside one stands below it, moved in."""
    boxes: list[Box] = []
    arrows: list[str] = []
    branches: list[str] = []
    y = 1
    for number, step in enumerate(steps):
        tone = "first" if number == 0 else "last" if step is steps[-1] else "stage"
        box = _box(1, y, tone, step.heading, step.sentences)
        y = box.y + box.height
        boxes.append(box)
        if step.aside:
            aside = _box(INSET, y + GAP // 2, "aside", "", (step.aside,))
            boxes.append(aside)
            branches.append(f"M{INSET // 2} {aside.y + aside.height // 2}H{INSET - 2}")
            y = aside.y + aside.height
        if step is not steps[-1]:
            arrows.append(_arrow(box.y + box.height, y + GAP))
            y += GAP
    words = tuple(step.words for step in steps)
    return Drawing(WIDTH, y + 1, tuple(boxes), tuple(arrows), tuple(branches), words)


def _box(x: int, y: int, tone: str, heading: str, sentences: Sequence[str]) -> Box:
    width = WIDTH - x - 1
    letters = (width - 2 * PADDING) // LETTER
    lines = sum(len(wrap(words, letters)) for words in (heading, *sentences))
    told = tuple(_capital(sentence) for sentence in sentences)
    return Box(x, y, width, 2 * PADDING + LINE * lines, tone, heading, told)


def _arrow(top: int, bottom: int) -> str:
    x = INSET // 2
    return f"M{x} {top}V{bottom - 1}M{x - 4} {bottom - 6}L{x} {bottom - 1}L{x + 4} {bottom - 6}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
