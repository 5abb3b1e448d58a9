"""Find what is due: the clock's side of the product, harmless at any time, however often.

Each part is short: it works set-based, or queues the slow work for other workers.
"""

from collections.abc import Callable

import structlog

from entitlements import heartbeat
from entitlements.assignments.models import Assignment
from entitlements.assignments.operations import remind_holder
from entitlements.audit.sealing import BATCH as SEALS
from entitlements.audit.sealing import seal_new
from entitlements.callouts.models import Callout
from entitlements.callouts.sending import sweep_callouts
from entitlements.catalog.incompatibilities import ClashException
from entitlements.delivery.acting import sweep_acts
from entitlements.delivery.expiry import BATCH, end_overdue
from entitlements.delivery.tasks import (
    sweep_grants,
    sweep_recounts,
    sweep_revocations,
    sweep_unsettled,
)
from entitlements.imports.operations import sweep_imports
from entitlements.notifications.tasks import sweep_mails
from entitlements.requests.callbacks import time_out
from entitlements.requests.clash_exceptions import report_end
from entitlements.requests.deciding import conclude, lapse, remind_approvers
from entitlements.requests.delegations import ApprovalDelegation
from entitlements.requests.escalating import escalate
from entitlements.requests.giving import sweep_bulk
from entitlements.requests.models import AccessRequest, ApprovalStep
from entitlements.requests.operations import cancel_obsolete, start_scheduled
from entitlements.requests.standing_in import end_overdue as end_delegation
from entitlements.work import each

log = structlog.get_logger(__name__)

MOST_BATCHES = 100
MOST_ROWS = 500
MOST_SEALS = 20


def end_what_is_over() -> int:
    """End every assignment that is past its end, batch by batch."""
    total = 0
    for _ in range(MOST_BATCHES):
        ended = end_overdue(BATCH)
        total += ended
        if ended < BATCH:
            break
    return total


def start_what_is_due() -> int:
    """Begin access whose start has come."""
    due = AccessRequest.objects.start_due().order_by("starts_at")
    return each(start_scheduled, due[:MOST_ROWS])


def pass_on_what_waits() -> int:
    """Ask alternates about what nobody has decided for the days that its stage gives."""
    steps = ApprovalStep.objects.escalation_due().select_related("access_request")
    return each(escalate, steps.order_by("escalate_at")[:MOST_ROWS])


def conclude_what_is_forsaken() -> int:
    """Approve stages that some have approved, and that nobody else can approve any more."""
    steps = ApprovalStep.objects.forsaken().select_related("access_request").order_by("pk")
    return each(conclude, steps[:MOST_ROWS])


def lapse_what_nobody_decided() -> int:
    """End requests whose deadline has passed."""
    steps = ApprovalStep.objects.lapsing().select_related("access_request").order_by("due_at")
    return each(lapse, steps[:MOST_ROWS])


def time_out_what_nobody_answered() -> int:
    """Let follow what owners chose for calls whose answer has not come in time."""
    overdue = Callout.objects.overdue().order_by("answer_by")
    return each(time_out, overdue[:MOST_ROWS])


def end_delegations() -> int:
    """Let nobody stand in for an approver beyond the time that was agreed."""
    overdue = ApprovalDelegation.objects.overdue().order_by("ends_at")
    return each(end_delegation, overdue[:MOST_ROWS])


def cancel_what_is_obsolete() -> int:
    """Call off requests to extend what has ended."""
    obsolete = AccessRequest.objects.obsolete().order_by("created_at")
    return each(cancel_obsolete, obsolete[:MOST_ROWS])


def remind_who_decides() -> int:
    """Remind approvers at the moments that stages plan."""
    steps = ApprovalStep.objects.reminder_due().select_related("access_request")
    return each(remind_approvers, steps.order_by("remind_at")[:MOST_ROWS])


def report_exceptions_that_ended() -> int:
    """Tell owners of people whose leave to hold what clashes has ended."""
    ended = ClashException.objects.unreported_ends().order_by("ends_at")
    return each(report_end, ended[:MOST_ROWS])


def remind_who_holds() -> int:
    """Tell holders that their access ends in 14 days, and in one."""
    due = Assignment.objects.reminder_due().order_by("reminder_at")
    return each(remind_holder, due[:MOST_ROWS])


def seal_what_happened() -> int:
    """Chain what was written since the last sweep, batch by batch."""
    total = 0
    for _ in range(MOST_SEALS):
        sealed = seal_new()
        total += sealed
        if sealed < SEALS:
            break
    return total


PARTS: tuple[Callable[[], int], ...] = (
    end_what_is_over,
    sweep_recounts,
    sweep_grants,
    start_what_is_due,
    time_out_what_nobody_answered,
    lapse_what_nobody_decided,
    pass_on_what_waits,
    conclude_what_is_forsaken,
    end_delegations,
    cancel_what_is_obsolete,
    sweep_unsettled,
    sweep_bulk,
    sweep_acts,
    sweep_imports,
    remind_who_decides,
    remind_who_holds,
    report_exceptions_that_ended,
    sweep_mails,
    sweep_callouts,
    seal_what_happened,
)


def run() -> None:
    """Run every part; one that fails is logged and does not stop the others."""
    for part in PARTS:
        try:
            part()
        except Exception:
            log.exception("sweep_part_failed", part=part.__name__)
    heartbeat.beat()


def deliver() -> None:
    """Queue what is to be taken away in each connected system."""
    sweep_revocations()
