import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Case, Value, When

ORGANIZATION, NO = "organization", "no"


def three_values(apps, schema_editor):
    """Whoever had switched names off said so; what was on by default is the organization's word."""
    apps.get_model("entitlements", "AssignmentPolicy").objects.update(
        shows_approvers=Case(When(named_before=True, then=Value(ORGANIZATION)), default=Value(NO))
    )
    for name in ("PolicyVersion", "PolicyDraft"):
        model = apps.get_model("entitlements", name)
        for row in model.objects.order_by("pk").iterator(chunk_size=500):
            was = row.terms.get("shows_approvers")
            if isinstance(was, bool):
                row.terms["shows_approvers"] = ORGANIZATION if was else NO
                row.save(update_fields=["terms"])


def two_values(apps, schema_editor):
    apps.get_model("entitlements", "AssignmentPolicy").objects.update(
        named_before=Case(When(shows_approvers=NO, then=Value(False)), default=Value(True))
    )
    for name in ("PolicyVersion", "PolicyDraft"):
        model = apps.get_model("entitlements", name)
        for row in model.objects.order_by("pk").iterator(chunk_size=500):
            if "shows_approvers" in row.terms:
                row.terms["shows_approvers"] = row.terms["shows_approvers"] != NO
                row.save(update_fields=["terms"])


class Migration(migrations.Migration):
    dependencies = [
        ("entitlements", "0004_policies_in_full"),
    ]

    operations = [
        migrations.AddField(
            model_name="incompatibility",
            name="made_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="incompatibility",
            name="made_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RenameField(
            model_name="assignmentpolicy",
            old_name="shows_approvers",
            new_name="named_before",
        ),
        migrations.AddField(
            model_name="assignmentpolicy",
            name="shows_approvers",
            field=models.CharField(
                choices=[
                    ("organization", "As the organization decides"),
                    ("yes", "Yes"),
                    ("no", "No"),
                ],
                default="organization",
                max_length=20,
            ),
        ),
        migrations.RunPython(three_values, two_values),
        migrations.RemoveField(model_name="assignmentpolicy", name="named_before"),
        migrations.AddConstraint(
            model_name="assignmentpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("shows_approvers__in", ["organization", "yes", "no"])),
                name="policy_says_whether_approvers_are_shown",
            ),
        ),
    ]
