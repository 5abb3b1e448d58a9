from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from entitlements import invariants
from entitlements.invariants import Result


class Command(BaseCommand):
    """Print what holds and what does not; end with status 1 when something does not."""

    help = "Check what must hold whatever happens. Reads only; ends with 1 when something is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--targets",
            action="store_true",
            help="Read every connected system too, and compare it with what is wanted there.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        for result in invariants.check(with_targets=options["targets"]):
            self.show(result)
            broken += not result.holds
        if broken:
            self.stderr.write(f"{broken} of the invariants do not hold.")
            raise SystemExit(1)
        self.stdout.write("All of them hold.")

    def show(self, result: Result) -> None:
        verdict = "OK" if result.holds else _violations(result.violations)
        waiting = f", {result.pending} pending" if result.pending else ""
        self.stdout.write(
            f"{result.invariant.code:<4} {result.invariant.sentence:<62} {verdict}{waiting}"
        )
        for sentence in result.sentences:
            self.stdout.write(f"       wrong    {sentence}")
        if result.violations > len(result.sentences):
            self.stdout.write(f"       and {result.violations - len(result.sentences)} more")
        for reason in result.reasons:
            self.stdout.write(f"       pending  {reason}")


def _violations(count: int) -> str:
    return "1 violation" if count == 1 else f"{count} violations"
