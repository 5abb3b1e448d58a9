"""Attributes that access writes to people, and takes back when it ends.

Several accesses may need one attribute of a person. Their rows form a chain: each remembers the
value that it found, so that whichever ends first, the last one restores what was there before all.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from django.db import models

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.audit import trail
from entitlements.directory.models import User


class WrittenAttribute(models.Model):
    """What an assignment needs of its holder: the value it wrote, and the one it found."""

    assignment = models.ForeignKey(Assignment, models.CASCADE, related_name="written")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    value = models.CharField(max_length=1024)
    former = models.CharField(max_length=1024, blank=True)
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "name"], name="one_written_attribute_per_assignment"
            ),
        ]
        indexes = [models.Index(fields=["user", "name"], name="written_by_user_and_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


def write(assignment: Assignment, values: Mapping[str, str]) -> None:
    """Within the caller's transaction: give the holder these values, by the attributes' names."""
    if not values:
        return
    user = User.objects.select_for_update().get(pk=assignment.target_id)
    for name, value in values.items():
        _link(assignment, user, name, value, former=getattr(user, name))


def rewrite(assignment: Assignment, values: Mapping[str, str]) -> None:
    """Within the caller's transaction: give the holder other values in the place of earlier ones.

    A value that changes counts as written now: its row leaves the chain and joins it at the end.
    """
    if not values:
        return
    user = User.objects.select_for_update().get(pk=assignment.target_id)
    for name, value in values.items():
        row = assignment.written.filter(name=name).first()
        if row and row.value == value:
            continue
        former = _unlink(row, user) if row else getattr(user, name)
        _link(assignment, user, name, value, former)


def _unlink(row: WrittenAttribute, user: User) -> str:
    """Take a row out of its chain; return what the next one at its end has to remember."""
    present: str = getattr(user, row.name)
    later = _after(row)
    row.delete()
    if later:
        WrittenAttribute.objects.filter(pk=later.pk, former=row.value).update(former=row.former)
        return present
    return row.former if present == row.value else present


def _link(assignment: Assignment, user: User, name: str, value: str, former: str) -> None:
    WrittenAttribute.objects.create(
        assignment=assignment,
        user=user,
        name=name,
        value=value,
        former=former,
        written_at=clock.now(),
    )
    _set(user, name, value, assignment)


def _after(row: WrittenAttribute) -> WrittenAttribute | None:
    """Return the next row of a chain."""
    beside = WrittenAttribute.objects.filter(user=row.user_id, name=row.name, pk__gt=row.pk)
    return beside.first()


def take_back(assignments: Collection[UUID]) -> None:
    """Within the caller's transaction: give holders back what was there before this access.

    What another access needs, or somebody has changed since, stays as it is.
    """
    written = WrittenAttribute.objects.filter(assignment__in=assignments)
    for row in written.select_related("assignment").order_by("user_id", "-id"):
        user = User.objects.select_for_update().get(pk=row.user_id)
        later = _after(row)
        if later:
            WrittenAttribute.objects.filter(pk=later.pk, former=row.value).update(former=row.former)
        elif getattr(user, row.name) == row.value:
            _set(user, row.name, row.former, row.assignment)
        row.delete()


def _set(user: User, name: str, value: str, assignment: Assignment) -> None:
    old = getattr(user, name)
    if old == value:
        return
    setattr(user, name, value)
    user.save(update_fields=[name])
    trail.record(
        "user.attribute_written",
        user,
        by=None,
        target=user,
        name=name,
        old=old,
        new=value,
        assignment=assignment.pk,
    )
