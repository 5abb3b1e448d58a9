"""What only one database can do, and what the other needs in its place."""

from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.db import connection, models


def lock_table(model: type[models.Model]) -> None:
    """Within the caller's transaction: let nobody else write this table until it ends.

    SQLite's immediate transactions already keep other writers out.
    """
    if connection.vendor == "postgresql":
        table = connection.ops.quote_name(model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


def lock_rows(rows: models.QuerySet[Any]) -> models.QuerySet[Any] | list[Any]:
    """Within the caller's transaction: let nobody else change these rows until it ends.

    What is read afterwards is what their last writer left. All callers lock in the order of the
    keys, so that none waits for another in a circle. Returns what `pk__in` takes to name them.
    """
    if connection.features.has_select_for_update:
        return list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
    return rows.values("pk")


def take_turns(*ids: UUID) -> None:
    """Within the caller's transaction: let nobody else past here with the same ids until it ends.

    For acts that create, and so have no row to lock.
    """
    if connection.vendor == "postgresql":
        digest = blake2b(b"".join(key.bytes for key in ids), digest_size=8).digest()
        number = int.from_bytes(digest, "big", signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
