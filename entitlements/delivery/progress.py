"""How far the people who hold a package have got what its changed roles say."""

from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from entitlements import clock
from entitlements.assignments.grants import Grant
from entitlements.audit.models import AuditEvent
from entitlements.catalog.models import AccessPackage

CHANGES: Final = ("package.role_added", "package.role_removed")
LATELY: Final = timedelta(days=1)


class Progress(NamedTuple):
    """Of how many people what was changed is carried out, and for how many some of it failed."""

    people: int
    done: int
    failed: int


def progress_of(package: AccessPackage) -> Progress | None:
    """Say how far a change of the last day is carried out; None when nothing is under way."""
    events = AuditEvent.objects.about(package).filter(
        action__in=CHANGES, at__gte=clock.now() - LATELY
    )
    roles = {UUID(event.details["role"]) for event in events}
    if not roles and package.recount_at is None:
        return None
    grants = Grant.objects.filter(user=OuterRef("target"), role__in=roles)
    counts = package.assignments.live().aggregate(
        people=Count("pk"),
        waiting=Count("pk", filter=Q(Exists(grants.filter(next_attempt_at__isnull=False)))),
        failed=Count("pk", filter=Q(Exists(grants.failed()))),
    )
    waiting = counts["people"] if package.recount_at else counts["waiting"]
    if not waiting:
        return None
    return Progress(counts["people"], counts["people"] - waiting, counts["failed"])
