"""Carry out the ends that time has brought: set-based, in bounded batches, restartable."""

from uuid import UUID

from django.db import connection, transaction

from entitlements import clock, outbox
from entitlements.assignments import attributes, grants
from entitlements.assignments.calling import call_about_ends
from entitlements.assignments.models import Assignment, AssignmentState, EndReason
from entitlements.audit.trail import SYSTEM
from entitlements.directory.models import as_parameter

BATCH = 1000


@transaction.atomic(durable=True)
def end_overdue(limit: int = BATCH) -> int:
    """End up to `limit` assignments whose time has run out; return how many.

    Pages show them as ended already. A batch commits as a whole: assignments, events,
    notifications and the marks on grants, so that a crash repeats or loses nothing.
    """
    overdue = Assignment.objects.overdue().order_by("ends_at").select_for_update(skip_locked=True)
    chosen = list(overdue.values_list("pk", flat=True)[:limit])
    if not chosen:
        return 0
    moment = clock.now()
    Assignment.objects.filter(pk__in=chosen).update(
        state=AssignmentState.EXPIRED,
        ended_at=moment,
        end_reason=EndReason.TIME,
        reminder_at=None,
    )
    _record_ends(chosen)
    _tell_holders(chosen)
    call_about_ends(chosen)
    grants.unwant(chosen)
    attributes.take_back(chosen)
    outbox.enqueue_revocation("sweep.deliver")
    return len(chosen)


def _record_ends(chosen: list[UUID]) -> None:
    """Write one event per assignment, as `trail.record` would, in one statement."""
    _execute(
        f"""
        INSERT INTO entitlements_auditevent (at, action, actor_id, actor_name, subject_type,
            subject_id, subject_name, target_id, details)
        SELECT a.ended_at, 'assignment.ended', NULL, %s, 'assignment', a.id,
            substr(p.name || ' for ' || u.display_name, 1, 300), a.target_id,
            {_json("reason", "%s")}
        {_FROM.format(marks=_marks(chosen))}""",  # only placeholders are put in
        [SYSTEM, EndReason.TIME.value],
        chosen,
    )


def _tell_holders(chosen: list[UUID]) -> None:
    """Tell holders that their access has ended, where the policy says so, in one statement."""
    facts = _json(
        "package",
        "p.name",
        "target",
        "u.display_name",
        "reason",
        "%s",
        "ended_at",
        _iso("a.ends_at"),
    )
    new_id = "gen_random_uuid()" if _on_postgresql() else "lower(hex(randomblob(16)))"
    _execute(
        f"""
        INSERT INTO entitlements_notification (id, event, recipient_id, about_type, about_id,
            facts, created_at, next_attempt_at, attempts, last_error)
        SELECT {new_id}, 'access.ended', a.target_id, 'assignment', a.id,
            {facts}, a.ended_at, a.ended_at, 0, ''
        {_FROM.format(marks=_marks(chosen))} AND y.sends_notifications""",
        [EndReason.TIME.label],
        chosen,
    )


_FROM = """
        FROM entitlements_assignment a
        JOIN entitlements_accesspackage p ON p.id = a.package_id
        JOIN entitlements_user u ON u.id = a.target_id
        JOIN entitlements_assignmentpolicy y ON y.id = a.policy_id
        WHERE a.id IN ({marks})"""


def _execute(sql: str, parameters: list[str], chosen: list[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, [*parameters, *(as_parameter(pk) for pk in chosen)])


def _marks(chosen: list[UUID]) -> str:
    return ", ".join(["%s"] * len(chosen))


def _json(*parts: str) -> str:
    """Return SQL that builds a JSON object from names and expressions in turn."""
    names, values = parts[::2], parts[1::2]
    pairs = ", ".join(f"'{name}', {value}" for name, value in zip(names, values, strict=True))
    if _on_postgresql():
        return f"jsonb_build_object({pairs.replace('%s', 'CAST(%s AS text)')})"
    return f"json_object({pairs})"


def _iso(column: str) -> str:
    """Return SQL for a moment in UTC as ISO 8601."""
    if _on_postgresql():
        return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""
    return f"replace({column}, ' ', 'T') || '+00:00'"


def _on_postgresql() -> bool:
    return connection.vendor == "postgresql"
