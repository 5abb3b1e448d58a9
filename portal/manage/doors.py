"""The way to a thing that the viewer manages: 404 for what is not his, a refusal by right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from entitlements.callouts.models import Callout
from entitlements.catalog.appointments import rights_of
from entitlements.catalog.extension_models import CustomExtension
from entitlements.catalog.models import AccessPackage, Catalog, Resource
from entitlements.catalog.permissions import can
from entitlements.delivery.acts import BulkAct
from entitlements.imports.models import RoleImport
from entitlements.policies.models import AssignmentPolicy
from portal.http import PortalRequest


@dataclass(frozen=True)
class Crumb:
    """One step of the way to a page."""

    label: str
    url: str


def catalog_for(request: PortalRequest, catalog_id: UUID, needs: str = "view_catalog") -> Catalog:
    """Return one of the viewer's catalogs; raise Denied when he lacks a right in it."""
    catalog = get_object_or_404(Catalog.objects.visible_to(request.user), pk=catalog_id)
    if needs != "view_catalog":
        can(request.user, needs, catalog).require()
    return catalog


def narrowed_to(request: PortalRequest) -> Catalog | None:
    """Return the one of the viewer's catalogs to which an address narrows a list, if it does."""
    wanted = request.GET.get("catalog")
    if not wanted:
        return None
    try:
        return catalog_for(request, UUID(wanted))
    except ValueError:
        raise Http404 from None


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


def extension_for(
    request: PortalRequest, extension_id: UUID, needs: str = "view_catalog"
) -> CustomExtension:
    """Return an extension of one of the viewer's catalogs; raise Denied when he lacks a right."""
    extensions = CustomExtension.objects.visible_to(request.user).select_related("catalog")
    extension = get_object_or_404(extensions, pk=extension_id)
    if needs != "view_catalog":
        can(request.user, needs, extension.catalog).require()
    return extension


def callout_for(request: PortalRequest, callout_id: UUID) -> Callout:
    """Return a call that the viewer may answer by hand; raise Denied when he lacks the right."""
    callouts = Callout.objects.visible_to(request.user).select_related("extension__catalog")
    callout = get_object_or_404(callouts, pk=callout_id)
    can(request.user, "manage_assignments", callout.extension.catalog).require()
    return callout


def import_for(request: PortalRequest, import_id: UUID) -> RoleImport:
    """Return an import into one of the viewer's catalogs; raise Denied when he lacks the right."""
    visible = RoleImport.objects.visible_to(request.user).select_related("catalog", "made_by")
    role_import = get_object_or_404(visible, pk=import_id)
    can(request.user, "manage_packages", role_import.catalog).require()
    return role_import


def act_for(request: PortalRequest, act_id: UUID) -> BulkAct:
    """Return an act on many rows that the viewer started, or that is about rows that he sees."""
    acts = BulkAct.objects.visible_to(request.user).select_related("made_by")
    return get_object_or_404(acts, pk=act_id)


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


def to_extension(extension: CustomExtension) -> list[Crumb]:
    """Return the way to the pages of an extension."""
    return [
        *to_catalog(extension.catalog),
        Crumb(str(extension), reverse("manage:extension", args=[extension.pk])),
    ]


def to_policy(policy: AssignmentPolicy) -> list[Crumb]:
    """Return the way to the pages of a policy."""
    return [
        *to_package(policy.package),
        Crumb(f"Policy {policy}", reverse("manage:policy", args=[policy.pk])),
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
    """Render a form, and with 422 one that was sent and is not right, nor only to confirm."""
    is_asked = context.get("is_to_confirm") or getattr(form, "is_finding", False)
    is_wrong = form.is_bound and not is_asked
    words = {"title": title, "button": button, "crumbs": crumbs, "lead": lead, "form": form}
    return render(request, template, {**words, **context}, status=422 if is_wrong else 200)
