from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from entitlements.decisions import Denied
from entitlements.directory.models import User
from entitlements.policies.risk import RiskKind, RiskLevel
from entitlements.policies.risk_operations import clear_risk, report_risk


class Command(BaseCommand):
    """Report a risk about a person, or call it off."""

    help = (
        "Report a risk about a person, or call it off. From the level that a risk stage names, "
        "his requests are judged by its group first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["report", "clear"])
        parser.add_argument("email", help="The person's address.")
        parser.add_argument("kind", choices=RiskKind.values)
        levels = [level.label for level in RiskLevel]
        parser.add_argument("--level", choices=levels, default=RiskLevel.HIGH.label)
        parser.add_argument("--source", default="command line", help="Who or what says so.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["email"]).first()
        if user is None:
            raise CommandError(f"Nobody has the address {options['email']}.")
        if options["act"] == "clear":
            stood = clear_risk(user, options["kind"], by=None)
            self.stdout.write("The risk is called off." if stood else "No such risk stood.")
            return
        level = next(level for level in RiskLevel if level.label == options["level"])
        try:
            signal = report_risk(user, options["kind"], level, source=options["source"], by=None)
        except Denied as denied:
            raise CommandError(str(denied)) from denied
        self.stdout.write(f"{signal}.")
