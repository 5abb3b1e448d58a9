"""What a request of ours carries, beyond Django's."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from entitlements.directory.models import User


class PortalRequest(HttpRequest):
    """A request by somebody who is signed in."""

    user: User
    htmx: HtmxDetails


def wants_fragment(request: HttpRequest) -> bool:
    """Say whether htmx will swap the answer into a page that is already there."""
    details: HtmxDetails | None = getattr(request, "htmx", None)
    if details is None or not details:
        return False
    return not details.boosted and not details.history_restore_request
