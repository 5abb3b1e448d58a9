from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from entitlements.decisions import Denied
from entitlements.directory.sync import csv_feed, operations
from entitlements.directory.sync.csv_tables import BadFile
from entitlements.directory.sync.guard import BadLimit
from entitlements.management import syncing
from entitlements.management.reporting import Report


class Command(BaseCommand):
    """Read CSV files and bring people and groups to what they say."""

    help = (
        "Bring people, groups and memberships to what CSV files say; each file is the full list of "
        "its kind, and a kind without a file stays as it is. Every bad row is named with its line, "
        "and nothing is imported while there is one, unless --skip-bad-rows is given. Ends with 1 "
        "when a file is refused, or when more people would be disabled or leave groups than the "
        "limits allow."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--users", type=Path, metavar="FILE")
        parser.add_argument("--groups", type=Path, metavar="FILE")
        parser.add_argument("--memberships", type=Path, metavar="FILE")
        parser.add_argument(
            "--system",
            default=operations.CSV_SYSTEM,
            metavar="NAME",
            help="Under which name the files' people and groups are kept apart from others'.",
        )
        parser.add_argument(
            "--skip-bad-rows", action="store_true", help="Import the good rows all the same."
        )
        syncing.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        files = {kind: options[kind] for kind in ("users", "groups", "memberships")}
        if not any(files.values()):
            raise CommandError("Name at least one of --users, --groups and --memberships.")
        report = Report(self.stdout, self.stderr)
        try:
            system = operations.csv_system(options["system"])
            limits = syncing.limits_of(system, options)
            feed = csv_feed.read_files(**files, progress=report.progress)
        except (BadFile, BadLimit, Denied) as refused:
            report.end_progress()
            raise CommandError(str(refused)) from refused
        report.end_progress()
        syncing.run(
            report,
            system,
            feed,
            limits,
            skips_bad_rows=options["skip_bad_rows"],
            is_dry=options["dry_run"],
        )
