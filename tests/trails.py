"""What each act writes into the audit trail: exactly this, in this order, and nothing twice.

Read as a grammar. An act writes one event of its own, by whoever acts; what follows from it in the
same transaction writes one event each.
"""

import re

STANDS_IN = "(request.stand_in_asked )*"
END = "(user.attribute_written )*assignment.ended "
LET_IN = "((organization.proposed )?user.created )?"
BEGIN = f"({END})?{LET_IN}assignment.begun (user.attribute_written )*request.delivery_started "
EXTEND = "assignment.extended request.extended "
CORRECT = "(user.attribute_written )*request.corrected "
FULFILL = f"(request.scheduled |{BEGIN}|{EXTEND}|{CORRECT}|request.canceled )"
CARRY_OUT = f"(request.waits_for_callback |{FULFILL})"
OPEN = (
    "(request.waits_for_callback |request.undeterminable "
    f"|(request.decided_by_fallbacks )?request.approval_asked {STANDS_IN})"
)
ASK = f"(request.approved_automatically {CARRY_OUT}|{OPEN})"
TAKE_IN = f"(request.waits_for_callback |{ASK})"
GO_ON = f"(|{ASK}|{OPEN}|{FULFILL})"

ACTS = {
    "submit": ("request.submitted", f"{{}}{TAKE_IN}"),
    "resubmit": ("request.submitted", f"{{}}{TAKE_IN}"),
    "assign": ("request.given_directly", f"{{}}{TAKE_IN}"),
    "extend": ("request.extension_asked", f"{{}}{TAKE_IN}"),
    "prolong": ("request.extension_given", f"{{}}{TAKE_IN}"),
    "correct_own": ("request.correction_asked", f"{{}}{TAKE_IN}"),
    "correct_for": ("request.correction_given", f"{{}}{TAKE_IN}"),
    "approve": (
        "request.approval_given|request.stage_approved|request.approved",
        f"(request.approval_given |request.stage_approved {OPEN}|request.approved {CARRY_OUT})",
    ),
    "deny_request": ("request.denied", "{}"),
    "cancel": ("request.canceled", f"({END})?{{}}"),
    "give_back": ("request.removal_asked", f"(request.canceled )*{{}}{END}"),
    "remove": ("request.removal_asked", f"(request.canceled )*{{}}{END}"),
    "revoke": ("request.removal_asked", f"(request.canceled )*{{}}{END}"),
    "remind": ("request.reminded", "{}"),
    "hand_over": ("request.handed_over", f"{{}}{STANDS_IN}"),
    "delegate": ("delegation.begun", f"{{}}{STANDS_IN}"),
    "end_delegation": ("delegation.ended", "{}"),
    "ask": ("request.question_asked", "{}"),
    "answer": ("request.question_answered", "{}"),
    "change_policy": ("policy.changed", "{}"),
    "apply_policy": ("request.policy_applied", f"{{}}{OPEN}?"),
    "add_clash": ("package.clash_added", "{}"),
    "remove_clash": ("package.clash_removed", "{}"),
    "propose": ("package.clash_exception_asked", "{}"),
    "decide": ("package.clash_exception_allowed|package.clash_exception_refused", "{}"),
    "end_early": ("package.clash_exception_ended", "{}"),
    "plan": ("bulk.checked", "{}"),
    "give_all": (
        "bulk.started",
        f"{{}}(request.given_directly {TAKE_IN})*bulk.finished ",
    ),
    "reprocess": ("request.reprocessed", "{}"),
    "reprocess_assignment": ("assignment.reprocessed", "(request.reprocessed )?{}"),
    "change_extension": ("extension.changed", "{}"),
    "invite": ("request.given_directly", f"{{}}{TAKE_IN}"),
    "create_organization": ("organization.created", "{}(user.changed )*"),
    "promote": ("organization.promoted", "{}"),
    "delete_organization": ("organization.deleted", "{}"),
    "resume": (
        "request.callback|request.denied_by_callback",
        f"(|request.callback {GO_ON}|request.denied_by_callback )",
    ),
    "resume_by_hand": (
        "request.callback|request.denied_by_callback",
        f"(request.callback {GO_ON}|request.denied_by_callback )",
    ),
}
"""Each act's own event, and all that it writes; `{}` stands for its own."""

TIME = f"request.(callback_timed_out|denied_without_callback) |request.callback_missed {GO_ON}"
PARTS = {
    "sweep_recounts": "(package.recounted )*",
    "end_what_is_over": "(assignment.ended |user.attribute_written )*",
    "start_what_is_due": f"({BEGIN}|request.canceled )*",
    "time_out_what_nobody_answered": f"({TIME})*",
    "lapse_what_nobody_decided": "(request.lapsed )*",
    "pass_on_what_waits": f"(request.escalated {STANDS_IN})*",
    "conclude_what_is_forsaken": f"(request.stage_approved {OPEN}|request.approved {CARRY_OUT})*",
    "end_delegations": "(delegation.ended )*",
    "cancel_what_is_obsolete": "(request.canceled )*",
    "sweep_unsettled": "(request.(delivered|partially_delivered|delivery_failed) )*",
    "remind_who_decides": "(request.reminded )*",
    "remind_who_holds": "(assignment.end_announced )*",
}
"""What each part of a sweep writes; the others write nothing."""


def matches(pattern, actions):
    """Say whether actions, oldest first, are what a grammar says."""
    text = "".join(f"{action} " for action in actions)
    return re.fullmatch(pattern.replace(".", r"\."), text) is not None


def is_exact(act, actions):
    """Say whether an act of this name wrote exactly what it should."""
    own, pattern = ACTS[act]
    return matches(pattern.replace("{}", f"({own.replace('|', ' |')} )"), actions)


def own_events(act, events):
    """Return the events of an act that are its own, and not what follows from it."""
    names = ACTS[act][0].split("|")
    return [event for event in events if event.action in names]
