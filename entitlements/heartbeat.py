"""The pulse of the job cluster: when a sweep was last asked for, and when one last ran."""

from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import F, Q

from entitlements import clock, outbox

INTERVAL = timedelta(seconds=5)
PATIENCE = timedelta(seconds=60)
NAME = "sweep"


class Heartbeat(models.Model):
    """One row per kind of regular work; `beat_at` proves that a worker carried it out."""

    name = models.CharField(max_length=40, primary_key=True)
    asked_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


@transaction.atomic(durable=True)
def start() -> None:
    """Queue a sweep for a cluster that starts: what was asked for before may be lost."""
    Heartbeat.objects.update_or_create(name=NAME, defaults={"asked_at": clock.now()})
    outbox.enqueue_revocation("sweep.run")


@transaction.atomic(durable=True)
def tick() -> bool:
    """Queue a sweep if none was asked for lately; say whether this call did.

    Any number of clusters may tick: a compare-and-set lets one of them through. While a sweep is
    still waiting in the queue, another is asked for only after a minute.
    """
    moment = clock.now()
    Heartbeat.objects.get_or_create(name=NAME)
    asked = (
        Heartbeat.objects.filter(name=NAME)
        .filter(
            Q(asked_at=None)
            | Q(asked_at__lte=moment - INTERVAL, beat_at__gte=F("asked_at"))
            | Q(asked_at__lte=moment - PATIENCE)
            | Q(asked_at__gt=moment + PATIENCE)
        )
        .update(asked_at=moment)
    )
    if asked:
        outbox.enqueue_revocation("sweep.run")
    return bool(asked)


def beat() -> None:
    """Write down that a worker is alive and does its work."""
    Heartbeat.objects.update_or_create(name=NAME, defaults={"beat_at": clock.now()})


def last_beat() -> datetime | None:
    """Return when a sweep last ran (UTC), or None before the first."""
    return Heartbeat.objects.filter(name=NAME).values_list("beat_at", flat=True).first()
