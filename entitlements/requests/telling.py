"""Write down what happens to a request, and tell people about it."""

from collections.abc import Iterable
from typing import Any

from entitlements.audit import trail
from entitlements.directory.models import User
from entitlements.notifications.operations import notify
from entitlements.requests.models import AccessRequest

SHORT_TEXT = 300


def record(access_request: AccessRequest, action: str, *, by: User | None, **details: Any) -> None:
    """Within the caller's transaction: write an event about a request and its target."""
    trail.record(
        action,
        access_request,
        by=by,
        target=access_request.target,
        package=str(access_request.package),
        **details,
    )


def tell(
    access_request: AccessRequest,
    event: str,
    recipients: Iterable[User],
    *,
    once: str | None = None,
    **facts: Any,
) -> None:
    """Within the caller's transaction: notify people about a request, if they have an account."""
    notify(
        event,
        [person for person in recipients if not person.is_invited],
        access_request,
        once=once,
        package=str(access_request.package),
        target=str(access_request.target),
        requestor=str(access_request.requestor),
        kind=access_request.kind,
        justification=access_request.justification[:SHORT_TEXT],
        reference=access_request.reference,
        **facts,
    )


def names(people: Iterable[User]) -> list[str]:
    """Return people as an event keeps them."""
    return [str(user) for user in people]
