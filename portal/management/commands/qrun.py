from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from portal import cluster
from portal.processes import forgo_connection_pool


class Command(BaseCommand):
    """Work on one queue; end with status 70 as soon as a process of the cluster is lost."""

    help = (
        "Carry out the jobs of one queue. Run it under something that starts it again when it ends "
        "with a status other than 0: manage.py up, or systemd."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--queue",
            default=settings.Q_CLUSTER["name"],
            help="The queue to work on; the default is the general one.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        forgo_connection_pool()
        status = cluster.serve(options["queue"])
        if status:
            raise SystemExit(status)
