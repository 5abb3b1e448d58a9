"""Who stands in for whom: an approver lets somebody else decide beside him, for a while."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self
from uuid import UUID, uuid4

from django.db import models
from django.db.models import F, Q

from entitlements import clock
from entitlements.catalog.models import Catalog, CatalogQuerySet
from entitlements.directory.models import User


def in_force(prefix: str = "") -> Q:
    """Return the condition that a delegation counts at this moment, whatever sweeps have done."""
    moment = clock.now()
    return Q(
        Q(**{f"{prefix}ends_at": None}) | Q(**{f"{prefix}ends_at__gt": moment}),
        **{f"{prefix}ended_at": None, f"{prefix}starts_at__lte": moment},
    )


class ApprovalDelegationQuerySet(models.QuerySet["ApprovalDelegation"]):
    def in_force(self) -> Self:
        """Delegations that count at this very moment."""
        return self.filter(in_force())

    def standing(self) -> Self:
        """Delegations that count now, or will."""
        moment = clock.now()
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=moment), ended_at=None)

    def overdue(self) -> Self:
        """Delegations past their end, whose consequence nobody has carried out yet."""
        return self.filter(ended_at=None, ends_at__lte=clock.now())

    def overlapping(self, starts_at: datetime, ends_at: datetime | None) -> Self:
        """Delegations that count at some moment of a period (UTC; None: without end)."""
        found = self.filter(Q(ends_at=None) | Q(ends_at__gt=starts_at), ended_at=None)
        return found.filter(starts_at__lt=ends_at) if ends_at else found

    def shown_to(self, user: User) -> Self:
        """What a person gave and was given, that counts or will."""
        return self.standing().filter(Q(delegator=user) | Q(delegate=user))


class ApprovalDelegation(models.Model):
    """A person asks another to decide in his place, in one catalog or in all.

    It counts from `starts_at` until `ends_at` (UTC; None: without end). `ended_at` is when its end
    was carried out, or when somebody ended it before.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    delegator = models.ForeignKey(User, models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey(User, models.PROTECT, related_name="delegations_received")
    catalog = models.ForeignKey(
        Catalog, models.CASCADE, null=True, blank=True, related_name="approval_delegations"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ApprovalDelegationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="delegation_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=~Q(delegator=F("delegate")), name="nobody_stands_in_for_himself"
            ),
            models.UniqueConstraint(
                fields=["delegator"],
                condition=Q(catalog=None, ends_at=None, ended_at=None),
                name="one_endless_delegation_for_all_catalogs",
            ),
            models.UniqueConstraint(
                fields=["delegator", "catalog"],
                condition=Q(catalog__isnull=False, ends_at=None, ended_at=None),
                name="one_endless_delegation_per_catalog",
            ),
        ]
        indexes = [
            models.Index(fields=["ends_at"], condition=Q(ended_at=None), name="delegation_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.delegate} for {self.delegator}"

    @property
    def has_started(self) -> bool:
        return self.starts_at <= clock.now()


def stand_ins(
    people: Iterable[User], catalog_id: UUID, *, barred: set[UUID]
) -> list[ApprovalDelegation]:
    """Return by which delegations others decide beside these people, one for each of them.

    What somebody decided about one catalog comes before what he decided about all. The disabled,
    and those in `barred`, stand in for nobody.
    """
    found = (
        ApprovalDelegation.objects.in_force()
        .filter(
            Q(catalog=None) | Q(catalog=catalog_id),
            delegator__in=[user.pk for user in people],
            delegate__is_active=True,
        )
        .exclude(delegate__in=barred)
        .select_related("delegator", "delegate")
    )
    by_delegator: dict[UUID, ApprovalDelegation] = {}
    for delegation in found.order_by(F("catalog").asc(nulls_last=True), "starts_at", "pk"):
        by_delegator.setdefault(delegation.delegator_id, delegation)
    return sorted(by_delegator.values(), key=lambda one: (str(one.delegator), str(one.pk)))


def catalogs_decided_by(user: User) -> CatalogQuerySet:
    """Return the catalogs of whose requests a person was ever asked to decide one, by name."""
    catalogs: CatalogQuerySet = Catalog.objects.filter(packages__requests__steps__asked__user=user)
    return catalogs.distinct().order_by("name")
