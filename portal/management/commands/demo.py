import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from entitlements.decisions import Denied
from entitlements.demo import operations
from entitlements.demo.operations import Loaded
from portal.demo.sign_in import ADMINISTRATOR, let_in


class Command(BaseCommand):
    """Load, reset or remove the demo company."""

    help = (
        "Load Kestrel Trading, a made-up company, into an empty database; make it new; or remove "
        "it. Everything in the database then belongs to it and goes with it, except the audit "
        "trail, which can only grow. Works with DEMO=1 only, and not while the job cluster runs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["load", "reset", "remove"])
        parser.add_argument("--people", type=int, default=operations.PEOPLE)
        parser.add_argument("--seed", type=int, default=operations.SEED)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["act"] == "remove":
                operations.remove()
                self.stdout.write("The demo company is removed; its audit trail stays.")
            else:
                make = operations.load if options["act"] == "load" else operations.reset
                self.make(make, options["people"], options["seed"])
        except Denied as denied:
            raise CommandError(str(denied)) from denied

    def make(self, make: Callable[..., Loaded], people: int, seed: int) -> None:
        started = time.monotonic()
        with _without_news_of_the_broken_system():
            loaded = make(count=people, seed=seed)
        password = let_in()
        self.stdout.write(
            f"Kestrel Trading has {loaded.people} people, {loaded.packages} access packages, "
            f"{loaded.requests} requests and {loaded.events} audit events "
            f"({time.monotonic() - started:.0f} s).\n"
            f"Be anybody of them at /demo/, or sign in as {ADMINISTRATOR} with {password}"
        )


@contextmanager
def _without_news_of_the_broken_system() -> Iterator[None]:
    """One system of the company is meant not to answer; nobody needs a warning about it."""
    logger = logging.getLogger("entitlements.delivery.tasks")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
