"""From what a notification is about to addresses, for mails and for the list of notifications."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from entitlements.assignments.models import Assignment
from entitlements.notifications.models import Notification
from entitlements.requests.models import AccessRequest
from entitlements.requests.states import RequestKind
from portal.approvals import tokens

SOURCES: Final = {
    "accessrequest": AccessRequest.objects,
    "assignment": Assignment.objects,
}


def link_for(page: str, notification: Notification, *, choice: str = "") -> str:
    """Return the full address of a page that a notification leads to."""
    return f"{settings.PORTAL_URL}{path_for(page, notification, choice=choice)}"


def path_for(page: str, notification: Notification, *, choice: str = "") -> str:
    """Return the address of a page within the portal; `choice` is that of page `decision`."""
    if page == "decision":
        return reverse("approvals:mail", args=[_token(notification, choice)])
    return PATHS[page](notification)


def _token(notification: Notification, choice: str) -> str:
    return tokens.make(
        access_request=notification.about_id,
        step=notification.fact("step"),
        approver=notification.recipient_id,
        choice=choice,
    )


def _assignment(notification: Notification) -> UUID:
    return UUID(str(notification.fact("assignment") or notification.about_id))


def _package(notification: Notification) -> str:
    """Return the page of the package, which only the thing itself knows.

    Whoever asked for somebody else finds it as offered to that person.
    """
    things = SOURCES[notification.about_type].filter(pk=notification.about_id)
    found = things.values_list("package", "target").first()
    if found is None:
        return reverse("packages:index")
    package, target = found
    asked_for_other = notification.fact("kind") == RequestKind.ON_BEHALF_ADD
    is_his_own = notification.recipient_id == target
    query = f"?for={target}" if asked_for_other and not is_his_own else ""
    return reverse("packages:detail", args=[package]) + query


PATHS: Final[dict[str, Callable[[Notification], str]]] = {
    "approval": lambda one: reverse("approvals:detail", args=[one.about_id]),
    "delegation": lambda one: reverse("approvals:delegation"),
    "approvals": lambda one: reverse("approvals:index"),
    "request": lambda one: reverse("requests:detail", args=[one.about_id]),
    "assignment": lambda one: reverse("access:detail", args=[_assignment(one)]),
    "extension": lambda one: reverse("access:extend", args=[_assignment(one)]),
    "past_access": lambda one: reverse("access:expired"),
    "package": _package,
    "clashes": lambda one: reverse("manage:clashes", args=[one.fact("other_id")]),
    "exception": lambda one: reverse("manage:exception", args=[one.about_id]),
    "notifications": lambda one: reverse("notifications:index"),
    "preferences": lambda one: reverse("preferences:index"),
}
