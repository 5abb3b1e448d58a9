"""P5: whole lives of requests – asked, approved, set up – by eight sessions at once."""

import json
import multiprocessing
import time
import uuid
from collections.abc import Callable

import django
from django.db import connection, transaction

from bench.measure import Row
from bench.size import TERMS, Size

SESSIONS = 8
LIVES_EACH = 25


def run(size: Size) -> list[Row]:
    """Measure lives per second, ours and raw, one after the other in turn."""
    ours, raw = [], []
    for turn in range(3):
        first = turn * SESSIONS * LIVES_EACH * 2
        ours.append(_rate(size, first, is_raw=False))
        raw.append(_rate(size, first + SESSIONS * LIVES_EACH, is_raw=True))
    best_ours, best_raw = sorted(ours)[1], sorted(raw)[1]
    return [
        Row(
            "P5",
            f"lives by {SESSIONS} sessions, {size.assignments:,} assignments",
            f"{best_ours:.0f}/s",
            f"{best_raw:.0f}/s",
            best_ours / best_raw,
            "≥ 1/4 of raw",
            best_ours / best_raw >= 0.25,
        )
    ]


def _rate(size: Size, first: int, *, is_raw: bool) -> float:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(SESSIONS + 1)
    workers = [
        context.Process(target=_session, args=(size, first + number * LIVES_EACH, is_raw, barrier))
        for number in range(SESSIONS)
    ]
    for worker in workers:
        worker.start()
    barrier.wait(timeout=60)
    begun = time.perf_counter()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("A session of P5 failed.")
    return SESSIONS * LIVES_EACH / (time.perf_counter() - begun)


def _session(size: Size, first: int, is_raw: bool, barrier: "multiprocessing.Barrier") -> None:  # type: ignore[valid-type]
    django.setup()
    live: Callable[[uuid.UUID, uuid.UUID, uuid.UUID], None]
    live = _raw_life if is_raw else _our_life()
    pairs = _pairs(size, first)
    barrier.wait(timeout=60)
    for person, policy, approver in pairs:
        live(person, policy, approver)


def _pairs(size: Size, first: int) -> list[tuple[uuid.UUID, uuid.UUID, uuid.UUID]]:
    """Return people with a policy, open to all members, of a package that they do not hold."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT u.id, y.id, a.id FROM entitlements_user u
            CROSS JOIN LATERAL (
                SELECT y.id FROM entitlements_assignmentpolicy y
                WHERE y.scope = 'all_members' AND NOT EXISTS (
                    SELECT FROM entitlements_assignment h
                    WHERE h.target_id = u.id AND h.package_id = y.package_id)
                AND NOT EXISTS (
                    SELECT FROM entitlements_accessrequest q
                    WHERE q.target_id = u.id AND q.package_id = y.package_id) LIMIT 1) y
            JOIN entitlements_user a ON a.email = 'user0@bench.example'
            WHERE u.id <> a.id ORDER BY u.email OFFSET %s LIMIT %s""",
            [first % (size.people // 2), LIVES_EACH],
        )
        return cursor.fetchall()


def _our_life() -> Callable[[uuid.UUID, uuid.UUID, uuid.UUID], None]:
    from entitlements.delivery import tasks  # noqa: PLC0415  # after django.setup()
    from entitlements.models import AssignmentPolicy, User  # noqa: PLC0415
    from entitlements.requests import deciding, operations  # noqa: PLC0415

    def live(person: uuid.UUID, policy: uuid.UUID, approver: uuid.UUID) -> None:
        asked = operations.submit(
            AssignmentPolicy.objects.select_related("package__catalog").get(pk=policy),
            by=User.objects.get(pk=person),
            justification="Year-end close",
        )
        approved = deciding.approve(asked, by=User.objects.get(pk=approver))
        tasks.deliver(assignment_id=str(approved.assignment_id))

    return live


EVENT = """
INSERT INTO entitlements_auditevent (at, action, actor_id, actor_name, subject_type, subject_id,
    subject_name, target_id, details)
VALUES (now(), %s, %s, 'Person', %s, %s, 'Package for Person', %s, '{}'::jsonb)"""
NOTICE = """
INSERT INTO entitlements_notification (id, event, recipient_id, about_type, about_id, facts,
    created_at, next_attempt_at, attempts, last_error)
VALUES (%s, %s, %s, 'accessrequest', %s, '{}'::jsonb, now(), now(), 0, '')"""
MESSAGE = "INSERT INTO django_q_ormq (key, payload, lock) VALUES ('portal', %s, now())"


def _raw_life(person: uuid.UUID, policy: uuid.UUID, approver: uuid.UUID) -> None:
    """Write the same rows as a life through the operations does, by hand."""
    asked, assignment = uuid.uuid4(), uuid.uuid4()
    _raw_ask(asked, person, policy, approver)
    _raw_approve(asked, assignment, person, approver)
    _raw_deliver(asked, assignment, person)


def _raw_ask(asked: uuid.UUID, person: uuid.UUID, policy: uuid.UUID, approver: uuid.UUID) -> None:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO entitlements_accessrequest (id, kind, state, package_id, policy_id,
                requestor_id, target_id, invites, takes_over, justification, terms, answers,
                created_at, outcome_reason)
            SELECT %s, 'user_add', 'pending_approval', y.package_id, y.id, %s, %s, false, false,
                'Year-end close', %s::jsonb, '[]'::jsonb, now(), ''
            FROM entitlements_assignmentpolicy y WHERE y.id = %s AND NOT EXISTS (
                SELECT FROM entitlements_assignment h WHERE h.target_id = %s
                AND h.package_id = y.package_id AND h.ended_at IS NULL)""",
            [asked, person, person, json.dumps(TERMS), policy, person],
        )
        cursor.execute(
            """
            INSERT INTO entitlements_approvalstep (access_request_id, position, state,
                decision_days, requires_justification, rule, needed, approvals, terms, opened_at,
                due_at, justification)
            VALUES (%s, 1, 'waiting', 14, false, 'any', 1, 0, '[]'::jsonb, now(),
                now() + interval '14 days', '')
            RETURNING id""",
            [asked],
        )
        step = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO entitlements_stepapprover"
            " (step_id, user_id, is_fallback, is_alternate, decision, justification)"
            " VALUES (%s, %s, false, false, '', '')",
            [step, approver],
        )
        cursor.execute(NOTICE, [uuid.uuid4(), "approval.asked", approver, asked])
        cursor.execute(MESSAGE, ["x" * 300])
        cursor.execute(EVENT, ["request.submitted", person, "accessrequest", asked, person])
        cursor.execute(EVENT, ["request.approval_asked", None, "accessrequest", asked, person])


def _raw_approve(
    asked: uuid.UUID, assignment: uuid.UUID, person: uuid.UUID, approver: uuid.UUID
) -> None:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            "SELECT package_id FROM entitlements_accessrequest WHERE id = %s FOR UPDATE", [asked]
        )
        package = cursor.fetchone()[0]
        cursor.execute(
            """
            UPDATE entitlements_approvalstep s SET state = 'approved', decided_at = now(),
                decided_by_id = %s
            FROM entitlements_stepapprover x
            WHERE s.access_request_id = %s AND x.step_id = s.id AND x.user_id = %s
                AND s.state = 'waiting'""",
            [approver, asked, approver],
        )
        cursor.execute(
            """
            INSERT INTO entitlements_assignment (id, package_id, policy_id, target_id, state,
                is_direct, starts_at, ends_at, end_reason)
            SELECT %s, package_id, policy_id, target_id, 'delivering', false, now(),
                now() + interval '90 days', '' FROM entitlements_accessrequest WHERE id = %s""",
            [assignment, asked],
        )
        cursor.execute(
            "UPDATE entitlements_accessrequest SET state = 'delivering', assignment_id = %s"
            " WHERE id = %s",
            [assignment, asked],
        )
        cursor.execute(
            """
            INSERT INTO entitlements_grant (user_id, role_id, is_wanted, is_given, is_taken_over,
                next_attempt_at, attempts, last_error, error_code)
            SELECT %s, role_id, true, false, false, now(), 0, '', '' FROM entitlements_packagerole
            WHERE package_id = %s ON CONFLICT (user_id, role_id) DO UPDATE SET is_wanted = true""",
            [person, package],
        )
        cursor.execute(NOTICE, [uuid.uuid4(), "approval.approved", approver, asked])
        cursor.execute(MESSAGE, ["x" * 300])
        cursor.execute(MESSAGE, ["x" * 300])
        for action in ("request.approved", "request.delivery_started"):
            cursor.execute(EVENT, [action, approver, "accessrequest", asked, person])
        cursor.execute(EVENT, ["assignment.begun", approver, "assignment", assignment, person])


def _raw_deliver(asked: uuid.UUID, assignment: uuid.UUID, person: uuid.UUID) -> None:
    """Claim, give, write down: each grant in two transactions, as a crash demands."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT g.id, r.id, r.external_id FROM entitlements_grant g
            JOIN entitlements_assignment a ON a.target_id = g.user_id
            JOIN entitlements_packagerole pr
                ON pr.package_id = a.package_id AND pr.role_id = g.role_id
            JOIN entitlements_resourcerole r ON r.id = g.role_id
            WHERE a.id = %s AND g.next_attempt_at IS NOT NULL""",
            [assignment],
        )
        grants = cursor.fetchall()
    for grant, role, _ in grants:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE entitlements_grant SET attempts = attempts + 1,"
                " lease_until = now() + interval '3 minutes' WHERE id = %s AND lease_until IS NULL",
                [grant],
            )
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO entitlements_membership (user_id, group_id)
                SELECT %s, x.external_id::uuid FROM entitlements_resourcerole r
                JOIN entitlements_resource x ON x.id = r.resource_id WHERE r.id = %s
                ON CONFLICT DO NOTHING""",
                [person, role],
            )
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE entitlements_grant SET is_given = true, held_before = false, attempts = 0,"
                " lease_until = NULL, next_attempt_at = NULL, changed_at = now() WHERE id = %s",
                [grant],
            )
            cursor.execute(EVENT, ["grant.given", None, "resourcerole", role, person])
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE entitlements_assignment SET state = 'delivered' WHERE id = %s", [assignment]
        )
        cursor.execute(
            "UPDATE entitlements_accessrequest SET state = 'delivered', completed_at = now()"
            " WHERE id = %s",
            [asked],
        )
        cursor.execute(NOTICE, [uuid.uuid4(), "access.given", person, asked])
        cursor.execute(MESSAGE, ["x" * 300])
        cursor.execute(EVENT, ["request.delivered", None, "accessrequest", asked, person])
