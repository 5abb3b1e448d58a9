"""What nobody may hold together, what must be held first, and exceptions that end by themselves."""

from typing import Final, Self
from uuid import UUID, uuid4

from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL

from entitlements import clock
from entitlements.catalog.models import AccessPackage, Catalog, ResourceRole
from entitlements.directory.models import Group, User, as_parameter


class IncompatibilityQuerySet(models.QuerySet["Incompatibility"]):
    def with_names(self) -> Self:
        """Bring along what is shown of each entry."""
        return self.select_related(
            "package__catalog",
            "other_package__catalog",
            "other_group",
            "other_role__resource",
            "made_by",
        )

    def naming(self, package: AccessPackage) -> Self:
        """Entries of other packages that name this one."""
        return self.filter(other_package=package)


class Incompatibility(models.Model):
    """A package, and what must not be held by whoever gets it: a package, a group, or a role.

    One-way it speaks only against getting `package`; symmetric, against getting the other as well.
    Entries from before it was kept do not say who made them.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    package = models.ForeignKey(AccessPackage, models.CASCADE, related_name="incompatibilities")
    other_package = models.ForeignKey(
        AccessPackage, models.CASCADE, null=True, blank=True, related_name="named_as_clash"
    )
    other_group = models.ForeignKey(
        Group, models.CASCADE, null=True, blank=True, related_name="named_as_clash"
    )
    other_role = models.ForeignKey(
        ResourceRole, models.CASCADE, null=True, blank=True, related_name="named_as_clash"
    )
    is_symmetric = models.BooleanField(default=False)
    made_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField(null=True, blank=True)

    objects = IncompatibilityQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["package", "other_package"],
                condition=Q(other_package__isnull=False),
                name="one_clash_per_package_and_package",
            ),
            models.UniqueConstraint(
                fields=["package", "other_group"],
                condition=Q(other_group__isnull=False),
                name="one_clash_per_package_and_group",
            ),
            models.UniqueConstraint(
                fields=["package", "other_role"],
                condition=Q(other_role__isnull=False),
                name="one_clash_per_package_and_role",
            ),
            models.CheckConstraint(
                condition=Q(other_package__isnull=False, other_group=None, other_role=None)
                | Q(other_package=None, other_group__isnull=False, other_role=None)
                | Q(other_package=None, other_group=None, other_role__isnull=False),
                name="clash_names_exactly_one",
            ),
            models.CheckConstraint(
                condition=Q(other_package=None) | ~Q(other_package=F("package")),
                name="no_package_clashes_with_itself",
            ),
            models.CheckConstraint(
                condition=Q(is_symmetric=False) | Q(other_group=None),
                name="clash_with_group_is_one_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.package} clashes with {self.other}"

    @property
    def other(self) -> str:
        """What the package clashes with, by name."""
        return str(self.other_package or self.other_group or self.other_role)


class RoleClash(models.Model):
    """Two resource roles that nobody may hold together, through whatever packages.

    It is kept by the catalog whose managers made it, and counts everywhere. The ids are in order.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    catalog = models.ForeignKey(Catalog, models.CASCADE, related_name="role_clashes")
    first = models.ForeignKey(ResourceRole, models.CASCADE, related_name="clashes_as_first")
    second = models.ForeignKey(ResourceRole, models.CASCADE, related_name="clashes_as_second")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="one_clash_per_two_roles"),
            models.CheckConstraint(
                condition=Q(first__lt=F("second")), name="clashing_roles_are_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first} clashes with {self.second}"


class PrerequisiteQuerySet(models.QuerySet["Prerequisite"]):
    def needed_for(self, package: AccessPackage) -> set[UUID]:
        """Return the ids of this package and of all that it requires, however indirectly."""
        sql = """
            WITH RECURSIVE needed(package_id) AS (
                SELECT id FROM entitlements_accesspackage WHERE id = %s
                UNION
                SELECT required_id FROM entitlements_prerequisite p
                JOIN needed ON p.package_id = needed.package_id)
            SELECT package_id FROM needed"""
        found = RawSQL(sql, [as_parameter(package.pk)])  # noqa: S611  # a constant
        return set(AccessPackage.objects.filter(pk__in=found).values_list("pk", flat=True))


class Prerequisite(models.Model):
    """A package that must be held before another: always, or as one of several alternatives."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    package = models.ForeignKey(AccessPackage, models.CASCADE, related_name="prerequisites")
    required = models.ForeignKey(AccessPackage, models.CASCADE, related_name="required_by")
    is_alternative = models.BooleanField(default=False)

    objects = PrerequisiteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["package", "required"], name="one_prerequisite_per_package"
            ),
            models.CheckConstraint(
                condition=~Q(required=F("package")), name="no_package_requires_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.package} requires {self.required}"


class ExceptionState(models.TextChoices):
    PROPOSED = "proposed", "Waiting for approval"
    APPROVED = "approved", "Allowed"
    REFUSED = "refused", "Refused"


IN_FORCE: Final = "approved"


class ClashExceptionQuerySet(models.QuerySet["ClashException"]):
    def in_force(self) -> Self:
        """Exceptions that count at this very moment."""
        moment = clock.now()
        return self.filter(state=IN_FORCE, starts_at__lte=moment, ends_at__gt=moment)

    def with_names(self) -> Self:
        """Bring along what is shown of each."""
        return self.select_related(
            "person",
            "package__catalog",
            "other_package__catalog",
            "other_group",
            "proposed_by",
            "decided_by",
        )

    def of(self, package: AccessPackage) -> Self:
        """Exceptions from clashes of one package, on either side."""
        return self.filter(Q(package=package) | Q(other_package=package))

    def unreported_ends(self) -> Self:
        """Exceptions that time has ended, of which nobody was told yet."""
        return self.filter(state=IN_FORCE, ends_at__lte=clock.now(), reported_at=None)


class ClashException(models.Model):
    """Leave for one person to hold a package and what it clashes with, until `ends_at` (UTC).

    It counts whichever of the two packages is asked for. Time ends it; nobody has to.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    person = models.ForeignKey(User, models.CASCADE, related_name="clash_exceptions")
    package = models.ForeignKey(AccessPackage, models.CASCADE, related_name="clash_exceptions")
    other_package = models.ForeignKey(
        AccessPackage, models.CASCADE, null=True, blank=True, related_name="+"
    )
    other_group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")
    reason = models.TextField()
    state = models.CharField(max_length=20, choices=ExceptionState, default=ExceptionState.PROPOSED)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    reported_at = models.DateTimeField(null=True, blank=True)

    objects = ClashExceptionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(other_package__isnull=False, other_group=None)
                | Q(other_package=None, other_group__isnull=False),
                name="clash_exception_names_exactly_one",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="clash_exception_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None)
                | (~Q(decided_by=F("person")) & ~Q(decided_by=F("proposed_by"))),
                name="clash_exception_is_decided_by_another",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_by=None)
                | Q(state__in=["approved", "refused"], decided_by__isnull=False),
                name="clash_exception_says_who_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["person", "ends_at"], name="clash_exception_by_person"),
            models.Index(
                fields=["ends_at"],
                condition=Q(state="approved", reported_at=None),
                name="clash_exception_by_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.package} with {self.other}"

    @property
    def other(self) -> str:
        """What the package clashes with, by name."""
        return str(self.other_package or self.other_group)

    @property
    def shown_state(self) -> str:
        """The state that people read: time decides before anybody looks."""
        moment = clock.now()
        if self.state == ExceptionState.REFUSED:
            return "refused"
        if self.ends_at <= moment:
            return "ended"
        if self.state == ExceptionState.PROPOSED:
            return "proposed"
        return "coming" if self.starts_at > moment else "in_force"
