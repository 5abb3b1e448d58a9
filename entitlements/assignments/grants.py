"""Which resource roles people should have, derived from their live assignments.

A grant is wanted while at least one live assignment's package contains its role: reference
counting by query. Marking happens in the transaction of the act that changes an assignment;
the target system follows afterwards (`entitlements.delivery`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.expressions import RawSQL

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.catalog.models import Catalog, PackageRole, ResourceRole
from entitlements.directory.models import User, as_parameter
from entitlements.locks import lock_rows
from entitlements.work import WorkQuerySet, WorkRow

BATCH = 500


class GrantQuerySet(WorkQuerySet["Grant"]):
    def of_assignment(self, assignment: Assignment) -> Self:
        """The grants that one assignment's package asks for."""
        roles = PackageRole.objects.filter(package=assignment.package_id).values("role")
        return self.filter(user=assignment.target_id, role__in=roles)

    def covered(self) -> Self:
        """Grants for which a live assignment speaks at this very moment."""
        return self.filter(Exists(_covering(OuterRef("user"), OuterRef("role"))))

    def visible_to(self, user: User) -> Self:
        """Grants for which access in a catalog that a person manages speaks now."""
        return self.in_catalogs(Catalog.objects.visible_to(user))

    def in_catalogs(self, catalogs: models.QuerySet[Catalog]) -> Self:
        """Grants for which access in one of these catalogs speaks now."""
        covering = Assignment.objects.live().filter(package__catalog__in=catalogs)
        return self.filter(
            Exists(
                covering.filter(
                    target=OuterRef("user"), package__package_roles__role=OuterRef("role")
                )
            )
        )

    def leaving(self, role: ResourceRole) -> Self:
        """Grants of a role that are being taken away."""
        return self.filter(role=role, is_wanted=False, next_attempt_at__isnull=False)

    def failed(self) -> Self:
        """Wanted, and not so or found not to be so any more, with nothing more planned."""
        wanted = self.filter(is_wanted=True, next_attempt_at=None)
        return wanted.filter(Q(is_given=False) | ~Q(error_code=""))


class Grant(WorkRow):
    """One person in one resource role: whether he should have it, and whether he has.

    `held_before` says whether he had it before this system gave it; None until somebody looked.
    What he had `is_taken_over` when packages took it under control: it goes with the last of them.
    """

    user = models.ForeignKey(User, models.PROTECT, related_name="grants")
    role = models.ForeignKey(ResourceRole, models.PROTECT, related_name="grants")
    is_wanted = models.BooleanField(default=True)
    is_given = models.BooleanField(default=False)
    held_before = models.BooleanField(null=True)
    is_taken_over = models.BooleanField(default=False)
    error_code = models.CharField(max_length=40, blank=True)
    changed_at = models.DateTimeField(null=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="one_grant_per_user_and_role"),
            models.CheckConstraint(
                condition=Q(is_taken_over=False)
                | Q(is_wanted=True)
                | Q(next_attempt_at__isnull=False),
                name="grant_that_is_taken_over_is_wanted_or_on_its_way_out",
            ),
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
            if self.next_attempt_at is None and (self.error_code or not self.is_given):
                return "failed"
            return "done" if self.is_given else "waiting"
        return "removing" if self.is_given or self.next_attempt_at else "removed"


@dataclass(frozen=True)
class HeldRole:
    """One role of an assignment's package, its grant (None until one is made), and its words."""

    role: ResourceRole
    grant: Grant | None
    described: str = ""

    @property
    def shown_state(self) -> str:
        return self.grant.shown_state if self.grant else "waiting"


def roles_of(assignment: Assignment) -> list[HeldRole]:
    """Return the roles of an assignment's package in their order, by two queries."""
    entries = PackageRole.objects.filter(package=assignment.package_id)
    by_role = {grant.role_id: grant for grant in Grant.objects.of_assignment(assignment)}
    return [
        HeldRole(entry.role, by_role.get(entry.role_id), entry.described)
        for entry in entries.select_related("role__resource")
    ]


def also_given(assignment: Assignment) -> dict[UUID, list[str]]:
    """Return, by role, the other packages through which the same person holds it now."""
    others = Assignment.objects.live().filter(target=assignment.target_id)
    entries = PackageRole.objects.filter(
        package__in=others.exclude(pk=assignment.pk).values("package"),
        role__packages=assignment.package_id,
    )
    found: dict[UUID, list[str]] = {}
    for entry in entries.select_related("package").order_by("package__name"):
        found.setdefault(entry.role_id, []).append(str(entry.package))
    return found


def want(assignment: Assignment, *, takes_over: bool = False) -> None:
    """Within the caller's transaction: mark every role of the assignment's package as wanted.

    With `takes_over`, those that the person has already end with the packages from then on.
    """
    _want([assignment.target_id], assignment.package_id)
    if takes_over:
        Grant.objects.of_assignment(assignment).update(is_taken_over=True)


def unwant(assignments: Collection[UUID]) -> int:
    """Within the caller's transaction: mark what no assignment asks for, now that these ended.

    Looks at the roles of their packages, and at all that their holders have when a package has
    lost roles that nobody has counted yet. Returns how many grants are to be taken away.
    """
    marks = ", ".join(["%s"] * len(assignments))
    asked_for = f"""
        SELECT g.id FROM entitlements_assignment a
        JOIN entitlements_packagerole pr ON pr.package_id = a.package_id
        JOIN entitlements_grant g ON g.user_id = a.target_id AND g.role_id = pr.role_id
        WHERE a.id IN ({marks}) AND g.is_wanted
        UNION
        SELECT g.id FROM entitlements_assignment a
        JOIN entitlements_accesspackage p ON p.id = a.package_id AND p.recount_at IS NOT NULL
        JOIN entitlements_grant g ON g.user_id = a.target_id
        WHERE a.id IN ({marks}) AND g.is_wanted"""  # noqa: S608  # only placeholders are put in
    keys = [as_parameter(pk) for pk in assignments]
    chosen = RawSQL(asked_for, [*keys, *keys])  # noqa: S611
    return _unwant_uncovered(Grant.objects.filter(pk__in=chosen))


def recount(package_id: UUID) -> int:
    """Within the caller's transaction: mark anew what the holders of a package should have.

    For when a package gained or lost roles; returns how many people hold it. Those whose end has
    come and is not carried out yet lose roles too: nobody looks at these again.
    """
    held = Assignment.objects.filter(package=package_id, ended_at=None).order_by("target")
    lock_rows(Grant.objects.filter(user__in=held.order_by().values("target")))
    assignments = list(held)
    for start in range(0, len(assignments), BATCH):
        batch = assignments[start : start + BATCH]
        people = [assignment.target_id for assignment in batch]
        _unwant_uncovered(Grant.objects.filter(user__in=people, is_wanted=True))
        _want([each.target_id for each in batch if each.is_live], package_id)
    return sum(assignment.is_live for assignment in assignments)


def _want(holders: list[UUID], package_id: UUID) -> None:
    """Mark every role of a package as wanted by each holder.

    What exists is locked first: whoever takes one of the roles away at the same time is either
    through with it, or will see the assignment that asks for it now.
    """
    entries = PackageRole.objects.filter(package=package_id).order_by("role")
    roles = list(entries.values_list("role", flat=True))
    concerned = Grant.objects.filter(user__in=holders, role__in=roles)
    lock_rows(concerned)
    Grant.objects.bulk_create(
        [
            Grant(user_id=holder, role_id=role, next_attempt_at=clock.now())
            for holder in holders
            for role in roles
        ],
        batch_size=BATCH,
        ignore_conflicts=True,
    )
    concerned.filter(Q(is_wanted=False) | Q(is_given=False)).update(is_wanted=True, **_due())


def _unwant_uncovered(grants: GrantQuerySet) -> int:
    """Mark those of the grants for which no live assignment speaks, and return how many.

    They are locked first: of two assignments that end at the same time, the second to come sees
    that the first has ended.
    """
    locked = lock_rows(grants)
    covered = _covering(OuterRef("user"), OuterRef("role"))
    return Grant.objects.filter(~Exists(covered), pk__in=locked).update(is_wanted=False, **_due())


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
