"""The roles in the whole tenant, with their rights, which every portal has from its first start."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

RIGHTS = {
    "govern_catalogs": ("tenantrolegroup", "Can run every catalog"),
    "view_everything": ("tenantrolegroup", "Can look at everything"),
    "manage_organizations": ("tenantrolegroup", "Can run connected organizations"),
    "add_catalog": ("catalog", "Can add catalog"),
}
TENANT_ROLES = {
    "Identity governance administrator": tuple(RIGHTS),
    "Connected organization administrator": ("manage_organizations",),
    "Catalog creator": ("add_catalog",),
    "Auditor": ("view_everything",),
}


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the roles, and their rights before Django does so after all migrations."""
    kinds = apps.get_model("contenttypes", "ContentType").objects
    rights = apps.get_model("auth", "Permission").objects
    roles = apps.get_model("auth", "Group").objects
    known = {}
    for codename, (model, name) in RIGHTS.items():
        kind, _ = kinds.get_or_create(app_label="entitlements", model=model)
        known[codename], _ = rights.get_or_create(
            content_type=kind, codename=codename, defaults={"name": name}
        )
    for name, codenames in TENANT_ROLES.items():
        role, _ = roles.get_or_create(name=name)
        role.permissions.set(known[codename] for codename in codenames)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("entitlements", "0003_built_in_rows"),
    ]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
