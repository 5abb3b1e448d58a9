"""Under which conditions a package is given: who may ask, who approves, for how long."""

from typing import Any, Self
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Prefetch, Q
from django.db.models.expressions import RawSQL

from entitlements import clock
from entitlements.catalog.extension_models import CustomExtension
from entitlements.catalog.models import IS_OPEN, AccessPackage, AccessPackageQuerySet, Catalog
from entitlements.directory.models import PEOPLE, Group, User
from entitlements.directory.organizations.guests import organization_id_of
from entitlements.directory.organizations.models import ConnectedOrganization
from entitlements.policies.scopes import STRICTEST_FIRST, Scope, stricter_than

DECISION_DAYS = 14
LEAST_DAYS_TO_PASS_ON = 4


class Expiration(models.TextChoices):
    NEVER = "never", "Never"
    ON_DATE = "on_date", "On a date"
    AFTER_DAYS = "after_days", "After a number of days"
    AFTER_HOURS = "after_hours", "After a number of hours"


class ApproversShown(models.TextChoices):
    """Whether whoever asks reads the names of those who decide."""

    ORGANIZATION = "organization", "As the organization decides"
    YES = "yes", "Yes"
    NO = "no", "No"


class AssignmentPolicyQuerySet(models.QuerySet["AssignmentPolicy"]):
    def visible_to(self, user: User) -> Self:
        """Policies of packages in catalogs that a person manages."""
        return self.filter(package__catalog__in=Catalog.objects.visible_to(user))

    def in_scope_of(self, user: User) -> Self:
        """Policies whose scope includes a person, switched on or off; none include programs.

        For whoever has no account yet only those count that are for people from outside.
        """
        if user.is_service:
            return self.none()
        if user.is_invited:
            return self.filter(_admits_guest(user))
        named = AssignmentPolicy.allowed_users.through.objects.filter(
            assignmentpolicy=OuterRef("pk"), user=user
        )
        in_group = AssignmentPolicy.allowed_groups.through.objects.filter(
            assignmentpolicy=OuterRef("pk"), group__in=Group.objects.containing(user)
        )
        scope = Q(scope=Scope.ALL_USERS) | (
            Q(scope=Scope.SPECIFIC) & (Q(Exists(named)) | Q(Exists(in_group)))
        )
        scope |= _admits_guest(user) if user.is_guest else Q(scope=Scope.ALL_MEMBERS)
        return self.filter(scope)

    def open_to_organization(self, organization: ConnectedOrganization) -> Self:
        """Policies under which the people of an organization may ask now, as people from outside.

        One that is only proposed counts where it is named, and where everybody counts.
        """
        is_open = {f"package__{name}": value for name, value in IS_OPEN.items()}
        admitting = self.filter(
            _admits_organization(organization.pk),
            is_enabled=True,
            accepts_requests=True,
            package__catalog__is_external=True,
            **is_open,
        )
        return admitting.lasting()

    def undecidable(self) -> Self:
        """Policies that are on, with a stage in which nobody is to be had whoever asks."""
        approvers = StageApprover.objects.to_be_had().filter(stage=OuterRef("pk"))
        named = ApprovalStage.objects.filter(extension=None, policy=OuterRef("pk"))
        stages = named.filter(~Exists(approvers))
        return self.filter(Exists(stages), is_enabled=True)

    def open_to(self, user: User) -> Self:
        """Policies under which a person may ask now: on, for him, of an open package.

        Guests get nothing from catalogs that are not enabled for external users.
        """
        if not user.is_active:
            return self.none()
        is_open = {f"package__{name}": value for name, value in IS_OPEN.items()}
        if user.is_guest:
            is_open["package__catalog__is_external"] = True
        return self.filter(**is_open).offered_to(user)

    def offered_to(self, user: User) -> Self:
        """Policies under which a person may ask as soon as their package is open."""
        admitting = self.in_scope_of(user).filter(is_enabled=True, accepts_requests=True)
        return admitting.strictest_for(user)

    def strictest_for(self, user: User) -> Self:
        """Policies before which no stricter one of the same package admits a person.

        Named people and organizations come before all members, these before everyone, and everyone
        before whoever is outside.
        """
        ahead = AssignmentPolicy.objects.in_scope_of(user).lasting()
        ahead = ahead.filter(package=OuterRef("package"), is_enabled=True, accepts_requests=True)
        outranked = Q()
        for rank, scopes in enumerate(STRICTEST_FIRST[1:], start=2):
            stricter = ahead.filter(scope__in=stricter_than(rank))
            outranked |= Q(scope__in=scopes) & Q(Exists(stricter))
        return self.exclude(outranked)

    def lasting(self) -> Self:
        """Policies whose date, if they have one, has not come yet."""
        return self.filter(Q(ends_on=None) | Q(ends_on__gt=clock.now()))

    def packages(self) -> AccessPackageQuerySet:
        """The packages of these policies, each once."""
        return AccessPackage.objects.filter(Exists(self.filter(package=OuterRef("pk"))))

    def with_stages(self) -> Self:
        """Bring along the stages and whom they ask, by two more queries."""
        stages = ApprovalStage.objects.select_related("extension")
        asked = StageApprover.objects.select_related("user", "group")
        return self.prefetch_related(
            Prefetch("stages", stages), Prefetch("stages__approvers", asked)
        )


def _admits_guest(guest: User) -> Q:
    """Return the condition on policies that their scope includes somebody as from outside."""
    return _admits_organization(organization_id_of(guest))


def _admits_organization(organization_id: UUID | None) -> Q:
    """Return the condition on policies that their scope includes people of an organization.

    Without one they are people from outside whom nobody knows.
    """
    named = AssignmentPolicy.allowed_organizations.through.objects.filter(
        assignmentpolicy=OuterRef("pk"), connectedorganization=organization_id
    )
    configured = ConnectedOrganization.objects.configured().filter(pk__in=[organization_id])
    return (
        Q(scope=Scope.ALL_EXTERNAL)
        | Q(Exists(named), scope=Scope.SPECIFIC_ORGANIZATIONS)
        | Q(Exists(configured), scope=Scope.ALL_ORGANIZATIONS)
    )


class AssignmentPolicy(models.Model):
    """The rules of one way to get a package: for people inside, or for people from outside."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    package = models.ForeignKey(AccessPackage, models.CASCADE, related_name="policies")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    scope = models.CharField(max_length=30, choices=Scope, default=Scope.NOBODY)
    allowed_users = models.ManyToManyField(User, related_name="+", blank=True)
    allowed_groups = models.ManyToManyField(Group, related_name="+", blank=True)
    allowed_organizations = models.ManyToManyField(
        ConnectedOrganization, related_name="policies", blank=True
    )
    is_enabled = models.BooleanField("on", default=True)
    accepts_requests = models.BooleanField("new requests", default=True)

    requires_justification = models.BooleanField(default=True)
    expiration = models.CharField(max_length=20, choices=Expiration, default=Expiration.AFTER_DAYS)
    ends_on = models.DateTimeField(null=True, blank=True)
    duration = models.PositiveIntegerField(null=True, blank=True, default=365)
    allows_custom_dates = models.BooleanField(default=False)
    allows_on_behalf = models.BooleanField(default=False)
    allows_extension = models.BooleanField(default=True)
    extension_requires_approval = models.BooleanField(default=True)
    allows_correction = models.BooleanField(default=False)
    sends_notifications = models.BooleanField(default=True)
    shows_approvers = models.CharField(
        max_length=20, choices=ApproversShown, default=ApproversShown.ORGANIZATION
    )
    approver_can_remove = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

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
            models.CheckConstraint(
                condition=Q(shows_approvers__in=ApproversShown.values),
                name="policy_says_whether_approvers_are_shown",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def names_approvers(self) -> bool:
        """Whether whoever asks reads who decides, by the policy's word or the organization's."""
        if self.shows_approvers == ApproversShown.ORGANIZATION:
            return bool(settings.APPROVERS_SHOWN)
        return self.shows_approvers == ApproversShown.YES


class DecisionRule(models.TextChoices):
    """How many of those who are asked have to approve a stage."""

    ANY = "any", "Any one of them"
    ALL = "all", "All of them"
    QUORUM = "quorum", "A number of them"


class ApprovalStage(models.Model):
    """One stage of approval: who decides, how many of them, and within how many days.

    `reminder_days` counts days before the deadline; None stands for the usual plan, which is half
    time and the last day. After `escalation_days` alternates are asked as well. Where an extension
    is named, it says who approves when the stage is reached.
    """

    policy = models.ForeignKey(AssignmentPolicy, models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    extension = models.ForeignKey(
        CustomExtension, models.PROTECT, null=True, blank=True, related_name="deciding_stages"
    )
    decision_days = models.PositiveSmallIntegerField(default=DECISION_DAYS)
    requires_justification = models.BooleanField(default=False)
    rule = models.CharField(max_length=10, choices=DecisionRule, default=DecisionRule.ANY)
    quorum = models.PositiveSmallIntegerField(null=True, blank=True)
    escalation_days = models.PositiveSmallIntegerField(null=True, blank=True)
    reminder_days = models.JSONField(null=True, blank=True, default=None)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "position"], name="one_stage_per_position"),
            models.CheckConstraint(
                condition=Q(decision_days__gte=1, decision_days__lte=DECISION_DAYS),
                name="stage_is_decided_in_1_to_14_days",
            ),
            models.CheckConstraint(
                condition=Q(rule=DecisionRule.QUORUM, quorum__isnull=False, quorum__gte=2)
                | Q(rule__in=[DecisionRule.ANY, DecisionRule.ALL], quorum=None),
                name="stage_rule_has_its_number",
            ),
            models.CheckConstraint(
                condition=Q(escalation_days=None)
                | Q(
                    escalation_days__gte=1,
                    escalation_days__lt=F("decision_days"),
                    decision_days__gte=LEAST_DAYS_TO_PASS_ON,
                ),
                name="stage_is_passed_on_before_its_deadline",
            ),
            models.CheckConstraint(
                condition=Q(extension=None) | Q(escalation_days=None),
                name="stage_of_an_extension_names_no_alternates",
            ),
        ]

    def __str__(self) -> str:
        return f"Stage {self.position}"

    def frozen(self) -> dict[str, Any]:
        """Return the stage as a request keeps it."""
        extension = self.extension
        return {
            "extension": {"id": str(extension.pk), "name": str(extension)} if extension else None,
            "decision_days": self.decision_days,
            "requires_justification": self.requires_justification,
            "rule": self.rule,
            "quorum": self.quorum,
            "escalation_days": self.escalation_days,
            "reminder_days": self.reminder_days,
            "approvers": [approver.frozen() for approver in self.approvers.all()],
        }


class ApproverKind(models.TextChoices):
    MANAGER = "manager", "Manager"
    SECOND_MANAGER = "second_manager", "Second-level manager"
    SPONSORS = "sponsors", "Sponsors"
    INTERNAL_SPONSORS = "internal_sponsors", "Internal sponsors of the organization"
    EXTERNAL_SPONSORS = "external_sponsors", "External sponsors of the organization"
    RESOURCE_OWNERS = "resource_owners", "Owners of the resources"
    CATALOG_OWNERS = "catalog_owners", "Owners of the catalog"
    USER = "user", "Person"
    GROUP = "group", "Members of a group"


RELATIONS = tuple(
    kind for kind in ApproverKind if kind not in (ApproverKind.USER, ApproverKind.GROUP)
)


class StageApproverQuerySet(models.QuerySet["StageApprover"]):
    def to_be_had(self) -> Self:
        """Approvers who may answer: relations, the active, and groups with somebody active.

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
                JOIN entitlements_user ON entitlements_user.id = user_id
                WHERE entitlements_membership.group_id = below.group_id
                AND is_active AND user_type IN (%s, %s))"""
        groups = RawSQL(sql, [*PEOPLE])  # noqa: S611  # a constant
        by_name = Q(user__is_active=True, user__user_type__in=PEOPLE) | Q(group__in=groups)
        return self.filter(Q(kind__in=RELATIONS) | by_name)


class StageApprover(models.Model):
    """Who is asked in a stage: a relation to the requestor, a person, or the members of a group.

    Alternates are asked when nobody has decided after some days; fallbacks, of either, when none
    of the first choice is to be had.
    """

    stage = models.ForeignKey(ApprovalStage, models.CASCADE, related_name="approvers")
    kind = models.CharField(max_length=20, choices=ApproverKind)
    is_fallback = models.BooleanField(default=False)
    is_alternate = models.BooleanField(default=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")

    objects = StageApproverQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=RELATIONS, user=None, group=None)
                | Q(kind=ApproverKind.USER, user__isnull=False, group=None)
                | Q(kind=ApproverKind.GROUP, user=None, group__isnull=False),
                name="stage_approver_names_what_its_kind_says",
            ),
        ]

    def __str__(self) -> str:
        return str(self.user or self.group or ApproverKind(self.kind).label)

    def frozen(self) -> dict[str, Any]:
        """Return the entry as a request keeps it, with the name that it has now."""
        return {
            "kind": self.kind,
            "is_fallback": self.is_fallback,
            "is_alternate": self.is_alternate,
            "user": str(self.user_id) if self.user_id else None,
            "group": str(self.group_id) if self.group_id else None,
            "name": str(self),
        }
