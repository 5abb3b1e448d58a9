"""Organizations whose people come in from outside, known by the mail domains that are theirs."""

from typing import Self
from uuid import uuid4

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower

from entitlements.directory.models import User, UserQuerySet, UserType


class OrganizationState(models.TextChoices):
    CONFIGURED = "configured", "Configured"
    PROPOSED = "proposed", "Proposed"


class SponsorKind(models.TextChoices):
    """On which side of the door a sponsor is."""

    INTERNAL = "internal", "Internal sponsor"
    EXTERNAL = "external", "External sponsor"


class ConnectedOrganizationQuerySet(models.QuerySet["ConnectedOrganization"]):
    def configured(self) -> Self:
        """Organizations that somebody has agreed to, and not only come across."""
        return self.filter(state=OrganizationState.CONFIGURED)

    def of_domain(self, domain: str) -> Self:
        """The one organization that has a whole domain name, or none."""
        return self.filter(domains__domain=domain)

    def matching(self, text: str) -> Self:
        """Organizations with every word of `text` in their name or in one of their domains."""
        organizations = self
        for word in text.split():
            domains = OrganizationDomain.objects.filter(
                organization=OuterRef("pk"), domain__icontains=word
            )
            organizations = organizations.filter(Q(name__icontains=word) | Q(Exists(domains)))
        return organizations


class ConnectedOrganization(models.Model):
    """An organization outside whose people can be given access, as guests of ours.

    Somebody configured it, or the portal proposed it when it met an unknown domain. Internal
    sponsors are members of ours who look after it, external ones are guests who belong to it.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    state = models.CharField(
        max_length=20, choices=OrganizationState, default=OrganizationState.CONFIGURED
    )
    internal_sponsors = models.ManyToManyField(User, related_name="+", blank=True)
    external_sponsors = models.ManyToManyField(User, related_name="+", blank=True)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()

    objects = ConnectedOrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="organization_name_is_unique"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_configured(self) -> bool:
        return self.state == OrganizationState.CONFIGURED

    def sponsors(self, kind: SponsorKind) -> UserQuerySet:
        """Return who can act as a sponsor now: the active who are still what the kind says."""
        members = self.internal_sponsors.filter(user_type=UserType.MEMBER)
        guests = self.external_sponsors.filter(organization=self)
        named = members if kind == SponsorKind.INTERNAL else guests
        people: UserQuerySet = User.objects.active().filter(pk__in=named.values("pk"))
        return people.order_by("display_name", "pk")


class OrganizationDomain(models.Model):
    """A whole mail domain of one organization, in small letters and as the net writes it."""

    organization = models.ForeignKey(ConnectedOrganization, models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253)

    class Meta:
        ordering = ["domain"]
        constraints = [
            models.UniqueConstraint(fields=["domain"], name="domain_is_of_one_organization"),
            models.CheckConstraint(
                condition=Q(domain=Lower(F("domain"))) & ~Q(domain="") & ~Q(domain__contains="@"),
                name="domain_is_a_name_in_small_letters",
            ),
        ]

    def __str__(self) -> str:
        return self.domain
