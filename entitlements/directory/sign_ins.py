"""Who signed in, and how; the session itself is not the domain's business."""

from django.db import transaction

from entitlements.audit import trail
from entitlements.directory.models import User


@transaction.atomic(durable=True)
def signed_in(person: User, *, method: str) -> None:
    """Write down that somebody signed in; `method` says how, such as password or demo."""
    trail.record("user.signed_in", person, by=person, method=method)
