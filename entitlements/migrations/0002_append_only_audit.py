"""Audit events and their seals can be written, and never changed or deleted.

SQLite has no TRUNCATE; PostgreSQL's is left to whoever owns the table. SQLite's INSERT OR REPLACE
deletes without asking the triggers, so there nothing may be inserted over what exists.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TABLES = {
    "entitlements_auditevent": ("id",),
    "entitlements_auditseal": ("position", "event_id"),
}


def forbid(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            """
            CREATE FUNCTION entitlements_append_only() RETURNS trigger AS $$
            BEGIN
                RAISE EXCEPTION 'append-only: % of % is refused', TG_OP, TG_TABLE_NAME;
            END
            $$ LANGUAGE plpgsql""",
            params=None,
        )
    for table in TABLES:
        for act in ("UPDATE", "DELETE"):
            _forbid(schema_editor, table, act)
        if schema_editor.connection.vendor == "sqlite":
            _forbid_replacing(schema_editor, table)


def _forbid(schema_editor: BaseDatabaseSchemaEditor, table: str, act: str) -> None:
    name = f"{table}_no_{act.lower()}"
    if schema_editor.connection.vendor == "postgresql":
        body = "EXECUTE FUNCTION entitlements_append_only()"
        each = "FOR EACH ROW"
    else:
        body = f"BEGIN SELECT RAISE(ABORT, 'append-only: {act} of {table} is refused'); END"
        each = ""
    schema_editor.execute(f"CREATE TRIGGER {name} BEFORE {act} ON {table} {each} {body}")


def _forbid_replacing(schema_editor: BaseDatabaseSchemaEditor, table: str) -> None:
    same = " OR ".join(f"{column} = NEW.{column}" for column in TABLES[table])
    schema_editor.execute(
        f"""
        CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
        WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})
        BEGIN SELECT RAISE(ABORT, 'append-only: REPLACE of {table} is refused'); END"""  # noqa: S608  # constants
    )


def allow(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for table in TABLES:
        for act in ("update", "delete"):
            on = f" ON {table}" if schema_editor.connection.vendor == "postgresql" else ""
            schema_editor.execute(f"DROP TRIGGER {table}_no_{act}{on}")
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.execute(f"DROP TRIGGER {table}_no_replace")
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION entitlements_append_only()")


class Migration(migrations.Migration):
    dependencies = [("entitlements", "0001_initial")]

    operations = [migrations.RunPython(forbid, allow)]
