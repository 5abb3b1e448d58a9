"""Real processes of the portal on a SQLite database of their own, and what can be seen of them."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django_q.tasks import async_task

DEADLINE = 40


def until(condition, what, deadline=DEADLINE):
    """Wait for a true answer and return it."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"waited {deadline} s in vain: {what}")


def children(pid):
    """The direct children of a process, oldest first."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return sorted(int(child) for line in lists for child in line.split())


def descendants(pid):
    below = children(pid)
    return below + [lower for child in below for lower in descendants(child)]


def alive(pids):
    """Those of the processes that still run; what has ended and waits to be reaped does not."""
    running = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            running.append(pid)
    return running


class Site:
    """A data directory with a migrated database, and the processes that were started on it."""

    def __init__(self, directory, **environment):
        self.database = directory / "portal.sqlite3"
        self.log = directory / "log"
        self.started = []
        kept_out = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "EMAIL_URL"}
        inherited = {name: value for name, value in os.environ.items() if name not in kept_out}
        self.environment = {
            **inherited,
            "DATA_DIR": str(directory),
            "TICK_SECONDS": "0.5",
            "PYTHONWARNINGS": "default",
            **environment,
        }

    def copy_to(self, directory, **environment):
        shutil.copy(self.database, directory / "portal.sqlite3")
        return Site(directory, **environment)

    def command(self, *arguments):
        return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]

    def run(self, *arguments):
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(self, *arguments):
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command(*arguments),
                env=self.environment,
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def start_cluster(self, *arguments, workers=2):
        """Return the main process and the pool: workers first, then monitor and pusher."""
        main = self.start("qrun", *arguments)
        return main, self.pool_of(main.pid, workers)

    def pool_of(self, main_pid, workers=2):
        def pool():
            sentinels = children(main_pid)
            found = children(sentinels[0]) if sentinels else []
            return found if len(found) == workers + 2 else None

        return until(pool, f"a whole pool; the log says:\n{self.log_text()}")

    def log_text(self):
        return self.log.read_text() if self.log.exists() else ""

    def query(self, sql, *values):
        with closing(sqlite3.connect(self.database, timeout=20)) as connection, connection:
            return connection.execute(sql, values).fetchall()

    def enqueue(self, task, *values, queue="portal"):
        async_task(f"tests.jobs.tasks.{task}", *values, broker=_Insert(self, queue), task_name=task)

    def results(self, name):
        """The outcomes of the tasks of this name, as 1 for success and 0 for failure."""
        rows = self.query("SELECT success FROM django_q_task WHERE name = ?", name)
        return [success for (success,) in rows]

    def clean_up(self):
        for process in self.started:
            below = descendants(process.pid)
            for pid in alive([process.pid, *below]):
                os.kill(pid, signal.SIGKILL)
            process.wait()


class _Insert:
    """Puts a message into a site's queue, beside Django's own connections."""

    list_key = "portal"

    def __init__(self, site, queue):
        self.site = site
        self.queue = queue

    def enqueue(self, message):
        self.site.query(
            "INSERT INTO django_q_ormq (key, payload, lock) VALUES (?, ?, '2000-01-01 00:00:00')",
            self.queue,
            message,
        )
