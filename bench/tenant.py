"""Generate a tenant of any size in PostgreSQL, set-based, in a database of its own.

Ids are made from names and numbers (`md5('user7')`), so that statements can name rows without
reading them first.
"""

import json

from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED

from bench.size import ROLES_EACH, TERMS, Size
from entitlements import models as domain


def numbers(count: int, name: str = "n") -> str:
    """Return SQL for the numbers from 0 to `count` - 1."""
    return f"generate_series(0, {count - 1}) {name}"


def build(size: Size) -> None:
    """Fill the empty tables with a tenant of this size."""
    _people(size)
    _packages(size)
    _assignments(size)
    _requests(size)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def empty() -> None:
    """Take everything out of the domain's tables."""
    tables = ", ".join(
        connection.ops.quote_name(model._meta.db_table)
        for model in connection.introspection.installed_models(
            connection.introspection.table_names()
        )
        if model._meta.app_label == "entitlements"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables}, django_q_ormq CASCADE")


def key(kind: str, number: str) -> str:
    """Return SQL for the id of one generated row."""
    return f"md5('{kind}' || ({number}))::uuid"


def insert(model: type[models.Model], source: str, **columns: str) -> None:
    """Insert the rows of `source` (a FROM clause); columns that are not named get their default."""
    names, values = [], []
    for field in model._meta.concrete_fields:
        if field.auto_created or (field.primary_key and field.name not in columns):
            continue
        names.append(connection.ops.quote_name(field.column))
        values.append(columns.get(field.name) or _default(field))
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} {source}"
        )


def _default(field: models.Field) -> str:
    if field.null:
        return "NULL"
    if isinstance(field, models.DateTimeField):
        return "now()"
    if isinstance(field, models.JSONField):
        return "'{}'::jsonb"
    value = "" if field.default is NOT_PROVIDED or callable(field.default) else field.default
    if isinstance(field, models.BooleanField):
        return str(bool(value)).lower()
    if isinstance(field, models.IntegerField):
        return str(int(value or 0))
    return "'" + str(getattr(value, "value", value)).replace("'", "''") + "'"


def _people(size: Size) -> None:
    insert(
        domain.User,
        f"FROM generate_series(0, {size.people - 1}) n ORDER BY n",
        id=key("user", "n"),
        email="'user' || n || '@bench.example'",
        display_name="'Person ' || n",
        department="'Department ' || n % 100",
        job_title="'Analyst'",
        is_active="true",
        password="'!'",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE entitlements_user u SET manager_id = {key('user', 'm.n / 8')} "
            f"FROM generate_series(8, {size.people - 1}) m(n) WHERE u.id = {key('user', 'm.n')}"
        )
    groups = max(10, size.people // 50)
    insert(
        domain.Group,
        f"FROM generate_series(0, {groups - 1}) n",
        id=key("group", "n"),
        name="'Group ' || n",
    )
    insert(
        domain.Membership,
        f"FROM generate_series(0, {size.people - 1}) n CROSS JOIN generate_series(0, 1) k",
        user=key("user", "n"),
        group=key("group", f"(n * 3 + k * 17) % {groups}"),
    )


def _packages(size: Size) -> None:
    system = domain.ConnectedSystem.objects.built_in_directory()
    catalogs = max(1, size.packages // 100)
    insert(
        domain.Catalog,
        f"FROM generate_series(0, {catalogs - 1}) n",
        id=key("catalog", "n"),
        name="'Catalog ' || n",
        description="'What the department uses.'",
    )
    insert(
        domain.Resource,
        f"FROM generate_series(0, {size.packages * ROLES_EACH - 1}) n",
        id=key("resource", "n"),
        system=f"'{system.pk}'::uuid",
        external_id=f"{key('resource group', 'n')}::text",
        kind="'security_group'",
        name="'Resource ' || n",
    )
    insert(
        domain.CatalogResource,
        f"FROM generate_series(0, {size.packages * ROLES_EACH - 1}) n",
        catalog=key("catalog", f"(n / {ROLES_EACH}) % {catalogs}"),
        resource=key("resource", "n"),
    )
    insert(
        domain.Group,
        f"FROM generate_series(0, {size.packages * ROLES_EACH - 1}) n",
        id=key("resource group", "n"),
        name="'Resource group ' || n",
    )
    insert(
        domain.ResourceRole,
        f"FROM generate_series(0, {size.packages * ROLES_EACH - 1}) n",
        id=key("role", "n"),
        resource=key("resource", "n"),
        external_id="'member'",
        name="'Member'",
    )
    insert(
        domain.AccessPackage,
        f"FROM generate_series(0, {size.packages - 1}) n",
        id=key("package", "n"),
        catalog=key("catalog", f"n % {catalogs}"),
        name="'Package ' || n",
        description="'Run and read the reports of area ' || n",
        state="'published'",
    )
    insert(
        domain.PackageRole,
        f"FROM {numbers(size.packages)} CROSS JOIN {numbers(ROLES_EACH, 'k')}",
        package=key("package", "n"),
        role=key("role", f"n * {ROLES_EACH} + k"),
        position="k",
    )
    insert(
        domain.AssignmentPolicy,
        f"FROM generate_series(0, {size.packages - 1}) n",
        id=key("policy", "n"),
        package=key("package", "n"),
        name="'Employees'",
        scope="CASE n % 3 WHEN 0 THEN 'specific' WHEN 1 THEN 'all_members' ELSE 'nobody' END",
        duration="90",
    )
    groups = max(10, size.people // 50)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO entitlements_assignmentpolicy_allowed_groups
                (assignmentpolicy_id, group_id)
            SELECT {key("policy", "n")}, {key("group", f"n % {groups}")}
            FROM generate_series(0, {size.packages - 1}, 3) n"""
        )
    insert(
        domain.ApprovalStage,
        f"FROM generate_series(0, {size.packages - 1}) n",
        policy=key("policy", "n"),
        position="1",
        decision_days="14",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO entitlements_stageapprover"
            " (stage_id, kind, is_fallback, is_alternate, user_id)"
            f" SELECT id, 'user', false, false, {key('user', '0')} FROM entitlements_approvalstage"
        )


def package_of(size: Size) -> str:
    """Return SQL for the number of a person's k-th package."""
    return f"(n * 7 + k * 37) % {size.packages}"


def _assignments(size: Size) -> None:
    pairs = f"FROM {numbers(size.people)} CROSS JOIN {numbers(size.each, 'k')}"
    insert(
        domain.Assignment,
        pairs,
        id=key("assignment", f"n * {size.each} + k"),
        package=key("package", package_of(size)),
        policy=key("policy", package_of(size)),
        target=key("user", "n"),
        state="'delivered'",
        starts_at="now() - interval '30 days'",
        ends_at="now() + interval '60 days' + n * interval '1 second'",
    )
    insert(
        domain.Grant,
        f"{pairs} CROSS JOIN generate_series(0, {ROLES_EACH - 1}) r",
        user=key("user", "n"),
        role=key("role", f"({package_of(size)}) * {ROLES_EACH} + r"),
        is_wanted="true",
        is_given="true",
        held_before="false",
    )


def _requests(size: Size) -> None:
    """One delivered request with one decided stage per assignment; approver 0 has more waiting."""
    terms = json.dumps(TERMS).replace("'", "''")
    common = {
        "kind": "'user_add'",
        "terms": f"'{terms}'::jsonb",
        "justification": "'Year-end close'",
    }
    pairs = f"FROM {numbers(size.people)} CROSS JOIN {numbers(size.each, 'k')}"
    number = f"n * {size.each} + k"
    insert(
        domain.AccessRequest,
        pairs,
        id=key("request", number),
        state="'delivered'",
        package=key("package", package_of(size)),
        policy=key("policy", package_of(size)),
        assignment=key("assignment", number),
        requestor=key("user", "n"),
        target=key("user", "n"),
        created_at="now() - interval '31 days'",
        completed_at="now() - interval '30 days'",
        **common,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO entitlements_approvalstep (access_request_id, position, state,
                decision_days, requires_justification, rule, needed, approvals, terms, opened_at,
                due_at, decided_at, decided_by_id, justification)
            SELECT {key("request", number)}, 1, 'approved', 14, false, 'any', 1, 1, '[]'::jsonb,
                now() - interval '31 days', now() - interval '17 days', now() - interval '30 days',
                {key("user", f"(n + 1) % {size.people}")}, '' {pairs}"""
        )
        cursor.execute(
            """INSERT INTO entitlements_stepapprover (step_id, user_id, is_fallback, is_alternate,
                decision, decided_at, justification)
            SELECT id, decided_by_id, false, false, 'approved', decided_at, ''
            FROM entitlements_approvalstep"""
        )
    waiting = "FROM generate_series(1, 25) n"
    spare = f"(n * 7 + {size.each} * 37) % {size.packages}"
    insert(
        domain.AccessRequest,
        waiting,
        id=key("waiting", "n"),
        state="'pending_approval'",
        package=key("package", spare),
        policy=key("policy", spare),
        requestor=key("user", "n"),
        target=key("user", "n"),
        **common,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO entitlements_approvalstep (access_request_id, position, state,
                decision_days, requires_justification, rule, needed, approvals, terms, opened_at,
                due_at, justification)
            SELECT {key("waiting", "n")}, 1, 'waiting', 14, false, 'any', 1, 0, '[]'::jsonb,
                now(), now() + n * interval '1 hour', '' {waiting}"""
        )
        cursor.execute(
            f"""INSERT INTO entitlements_stepapprover (step_id, user_id, is_fallback, is_alternate,
                decision, justification)
            SELECT id, {key("user", "0")}, false, false, '', '' FROM entitlements_approvalstep
            WHERE state = 'waiting'"""
        )


def make_due(count: int) -> None:
    """Let the first `count` assignments have ended a minute ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE entitlements_assignment SET ends_at = now() - interval '1 minute'
            WHERE id IN (SELECT {key("assignment", "n")} FROM generate_series(0, {count - 1}) n)"""
        )
        cursor.execute("ANALYZE entitlements_assignment")
