"""What was planned at a moment gone by, read from the trail of what was changed since."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from entitlements.assignments.models import Assignment
from entitlements.audit.models import AuditEvent


def ends_as_of(
    assignments: Collection[Assignment], moment: datetime
) -> dict[UUID, datetime | None]:
    """Return when each was to end by itself (UTC), as that stood at a moment; by one query."""
    moved = AuditEvent.objects.filter(
        subject_type="assignment",
        subject_id__in=[one.pk for one in assignments],
        action="assignment.extended",
        at__gt=moment,
    )
    planned = {one.pk: one.ends_at for one in assignments}
    for key, details in moved.order_by("-pk").values_list("subject_id", "details"):
        before = details["ended_before"]
        planned[key] = datetime.fromisoformat(before) if before else None
    return planned
