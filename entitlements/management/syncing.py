"""What the commands that bring the directory up to date have in common."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from entitlements.directory.sync import operations
from entitlements.directory.sync.guard import Limits
from entitlements.directory.sync.operations import Interrupted
from entitlements.directory.sync.records import Feed
from entitlements.management.reporting import Report
from entitlements.systems.models import ConnectedSystem


def add_arguments(parser: CommandParser) -> None:
    """Add what every such command takes."""
    parser.add_argument(
        "--dry-run", action="store_true", help="Show every difference, and write nothing."
    )
    parser.add_argument(
        "--allow-disable", type=int, metavar="N", help="Let up to N people be disabled."
    )
    parser.add_argument(
        "--allow-remove", type=int, metavar="N", help="Let up to N people leave groups."
    )


def limits_of(system: ConnectedSystem, options: dict[str, Any]) -> Limits:
    """Return the limits of a system, or those that the options put in their place."""
    return Limits.of(
        system,
        allow_disable=options["allow_disable"],
        allow_remove=options["allow_remove"],
    )


def run(
    report: Report,
    system: ConnectedSystem,
    feed: Feed,
    limits: Limits,
    *,
    skips_bad_rows: bool,
    is_dry: bool,
) -> None:
    """Carry a feed out, or show what that would do; raises CommandError when it is refused."""
    if is_dry:
        plan = operations.compare(system, feed)
        decision = operations.judge(plan, limits, skips_bad_rows=skips_bad_rows)
        report.differences(plan)
    else:
        try:
            plan, decision = operations.synchronize(
                system,
                feed,
                limits,
                by=None,
                skips_bad_rows=skips_bad_rows,
                progress=report.progress,
            )
        except Interrupted as interrupted:
            raise CommandError(str(interrupted)) from interrupted
        report.end_progress()
    report.problems(plan.problems)
    if not decision:
        report.refuse(plan, decision)
    report.summary(plan)
    if is_dry:
        report.out.write("Nothing was written: this was a dry run.")
