"""Tasks for the clusters that the tests start."""

import time


def nothing() -> None:
    """Succeed at once."""


def sleep(seconds) -> None:
    time.sleep(float(seconds))
