"""Acts that several people perform at the same moment, each in a thread of his own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

from entitlements.decisions import Denied


def at_once(*acts):
    """Perform all acts at once; return what each returned, or the exception it raised."""
    barrier = Barrier(len(acts))

    def perform(act):
        barrier.wait(timeout=30)
        try:
            return act()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(perform, acts))


def refusals(outcomes):
    """The codes of the refusals among the outcomes; anything else that was raised is raised."""
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, Denied):
            raise outcome
    return [set(outcome.codes) for outcome in outcomes if isinstance(outcome, Denied)]
