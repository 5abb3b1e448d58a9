"""The way to a thing that the viewer manages: 404 for what is not his, a refusal by right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from entitlements.catalog.appointments import manages_anything, rights_of
from entitlements.catalog.models import AccessPackage, Catalog, Resource
from entitlements.catalog.permissions import can
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from portal.http import PortalRequest


@dataclass(frozen=True)
class Crumb:
    """One step of the way to a page."""

    label: str
    url: str


def may_manage(user: User | AnonymousUser) -> bool:
    """Say whether somebody may enter `/manage/`; the database is asked once in each request."""
    if not isinstance(user, User):
        return False
    known = getattr(user, "_may_manage", None)
    if known is None:
        known = user._may_manage = manages_anything(user)  # type: ignore[attr-defined]
    return bool(known)


def catalog_for(request: PortalRequest, catalog_id: UUID, needs: str = "view_catalog") -> Catalog:
    """Return one of the viewer's catalogs; raise Denied when he lacks a right in it."""
    catalog = get_object_or_404(Catalog.objects.visible_to(request.user), pk=catalog_id)
    if needs != "view_catalog":
        can(request.user, needs, catalog).require()
    return catalog


def package_for(
    request: PortalRequest, package_id: UUID, needs: str = "view_catalog"
) -> AccessPackage:
    """Return a package of one of the viewer's catalogs; raise Denied when he lacks a right."""
    packages = AccessPackage.objects.visible_to(request.user).select_related("catalog")
    package = get_object_or_404(packages, pk=package_id)
    if needs != "view_catalog":
        can(request.user, needs, package.catalog).require()
    return package


def policy_for(request: PortalRequest, policy_id: UUID, needs: str) -> AssignmentPolicy:
    """Return a policy in one of the viewer's catalogs; raise Denied when he lacks a right."""
    policies = AssignmentPolicy.objects.visible_to(request.user)
    policy = get_object_or_404(policies.select_related("package__catalog"), pk=policy_id)
    can(request.user, needs, policy.package.catalog).require()
    return policy


def resource_for(request: PortalRequest, resource_id: UUID) -> Resource:
    """Return a resource that one of the viewer's catalogs offers."""
    resources = Resource.objects.visible_to(request.user).select_related("system")
    return get_object_or_404(resources, pk=resource_id)


def to_catalog(catalog: Catalog) -> list[Crumb]:
    """Return the way to the pages of a catalog."""
    return [
        Crumb("Catalogs", reverse("manage:entitlements_catalog_changelist")),
        Crumb(str(catalog), reverse("manage:catalog", args=[catalog.pk])),
    ]


def to_package(package: AccessPackage) -> list[Crumb]:
    """Return the way to the pages of a package."""
    return [
        *to_catalog(package.catalog),
        Crumb(str(package), reverse("manage:package", args=[package.pk])),
    ]


def to_resource(resource: Resource) -> list[Crumb]:
    """Return the way to the pages of a resource."""
    return [
        Crumb("Resources", reverse("manage:entitlements_resource_changelist")),
        Crumb(str(resource), reverse("manage:resource", args=[resource.pk])),
    ]


def rights(request: PortalRequest, catalog: Catalog) -> dict[str, bool]:
    """Return what the viewer may do in a catalog, for buttons to appear by."""
    return dict.fromkeys(rights_of(request.user, catalog), True)


def form_page(
    request: PortalRequest,
    form: Any,
    *,
    title: str,
    button: str,
    crumbs: Sequence[Crumb],
    lead: str = "",
    template: str = "manage/form.html",
    **context: Any,
) -> HttpResponse:
    """Render a form, and with 422 one that was sent and is not right."""
    is_wrong = form.is_bound and not getattr(form, "is_finding", False)
    words = {"title": title, "button": button, "crumbs": crumbs, "lead": lead, "form": form}
    return render(request, template, {**words, **context}, status=422 if is_wrong else 200)
