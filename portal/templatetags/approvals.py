"""What cards and mails say about a request, in words."""

from datetime import date
from typing import Any, Final

from django import template
from django.utils import timezone

from entitlements import clock
from entitlements.requests.context import Facts, Share
from entitlements.requests.models import ApprovalStep, StepState
from entitlements.requests.states import GRANTED, RequestKind
from portal import dates, wording

register = template.Library()

YEAR = 365
MONTH = 30


@register.filter
def for_how_long(facts: Facts) -> str:
    """Say what was asked for: 90 days once approved, until a day, without an end; or answers."""
    if facts.is_correction:
        changed = len(facts.access_request.corrected_answers)
        return f"{_counted(changed, 'answer')} corrected"
    period = facts.period
    starts = ""
    if period.starts_at and period.starts_at > clock.now():
        starts = f"from {dates.day(timezone.localtime(period.starts_at))}"
    if period.length is not None:
        return f"{dates.duration(period.length)} {starts or 'once approved'}"
    end = f"until {dates.exact(period.ends_at)}" if period.ends_at else "without an end"
    return f"{starts}, {end}" if starts else end


@register.filter
def tenure(hire_date: date | None) -> str:
    """Say how long somebody has been here."""
    if hire_date is None:
        return ""
    days = (timezone.localdate(clock.now()) - hire_date).days
    if days < 0:
        return f"starts on {dates.day(hire_date)}"
    if days < MONTH:
        return "new this month"
    if days < YEAR:
        return _counted(days // MONTH, "month")
    return _counted(days // YEAR, "year")


@register.filter
def others(count: int) -> str:
    """Say how many other people."""
    return "No one else" if count == 0 else "1 person" if count == 1 else f"{count} people"


@register.filter
def tally(step: ApprovalStep) -> str:
    """Say how many of those who have to approve a stage have."""
    return wording.tally(step.approvals, step.needed)


@register.filter
def made(earlier: Share) -> str:
    """Say what became of earlier requests."""
    if earlier.whole == 0:
        return "Nothing yet"
    return f"{_counted(earlier.whole, 'request')}, {earlier.part} approved"


SENTENCES: Final = {
    RequestKind.ADMIN_ADD: "{requestor} gives {target} {package}",
    RequestKind.ON_BEHALF_ADD: "{requestor} asks for {package} for {target}",
    RequestKind.SYSTEM_ADD: "{target} is to get {package} automatically",
    RequestKind.USER_EXTEND: "{target} asks to keep {package}",
    RequestKind.ADMIN_UPDATE: "{requestor} lets {target} keep {package}",
    RequestKind.SYSTEM_UPDATE: "{target} is to keep {package} automatically",
}
CORRECTIONS: Final = {
    RequestKind.ADMIN_UPDATE: "{requestor} corrects answers of {target} for {package}",
    RequestKind.SYSTEM_UPDATE: "Answers of {target} for {package} are corrected automatically",
}


@register.filter
def sentence(facts: Facts) -> str:
    """Say who asks for what, in one line."""
    access_request = facts.access_request
    kind = RequestKind(access_request.kind)
    if facts.is_correction:
        text = CORRECTIONS.get(kind, "{target} corrects answers for {package}")
    else:
        text = SENTENCES.get(kind, "{target} asks for {package}")
    return text.format(
        requestor=access_request.requestor,
        target=access_request.target,
        package=access_request.package,
    )


@register.filter
def person_line(facts: Facts) -> str:
    """Say who the requester is: title, department, and how long he has been here."""
    target = facts.access_request.target
    parts: list[Any] = [target.job_title, target.department, tenure(target.hire_date)]
    return ", ".join(part for part in parts if part)


@register.filter
def can_be_ended(step: ApprovalStep) -> bool:
    """Say whether the viewer, whose `own_decision` the stage bears, may end what he approved."""
    access_request = step.access_request
    assignment = access_request.assignment
    return (
        assignment is not None
        and getattr(step, "own_decision", "") == StepState.APPROVED
        and access_request.state in GRANTED
        and assignment.is_live
        and assignment.policy.approver_can_remove
    )


def _counted(count: int, unit: str) -> str:
    return f"1 {unit}" if count == 1 else f"{count} {unit}s"
