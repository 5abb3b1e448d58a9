"""What only one database can do, and what the other needs in its place."""

from django.db import connection, models


def lock_table(model: type[models.Model]) -> None:
    """Within the caller's transaction: let nobody else write this table until it ends.

    SQLite's immediate transactions already keep other writers out.
    """
    if connection.vendor == "postgresql":
        table = connection.ops.quote_name(model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
