"""Whether this portal is alive, and whether it is ready to serve; for machines, without sign-in."""

from datetime import timedelta

import structlog
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from entitlements import clock, heartbeat

log = structlog.get_logger(__name__)

OLDEST_BEAT = timedelta(minutes=3)


@login_not_required
@require_safe
@never_cache
def alive(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process can."""
    return JsonResponse({"status": "alive"})


@login_not_required
@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 if database, migrations and jobs are in order, otherwise 503 with what is not."""
    checks = readiness()
    well = all(answer == "ok" for answer in checks.values())
    return JsonResponse(
        {"status": "ready" if well else "not ready", "checks": checks},
        status=200 if well else 503,
    )


def readiness() -> dict[str, str]:
    """Return "ok" or what is wrong for each check; those behind a failed one are not tried."""
    checks = {"database": "unreachable", "migrations": "not checked", "jobs": "not checked"}
    try:
        connection.ensure_connection()
        checks["database"] = "ok"
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        checks["migrations"] = f"{len(missing)} not applied" if missing else "ok"
        if not missing:
            checks["jobs"] = _jobs()
    except DatabaseError as error:
        log.error("not ready", error=str(error))
    return checks


def _jobs() -> str:
    last = heartbeat.last_beat()
    if last is None:
        return "no heartbeat yet"
    age = clock.now() - last
    return "ok" if age < OLDEST_BEAT else f"last heartbeat {int(age.total_seconds())} seconds ago"
