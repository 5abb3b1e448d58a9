"""Pages for refusals and failures: the truth, and the way on."""

import sys
from typing import cast

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from entitlements import clock
from entitlements.decisions import Denied
from portal import dates
from portal.deletions import RecordDeleted, access_left
from portal.http import PortalRequest
from portal.logging import path_of

log = structlog.get_logger("portal.errors")

NOTICES = {
    400: "The address or the form could not be read. Nothing was changed.",
    403: "This could not be accepted. Load the page again and try once more.",
    404: "This does not exist, or it is not yours to see. Nothing was changed.",
    405: "This cannot be done from here. Nothing was changed.",
    409: "Somebody was faster. Load the page again to see how it stands.",
    413: "This is too much at once. Nothing was changed.",
    429: "Too many attempts. Wait a minute and try again.",
    503: "The portal cannot reach its database at the moment. Try again in a few seconds.",
}
UNEXPECTED = "Something went wrong on our side. Try again; if it stays, tell the help desk."
RETRY_AFTER_SECONDS = 10


def notice_for(status: int) -> dict[str, object]:
    """Return what the message area says when a part of a page could not be loaded."""
    return {"tone": "bad", "text": NOTICES.get(status, UNEXPECTED)}


def refused(request: HttpRequest, error: Denied) -> HttpResponse:
    """Answer 403 with every reason, its code and what would change it."""
    reasons = error.decision.reasons
    response = render(request, "403.html", {"reasons": reasons}, status=403)
    response.notice = {"tone": "bad", "reasons": reasons}  # type: ignore[attr-defined]
    return response


def conflict(request: HttpRequest, *, now: str, address: str = "") -> HttpResponse:
    """Answer 409: the thing has changed meanwhile; `now` says how it stands, in a sentence."""
    response = render(request, "409.html", {"now": now, "address": address}, status=409)
    response.notice = {"tone": "warn", "text": now}  # type: ignore[attr-defined]
    return response


def gone(request: HttpRequest, error: RecordDeleted) -> HttpResponse:
    """Answer 410: there was a request, and who deleted its record when."""
    deletion = error.deletion
    access = access_left(deletion, cast(PortalRequest, request).user)
    context = {"deletion": deletion, "access": access}
    response = render(request, "410.html", context, status=410)
    text = f"{deletion.by} deleted the record of this request on {dates.exact(deletion.at)}."
    response.notice = {"tone": "warn", "text": text}  # type: ignore[attr-defined]
    return response


def unavailable(request: HttpRequest) -> HttpResponse:
    """Answer 503 when the database does not."""
    log.error("unavailable", path=path_of(request), exc_info=True)
    return HttpResponse(
        render_to_string("503.html"),
        status=503,
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 with a reference that leads to the log; needs neither database nor session."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return unavailable(request)
    reference = structlog.contextvars.get_contextvars().get("request_id", "")[:8].upper()
    log.error("unexpected", path=path_of(request), reference=reference, exc_info=True)
    context = {"reference": reference, "at": clock.now()}
    return HttpResponse(render_to_string("500.html", context), status=500)
