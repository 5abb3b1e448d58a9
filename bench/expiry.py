"""P6: the sweep that ends what is over."""

from django.db import connection, transaction

from bench import tenant
from bench.measure import Row, database_time, median, milliseconds, wall
from bench.size import Size
from entitlements.delivery.expiry import end_overdue
from entitlements.sweep import end_what_is_over

RAW_BATCH = 1000
RAW = """
WITH chosen AS MATERIALIZED (
    SELECT id, target_id, package_id, policy_id FROM entitlements_assignment
    WHERE ended_at IS NULL AND ends_at <= now() ORDER BY ends_at LIMIT %s FOR UPDATE SKIP LOCKED),
ended AS (
    UPDATE entitlements_assignment a SET state = 'expired', ended_at = now(), end_reason = 'time',
        reminder_at = NULL
    FROM chosen WHERE a.id = chosen.id RETURNING a.id),
events AS (
    INSERT INTO entitlements_auditevent (at, action, actor_name, subject_type, subject_id,
        subject_name, target_id, details)
    SELECT now(), 'assignment.ended', 'The system', 'assignment', c.id,
        p.name || ' for ' || u.display_name, c.target_id, '{"reason": "time"}'::jsonb
    FROM chosen c JOIN entitlements_accesspackage p ON p.id = c.package_id
    JOIN entitlements_user u ON u.id = c.target_id),
told AS (
    INSERT INTO entitlements_notification (id, event, recipient_id, about_type, about_id, facts,
        created_at, next_attempt_at, attempts, last_error)
    SELECT gen_random_uuid(), 'access.ended', c.target_id, 'assignment', c.id,
        jsonb_build_object('package', p.name, 'target', u.display_name), now(), now(), 0, ''
    FROM chosen c JOIN entitlements_accesspackage p ON p.id = c.package_id
    JOIN entitlements_user u ON u.id = c.target_id
    JOIN entitlements_assignmentpolicy y ON y.id = c.policy_id AND y.sends_notifications)
UPDATE entitlements_grant g SET is_wanted = false, next_attempt_at = now()
FROM chosen c JOIN entitlements_packagerole pr ON pr.package_id = c.package_id
WHERE g.user_id = c.target_id AND g.role_id = pr.role_id AND g.is_wanted
  AND NOT EXISTS (
    SELECT FROM entitlements_assignment o JOIN entitlements_packagerole opr
        ON opr.package_id = o.package_id
    WHERE o.target_id = g.user_id AND opr.role_id = g.role_id AND o.ended_at IS NULL
      AND o.ends_at > now())
"""


def run(size: Size, due: int) -> list[Row]:
    """Measure a full sweep with `due` assignments over, and one with nothing due."""
    ours, raw = [], []
    for side in (ours, raw, raw, ours, ours, raw):
        _reset(due)
        side.append(wall(_ours if side is ours else _raw))
    best_ours, best_raw = sorted(ours)[1], sorted(raw)[1]

    def idle() -> float:
        with database_time() as spent:
            end_overdue()
        return spent.seconds

    nothing = median(idle)
    ratio = best_ours / best_raw
    return [
        Row(
            "P6",
            f"expiry sweep, {due:,} due of {size.assignments:,}",
            f"{best_ours:.1f} s",
            f"{best_raw:.1f} s",
            ratio,
            "≤ 1.5 × raw",
            ratio <= 1.5,
        ),
        Row(
            "P6",
            "expiry sweep, nothing due",
            milliseconds(nothing),
            "",
            0.0,
            "≤ 2 ms of database time",
            nothing <= 0.002,
        ),
    ]


def _ours() -> None:
    while end_what_is_over():
        pass


def _raw() -> None:
    while True:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(RAW, [RAW_BATCH])
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM entitlements_assignment"
                " WHERE ended_at IS NULL AND ends_at <= now())"
            )
            if not cursor.fetchone()[0]:
                return


def _reset(due: int) -> None:
    """Bring back the state before the sweep."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE entitlements_assignment SET state = 'delivered', ended_at = NULL,"
            " end_reason = '' WHERE ended_at IS NOT NULL"
        )
        cursor.execute(
            "UPDATE entitlements_grant SET is_wanted = true, next_attempt_at = NULL"
            " WHERE NOT is_wanted"
        )
        cursor.execute("TRUNCATE entitlements_notification, django_q_ormq")
    tenant.make_due(due)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE entitlements_assignment")
        cursor.execute("VACUUM ANALYZE entitlements_grant")
