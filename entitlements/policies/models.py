"""Under which conditions a package is given: who may ask, who approves, for how long."""

from typing import Any, Self
from uuid import uuid4

from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.db.models.expressions import RawSQL

from entitlements.catalog.models import IS_OPEN, AccessPackage, AccessPackageQuerySet, Catalog
from entitlements.directory.models import Group, User

DECISION_DAYS = 14


class Scope(models.TextChoices):
    """Who may ask; the names in Microsoft Graph are in `docs/glossary.md`."""

    NOBODY = "nobody", "No one: access is given directly"
    SPECIFIC = "specific", "Specific people and groups"
    ALL_MEMBERS = "all_members", "All members, without guests"
    ALL_USERS = "all_users", "Everyone, guests included"


class Expiration(models.TextChoices):
    NEVER = "never", "Never"
    ON_DATE = "on_date", "On a date"
    AFTER_DAYS = "after_days", "After a number of days"
    AFTER_HOURS = "after_hours", "After a number of hours"


class AssignmentPolicyQuerySet(models.QuerySet["AssignmentPolicy"]):
    def visible_to(self, user: User) -> Self:
        """Policies of packages in catalogs that a person manages."""
        return self.filter(package__catalog__in=Catalog.objects.visible_to(user))

    def in_scope_of(self, user: User) -> Self:
        """Policies whose scope includes a person, switched on or off."""
        named = AssignmentPolicy.allowed_users.through.objects.filter(
            assignmentpolicy=OuterRef("pk"), user=user
        )
        in_group = AssignmentPolicy.allowed_groups.through.objects.filter(
            assignmentpolicy=OuterRef("pk"), group__in=Group.objects.containing(user)
        )
        scope = Q(scope=Scope.ALL_USERS) | (
            Q(scope=Scope.SPECIFIC) & (Q(Exists(named)) | Q(Exists(in_group)))
        )
        if not user.is_guest:
            scope |= Q(scope=Scope.ALL_MEMBERS)
        return self.filter(scope)

    def undecidable(self) -> Self:
        """Policies that are on, with a stage in which nobody is to be had whoever asks."""
        approvers = StageApprover.objects.to_be_had().filter(stage=OuterRef("pk"))
        stages = ApprovalStage.objects.filter(~Exists(approvers), policy=OuterRef("pk"))
        return self.filter(Exists(stages), is_enabled=True)

    def open_to(self, user: User) -> Self:
        """Policies under which a person may ask now: on, for him, of an open package."""
        if not user.is_active:
            return self.none()
        is_open = {f"package__{name}": value for name, value in IS_OPEN.items()}
        return self.in_scope_of(user).filter(is_enabled=True, accepts_requests=True, **is_open)

    def packages(self) -> AccessPackageQuerySet:
        """The packages of these policies, each once."""
        return AccessPackage.objects.filter(Exists(self.filter(package=OuterRef("pk"))))

    def with_stages(self) -> Self:
        """Bring along the stages and whom they ask, by two more queries."""
        asked = StageApprover.objects.select_related("user", "group")
        return self.prefetch_related("stages", Prefetch("stages__approvers", asked))


class AssignmentPolicy(models.Model):
    """The rules of one way to get a package."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    package = models.ForeignKey(AccessPackage, models.CASCADE, related_name="policies")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    scope = models.CharField(max_length=20, choices=Scope, default=Scope.NOBODY)
    allowed_users = models.ManyToManyField(User, related_name="+", blank=True)
    allowed_groups = models.ManyToManyField(Group, related_name="+", blank=True)
    is_enabled = models.BooleanField("on", default=True)
    accepts_requests = models.BooleanField("new requests", default=True)

    requires_justification = models.BooleanField(default=True)
    expiration = models.CharField(max_length=20, choices=Expiration, default=Expiration.AFTER_DAYS)
    ends_on = models.DateTimeField(null=True, blank=True)
    duration = models.PositiveIntegerField(null=True, blank=True, default=365)
    allows_custom_dates = models.BooleanField(default=False)
    allows_extension = models.BooleanField(default=True)
    extension_requires_approval = models.BooleanField(default=True)
    sends_notifications = models.BooleanField(default=True)
    shows_approvers = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AssignmentPolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "assignment policies"
        constraints = [
            models.UniqueConstraint(
                fields=["package", "name"], name="policy_name_is_unique_in_its_package"
            ),
            models.CheckConstraint(
                condition=Q(expiration=Expiration.NEVER, ends_on=None, duration=None)
                | Q(expiration=Expiration.ON_DATE, ends_on__isnull=False, duration=None)
                | Q(
                    expiration__in=[Expiration.AFTER_DAYS, Expiration.AFTER_HOURS],
                    ends_on=None,
                    duration__isnull=False,
                ),
                name="policy_expiration_has_its_value",
            ),
            models.CheckConstraint(
                condition=Q(duration=None)
                | Q(expiration=Expiration.AFTER_DAYS, duration__lte=3660)
                | Q(expiration=Expiration.AFTER_HOURS, duration__lte=3660 * 24),
                name="policy_lasts_at_most_3660_days",
            ),
            models.CheckConstraint(
                condition=Q(duration=None) | Q(duration__gte=1),
                name="policy_lasts_at_least_one_unit",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApprovalStage(models.Model):
    """One stage of approval: who decides, and within how many days."""

    policy = models.ForeignKey(AssignmentPolicy, models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    decision_days = models.PositiveSmallIntegerField(default=DECISION_DAYS)
    requires_justification = models.BooleanField(default=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "position"], name="one_stage_per_position"),
            models.CheckConstraint(
                condition=Q(decision_days__gte=1, decision_days__lte=DECISION_DAYS),
                name="stage_is_decided_in_1_to_14_days",
            ),
        ]

    def __str__(self) -> str:
        return f"Stage {self.position}"


class ApproverKind(models.TextChoices):
    MANAGER = "manager", "Manager"
    USER = "user", "Person"
    GROUP = "group", "Members of a group"


class StageApproverQuerySet(models.QuerySet["StageApprover"]):
    def to_be_had(self) -> Self:
        """Approvers who may answer: managers, the active, and groups with somebody active.

        Groups are followed from those that approve downwards, so that others cost nothing.
        """
        sql = """
            WITH RECURSIVE below(approving_id, group_id) AS (
                SELECT group_id, group_id FROM entitlements_stageapprover
                WHERE group_id IS NOT NULL
                UNION
                SELECT approving_id, child_id FROM entitlements_groupnesting
                JOIN below ON parent_id = below.group_id)
            SELECT approving_id FROM below
            WHERE EXISTS (
                SELECT 1 FROM entitlements_membership
                JOIN entitlements_user ON entitlements_user.id = user_id AND is_active
                WHERE entitlements_membership.group_id = below.group_id)"""
        groups = RawSQL(sql, [])  # noqa: S611  # a constant
        by_name = Q(user__is_active=True) | Q(group__in=groups)
        return self.filter(Q(kind=ApproverKind.MANAGER) | by_name)


class StageApprover(models.Model):
    """Who is asked in a stage: a relation to the requestor, a person, or the members of a group."""

    stage = models.ForeignKey(ApprovalStage, models.CASCADE, related_name="approvers")
    kind = models.CharField(max_length=20, choices=ApproverKind)
    is_fallback = models.BooleanField(default=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")

    objects = StageApproverQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=ApproverKind.MANAGER, user=None, group=None)
                | Q(kind=ApproverKind.USER, user__isnull=False, group=None)
                | Q(kind=ApproverKind.GROUP, user=None, group__isnull=False),
                name="stage_approver_names_what_its_kind_says",
            ),
        ]

    def __str__(self) -> str:
        return str(self.user or self.group or ApproverKind(self.kind).label)


def frozen_terms(policy: AssignmentPolicy) -> dict[str, Any]:
    """Return the policy as a request keeps it: plain values, ids as text, moments as ISO 8601."""
    stages = policy.stages.prefetch_related("approvers__user", "approvers__group")
    return {
        "policy": policy.name,
        "requires_justification": policy.requires_justification,
        "expiration": policy.expiration,
        "ends_on": policy.ends_on.isoformat() if policy.ends_on else None,
        "duration": policy.duration,
        "allows_custom_dates": policy.allows_custom_dates,
        "allows_extension": policy.allows_extension,
        "extension_requires_approval": policy.extension_requires_approval,
        "sends_notifications": policy.sends_notifications,
        "shows_approvers": policy.shows_approvers,
        "stages": [
            {
                "decision_days": stage.decision_days,
                "requires_justification": stage.requires_justification,
                "approvers": [
                    {
                        "kind": approver.kind,
                        "is_fallback": approver.is_fallback,
                        "user": str(approver.user_id) if approver.user_id else None,
                        "group": str(approver.group_id) if approver.group_id else None,
                        "name": str(approver),
                    }
                    for approver in stage.approvers.all()
                ],
            }
            for stage in stages
        ],
    }
