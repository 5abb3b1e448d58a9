"""Write down what happens, in the transaction in which it happens."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from django.db import models

from entitlements import clock
from entitlements.audit.models import AuditEvent

SYSTEM = "The system"


class Actor(Protocol):
    """Somebody who acts: has an id and a name to show."""

    @property
    def pk(self) -> UUID: ...

    def __str__(self) -> str: ...


def record(
    action: str,
    subject: models.Model,
    *,
    by: Actor | None,
    target: Actor | None = None,
    **details: Any,
) -> AuditEvent:
    """Within the caller's transaction: write one event; `by=None` means the system itself.

    `details` may hold text, numbers, booleans, ids, moments (written in UTC) and lists of these.
    """
    event = compose(action, subject, by=by, target=target, **details)
    event.save(force_insert=True)
    return event


def compose(
    action: str,
    subject: models.Model,
    *,
    by: Actor | None,
    target: Actor | None = None,
    **details: Any,
) -> AuditEvent:
    """Return an event that is not saved yet, for writing many at once."""
    return AuditEvent(
        at=clock.now(),
        action=action,
        actor_id=by.pk if by else None,
        actor_name=str(by)[:200] if by else SYSTEM,
        subject_type=str(subject._meta.model_name),
        subject_id=subject.pk,
        subject_name=str(subject)[:300],
        target_id=target.pk if target else None,
        details={name: plain(value) for name, value in details.items()},
    )


def record_many(events: Iterable[AuditEvent]) -> None:
    """Within the caller's transaction: write composed events in batches."""
    AuditEvent.objects.bulk_create(events, batch_size=500)


def plain(value: Any) -> Any:
    """Return `value` as JSON can hold it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)
