"""Draw the lives of requests and assignments from the data that the code itself obeys."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from entitlements.assignments.models import AssignmentState, EndReason
from entitlements.delivery.settling import OUTCOMES
from entitlements.requests.states import (
    ADDS,
    EVERY,
    REMOVES,
    TRANSITIONS,
    UPDATES,
    RequestKind,
    RequestState,
    Transition,
)

INTRODUCTION = """# States

Drawn from the transition table in `entitlements/requests/states.py` by `manage.py draw_states`;
do not edit. A step that the table does not have is refused, whoever asks."""

LIVES: tuple[tuple[str, tuple[RequestKind, ...]], ...] = (
    ("Requests to get access", ADDS),
    ("Requests to keep access for longer, or to correct answers", UPDATES),
    ("Requests to end access", REMOVES),
)

Arrow = tuple[str, str, str]


def page() -> str:
    """Return the whole page in Markdown, with diagrams in Mermaid."""
    parts = [INTRODUCTION]
    for heading, kinds in LIVES:
        rows = [row for row in TRANSITIONS if set(kinds) & set(row.kinds)]
        parts += [f"## {heading}", f"Kinds: {_listed(kinds)}.", request_diagram(rows)]
    parts += ["## The transition table", table(TRANSITIONS)]
    parts += ["## Assignments", assignment_diagram()]
    return "\n\n".join(parts) + "\n"


def request_diagram(rows: Iterable[Transition]) -> str:
    """Return the diagram of some rows; events between the same states share an arrow."""
    rows = list(rows)
    events: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        events.setdefault((row.source.value, row.target.value), []).append(row.event.label)
    arrows = [("[*]", RequestState.SUBMITTED.value, "sent")]
    arrows += [(source, target, ", ".join(labels)) for (source, target), labels in events.items()]
    sources = {row.source for row in rows}
    ends = [state.value for state in _states(rows) if state not in sources]
    arrows += [(state, "[*]", "") for state in ends]
    return _diagram([(state.value, str(state.label)) for state in _states(rows)], arrows)


def assignment_diagram() -> str:
    """Return the diagram of how far an assignment's roles are set up, until it ends."""
    begun, ended = AssignmentState.DELIVERING.value, AssignmentState.EXPIRED.value
    arrows = [("[*]", begun, "begun")]
    for state, event in OUTCOMES.items():
        arrows += [(begun, state.value, event.label), (state.value, begun, "set up again")]
    reasons = ", ".join(reason.label for reason in EndReason)
    arrows += [(state.value, ended, reasons) for state in (AssignmentState.DELIVERING, *OUTCOMES)]
    arrows.append((ended, "[*]", ""))
    return _diagram([(state.value, str(state.label)) for state in AssignmentState], arrows)


def table(rows: Iterable[Transition]) -> str:
    """Return rows of the transition table in Markdown."""
    lines = ["| From | Event | To | Kinds |", "| --- | --- | --- | --- |"]
    for row in rows:
        kinds = "all" if set(row.kinds) == set(EVERY) else _listed(row.kinds)
        lines.append(f"| {row.source.label} | {row.event.label} | {row.target.label} | {kinds} |")
    return "\n".join(lines)


def _states(rows: Iterable[Transition]) -> list[RequestState]:
    seen = {state for row in rows for state in (row.source, row.target)}
    return [state for state in RequestState if state in seen]


def _diagram(states: Iterable[tuple[str, str]], arrows: Iterable[Arrow]) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *_lines(states, arrows), "```"])


def _lines(states: Iterable[tuple[str, str]], arrows: Iterable[Arrow]) -> Iterator[str]:
    for name, label in states:
        yield f'    state "{label}" as {name}'
    for source, target, label in arrows:
        yield f"    {source} --> {target}" + (f": {label}" if label else "")


def _listed(kinds: Iterable[RequestKind]) -> str:
    return ", ".join(f"`{kind.value}`" for kind in kinds)


class Command(BaseCommand):
    """Write `docs/states.md`, or with --check say whether it is what the code says."""

    help = "Draw the states of requests and assignments into docs/states.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Change nothing; only compare.")
        parser.add_argument("--path", default=str(Path(settings.BASE_DIR) / "docs" / "states.md"))

    def handle(self, *args: Any, **options: Any) -> None:
        path, drawn = Path(options["path"]), page()
        is_fresh = path.exists() and path.read_text() == drawn
        if options["check"]:
            if not is_fresh:
                raise CommandError(f"{path} is out of date: run manage.py draw_states.")
            self.stdout.write(f"{path} is up to date.")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(drawn)
        self.stdout.write(f"{path} is written.")
