"""Begin, extend and end assignments, as parts of the acts that requests and sweeps perform."""

from datetime import datetime

from django.db import transaction

from entitlements import clock, outbox
from entitlements.assignments import attributes, grants
from entitlements.assignments.calling import call_about_coming_end, call_about_ends
from entitlements.assignments.models import Assignment, EndReason, next_reminder
from entitlements.audit import trail
from entitlements.directory.models import User
from entitlements.notifications.operations import notify
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.rules import Span


def begin(
    policy: AssignmentPolicy,
    target: User,
    span: Span,
    *,
    by: User | None,
    is_direct: bool,
    takes_over: bool = False,
) -> Assignment:
    """Within the caller's transaction: let `target` hold the package, and queue its delivery.

    An assignment past its end that nobody has carried out yet is ended first. One that `takes_over`
    what he has of its roles already lets none of that outlast it.
    """
    overdue = Assignment.objects.select_for_update().filter(
        target=target, package=policy.package_id
    )
    for old in overdue.overdue():
        end(old, EndReason.TIME, by=None)
    assignment = Assignment.objects.create(
        package=policy.package,
        policy=policy,
        target=target,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        is_direct=is_direct,
        reminder_at=next_reminder(span.ends_at, after=clock.now()),
    )
    grants.want(assignment, takes_over=takes_over)
    trail.record(
        "assignment.begun",
        assignment,
        by=by,
        target=target,
        policy=policy.pk,
        ends_at=span.ends_at,
        **({"takes_over": True} if takes_over else {}),
    )
    outbox.enqueue("delivery.tasks.deliver", assignment_id=assignment.pk)
    return assignment


def move_end(assignment: Assignment, ends_at: datetime | None, *, by: User | None) -> None:
    """Within the caller's transaction: let a live assignment end at another moment (UTC)."""
    before = assignment.ends_at
    assignment.ends_at = ends_at
    assignment.reminder_at = next_reminder(ends_at, after=clock.now())
    assignment.save(update_fields=["ends_at", "reminder_at"])
    trail.record(
        "assignment.extended",
        assignment,
        by=by,
        target=assignment.target,
        ends_at=ends_at,
        ended_before=before,
    )


def end(assignment: Assignment, reason: EndReason, *, by: User | None, words: str = "") -> None:
    """Within the caller's transaction: end it now, and queue taking away what only it gave.

    `words` is what whoever ends it tells the holder.
    """
    assignment.end(reason, by=by)
    grants.unwant([assignment.pk])
    attributes.take_back([assignment.pk])
    trail.record(
        "assignment.ended", assignment, by=by, target=assignment.target, reason=reason.value
    )
    if by != assignment.target and assignment.policy.sends_notifications:
        notify(
            "access.ended",
            [assignment.target],
            assignment,
            package=str(assignment.package),
            target=str(assignment.target),
            reason=reason.label,
            ended_at=assignment.over_at,
            **({"by": str(by), "decision": words} if words else {}),
        )
    call_about_ends([assignment.pk])
    outbox.enqueue_revocation("delivery.tasks.deliver", assignment_id=assignment.pk)


@transaction.atomic(durable=True)
def remind_holder(assignment: Assignment) -> bool:
    """Tell a holder that access ends soon, at the moments planned; say whether it was due."""
    assignment = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("policy", "package", "target")
        .get(pk=assignment.pk)
    )
    moment = clock.now()
    if not assignment.is_live or not assignment.reminder_at or assignment.reminder_at > moment:
        return False
    call_about_coming_end(assignment, announced_at=assignment.reminder_at)
    assignment.reminder_at = next_reminder(assignment.ends_at, after=moment)
    assignment.save(update_fields=["reminder_at"])
    if assignment.policy.sends_notifications:
        notify(
            "access.ends_soon",
            [assignment.target],
            assignment,
            package=str(assignment.package),
            target=str(assignment.target),
            ends_at=assignment.ends_at,
            can_extend=assignment.policy.allows_extension,
        )
    trail.record(
        "assignment.end_announced",
        assignment,
        by=None,
        target=assignment.target,
        ends_at=assignment.ends_at,
    )
    return True
