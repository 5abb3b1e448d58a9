"""The way to connected organizations: whoever may not manage them finds no such page."""

from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse

from entitlements.directory.organizations.models import ConnectedOrganization
from entitlements.directory.organizations.permissions import can_manage_organizations
from portal.http import PortalRequest
from portal.manage.doors import Crumb


def enter(request: PortalRequest) -> None:
    """Let only people in who may manage connected organizations; raise Http404 for others."""
    if not can_manage_organizations(request.user):
        raise Http404


def organization_for(request: PortalRequest, organization_id: UUID) -> ConnectedOrganization:
    """Return an organization, with its domains, to whoever may manage it."""
    enter(request)
    organizations: Any = ConnectedOrganization.objects.prefetch_related("domains")
    organization: ConnectedOrganization = get_object_or_404(organizations, pk=organization_id)
    return organization


def to_organizations() -> list[Crumb]:
    """Return the way to the list."""
    return [Crumb("Organizations", reverse("organizations:index"))]


def to_organization(organization: ConnectedOrganization) -> list[Crumb]:
    """Return the way to the page of an organization."""
    address = reverse("organizations:detail", args=[organization.pk])
    return [*to_organizations(), Crumb(str(organization), address)]
