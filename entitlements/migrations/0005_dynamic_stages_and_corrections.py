"""Stages that an extension decides, answers that are corrected, and requests that stay what they are.

The kind, the schedule and the target of a request never change: a trigger says so, on both
databases. SQLite makes a table anew to alter it, and forgets its triggers: a later migration that
alters requests has to run `forbid` again. SQLite's INSERT OR REPLACE deletes without asking the
triggers, so there no request may be inserted over one that exists.
"""

import django.db.models.deletion
from django.db import migrations, models
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
    dependencies = [
        ("entitlements", "0004_policies_in_full"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="accessrequest",
            name="request_about_access_names_it",
        ),
        migrations.AddField(
            model_name="approvalstage",
            name="extension",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deciding_stages",
                to="entitlements.customextension",
            ),
        ),
        migrations.AddField(
            model_name="assignmentpolicy",
            name="allows_correction",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="customextension",
            name="response",
            field=models.CharField(
                choices=[
                    ("outcome", "Whether the request goes on"),
                    ("approval_stage", "Who approves: one whole stage of approval"),
                ],
                default="outcome",
                editable=False,
                max_length=20,
                verbose_name="its answer says",
            ),
        ),
        migrations.AlterField(
            model_name="accessrequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("user_add", "Asked for"),
                    ("user_extend", "Asked to extend"),
                    ("user_update", "Answers corrected"),
                    ("user_remove", "Given back"),
                    ("admin_add", "Given directly"),
                    ("admin_update", "Changed by a manager"),
                    ("admin_remove", "Ended by a manager"),
                    ("on_behalf_add", "Asked for somebody else"),
                    ("on_behalf_remove", "Ended for somebody else"),
                    ("approver_remove", "Ended by an approver"),
                    ("system_add", "Given automatically"),
                    ("system_update", "Changed automatically"),
                    ("system_remove", "Ended automatically"),
                ],
                editable=False,
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="callout",
            name="stage",
            field=models.CharField(
                choices=[
                    ("created", "Access is asked for"),
                    ("determining_approval", "A stage of approval is reached"),
                    ("approved", "A request is approved"),
                    ("granted", "Access is set up"),
                    ("removed", "Access ends"),
                    ("fourteen_days_before", "14 days before access ends"),
                    ("one_day_before", "1 day before access ends"),
                    ("test", "Test call"),
                ],
                max_length=30,
            ),
        ),
        migrations.AlterField(
            model_name="policycallout",
            name="stage",
            field=models.CharField(
                choices=[
                    ("created", "Access is asked for"),
                    ("determining_approval", "A stage of approval is reached"),
                    ("approved", "A request is approved"),
                    ("granted", "Access is set up"),
                    ("removed", "Access ends"),
                    ("fourteen_days_before", "14 days before access ends"),
                    ("one_day_before", "1 day before access ends"),
                    ("test", "Test call"),
                ],
                max_length=30,
            ),
        ),
        migrations.AddConstraint(
            model_name="accessrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["user_add", "admin_add", "on_behalf_add", "system_add"]),
                    ("assignment__isnull", False),
                    _connector="OR",
                ),
                name="request_about_access_names_it",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalstage",
            constraint=models.CheckConstraint(
                condition=models.Q(("extension", None), ("escalation_days", None), _connector="OR"),
                name="stage_of_an_extension_names_no_alternates",
            ),
        ),
        migrations.AddConstraint(
            model_name="customextension",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("response", "outcome"),
                    models.Q(("behaviour", "launch_and_wait"), ("response", "approval_stage")),
                    _connector="OR",
                ),
                name="extension_that_says_who_approves_is_waited_for",
            ),
        ),
        migrations.RunPython(forbid, allow),
    ]
