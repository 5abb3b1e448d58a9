"""Chain events behind the writers, so that auditing serialises nobody, and verify the chain."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from entitlements.audit.models import AuditEvent, AuditEventQuerySet, AuditSeal
from entitlements.locks import lock_table

BATCH = 1000
LOOK_BACK = 10_000
GENESIS = "0" * 64


@dataclass(frozen=True)
class Break:
    """Where the chain does not hold, and what is wrong there."""

    position: int
    text: str


def digest_of(event: AuditEvent, previous: str) -> str:
    """Return the SHA-256 (hex) over one event and the digest before it."""
    content = json.dumps(
        [
            previous,
            event.pk,
            event.at.isoformat(),
            event.action,
            str(event.actor_id),
            event.actor_name,
            event.subject_type,
            str(event.subject_id),
            event.subject_name,
            str(event.target_id),
            event.details,
        ],
        sort_keys=True,
        ensure_ascii=False,
    )
    return hashlib.sha256(content.encode()).hexdigest()


@transaction.atomic(durable=True)
def seal_new(limit: int = BATCH) -> int:
    """Chain up to `limit` events that have no seal yet; return how many.

    Events commit out of order, so those below the highest sealed one are looked at again.
    """
    lock_table(AuditSeal)
    last = AuditSeal.objects.order_by("-position").first()
    highest = AuditSeal.objects.aggregate(highest=Max("event"))["highest"] or 0
    unsealed = AuditEvent.objects.filter(seal=None, pk__gt=highest - LOOK_BACK).order_by("pk")
    position, digest = (last.position, last.digest) if last else (0, GENESIS)
    seals = []
    for event in unsealed[:limit]:
        position += 1
        digest = digest_of(event, digest)
        seals.append(AuditSeal(position=position, event=event, digest=digest))
    AuditSeal.objects.bulk_create(seals, batch_size=500)
    return len(seals)


def verify() -> Iterator[Break]:
    """Yield every place where the chain does not hold, in constant memory.

    What was written since the last seal is not part of the chain yet, and not looked at.
    """
    digest, expected = GENESIS, 1
    for seal in AuditSeal.objects.select_related("event").order_by("position").iterator(BATCH):
        if seal.position != expected:
            yield Break(expected, "A seal is missing.")
        if digest_of(seal.event, digest) != seal.digest:
            yield Break(seal.position, f"Event {seal.event_id} is not what was sealed.")
        digest, expected = seal.digest, seal.position + 1
    for pk in _passed_over().values_list("pk", flat=True).iterator(BATCH):
        yield Break(expected, f"Event {pk} was never sealed.")


def _passed_over() -> AuditEventQuerySet:
    """Events that `seal_new` will never look at again."""
    highest = AuditSeal.objects.aggregate(highest=Max("event"))["highest"] or 0
    return AuditEvent.objects.filter(seal=None, pk__lte=highest - LOOK_BACK).order_by("pk")
