"""A job cluster that ends as soon as one of its processes does, for a supervisor to restart.

Left to itself, django-q replaces a process that died. If that one held the queue's lock, its
successors wait for it forever while the cluster still looks alive.
"""

import functools
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing import Value, parent_process
from types import FrameType
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections
from django_q import cluster as django_q_cluster
from django_q.conf import Conf

from entitlements import heartbeat
from portal.processes import die_with_parent

log = structlog.get_logger(__name__)

BROKEN = 70
"""The exit status of a cluster that lost a process and wants to be started again."""

STUCK_AFTER = 10.0
"""Seconds without a round of the sentinel after which the cluster counts as stuck.

A round takes half a second. The sentinel waits forever for a worker that was killed at the end
of a task, while it held the lock of its timer.
"""

RECYCLED = -2
TIMED_OUT = 0
_last_round = Value("d", 0.0, lock=False)


class FailFastSentinel(django_q_cluster.Sentinel):
    """Guards the pool, and takes the whole cluster down when a process of it is lost."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _die_with_creator()
        super().__init__(*args, **kwargs)

    def spawn_cluster(self) -> None:
        """Start the pool; from here on only the main process takes SIGTERM."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().spawn_cluster()

    def status(self) -> str:
        """Return the state that django-q shows; it asks in each round, which we note down."""
        _last_round.value = time.monotonic()
        return str(super().status())

    def reincarnate(self, process: Any) -> None:
        """Replace a worker that was recycled in good order; for any other loss end the cluster."""
        timer = int(process.timer.value) if process in self.pool else None
        if timer == RECYCLED:
            super().reincarnate(process)
            return
        if timer == TIMED_OUT:
            self._let_results_be_saved()
        log.critical("a process of the job cluster died or timed out", exit=process.exitcode)
        for other in [*self.pool, self.monitor, self.pusher]:
            if other and other.pid and other.is_alive():
                other.kill()
        os._exit(BROKEN)

    def _let_results_be_saved(self) -> None:
        deadline = time.monotonic() + 2
        while not self.result_queue.empty() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)


class FailFastCluster(django_q_cluster.Cluster):
    """The main process: it starts the sentinel, ticks, and stops everything when told to."""

    stopping = False

    def sig_handler(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True

    def serve(self) -> int:
        """Run until a signal or a loss ends it; return the exit status."""
        connections.close_all()
        _last_round.value = time.monotonic()
        self.start()
        _look_for_work(heartbeat.start)
        next_tick = 0.0
        while self.sentinel.is_alive() and not self.stopping:
            if time.monotonic() >= next_tick:
                _look_for_work(heartbeat.tick)
                next_tick = time.monotonic() + settings.TICK_SECONDS
            if time.monotonic() - _last_round.value > STUCK_AFTER:
                log.critical("the job cluster is stuck")
                self.sentinel.kill()
            self.sentinel.join(timeout=0.2)
        return self._ended()

    def _ended(self) -> int:
        # set() waits for the sentinel to wake up, forever if that was killed in the meantime.
        threading.Thread(target=self.stop_event.set, daemon=True).start()
        self.sentinel.join(timeout=settings.JOBS_TIMEOUT + 10)
        if self.sentinel.is_alive():
            log.critical("the job cluster did not stop in time")
            self.sentinel.kill()
            self.sentinel.join()
        return BROKEN if self.sentinel.exitcode else 0


def serve(queue: str) -> int:
    """Work on this queue until told to stop; return the exit status."""
    Conf.CLUSTER_NAME = queue
    django_q_cluster.Sentinel = FailFastSentinel
    for name in ("worker", "pusher", "monitor"):
        setattr(django_q_cluster, name, _guarded(getattr(django_q_cluster, name)))
    return FailFastCluster().serve()


def _look_for_work(ask: Callable[[], object]) -> None:
    """Ask for the regular work; a database that is away for a while is asked again later."""
    close_old_connections()
    try:
        ask()
    except DatabaseError as error:
        log.error("the regular work could not be queued", error=str(error))
    finally:
        close_old_connections()


def _guarded(target: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(target)
    def run(*args: Any, **kwargs: Any) -> None:
        _die_with_creator()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        target(*args, **kwargs)

    return run


def _die_with_creator() -> None:
    creator = parent_process()
    if creator and creator.pid:
        die_with_parent(signal.SIGKILL, creator.pid)
