"""Who holds what, and when."""

from datetime import datetime, timedelta
from typing import Self
from uuid import uuid4

from django.db import models
from django.db.models import F, Prefetch, Q
from django.db.models.functions import Coalesce

from entitlements import clock
from entitlements.catalog.models import AccessPackage, Catalog, PackageRole
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy

REMINDERS = (timedelta(days=14), timedelta(days=1))
ENDS_SOON = timedelta(days=14)


class AssignmentState(models.TextChoices):
    """How far the roles of an assignment have been set up; `expired` once it has ended."""

    DELIVERING = "delivering", "Being set up"
    DELIVERED = "delivered", "Active"
    PARTIALLY_DELIVERED = "partially_delivered", "Partly set up"
    DELIVERY_FAILED = "delivery_failed", "Failed"
    EXPIRED = "expired", "Ended"


class EndReason(models.TextChoices):
    TIME = "time", "time ran out"
    GIVEN_BACK = "given_back", "given back"
    REMOVED = "removed", "ended by a manager of the catalog"
    REMOVED_ON_BEHALF = "removed_on_behalf", "ended by a manager or sponsor of the person"
    REVOKED = "revoked", "ended by an approver"
    CANCELED = "canceled", "canceled before it was set up"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def live(self) -> Self:
        """Access that counts at this very moment, whatever the workers have got round to."""
        moment = clock.now()
        return self.filter(
            Q(ends_at=None) | Q(ends_at__gt=moment), ended_at=None, starts_at__lte=moment
        )

    def past(self) -> Self:
        """Access that has ended, carried out or not."""
        return self.filter(Q(ended_at__isnull=False) | Q(ends_at__lte=clock.now()))

    def held_at(self, moment: datetime) -> Self:
        """Access that counted at a moment gone by, whatever has become of it since.

        It is exactly what `live()` said then: an extension moves the end while access is live, and
        the end by time is carried out later than it comes.
        """
        return self.filter(_not_over_at(moment), starts_at__lte=moment)

    def begun_since(self, moment: datetime) -> Self:
        """Access, ended or not, that began after a moment and by now."""
        return self.filter(starts_at__gt=moment, starts_at__lte=clock.now())

    def ended_since(self, moment: datetime) -> Self:
        """Access that was not over at a moment, and is now; also what began meanwhile."""
        return self.past().filter(_not_over_at(moment))

    def ended_within(self, span: timedelta) -> Self:
        """Access that ended no longer than `span` ago."""
        return self.ended_since(clock.now() - span)

    def held_by(self, user: User) -> Self:
        return self.filter(target=user)

    def ending_soon(self) -> Self:
        """Live access that ends within the time in which people are reminded of it."""
        return self.ending_within(ENDS_SOON)

    def ending_within(self, span: timedelta) -> Self:
        """Live access that ends no later than `span` from now."""
        return self.live().filter(ends_at__lte=clock.now() + span)

    def ending_before(self, moment: datetime) -> Self:
        """Live access that ends before a moment to come."""
        return self.live().filter(ends_at__lt=moment)

    def without_end(self) -> Self:
        """Live access that no time ends."""
        return self.live().filter(ends_at=None)

    def begun_within(self, span: timedelta) -> Self:
        """Access, ended or not, that began no longer than `span` ago."""
        moment = clock.now()
        return self.filter(starts_at__gte=moment - span, starts_at__lte=moment)

    def asked_for(self) -> Self:
        """Access that its holder asked for himself, as far as the records say."""
        return self.filter(is_direct=False).exclude(requests__kind="on_behalf_add")

    def asked_for_others(self) -> Self:
        """Access that a manager or sponsor asked for, while there is a record of it."""
        return self.filter(requests__kind="on_behalf_add")

    def given_directly(self) -> Self:
        """Access that a manager of assignments gave, one by one, in a list, or by an import."""
        return self.filter(is_direct=True)

    def troubled(self) -> Self:
        """Live access of which some role could not be set up, with nothing more planned."""
        failures = [AssignmentState.PARTIALLY_DELIVERED, AssignmentState.DELIVERY_FAILED]
        return self.live().filter(state__in=failures)

    def with_roles(self) -> Self:
        """Bring along the roles of the packages in their order, by one more query."""
        roles = PackageRole.objects.select_related("role__resource")
        return self.prefetch_related(Prefetch("package__package_roles", roles))

    def first_end_first(self) -> Self:
        return self.order_by(F("ends_at").asc(nulls_last=True), "package__name", "pk")

    def last_end_first(self) -> Self:
        return self.order_by(Coalesce("ended_at", "ends_at").desc(), "pk")

    def overdue(self) -> Self:
        """Access past its end whose consequence nobody has carried out yet."""
        return self.filter(ended_at=None, ends_at__lte=clock.now())

    def reminder_due(self) -> Self:
        return self.filter(ended_at=None, reminder_at__lte=clock.now(), ends_at__gt=clock.now())

    def visible_to(self, user: User) -> Self:
        """Assignments in catalogs that a person manages."""
        return self.filter(package__catalog__in=Catalog.objects.visible_to(user))


class Assignment(models.Model):
    """A person's hold on an access package, under one of its policies, for a span of time.

    `ends_at` is when access ends by itself; `ended_at` when its end was carried out.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    package = models.ForeignKey(AccessPackage, models.PROTECT, related_name="assignments")
    policy = models.ForeignKey(AssignmentPolicy, models.PROTECT, related_name="assignments")
    target = models.ForeignKey(User, models.PROTECT, related_name="assignments")
    state = models.CharField(
        max_length=30, choices=AssignmentState, default=AssignmentState.DELIVERING
    )
    is_direct = models.BooleanField(default=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=20, choices=EndReason, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    reminder_at = models.DateTimeField(null=True, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target", "package"],
                condition=Q(ended_at=None),
                name="one_live_assignment_per_package_and_target",
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="assignment_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, end_reason="") & ~Q(state="expired")
                | Q(ended_at__isnull=False, state="expired") & ~Q(end_reason=""),
                name="ended_assignment_says_when_and_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"], condition=Q(ended_at=None), name="assignment_by_open_end"
            ),
            models.Index(
                fields=["reminder_at"],
                condition=Q(reminder_at__isnull=False),
                name="assignment_by_reminder",
            ),
            models.Index(fields=["target", "ended_at"], name="assignment_by_target"),
            models.Index(fields=["package", "ended_at"], name="assignment_by_package"),
        ]

    def __str__(self) -> str:
        return f"{self.package} for {self.target}"

    @property
    def is_live(self) -> bool:
        moment = clock.now()
        return (
            self.ended_at is None
            and self.starts_at <= moment
            and (self.ends_at is None or self.ends_at > moment)
        )

    @property
    def shown_state(self) -> str:
        """The state that people read: time decides before the workers do."""
        if not self.is_live:
            return AssignmentState.EXPIRED
        soon = self.ends_at and self.ends_at <= clock.now() + ENDS_SOON
        return "ends_soon" if soon and self.state == AssignmentState.DELIVERED else self.state

    @property
    def over_at(self) -> datetime | None:
        """When it ended, or will end by itself; None when it has no end."""
        ran_out = self.end_reason in ("", EndReason.TIME)
        return self.ends_at if ran_out else self.ended_at

    @property
    def shown_end_reason(self) -> str:
        """Why it ended, in words, also before the end was carried out."""
        return EndReason(self.end_reason or EndReason.TIME).label

    def end(self, reason: EndReason, *, by: User | None) -> None:
        """Within the caller's transaction: put an end to it now, and save."""
        self.state = AssignmentState.EXPIRED
        self.ended_at = clock.now()
        self.end_reason = reason
        self.ended_by = by
        self.reminder_at = None
        self.save(update_fields=["state", "ended_at", "end_reason", "ended_by", "reminder_at"])


def _not_over_at(moment: datetime) -> Q:
    """Return the condition that access has not ended by a moment, in time or early."""
    return (Q(ends_at=None) | Q(ends_at__gt=moment)) & (Q(ended_at=None) | Q(ended_at__gt=moment))


def next_reminder(ends_at: datetime | None, *, after: datetime) -> datetime | None:
    """Return the next moment at which a holder is told that access ends (UTC), or None."""
    if ends_at is None:
        return None
    coming = [ends_at - before for before in REMINDERS if ends_at - before > after]
    return coming[0] if coming else None
