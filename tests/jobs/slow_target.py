"""A target system of files, whose changes are made at once and answered slowly.

Installed as an application by `tests.jobs.slow_settings`, so that real workers know it.
"""

import os
import time
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings


class SlowTargetConfig(AppConfig):
    name = "tests.jobs"
    label = "slow_target"

    def ready(self):
        from entitlements.connectors.registry import CONNECTORS

        CONNECTORS["slow"] = SlowConnector


class SlowConnector:
    """Holds members as files; waits for SLOW_SECONDS after each change before it answers."""

    def __init__(self, system):
        self.directory = Path(settings.DATA_DIR)

    def check(self):
        return None

    def members(self, place):
        yield from sorted(path.name for path in self._place(place).iterdir())

    def is_member(self, place, account):
        return (self._place(place) / account).exists()

    def ensure_member(self, place, account):
        (self._place(place) / account).touch()
        self._answer("ensure_member")

    def ensure_absent(self, place, account):
        (self._place(place) / account).unlink(missing_ok=True)
        self._answer("ensure_absent")

    def close(self):
        return None

    def _place(self, place):
        directory = self.directory / "target" / place.resource
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def _answer(self, method):
        with (self.directory / "calls").open("a") as calls:
            calls.write(f"{method} {os.getpid()}\n")
        time.sleep(float(os.environ.get("SLOW_SECONDS", "0")))
