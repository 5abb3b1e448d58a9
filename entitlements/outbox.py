"""Hints for the workers, written in the transaction of the act that causes the work.

The queue lives in our own database, so a message appears with the commit and disappears with
a rollback. Losing one costs seconds: the sweep finds every work row that is due.
"""

from uuid import UUID

from django.conf import settings
from django_q.tasks import async_task


def enqueue(task: str, **arguments: UUID | str | int) -> None:
    """Queue `entitlements.<task>`; pass ids, never objects."""
    _send(task, settings.Q_CLUSTER["name"], arguments)


def enqueue_revocation(task: str, **arguments: UUID | str | int) -> None:
    """Queue a task that takes access away, where no flood of other work delays it."""
    _send(task, settings.REVOCATION_QUEUE, arguments)


def _send(task: str, queue: str, arguments: dict[str, UUID | str | int]) -> None:
    plain = {name: str(value) for name, value in arguments.items()}
    async_task(f"entitlements.{task}", q_options={"task_name": task, "cluster": queue}, **plain)
