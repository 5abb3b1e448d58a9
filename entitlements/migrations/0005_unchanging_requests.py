"""The kind, the schedule and the target of a request never change: a trigger says so.

SQLite makes a table anew to alter it, and forgets its triggers: a later migration that alters
requests has to run `forbid` again. SQLite's INSERT OR REPLACE deletes without asking the triggers,
so there no request may be inserted over one that exists.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TABLE = "entitlements_accessrequest"
UNCHANGING = ("kind", "starts_at", "ends_at", "target_id")
REFUSAL = "unchanging: kind, schedule and target of a request"


def forbid(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    columns = ", ".join(UNCHANGING)
    if schema_editor.connection.vendor == "postgresql":
        changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in UNCHANGING)
        schema_editor.execute(
            f"""
            CREATE FUNCTION entitlements_unchanging_request() RETURNS trigger AS $$
            BEGIN
                RAISE EXCEPTION '{REFUSAL}';
            END
            $$ LANGUAGE plpgsql""",
            params=None,
        )
        schema_editor.execute(
            f"""
            CREATE TRIGGER {TABLE}_unchanging BEFORE UPDATE OF {columns} ON {TABLE}
            FOR EACH ROW WHEN ({changed})
            EXECUTE FUNCTION entitlements_unchanging_request()"""
        )
        return
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in UNCHANGING)
    schema_editor.execute(
        f"""
        CREATE TRIGGER {TABLE}_unchanging BEFORE UPDATE OF {columns} ON {TABLE}
        WHEN {changed}
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"""
    )
    schema_editor.execute(
        f"""
        CREATE TRIGGER {TABLE}_no_replace BEFORE INSERT ON {TABLE}
        WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"""  # noqa: S608  # constants
    )


def allow(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP TRIGGER {TABLE}_unchanging ON {TABLE}")
        schema_editor.execute("DROP FUNCTION entitlements_unchanging_request()")
        return
    schema_editor.execute(f"DROP TRIGGER {TABLE}_unchanging")
    schema_editor.execute(f"DROP TRIGGER {TABLE}_no_replace")


class Migration(migrations.Migration):
    dependencies = [("entitlements", "0004_tenant_roles")]

    operations = [migrations.RunPython(forbid, allow)]
