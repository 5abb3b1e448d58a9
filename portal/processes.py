"""What processes owe one another: children end with their parent, and forks share no connection."""

import ctypes
import os
import signal

from django.db import connections

PR_SET_PDEATHSIG = 1


def die_with_parent(death_signal: signal.Signals, parent: int) -> None:
    """Ask the kernel (Linux) to send this process a signal when its parent `parent` ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        os.kill(os.getpid(), death_signal)


def forgo_connection_pool() -> None:
    """Let this process and its forks open plain connections: a pool does not survive a fork."""
    for connection in connections.all():
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
        connection.settings_dict["OPTIONS"].pop("pool", None)
