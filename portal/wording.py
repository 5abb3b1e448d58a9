"""Policies in the words of people: who decides, for how long, what happens then."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from entitlements.assignments.models import EndReason
from entitlements.audit.models import AuditEvent
from entitlements.directory.models import User
from entitlements.policies.models import (
    ApprovalStage,
    ApproverKind,
    AssignmentPolicy,
    DecisionRule,
    Expiration,
)
from entitlements.requests.models import AccessRequest, decider_of
from entitlements.requests.states import RequestKind
from portal import dates

EXTENSION: Final = "extension"


class Asked(NamedTuple):
    """One entry of a stage: whom it asks, or the extension that says whom."""

    kind: str
    name: str
    is_fallback: bool
    is_alternate: bool = False


RELATED: Final = {
    ApproverKind.MANAGER: "{whose} manager",
    ApproverKind.SECOND_MANAGER: "{whose} manager’s manager",
    ApproverKind.SPONSORS: "one of {whose} sponsors",
    ApproverKind.INTERNAL_SPONSORS: "an internal sponsor of {whose} organization",
    ApproverKind.EXTERNAL_SPONSORS: "an external sponsor of {whose} organization",
    ApproverKind.RESOURCE_OWNERS: "an owner of the resources",
    ApproverKind.CATALOG_OWNERS: "an owner of the catalog",
}


def listed(words: Sequence[str], last: str = "and") -> str:
    """Join words as a sentence does: Ana, Bo and Gita."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def people(count: int) -> str:
    """Say how many people."""
    return "no one" if count == 0 else "1 person" if count == 1 else f"{count} people"


def tally(approvals: int, needed: int) -> str:
    """Say how many of those who have to approve a stage have."""
    return f"{approvals} of {needed} have approved"


def needs(rule: str, quorum: int | None) -> str:
    """Say how many of whoever is asked have to approve, if one is not enough."""
    if rule == DecisionRule.ANY:
        return ""
    return f" ({quorum if rule == DecisionRule.QUORUM else 'all'} have to approve)"


def approvers(entries: Iterable[Asked], *, whose: str, shows_names: bool) -> str:
    """Say who is asked in a stage; without names where the policy keeps them to itself."""
    words = (
        _approver(entry, whose=whose, shows_names=shows_names)
        for entry in entries
        if not entry.is_fallback and not entry.is_alternate
    )
    return listed(list(dict.fromkeys(words)), "or") or "no one yet"


def _approver(entry: Asked, *, whose: str, shows_names: bool) -> str:
    if entry.kind == EXTENSION:
        return f"whoever {entry.name} names when asked"
    related = RELATED.get(ApproverKind(entry.kind))
    if related:
        return related.format(whose=whose)
    if not shows_names:
        return "an approver"
    return f"someone in {entry.name}" if entry.kind == ApproverKind.GROUP else entry.name


def asked_by_terms(stage: dict[str, Any]) -> list[Asked]:
    """Return whom a stage asks, from the terms that a request keeps."""
    decider = decider_of(stage)
    named = [Asked(EXTENSION, decider["name"], is_fallback=False)] if decider else []
    return named + [
        Asked(entry["kind"], entry["name"], entry["is_fallback"], entry.get("is_alternate", False))
        for entry in stage["approvers"]
    ]


def asked_by(stage: ApprovalStage) -> list[Asked]:
    """Return whom a stage of a policy asks."""
    decider = stage.extension
    named = [Asked(EXTENSION, str(decider), is_fallback=False)] if decider else []
    return named + [
        Asked(entry.kind, str(entry), entry.is_fallback, entry.is_alternate)
        for entry in stage.approvers.all()
    ]


def lasting(expiration: str, duration: int | None, ends_on: datetime | None) -> str:
    """Say how long access lasts."""
    if expiration == Expiration.ON_DATE and ends_on:
        return f"until {dates.exact(ends_on)}"
    if expiration == Expiration.AFTER_DAYS:
        return f"for {dates.duration(timedelta(days=duration or 0))}"
    if expiration == Expiration.AFTER_HOURS:
        return f"for {dates.duration(timedelta(hours=duration or 0))}"
    return "without an end"


def extension(policy: AssignmentPolicy) -> str:
    """Say whether somebody may keep access for longer, and who decides that."""
    if policy.expiration == Expiration.NEVER:
        return ""
    if not policy.allows_extension:
        return "It cannot be extended; you can ask again when it has ended."
    if policy.extension_requires_approval and policy.stages.all():
        return "You can ask to extend it; the same people decide."
    return "You can extend it yourself."


HEADINGS: Final = {
    RequestKind.USER_ADD: "{package}",
    RequestKind.ADMIN_ADD: "{package}",
    RequestKind.ON_BEHALF_ADD: "{package}",
    RequestKind.USER_EXTEND: "Extend {package}",
    RequestKind.USER_UPDATE: "Correct answers for {package}",
    RequestKind.ADMIN_UPDATE: "Extend {package}",
    RequestKind.USER_REMOVE: "Give back {package}",
    RequestKind.ADMIN_REMOVE: "End {package}",
    RequestKind.ON_BEHALF_REMOVE: "End {package}",
    RequestKind.APPROVER_REMOVE: "End {package}",
    RequestKind.SYSTEM_ADD: "{package}",
    RequestKind.SYSTEM_UPDATE: "Extend {package}",
    RequestKind.SYSTEM_REMOVE: "End {package}",
}


def heading(access_request: AccessRequest, viewer: User) -> str:
    """Return what a request is about, and for whom if not for its viewer."""
    kind = RequestKind.USER_UPDATE if access_request.corrects else RequestKind(access_request.kind)
    text = HEADINGS[kind].format(package=access_request.package)
    is_own = access_request.target_id == viewer.pk
    return text if is_own else f"{text} for {access_request.target}"


def by(event: AuditEvent, viewer: User) -> str:
    """Return who acted, as the beginning of a sentence."""
    return "You" if event.actor_id == viewer.pk else event.actor_name


def by_whom(event: AuditEvent, viewer: User) -> str:
    """Return who acted, as the end of a sentence."""
    return "you" if event.actor_id == viewer.pk else event.actor_name


def moment(value: Any) -> str:
    """Return a moment of an event's details in words."""
    return dates.exact(datetime.fromisoformat(value)) if value else ""


def of_assignment(event: AuditEvent, viewer: User) -> str:
    """Tell one event of an assignment."""
    details = event.details
    if event.action == "assignment.begun":
        return "Access began."
    if event.action == "assignment.extended":
        ends = moment(details.get("ends_at"))
        return f"The end was moved to {ends}." if ends else "The end was taken away."
    if event.action == "assignment.end_announced":
        return "A reminder of the end was sent."
    if event.action == "assignment.reprocessed":
        return f"{by(event, viewer)} had every role checked again."
    if event.action == "assignment.ended":
        reason = str(details.get("reason", ""))
        return f"Access ended: {dict(EndReason.choices).get(reason, reason)}."
    return event.action.partition(".")[2].replace("_", " ").capitalize() + "."
