"""How each state is shown: its word, its tone and its icon, in one table for all pages."""

from dataclasses import dataclass
from typing import Final, Literal

Tone = Literal["ok", "warn", "bad", "info", "quiet"]


@dataclass(frozen=True)
class Badge:
    """A state as people see it; the word alone must be enough."""

    word: str
    tone: Tone
    icon: str


REQUEST: Final = {
    "draft": Badge("Draft", "quiet", "pencil"),
    "submitted": Badge("Received", "info", "inbox"),
    "waiting_for_callback": Badge("Waiting for information", "info", "system"),
    "pending_approval": Badge("Waiting for approval", "warn", "hourglass"),
    "pending_approval_escalated": Badge("Passed on", "warn", "right"),
    "approved": Badge("Approved", "info", "check"),
    "scheduled": Badge("Starts later", "info", "calendar"),
    "pending_not_before": Badge("Starts later", "info", "calendar"),
    "delivering": Badge("Being set up", "info", "refresh"),
    "removing": Badge("Being removed", "info", "refresh"),
    "delivered": Badge("Done", "ok", "check-circle"),
    "partially_delivered": Badge("Partly set up", "bad", "half"),
    "delivery_failed": Badge("Failed", "bad", "cross-circle"),
    "undelivered": Badge("Failed", "bad", "cross-circle"),
    "denied": Badge("Denied", "bad", "ban"),
    "expired": Badge("Lapsed", "quiet", "clock"),
    "canceled": Badge("Canceled", "quiet", "cross"),
}

ASSIGNMENT: Final = {
    "scheduled": Badge("Starts later", "info", "calendar"),
    "delivering": Badge("Being set up", "info", "refresh"),
    "active": Badge("Active", "ok", "check-circle"),
    "delivered": Badge("Active", "ok", "check-circle"),
    "ends_soon": Badge("Ends soon", "warn", "hourglass"),
    "partially_delivered": Badge("Partly set up", "bad", "half"),
    "delivery_failed": Badge("Failed", "bad", "cross-circle"),
    "ending": Badge("Being removed", "info", "refresh"),
    "expired": Badge("Ended", "quiet", "clock"),
}

GRANT: Final = {
    "waiting": Badge("Being set up", "info", "refresh"),
    "done": Badge("Done", "ok", "check-circle"),
    "failed": Badge("Failed", "bad", "cross-circle"),
    "removing": Badge("Being removed", "info", "refresh"),
    "removed": Badge("Removed", "quiet", "cross"),
}

STEP: Final = {
    "coming": Badge("To come", "quiet", "circle"),
    "waiting": Badge("Waiting", "warn", "hourglass"),
    "approved": Badge("Approved", "ok", "check-circle"),
    "denied": Badge("Denied", "bad", "ban"),
    "escalated": Badge("Passed on", "warn", "right"),
    "lapsed": Badge("Lapsed", "quiet", "clock"),
    "closed": Badge("Not needed", "quiet", "cross"),
}

REVIEW_ITEM: Final = {
    "open": Badge("Open", "warn", "hourglass"),
    "keep": Badge("Keep", "ok", "check-circle"),
    "end": Badge("End", "bad", "ban"),
    "dont_know": Badge("Don't know", "quiet", "help"),
    "applied": Badge("Applied", "ok", "check-circle"),
}

PACKAGE: Final = {
    "draft": Badge("Draft", "quiet", "pencil"),
    "published": Badge("Published", "ok", "check-circle"),
    "hidden": Badge("Hidden", "info", "hidden"),
    "retired": Badge("Retired", "quiet", "lock"),
}

CLASH_EXCEPTION: Final = {
    "proposed": Badge("Waiting for approval", "warn", "hourglass"),
    "coming": Badge("Starts later", "info", "calendar"),
    "in_force": Badge("Allowed", "ok", "check-circle"),
    "refused": Badge("Denied", "bad", "ban"),
    "ended": Badge("Ended", "quiet", "clock"),
}

POLICY: Final = {
    "on": Badge("On", "ok", "check-circle"),
    "off": Badge("Off", "quiet", "ban"),
    "new_requests_off": Badge("New requests off", "warn", "lock"),
}

MARK: Final = {
    "privileged": Badge("Privileged", "warn", "shield"),
    "clash": Badge("Clash", "bad", "alert"),
    "by_rule": Badge("By rule", "quiet", "gear"),
    "by_hand": Badge("By hand", "quiet", "person"),
    "on_behalf": Badge("On behalf", "quiet", "people"),
    "drift": Badge("Drift", "bad", "alert"),
    "invited": Badge("No account yet", "quiet", "person"),
    "wrong": Badge("To mend:", "bad", "alert"),
    "new": Badge("New", "info", "plus"),
}

ORGANIZATION: Final = {
    "configured": Badge("Configured", "ok", "check-circle"),
    "proposed": Badge("Proposed", "warn", "help"),
}

CALLOUT: Final = {
    "planned": Badge("To be called", "info", "clock"),
    "retried": Badge("Tried again", "warn", "refresh"),
    "waiting": Badge("Waiting for its answer", "info", "hourglass"),
    "done": Badge("Done", "ok", "check-circle"),
    "denied": Badge("Denied", "bad", "ban"),
    "timed_out": Badge("No answer in time", "bad", "clock"),
    "given_up": Badge("Could not be called", "bad", "alert"),
    "closed": Badge("Not needed", "quiet", "cross"),
}

MAIL: Final = {
    "waiting": Badge("Waiting", "info", "clock"),
    "sent": Badge("Sent", "ok", "check-circle"),
    "failed": Badge("Failed", "bad", "cross-circle"),
    "off": Badge("Not mailed", "quiet", "ban"),
}

BULK_ROW: Final = {
    "ready": Badge("Can be given", "info", "check"),
    "refused": Badge("Refused", "bad", "ban"),
    "given": Badge("Given", "ok", "check-circle"),
}

BULK_ACT: Final = {
    "planned": Badge("Not started", "quiet", "pencil"),
    "running": Badge("Going on", "info", "refresh"),
    "stopped": Badge("Stopped", "warn", "ban"),
    "finished": Badge("Done", "ok", "check-circle"),
}

BULK_ACT_ROW: Final = {
    "waiting": Badge("Waiting", "info", "clock"),
    "done": Badge("Done", "ok", "check-circle"),
    "asked": Badge("Waiting for approval", "warn", "hourglass"),
    "refused": Badge("Refused", "bad", "ban"),
    "left": Badge("Left as it was", "quiet", "cross"),
}

IMPORTED_ROLE: Final = {
    "new": Badge("New", "info", "plus"),
    "made": Badge("Made", "ok", "check-circle"),
    "known": Badge("Exists already", "quiet", "check"),
    "wrong": Badge("Wrong", "bad", "alert"),
}

IMPORT_FINDING: Final = {
    "wrong": Badge("Wrong", "bad", "alert"),
    "left_out": Badge("Left out", "warn", "ban"),
    "note": Badge("Note", "info", "info"),
}

HOLDER: Final = {
    "explained": Badge("Explained", "ok", "check-circle"),
    "unexplained": Badge("Not explained", "warn", "help"),
    "unknown": Badge("Unknown account", "warn", "alert"),
    "drift": Badge("Drift", "bad", "alert"),
    "waiting": Badge("Being set up", "info", "refresh"),
    "failed": Badge("Failed", "bad", "cross-circle"),
    "removing": Badge("Being removed", "info", "refresh"),
}

CHECK: Final = {
    "ok": Badge("Works", "ok", "check-circle"),
    "failed": Badge("Failed", "bad", "cross-circle"),
    "unknown": Badge("Not checked", "quiet", "help"),
    "enabled": Badge("On", "ok", "check-circle"),
    "disabled": Badge("Off", "quiet", "ban"),
}

BADGES: Final[dict[str, dict[str, Badge]]] = {
    "request": REQUEST,
    "assignment": ASSIGNMENT,
    "grant": GRANT,
    "step": STEP,
    "review_item": REVIEW_ITEM,
    "package": PACKAGE,
    "clash_exception": CLASH_EXCEPTION,
    "policy": POLICY,
    "mark": MARK,
    "organization": ORGANIZATION,
    "callout": CALLOUT,
    "mail": MAIL,
    "check": CHECK,
    "bulk_row": BULK_ROW,
    "bulk_act": BULK_ACT,
    "bulk_act_row": BULK_ACT_ROW,
    "holder": HOLDER,
    "imported_role": IMPORTED_ROLE,
    "import_finding": IMPORT_FINDING,
}


def badge_for(kind: str, state: str) -> Badge:
    """Return the badge of a state; a state that the table lacks shows its own name, quietly."""
    known = BADGES[kind].get(state)
    return known or Badge(state.replace("_", " ").capitalize(), "quiet", "circle")
