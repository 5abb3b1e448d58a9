import socket
import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, connections

from portal.demo.personas import personas
from portal.processes import forgo_connection_pool
from portal.supervisor import Supervisor, jobs_child, web_child

DEMO_LINE = "demo mode: a made-up company, in which anybody may act as anybody"


class Command(BaseCommand):
    """Prepare the database, then run web server and job cluster until told to stop."""

    help = "Prepare the database, then run web server and job cluster together (Ctrl-C stops both)."

    def handle(self, *args: Any, **options: Any) -> None:
        forgo_connection_pool()
        self.say(f"{settings.PORTAL_NAME} - {DEMO_LINE if settings.DEMO else 'starting'}")
        self.require_database()
        self.require_port()
        self.prepare()
        connections.close_all()
        supervisor = Supervisor(web_child(), jobs_child(), self.say)
        supervisor.start()
        self.greet(supervisor)
        status = supervisor.watch()
        self.say("Stopped. Start again with the same command; everything is kept.")
        if status:
            raise SystemExit(status)

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    def require_database(self) -> None:
        try:
            connection.ensure_connection()
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be reached: {str(error).strip()}\n"
                "Check DATABASE_URL, or leave it empty for SQLite in the data directory."
            ) from error

    def require_port(self) -> None:
        family = socket.AF_INET6 if ":" in settings.BIND else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.BIND, settings.PORT))
            except OSError as error:
                raise CommandError(
                    f"Port {settings.PORT} on {settings.BIND} cannot be used ({error.strerror}). "
                    "Choose another, for example: PORT=8001 make run"
                ) from error

    def prepare(self) -> None:
        self.say("Preparing the database ...")
        try:
            call_command("migrate", interactive=False, verbosity=0)
            call_command("createcachetable", verbosity=0)
        except DatabaseError as error:
            raise CommandError(f"The database could not be prepared: {error}") from error
        if settings.DEMO:
            self.load_demo()
        if settings.PRODUCTION:
            call_command("collectstatic", interactive=False, verbosity=0)

    def load_demo(self) -> None:
        """Load the demo company into an empty database, or anew if that was interrupted before."""
        unfinished = settings.DATA_DIR / "demo.unfinished"
        if unfinished.exists() or not get_user_model().objects.exists():
            self.say("Loading the demo company (once; about a minute) ...")
            act = "reset" if unfinished.exists() else "load"
            unfinished.touch()
            call_command("demo", act)
            unfinished.unlink()

    def greet(self, supervisor: Supervisor) -> None:
        host = "127.0.0.1" if settings.BIND in {"0.0.0.0", ""} else settings.BIND  # noqa: S104
        while supervisor.web.status() is None and not supervisor.stopping:
            try:
                socket.create_connection((host, settings.PORT), timeout=1).close()
            except OSError:
                time.sleep(0.1)
                continue
            self.say(f"\n  {settings.PORTAL_URL}\n")
            if settings.DEMO:
                self.introduce()
            self.say("  Ctrl-C stops it.\n")
            return

    def introduce(self) -> None:
        self.say("  The sign-in page lets you be, without a password:")
        for person in personas():
            self.say(f"    {person.name:<11} {person.role}")
        self.say("")
