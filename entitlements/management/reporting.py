"""Tell on a terminal, or in a log, what a sync does and did."""

from collections.abc import Iterable

from django.core.management.base import CommandError, OutputWrapper

from entitlements.decisions import Decision
from entitlements.directory.sync.plan import Plan
from entitlements.directory.sync.records import Problem

WIDTH = 30


class Report:
    """Writes progress, differences, problems and a summary; what people wrote is made harmless."""

    def __init__(self, out: OutputWrapper, errors: OutputWrapper) -> None:
        self.out = out
        self.errors = errors
        self._line = ""
        self._doing = ""

    def progress(self, doing: str, done: int, of: int | None) -> None:
        """Draw a bar on a terminal; elsewhere write one line when a step is over."""
        if doing != self._doing:
            self.end_progress()
        self._doing = doing
        if of:
            part = min(done, of) * WIDTH // of
            self._line = f"{doing}: {done:,} of {of:,}"
            bar = f"[{'#' * part}{'.' * (WIDTH - part)}] {self._line}"
        else:
            self._line = bar = f"{doing}: {done:,}"
        if self.out.isatty():
            self.out.write(f"\r{bar}\033[K", ending="")
            self.out.flush()

    def end_progress(self) -> None:
        """Close the line of the step that was shown last."""
        if self._line:
            self.out.write("" if self.out.isatty() else self._line)
        self._line = self._doing = ""

    def differences(self, plan: Plan) -> None:
        """Write one line for each difference."""
        for line in plan.lines():
            self.out.write(harmless(line))

    def problems(self, problems: Iterable[Problem]) -> None:
        """Write one line for each row that cannot be taken over."""
        for problem in problems:
            self.errors.write(harmless(str(problem)))

    def summary(self, plan: Plan) -> None:
        """Write how much of each kind there is."""
        for name, count in plan.counts().items():
            if count:
                self.out.write(f"{name.replace('_', ' ')}: {count:,}")
        if plan.is_empty:
            self.out.write("Nothing changes.")

    def refuse(self, plan: Plan, decision: Decision) -> None:
        """Name who would be disabled, and end the command with the reasons."""
        if "too_many_disabled" in decision.codes:
            for change in plan.disabled:
                self.errors.write(harmless(f"would be disabled: {change.name}"))
        if "too_many_removed" in decision.codes:
            for pk in sorted(plan.who_loses_a_group):
                name = plan.names.get(pk, str(pk))
                self.errors.write(harmless(f"would leave groups: {name}"))
        raise CommandError(" ".join(str(reason) for reason in decision.reasons))


def harmless(text: str) -> str:
    """Return text in which nothing moves the cursor, changes colors or turns the reading order."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
