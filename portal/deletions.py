"""What there is to say of a request whose record was deleted, instead of that it never was."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse

from entitlements.assignments.models import Assignment
from entitlements.directory.models import User
from entitlements.requests.models import AccessRequest
from entitlements.requests.records import Deletion, deletion_of


class RecordDeleted(Exception):
    """The request that was looked for is gone, and its viewer may know how it went."""

    def __init__(self, deletion: Deletion) -> None:
        super().__init__(deletion.reference)
        self.deletion = deletion


def request_for(viewer: User, requests: QuerySet[AccessRequest], request_id: UUID) -> AccessRequest:
    """Return one of these requests; raise RecordDeleted for one that was, and Http404 else."""
    found = requests.filter(pk=request_id).first()
    if found is None:
        raise_if_deleted(viewer, request_id)
        raise Http404
    return found


def raise_if_deleted(viewer: User, request_id: UUID) -> None:
    """Raise RecordDeleted when there was such a request, and its viewer could read it."""
    deletion = deletion_of(request_id, viewer=viewer)
    if deletion:
        raise RecordDeleted(deletion)


def access_left(deletion: Deletion, viewer: User) -> str:
    """Return the address of the access that the request was about, where the viewer may see it."""
    key = deletion.assignment_id
    held = Assignment.objects.held_by(viewer) | Assignment.objects.visible_to(viewer)
    is_seen = key is not None and held.filter(pk=key).exists()
    return reverse("access:detail", args=[key]) if is_seen else ""
