from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from entitlements.directory.sync import ldap_feed, operations
from entitlements.directory.sync.guard import BadLimit
from entitlements.management import syncing
from entitlements.management.reporting import Report
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.models import ConnectedSystem


class Command(BaseCommand):
    """Read an LDAP server and bring people and groups to what it says."""

    help = (
        "Bring people and groups to what an LDAP server says. Entries that cannot be taken over "
        "are named and left as they are. Ends with 1 when the server cannot be read, or when more "
        "people would be disabled or leave groups than the limits allow."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("system", help="The name of the connected system.")
        syncing.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        system = ConnectedSystem.objects.filter(name__iexact=options["system"]).first()
        if system is None or system.kind != "ldap":
            raise CommandError(f"There is no LDAP system named “{options['system']}”.")
        if not system.is_enabled:
            raise CommandError(f"{system} is switched off.")
        report = Report(self.stdout, self.stderr)
        try:
            limits = syncing.limits_of(system, options)
            feed = ldap_feed.read(system, report.progress)
        except (LdapFailed, BadLimit) as failed:
            report.end_progress()
            if not options["dry_run"]:
                operations.note_failure(system, str(failed))
            raise CommandError(str(failed)) from failed
        report.end_progress()
        syncing.run(report, system, feed, limits, skips_bad_rows=True, is_dry=options["dry_run"])
