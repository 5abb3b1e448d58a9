"""Doing the same to many rows: what was chosen, and what became of each."""

from typing import Any, Self
from uuid import uuid4

from django.db import models
from django.db.models import Exists, OuterRef, Q

from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.directory.models import User
from entitlements.requests.models import AccessRequest
from entitlements.requests.row_by_row import WorkedList, WorkedListQuerySet, counted


class ActKind(models.TextChoices):
    END = "end", "End access"
    EXTEND = "extend", "Extend access"
    SET_UP_AGAIN = "set_up_again", "Set up again"
    CANCEL = "cancel", "Cancel requests"
    TRY_AGAIN = "try_again", "Try requests again"
    DELETE = "delete", "Delete records"


class ActState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    ASKED = "asked", "Waiting for approval"
    REFUSED = "refused", "Refused"
    LEFT = "left", "Left as it was"


class BulkActQuerySet(WorkedListQuerySet["BulkAct"]):
    def visible_to(self, user: User) -> Self:
        """Those that a person made, and those about packages of catalogs that he manages."""
        seen = BulkActRow.objects.visible_to(user).filter(act=OuterRef("pk"))
        return self.filter(Q(made_by=user) | Exists(seen))


class BulkAct(WorkedList):
    """One act on many assignments or requests, each on its own.

    `source` says in words how its rows were chosen. `justification` is kept until all is done: it
    stands in the record of each row then. `ends_on` is the last day of access that is extended.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=ActKind)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="bulk_acts")
    source = models.CharField(max_length=300)
    justification = models.TextField(blank=True)
    ends_on = models.DateField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)

    objects = BulkActQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(stopped_at=None) | Q(finished_at__isnull=False),
                name="bulk_act_that_was_stopped_is_finished",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="bulk_act_by_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.source}"

    @property
    def progress(self) -> str:
        """How far it has come: planned, running, stopped or finished."""
        if self.stopped_at:
            return "stopped"
        return "finished" if self.finished_at else "running" if self.started_at else "planned"

    def counts(self) -> dict[str, int]:
        """Return how many rows are in each state, by one query."""
        return counted(self.rows.all(), ActState.values)


class BulkActRowQuerySet(models.QuerySet["BulkActRow"]):
    def visible_to(self, user: User) -> Self:
        """Rows about packages of catalogs that a person manages."""
        return self.filter(package__catalog__in=Catalog.objects.visible_to(user))


class BulkActRow(models.Model):
    """One assignment or one request of such an act, and what became of it.

    About an assignment, `access_request` is the request that came of it. `reasons` holds the code,
    text and remedy of each refusal.
    """

    act = models.ForeignKey(BulkAct, models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    assignment = models.ForeignKey(
        Assignment, models.CASCADE, null=True, blank=True, related_name="+"
    )
    access_request = models.ForeignKey(
        AccessRequest, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    target = models.ForeignKey(User, models.PROTECT, related_name="+")
    package = models.ForeignKey(AccessPackage, models.CASCADE, related_name="+")
    state = models.CharField(max_length=20, choices=ActState, default=ActState.WAITING)
    reasons: models.JSONField[list[dict[str, str]]] = models.JSONField(default=list, blank=True)

    objects = BulkActRowQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["act", "assignment"], name="one_bulk_act_row_per_assignment"
            ),
            models.UniqueConstraint(
                fields=["act", "access_request"], name="one_bulk_act_row_per_request"
            ),
        ]
        indexes = [
            models.Index(fields=["act", "state", "position"], name="bulk_act_row_by_state"),
            models.Index(fields=["act", "package"], name="bulk_act_row_by_package"),
        ]

    def __str__(self) -> str:
        return f"{self.target} in {self.act_id}"

    @property
    def thing(self) -> Any:
        """What the act is done to; None when its record was deleted meanwhile."""
        return self.assignment or self.access_request
