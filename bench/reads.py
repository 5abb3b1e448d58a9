"""P1 and P3: what My access and the approver's inbox read, beside hand-written statements."""

import time
from collections.abc import Callable
from typing import Any

from django.db import connection

from bench.measure import Row, database_time, median, milliseconds
from bench.size import Size
from entitlements.assignments.models import Assignment
from entitlements.models import User
from entitlements.requests.context import facts_about
from entitlements.requests.models import AccessRequest

CARDS = 25

MY_ACCESS = """
SELECT a.id, a.state, a.starts_at, a.ends_at, p.id, p.name, c.name, y.name, r.name, x.name,
    x.address
FROM entitlements_assignment a
JOIN entitlements_accesspackage p ON p.id = a.package_id
JOIN entitlements_catalog c ON c.id = p.catalog_id
JOIN entitlements_assignmentpolicy y ON y.id = a.policy_id
JOIN entitlements_packagerole pr ON pr.package_id = p.id
JOIN entitlements_resourcerole r ON r.id = pr.role_id
JOIN entitlements_resource x ON x.id = r.resource_id
WHERE a.target_id = %s AND a.ended_at IS NULL AND a.starts_at <= now()
  AND (a.ends_at IS NULL OR a.ends_at > now())
ORDER BY a.ends_at, a.id, pr.position"""

INBOX = """
SELECT q.id, q.package_id, q.target_id, q.justification, q.terms, p.name, u.display_name,
    u.job_title, u.department, u.hire_date, m.display_name, s.due_at
FROM entitlements_stepapprover x
JOIN entitlements_approvalstep s ON s.id = x.step_id AND s.state = 'waiting'
JOIN entitlements_accessrequest q ON q.id = s.access_request_id AND q.state = 'pending_approval'
JOIN entitlements_accesspackage p ON p.id = q.package_id
JOIN entitlements_user u ON u.id = q.target_id
LEFT JOIN entitlements_user m ON m.id = u.manager_id
WHERE x.user_id = %s AND q.requestor_id <> %s AND q.target_id <> %s
ORDER BY s.due_at LIMIT 25"""

CONTEXT = """
WITH asked AS (SELECT unnest(%s::uuid[]) AS package_id, unnest(%s::uuid[]) AS target_id)
SELECT asked.target_id, asked.package_id,
    (SELECT count(*) FROM entitlements_assignment a WHERE a.package_id = asked.package_id
        AND a.ended_at IS NULL AND a.starts_at <= now()
        AND (a.ends_at IS NULL OR a.ends_at > now())),
    (SELECT count(*) FROM entitlements_assignment a JOIN entitlements_user o ON o.id = a.target_id
        WHERE a.package_id = asked.package_id AND o.department = u.department
        AND a.ended_at IS NULL AND a.starts_at <= now()
        AND (a.ends_at IS NULL OR a.ends_at > now())),
    (SELECT count(*) FROM entitlements_user o WHERE o.department = u.department AND o.is_active),
    (SELECT max(a.ends_at) FROM entitlements_assignment a WHERE a.package_id = asked.package_id
        AND a.target_id = asked.target_id),
    (SELECT count(*) FILTER (WHERE q.state IN ('approved', 'delivering', 'delivered')) || '/' ||
        count(*) FROM entitlements_accessrequest q WHERE q.target_id = asked.target_id),
    (SELECT json_agg(json_build_object('role', r.name, 'resource', x.name))
        FROM entitlements_packagerole pr JOIN entitlements_resourcerole r ON r.id = pr.role_id
        JOIN entitlements_resource x ON x.id = r.resource_id
        WHERE pr.package_id = asked.package_id)
FROM asked JOIN entitlements_user u ON u.id = asked.target_id"""


def my_access(size: Size) -> list[Row]:
    """P1: what one person holds."""
    person = User.objects.get(email=f"user{size.people // 2}@bench.example")

    def ours() -> float:
        with database_time() as spent:
            held = Assignment.objects.held_by(person).live().first_end_first()
            list(held.select_related("package__catalog", "policy").with_roles()[:CARDS])
        return spent.seconds

    def raw() -> float:
        return _seconds(lambda cursor: cursor.execute(MY_ACCESS, [person.pk]))

    return [_row("P1", f"My access, {size.assignments:,} assignments", median(ours), median(raw))]


def inbox(size: Size) -> list[Row]:
    """P3: an approver's first page, with what helps to decide."""
    approver = User.objects.get(email="user0@bench.example")

    def ours() -> float:
        with database_time() as spent:
            waiting = AccessRequest.objects.waiting_for(approver).order_by("steps__due_at", "pk")
            facts_about(waiting[:CARDS])
        return spent.seconds

    def raw() -> float:
        with connection.cursor() as cursor:
            begun = time.perf_counter()
            cursor.execute(INBOX, [approver.pk] * 3)
            rows = cursor.fetchall()
            cursor.execute(CONTEXT, [[row[1] for row in rows], [row[2] for row in rows]])
            cursor.fetchall()
            return time.perf_counter() - begun

    return [_row("P3", f"inbox, {size.assignments:,} decisions", median(ours), median(raw))]


def _seconds(act: Callable[[Any], object]) -> float:
    with connection.cursor() as cursor:
        begun = time.perf_counter()
        act(cursor)
        cursor.fetchall()
        return time.perf_counter() - begun


def _row(number: str, operation: str, ours: float, raw: float) -> Row:
    ratio = ours / raw
    return Row(
        number, operation, milliseconds(ours), milliseconds(raw), ratio, "≤ 2 × raw", ratio <= 2
    )
