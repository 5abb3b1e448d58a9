"""The built-in catalog and the built-in directory, which every portal has from its first start."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("entitlements", "Catalog").objects.get_or_create(
        kind="service_default",
        defaults={
            "name": "General",
            "description": "The built-in catalog, for packages that need none of their own.",
        },
    )
    apps.get_model("entitlements", "ConnectedSystem").objects.get_or_create(
        kind="directory", defaults={"name": "Built-in directory"}
    )


class Migration(migrations.Migration):
    dependencies = [("entitlements", "0002_append_only_audit")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
