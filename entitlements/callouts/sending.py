"""Make the calls that are due; the rows say which.

A call is claimed just before it is made and marked just after, outside any transaction. Should a
worker die between the two, it is made again under the same id.
"""

import json
import time
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from entitlements import clock, outbox
from entitlements.audit import trail
from entitlements.callouts.models import Callout, CalloutState
from entitlements.callouts.signing import signed_headers
from entitlements.systems.outgoing import OutgoingError, post
from entitlements.vault import SecretUnreadable
from entitlements.work import moment_after

log = structlog.get_logger(__name__)

LONGEST_RUN: Final = 60.0  # seconds; with the last call well under what a job may take
MOST_EXTENSIONS: Final = 100
PROBE_AGAIN: Final = timedelta(seconds=30)
LONGEST_ERROR: Final = 300
PAUSES: Final = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)


def sweep_callouts() -> int:
    """Queue the calls of each extension that has any due; return how many extensions."""
    due = Callout.objects.due().order_by().values_list("extension", flat=True).distinct()
    extensions = list(due[:MOST_EXTENSIONS])
    for extension_id in extensions:
        outbox.enqueue("callouts.sending.send_due", extension_id=extension_id)
    return len(extensions)


def send_due(*, extension_id: str) -> None:
    """Make the due calls of one extension, one after the other, as long as it can be reached.

    While another worker calls the same extension nothing is done, so that one that is slow holds
    up one worker at most.
    """
    stop_at = time.monotonic() + LONGEST_RUN
    here = Callout.objects.filter(extension=UUID(extension_id))
    while time.monotonic() < stop_at and not here.filter(lease_until__gt=clock.now()).exists():
        due = here.due().select_related("extension").order_by("next_attempt_at", "pk").first()
        if due is None:
            return
        if Callout.objects.filter(pk=due.pk).claim() and not _call(due):
            here.due().update(next_attempt_at=clock.now() + PROBE_AGAIN)
            return


def _call(callout: Callout) -> bool:
    """Make one claimed call, and write down what came of it; say whether anybody answered."""
    try:
        status = _send(callout)
    except (OutgoingError, SecretUnreadable) as error:
        log.warning("callout_failed", callout=str(callout.pk), error=str(error))
        note_failure(callout.pk, str(error))
        return False
    if 200 <= status < 300:
        note_success(callout.pk)
    else:
        note_failure(callout.pk, f"It answered with status {status}.")
    return True


def _send(callout: Callout) -> int:
    extension = callout.extension
    body = body_of(callout)
    headers = signed_headers(extension.secrets(), str(callout.pk), body, moment=clock.now())
    headers |= {"content-type": "application/json", "user-agent": settings.PORTAL_NAME}
    return post(extension.url, body, headers).status


def body_of(callout: Callout) -> bytes:
    """Return the message; it reads the same however often it is sent."""
    resume_url = import_string(settings.RESUME_LINK)(callout.pk) if callout.waits else None
    message = {
        "type": f"access.{callout.stage}",
        "timestamp": callout.created_at.isoformat(),
        "data": {
            **callout.payload,
            "stage": callout.stage,
            "callout": str(callout.pk),
            "resume_url": resume_url,
            "answer_by": trail.plain(callout.answer_by),
        },
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


@transaction.atomic(durable=True)
def note_success(callout_id: UUID) -> None:
    """Write down that a call was taken; what was answered or closed meanwhile stays so."""
    callout = _locked(callout_id)
    callout.sent_at = clock.now()
    callout.last_error = ""
    if callout.state == CalloutState.PLANNED:
        callout.state = CalloutState.WAITING if callout.waits else CalloutState.DONE
    _release(callout)
    trail.record("callout.sent", callout, by=None, stage=callout.stage)


@transaction.atomic(durable=True)
def note_failure(callout_id: UUID, error: str) -> None:
    """Plan the next attempt of a call that failed, or give it up after the last."""
    callout = _locked(callout_id)
    callout.last_error = error[:LONGEST_ERROR]
    if callout.state != CalloutState.PLANNED:
        _release(callout)
        return
    again_at = moment_after(callout.attempts, PAUSES)
    if again_at is None:
        callout.state = CalloutState.GIVEN_UP
        trail.record("callout.given_up", callout, by=None, stage=callout.stage, error=error)
    _release(callout, again_at=again_at)


def _locked(callout_id: UUID) -> Callout:
    callouts = Callout.objects.select_for_update(of=("self",)).select_related("extension")
    return callouts.get(pk=callout_id)


def _release(callout: Callout, *, again_at: datetime | None = None) -> None:
    callout.lease_until = None
    callout.next_attempt_at = again_at
    callout.save(update_fields=["state", "sent_at", "last_error", "lease_until", "next_attempt_at"])
