"""What a notification says: one table from events to subjects, pages and choices."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from entitlements.notifications.models import Notification

LONGEST_NAME: Final = 80
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


@dataclass(frozen=True)
class Message:
    """How one event is told.

    `subject` is filled with the event's facts. `page` is what the mail links to, and what opens
    from the list of notifications; `extra` are further pages, `choices` the decisions that a mail
    offers. What `asks_to_act` is mailed at once, whatever its reader prefers.
    """

    subject: str | Promise
    page: str
    extra: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    asks_to_act: bool = False
    why: str | Promise = ""


_ASKED = _("You get this because you are asked to decide.")
_WAS_ASKED = _("You get this because you were asked to decide.")
_ABOUT_YOU = _("You get this because the request is yours, or is about your access.")
_HOLDER = _("You get this because it is your access.")
_YOU_ASKED = _("You get this because you asked for it.")
_OWNER = _("You get this because you own a catalog that it concerns.")
_DECIDE: Final = ("approve", "deny")

MESSAGES: Final[dict[str, Message]] = {
    "approval.asked": Message(
        _("Approve by {due_at}: {target} → {package}"),
        page="approval",
        choices=_DECIDE,
        asks_to_act=True,
        why=_ASKED,
    ),
    "approval.reminder": Message(
        _("Reminder ({number}): approve by {due_at}: {target} → {package}"),
        page="approval",
        choices=_DECIDE,
        asks_to_act=True,
        why=_ASKED,
    ),
    "approval.passed_on": Message(
        _("Passed on to you: approve by {due_at}: {target} → {package}"),
        page="approval",
        choices=_DECIDE,
        asks_to_act=True,
        why=_ASKED,
    ),
    "approval.stage_approved": Message(
        _("Stage {step} approved by {by}: {target} → {package}"), page="approval", why=_WAS_ASKED
    ),
    "approval.approved": Message(
        _("Approved by {by}: {target} → {package}"), page="approval", why=_WAS_ASKED
    ),
    "approval.lapsed": Message(
        _("Lapsed, nobody decided: {target} → {package}"), page="approval", why=_WAS_ASKED
    ),
    "request.asked_for_you": Message(
        _("{requestor} asked for {package} for you"), page="request", why=_ABOUT_YOU
    ),
    "request.denied": Message(
        _("Denied by {by}: {package} for {target}"),
        page="request",
        extra=("package",),
        why=_ABOUT_YOU,
    ),
    "request.lapsed": Message(
        _("Lapsed, nobody decided: {package} for {target}"),
        page="request",
        extra=("package",),
        why=_ABOUT_YOU,
    ),
    "request.nobody_asked": Message(
        _("No one can decide: {package} for {target}"),
        page="request",
        extra=("package",),
        why=_("You get this because the request is yours, or because you own the catalog."),
    ),
    "request.unanswered": Message(
        _("Failed, {by} gave no answer: {package} for {target}"),
        page="request",
        extra=("package",),
        why=_ABOUT_YOU,
    ),
    "approval.handed_over": Message(
        _("Now asked in your place: {to}: {target} → {package}"), page="approvals", why=_WAS_ASKED
    ),
    "request.approved_by_stand_in": Message(
        _("Approved by {by} for {stands_in_for}: {package} for {target}"),
        page="request",
        why=_ABOUT_YOU,
    ),
    "delegation.begun": Message(
        _("You stand in for {delegator} from {starts_at}"),
        page="delegation",
        why=_("You get this because somebody lets you decide in his place."),
    ),
    "delegation.ended": Message(
        _("{delegate} no longer stands in for {delegator}"),
        page="delegation",
        why=_("You get this because it was agreed between the two of you."),
    ),
    "request.question_asked": Message(
        _("Question from {by}: {package} for {target}"),
        page="request",
        asks_to_act=True,
        why=_("You get this because the request is yours."),
    ),
    "request.question_answered": Message(
        _("Answer from {by}: {target} → {package}"), page="approval", asks_to_act=True, why=_ASKED
    ),
    "access.given": Message(
        _("You have access: {package}"), page="assignment", extra=("request",), why=_HOLDER
    ),
    "access.given_to_other": Message(
        _("{target} has access: {package}"), page="request", why=_YOU_ASKED
    ),
    "access.extended": Message(
        _("Extended until {ends_at}: {package}"),
        page="assignment",
        extra=("request",),
        why=_HOLDER,
    ),
    "access.corrected": Message(
        _("Your answers are corrected: {package}"),
        page="assignment",
        extra=("request",),
        why=_HOLDER,
    ),
    "access.ends_soon": Message(
        _("Ends on {ends_at}: {package}"),
        page="extension",
        extra=("assignment",),
        asks_to_act=True,
        why=_HOLDER,
    ),
    "access.ended": Message(
        _("Ended: {package}"), page="past_access", extra=("package",), why=_HOLDER
    ),
    "clash.named": Message(_("{by} lets {package} clash with {other}"), page="clashes", why=_OWNER),
    "clash.exception_asked": Message(
        _("Allow a clash until {ends_at}: {target}, {package} with {other}?"),
        page="exception",
        asks_to_act=True,
        why=_OWNER,
    ),
    "clash.exception_ended": Message(
        _("Still holds what clashes: {target}, {package} with {other}"),
        page="exception",
        asks_to_act=True,
        why=_OWNER,
    ),
}
UNKNOWN: Final = Message(_("News about {package}"), page="notifications")


class _Words(dict[str, str]):
    """The values of a subject; what an event does not tell is left open."""

    def __missing__(self, name: str) -> str:
        return "…"


def message_for(notification: Notification) -> Message:
    """Return how an event is told."""
    return MESSAGES.get(notification.event, UNKNOWN)


def facts_of(notification: Notification) -> dict[str, Any]:
    """Return an event's facts, with moments as such (UTC) where they are kept as text."""
    return {
        name: parse_datetime(value) if name.endswith("_at") and value else value
        for name, value in notification.facts.items()
    }


def subject_of(notification: Notification) -> str:
    """Return the one line that stands for a notification, in the present language and zone."""
    facts = facts_of(notification)
    words = _Words({name: _in_line(value) for name, value in facts.items()})
    return str(message_for(notification).subject).format_map(words)


def one_line(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a name without line breaks and unseen characters, shortened to `longest`."""
    return Truncator(" ".join(_UNSEEN.sub(" ", text).split())).chars(longest)


def _in_line(value: Any) -> str:
    if value is None:
        return gettext("further notice")
    if isinstance(value, datetime):
        local = timezone.localtime(value)
        return f"{local:%a} {local.day} {local:%b}"
    return one_line(str(value))
