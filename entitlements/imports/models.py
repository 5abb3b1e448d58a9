"""Role definitions of another product: what they would become, and what they have become."""

from typing import Any, Self
from uuid import uuid4

from django.db import models

from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.directory.models import User
from entitlements.requests.bulk import BulkAssignment


class RoleImportQuerySet(models.QuerySet["RoleImport"]):
    def visible_to(self, user: User) -> Self:
        """Imports into catalogs that a person manages."""
        return self.filter(catalog__in=Catalog.objects.visible_to(user))

    def never_carried_out(self) -> Self:
        return self.filter(carried_out_at=None)


class RoleImport(models.Model):
    """The roles of some files, on their way into a catalog; nothing is made until `carried_out_at`.

    `content` is what the files say, kept until then. `source` names the files.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    catalog = models.ForeignKey(Catalog, models.CASCADE, related_name="role_imports")
    made_by = models.ForeignKey(User, models.PROTECT, related_name="role_imports")
    source = models.CharField(max_length=300)
    content: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    skips_approval = models.BooleanField(default=False)
    takes_over = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    carried_out_at = models.DateTimeField(null=True, blank=True)

    objects = RoleImportQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["catalog", "-created_at"], name="role_import_by_catalog"),
        ]

    def __str__(self) -> str:
        return f"{self.source} into {self.catalog}"


class RoleState(models.TextChoices):
    NEW = "new", "New"
    KNOWN = "known", "Exists already"
    WRONG = "wrong", "Wrong"


class ImportedRole(models.Model):
    """One role of an import, and the package that it is, or would become.

    `terms` is the policy as requests keep it, `roles` names what the package contains. `ready` and
    `left_out` count its members; `bulk` is the list that gives it to those who are ready.
    """

    role_import = models.ForeignKey(RoleImport, models.CASCADE, related_name="roles")
    position = models.PositiveIntegerField()
    place = models.CharField(max_length=100)
    name = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=RoleState)
    scope = models.CharField(max_length=20, blank=True)
    terms: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    roles: models.JSONField[list[str]] = models.JSONField(default=list, blank=True)
    ready = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    package = models.ForeignKey(
        AccessPackage, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    bulk = models.ForeignKey(
        BulkAssignment, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["role_import", "position"], name="one_imported_role_per_position"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FindingWeight(models.TextChoices):
    WRONG = "wrong", "Wrong"
    LEFT_OUT = "left_out", "Left out"
    NOTE = "note", "Note"


class ImportFinding(models.Model):
    """Something about one row: what is wrong stops the import, what is left out only itself."""

    role_import = models.ForeignKey(RoleImport, models.CASCADE, related_name="findings")
    position = models.PositiveIntegerField()
    weight = models.CharField(max_length=10, choices=FindingWeight)
    place = models.CharField(max_length=100)
    about = models.CharField(max_length=300, blank=True)
    code = models.CharField(max_length=60)
    text = models.TextField()
    remedy = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["role_import", "position"], name="one_import_finding_per_position"
            ),
        ]
        indexes = [
            models.Index(
                fields=["role_import", "weight", "position"], name="import_finding_by_weight"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"
