"""Web server and job cluster side by side: started, watched, and stopped together."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import FrameType

from portal.processes import die_with_parent

PATIENCE = 15.0
"""Seconds that children get to end by themselves."""

RESTARTS = 5
"""How often a child is started again within a minute."""

Report = Callable[[str], None]


@dataclass
class Child:
    """One process of ours; ended and started only by its own id."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    starts: deque[float] = field(default_factory=deque)

    def start(self) -> None:
        self.starts.append(time.monotonic())
        self.process = subprocess.Popen(  # noqa: S603 - the command is ours
            self.command,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=partial(die_with_parent, signal.SIGTERM, os.getpid()),
        )

    def status(self) -> int | None:
        """Return how it ended, or None while it runs."""
        return self.process.poll() if self.process else None

    def pause(self) -> float:
        """Return the seconds to wait before the next start: one, or more after many starts."""
        now = time.monotonic()
        while self.starts and self.starts[0] < now - 60:
            self.starts.popleft()
        return 1.0 if len(self.starts) <= RESTARTS else self.starts[0] + 60 - now

    def stop(self, deadline: float) -> None:
        """Wait until it has ended; kill it when the deadline (monotonic seconds) passes."""
        if not self.process:
            return
        try:
            self.process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Supervisor:
    """Keeps the job cluster running, and ends everything with the web server or a signal."""

    def __init__(self, web: Child, jobs: Child, report: Report) -> None:
        self.web = web
        self.jobs = jobs
        self.report = report
        self.stopping = False
        self.jobs_due = 0.0

    def start(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        self.web.start()
        self.jobs.start()

    def watch(self) -> int:
        """Return the exit status once a signal has come (0) or the web server has ended (1)."""
        while not self.stopping and self.web.status() is None:
            self._keep_jobs_running()
            time.sleep(0.2)
        if not self.stopping:
            self.report(f"The web server ended with status {self.web.status()}; stopping.")
        self._end()
        return 0 if self.stopping else 1

    def _keep_jobs_running(self) -> None:
        ended = self.jobs.status()
        if ended is None:
            return
        if not self.jobs_due:
            pause = self.jobs.pause()
            self.jobs_due = time.monotonic() + pause
            self.report(f"The job cluster ended with status {ended}; next start in {pause:.0f} s.")
        elif time.monotonic() >= self.jobs_due:
            self.jobs_due = 0.0
            self.jobs.start()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _end(self) -> None:
        deadline = time.monotonic() + PATIENCE
        children = (self.web, self.jobs)
        for child in children:
            if child.process and child.status() is None:
                child.process.terminate()
        for child in children:
            child.stop(deadline)


def web_child() -> Child:
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "python:portal.web_server"]
    return Child("web server", [*gunicorn, "portal.wsgi:application"])


def jobs_child() -> Child:
    return Child("job cluster", [sys.executable, "manage.py", "qrun"])
