"""Measure both sides alike: medians of several runs, and the time spent in the database."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

RUNS = 7


@dataclass
class DatabaseTime:
    """Seconds spent in statements, and how many there were."""

    seconds: float = 0.0
    statements: int = 0


@dataclass(frozen=True)
class Row:
    """One line of the table that `python -m bench` prints."""

    number: str
    operation: str
    ours: str
    raw: str
    ratio: float
    goal: str
    holds: bool

    def __str__(self) -> str:
        mark = "yes" if self.holds else "NO"
        return (
            f"| {self.number} | {self.operation} | {self.ours} | {self.raw} "
            f"| {self.ratio:.2f} | {self.goal} | {mark} |"
        )


@contextmanager
def database_time() -> Iterator[DatabaseTime]:
    """Count the time of every statement that the block sends through Django."""
    spent = DatabaseTime()

    def timed(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent.seconds += time.perf_counter() - begun
            spent.statements += 1

    with connection.execute_wrapper(timed):
        yield spent


def median(act: Callable[[], float], runs: int = RUNS) -> float:
    """Return the median of what `act` returns, after one run that warms up."""
    act()
    return statistics.median(act() for _ in range(runs))


def wall(act: Callable[[], object]) -> float:
    """Return how many seconds one call takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
