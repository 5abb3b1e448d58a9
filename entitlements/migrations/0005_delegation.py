"""Catalog roles of directory groups, service accounts, and the tenant roles with their rights."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Q

NO_PASSWORD = "!"  # noqa: S105  # what Django writes where there is none
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
        ("entitlements", "0004_policies_in_full"),
    ]

    operations = [
        migrations.DeleteModel(name="CatalogGroupPermission"),
        migrations.CreateModel(
            name="CatalogGroupPermission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "permission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="auth.permission"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="entitlements.group"
                    ),
                ),
                (
                    "content_object",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="entitlements.catalog"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("group", "permission", "content_object"),
                        name="one_permission_per_group_and_catalog",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TenantRoleGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tenant_roles",
                        to="entitlements.group",
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="holding_groups",
                        to="auth.group",
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("govern_catalogs", "Can run every catalog"),
                    ("view_everything", "Can look at everything"),
                    ("manage_organizations", "Can run connected organizations"),
                ],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("role", "group"), name="group_holds_a_tenant_role_once"
                    )
                ],
            },
        ),
        migrations.AlterField(
            model_name="user",
            name="user_type",
            field=models.CharField(
                choices=[
                    ("member", "Member"),
                    ("guest", "Guest"),
                    ("service", "Service account"),
                ],
                default="member",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=~Q(user_type="service") | Q(password__startswith=NO_PASSWORD),
                name="service_account_has_no_password",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=~Q(user_type="service") | Q(is_superuser=False, is_staff=False),
                name="service_account_is_no_administrator",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("display_name"),
                condition=Q(user_type="service"),
                name="service_account_name_is_unique",
            ),
        ),
        migrations.RunPython(create, migrations.RunPython.noop),
    ]
