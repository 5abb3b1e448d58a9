"""Giving a package to many people: a list that is judged first, and carried out row by row."""

from typing import Any, Self
from uuid import UUID, uuid4

from django.db import models
from django.db.models import Q

from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests.models import AccessRequest
from entitlements.requests.row_by_row import WorkedList, WorkedListQuerySet, counted


class RowState(models.TextChoices):
    READY = "ready", "Can be given"
    REFUSED = "refused", "Refused"
    GIVEN = "given", "Given"


class BulkAssignmentQuerySet(WorkedListQuerySet["BulkAssignment"]):
    def visible_to(self, user: User) -> Self:
        """Lists for packages of catalogs that a person manages."""
        return self.filter(package__catalog__in=Catalog.objects.visible_to(user))


class BulkAssignment(WorkedList):
    """Many direct assignments under one policy, first as a plan and then as work.

    `source` says in words where its people come from. One that `takes_over` puts under control
    what its people have already.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    package = models.ForeignKey(AccessPackage, models.CASCADE, related_name="bulk_assignments")
    policy = models.ForeignKey(AssignmentPolicy, models.CASCADE, related_name="bulk_assignments")
    made_by = models.ForeignKey(User, models.PROTECT, related_name="bulk_assignments")
    source = models.CharField(max_length=300)
    skips_approval = models.BooleanField(default=False)
    takes_over = models.BooleanField(default=False)

    objects = BulkAssignmentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="bulk_assignment_by_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.package} for {self.source}"

    def counts(self) -> dict[str, int]:
        """Return how many rows are in each state, by one query."""
        return counted(self.rows.all(), RowState.values)


class BulkRowQuerySet(models.QuerySet["BulkRow"]):
    def assignments(self) -> "models.QuerySet[BulkRow, UUID]":
        """The ids of the access that came of these rows, as long as there is a record of it."""
        made = self.filter(access_request__assignment__isnull=False)
        return made.values_list("access_request__assignment", flat=True)


class BulkRow(models.Model):
    """One person of such a list: what was asked for, and what came of it.

    Whoever has no account yet has an `address`, and a name to be called by. `reasons` holds the
    code, text and remedy of each refusal.
    """

    bulk = models.ForeignKey(BulkAssignment, models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    place = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=300)
    target = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    address = models.EmailField(max_length=254, blank=True)
    called = models.CharField(max_length=200, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    justification = models.TextField(blank=True)
    answers: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=20, choices=RowState)
    reasons: models.JSONField[list[dict[str, str]]] = models.JSONField(default=list, blank=True)
    access_request = models.ForeignKey(
        AccessRequest, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = BulkRowQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["bulk", "position"], name="one_bulk_row_per_position"),
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(target__isnull=False) | ~Q(address=""),
                name="bulk_row_that_is_ready_names_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["bulk", "state", "position"], name="bulk_row_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.name} in {self.bulk_id}"
