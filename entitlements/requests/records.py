"""Delete the record of a completed request, and say afterwards that there was one.

What people wrote goes with the record; the audit trail keeps every event, and access that came of
the request is not touched. What stays and why is told in docs/decisions/0019.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from entitlements.assignments.models import Assignment
from entitlements.audit.models import AuditEvent
from entitlements.callouts.models import Callout
from entitlements.catalog.models import AccessPackage
from entitlements.decisions import collect
from entitlements.directory.models import User
from entitlements.notifications.models import Notification
from entitlements.policies.rules import text_fits
from entitlements.requests import flow, permissions
from entitlements.requests.bulk import BulkRow
from entitlements.requests.models import AccessRequest, StepApprover
from entitlements.requests.states import RequestKind

DELETED: Final = "request.record_deleted"
WRITTEN: Final = ("justification", "decision", "words", "question", "answers")
"""The facts of calls and notifications that are somebody's own words."""


@dataclass(frozen=True)
class Deletion:
    """That there was a request, and when and by whom its record was deleted."""

    event: AuditEvent

    @property
    def at(self) -> datetime:
        return self.event.at

    @property
    def by(self) -> str:
        return self.event.actor_name

    @property
    def reference(self) -> str:
        return str(self.event.details["reference"])

    @property
    def kind(self) -> str:
        """Why the request existed, in words."""
        return RequestKind(self.event.details["kind"]).label

    @property
    def about(self) -> str:
        """The package and the person, by the names that they had then."""
        return self.event.subject_name

    @property
    def assignment_id(self) -> UUID | None:
        """The access that the request was about, which is still there."""
        key = self.event.details["assignment"]
        return UUID(key) if key else None


@transaction.atomic(durable=True)
def delete_record(access_request: AccessRequest, *, by: User, justification: str) -> None:
    """Delete a completed request with all that was written in it, and say why.

    Only administrators may; Denied as well while anything can still come of the request.
    """
    forget(access_request, by=by, justification=justification)


def forget(access_request: AccessRequest, *, by: User, justification: str) -> None:
    """Within the caller's transaction: delete a completed request, or raise Denied."""
    permissions.can_delete_records(by).require()
    access_request = flow.locked(access_request)
    needs_words = collect((text_fits(justification, is_required=True),))
    (permissions.is_completed(access_request) + needs_words).require()
    flow.record(
        access_request,
        DELETED,
        by=by,
        justification=justification.strip(),
        reference=access_request.reference,
        kind=access_request.kind,
        last_state=access_request.state,
        policy=str(access_request.policy),
        assignment=access_request.assignment_id,
        requested_at=access_request.created_at,
        completed_at=access_request.completed_at,
        package_id=access_request.package_id,
        readers=_readers(access_request),
    )
    _forget_words(access_request.pk)
    access_request.delete()


def deletion_of(request_id: UUID, *, viewer: User) -> Deletion | None:
    """Return how a record went, for whoever could read it; None for everybody else."""
    events = AuditEvent.objects.filter(subject_type="accessrequest", subject_id=request_id)
    event = events.filter(action=DELETED).first()
    return Deletion(event) if event and _could_read(viewer, event) else None


def deletions_about(assignment: Assignment) -> list[Deletion]:
    """Return which records of requests about access were deleted, oldest first."""
    events = AuditEvent.objects.filter(target_id=assignment.target_id, action=DELETED)
    about = events.filter(details__assignment=str(assignment.pk))
    return [Deletion(event) for event in about.order_by("pk")]


def _readers(access_request: AccessRequest) -> list[UUID]:
    """Return who could read a request by having a part in it."""
    turns = StepApprover.objects.filter(step__access_request=access_request)
    asked = turns.values_list("user_id", "handed_over_by_id")
    people = {access_request.requestor_id, access_request.target_id}
    people |= {key for pair in asked for key in pair if key}
    return sorted(people)


def _could_read(viewer: User, event: AuditEvent) -> bool:
    if viewer.is_superuser or str(viewer.pk) in event.details["readers"]:
        return True
    managed = AccessPackage.objects.visible_to(viewer)
    return managed.filter(pk=event.details["package_id"]).exists()


def _forget_words(request_id: UUID) -> None:
    """Within the caller's transaction: take people's words from what stays beside the record."""
    BulkRow.objects.filter(access_request=request_id).update(justification="", answers={})
    for callout in Callout.objects.select_for_update().filter(about_id=request_id).order_by("pk"):
        callout.payload = _wordless(callout.payload)
        callout.detail = ""
        callout.save(update_fields=["payload", "detail"])
    told = Notification.objects.filter(about_type="accessrequest", about_id=request_id)
    for notification in told.order_by("pk"):
        notification.facts = _wordless(notification.facts)
        notification.save(update_fields=["facts"])


def _wordless(facts: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if name not in WRITTEN}
