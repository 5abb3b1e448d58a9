"""Which resource roles people should have, derived from their live assignments.

A grant is wanted while at least one live assignment's package contains its role: reference
counting by query. Marking happens in the transaction of the act that changes an assignment;
the target system follows afterwards (`entitlements.delivery`).
"""

from collections.abc import Collection
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.catalog.models import PackageRole, ResourceRole
from entitlements.directory.models import User
from entitlements.work import WorkQuerySet, WorkRow

BATCH = 500


class GrantQuerySet(WorkQuerySet):
    def of_assignment(self, assignment: Assignment) -> Self:
        """The grants that one assignment's package asks for."""
        roles = PackageRole.objects.filter(package=assignment.package_id).values("role")
        return self.filter(user=assignment.target_id, role__in=roles)

    def covered(self) -> Self:
        """Grants for which a live assignment speaks at this very moment."""
        return self.filter(Exists(_covering(OuterRef("user"), OuterRef("role"))))

    def failed(self) -> Self:
        """Wanted, not given, and nothing more is planned."""
        return self.filter(is_wanted=True, is_given=False, next_attempt_at=None)


class Grant(WorkRow):
    """One person in one resource role: whether he should have it, and whether he has.

    `held_before` says whether he had it before this system gave it; None until somebody looked.
    """

    user = models.ForeignKey(User, models.PROTECT, related_name="grants")
    role = models.ForeignKey(ResourceRole, models.PROTECT, related_name="grants")
    is_wanted = models.BooleanField(default=True)
    is_given = models.BooleanField(default=False)
    held_before = models.BooleanField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    changed_at = models.DateTimeField(null=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="one_grant_per_user_and_role"),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="grant_by_next_attempt",
            ),
            models.Index(fields=["role", "user"], name="grant_by_role"),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.user}"

    @property
    def shown_state(self) -> str:
        """One word for what people see of it."""
        if self.is_wanted:
            if self.is_given:
                return "done"
            return "waiting" if self.next_attempt_at else "failed"
        return "removing" if self.is_given or self.next_attempt_at else "removed"


def want(assignment: Assignment) -> None:
    """Within the caller's transaction: mark every role of the assignment's package as wanted."""
    roles = list(
        PackageRole.objects.filter(package=assignment.package_id).values_list("role", flat=True)
    )
    Grant.objects.bulk_create(
        [
            Grant(user_id=assignment.target_id, role_id=role, next_attempt_at=clock.now())
            for role in roles
        ],
        ignore_conflicts=True,
    )
    Grant.objects.filter(user=assignment.target_id, role__in=roles).filter(
        Q(is_wanted=False) | Q(is_given=False)
    ).update(is_wanted=True, **_due())


def unwant(assignments: Collection[UUID]) -> int:
    """Within the caller's transaction: mark what only these ended assignments asked for.

    Returns how many grants are to be taken away. The assignments must have ended already.
    """
    ended = Assignment.objects.filter(
        pk__in=assignments, target=OuterRef("user"), package__package_roles__role=OuterRef("role")
    )
    covered = _covering(OuterRef("user"), OuterRef("role"))
    targets = Assignment.objects.filter(pk__in=assignments).values("target")
    return Grant.objects.filter(
        Exists(ended), ~Exists(covered), user__in=targets, is_wanted=True
    ).update(is_wanted=False, **_due())


def recount(package_id: UUID) -> int:
    """Within the caller's transaction: mark anew what the holders of a package should have.

    For when a package gained or lost roles; returns how many people hold it.
    """
    holders = Assignment.objects.live().filter(package=package_id)
    Grant.objects.filter(
        ~Exists(_covering(OuterRef("user"), OuterRef("role"))),
        user__in=holders.values("target"),
        is_wanted=True,
    ).update(is_wanted=False, **_due())
    count = 0
    for assignment in holders.iterator(chunk_size=BATCH):
        want(assignment)
        count += 1
    return count


def _due() -> dict[str, object]:
    """What makes a grant due now; a worker that holds it finishes first, and counts on."""
    return {
        "next_attempt_at": clock.now(),
        "attempts": Case(
            When(lease_until=None, then=Value(0)),
            default=F("attempts"),
            output_field=models.PositiveIntegerField(),
        ),
        "last_error": "",
        "error_code": "",
    }


def _covering(user: OuterRef, role: OuterRef) -> models.QuerySet[Assignment]:
    return Assignment.objects.live().filter(target=user, package__package_roles__role=role)
