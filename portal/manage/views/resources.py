from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.assignments.grants import Grant
from entitlements.audit.models import AuditEvent
from entitlements.catalog import resources as operations
from entitlements.catalog.models import AccessPackage, Catalog, Resource, ResourceRole
from entitlements.catalog.permissions import (
    can_ask_for_attributes,
    can_change_resource,
    may_offer_from_systems,
)
from entitlements.catalog.terms import ResourceTerms, RoleTerms
from entitlements.decisions import Denied
from entitlements.delivery.holders import can_see_holders
from entitlements.policies.dependents import Dependents, decides_about, dependents_of, group_of
from entitlements.systems.models import ConnectedSystem
from portal.forms import refuse
from portal.http import PortalRequest, wants_fragment
from portal.manage.doors import catalog_for, form_page, resource_for, to_catalog, to_resource
from portal.manage.forms import (
    PLACES,
    GroupResourceForm,
    ResourceForm,
    RoleForm,
    SystemResourceForm,
)
from portal.manage.in_systems import chosen, search
from portal.manage.shown import history

SHOWN = 10
FORM = ["GET", "HEAD", "POST"]


@require_safe
def detail(request: PortalRequest, resource_id: UUID) -> HttpResponse:
    """Show a resource: its roles, who offers it, what uses it, and what could not be set up."""
    resource = resource_for(request, resource_id)
    mine = Catalog.objects.visible_to(request.user)
    packages = AccessPackage.objects.visible_to(request.user)
    failed = Grant.objects.failed().visible_to(request.user).filter(role__resource=resource)
    removable = mine.with_permission(request.user, "manage_resources").filter(resources=resource)
    events = AuditEvent.objects.about(resource).reverse()
    group = group_of(resource) if decides_about(request.user, resource) else None
    context = {
        "resource": resource,
        "crumbs": to_resource(resource)[:1],
        "decision": can_change_resource(request.user, resource),
        "sees_holders": can_see_holders(request.user, resource),
        "roles": resource.roles.order_by("name"),
        "attributes": resource.attributes.all(),
        "may_ask": bool(can_ask_for_attributes(request.user, resource)),
        "catalogs": mine.filter(resources=resource).order_by("name"),
        "removable": set(removable.values_list("pk", flat=True)),
        "packages": packages.filter(roles__resource=resource).distinct().order_by("name"),
        "group": group,
        "dependents": dependents_of(group, request.user) if group else None,
        "failed": failed.select_related("user", "role")[:SHOWN],
        "history": history(events[:SHOWN], request.user),
    }
    return render(request, "manage/resource.html", context)


@require_http_methods(FORM)
def add(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Offer a group, or as an administrator something in another system, in a catalog."""
    catalog = catalog_for(request, catalog_id, "manage_resources")
    systems = ConnectedSystem.objects.filter(is_enabled=True).exclude(kind="directory")
    system = _system(request)
    form = _resource_form(request, catalog, system)
    found = _dependents(request, form)
    if wants_fragment(request):
        return render(request, "manage/_dependents_read.html", {"dependents": found})
    is_to_confirm = found is not None and request.POST.get("seen") != str(found.group.pk)
    if form.is_valid() and not is_to_confirm:
        resource = _offer(request, form, catalog)
        if resource:
            messages.success(request, f"{catalog} offers {resource} now.")
            return redirect("manage:resource", resource.pk)
    return form_page(
        request,
        form,
        title=f"Add a resource to {catalog}",
        button="Add resource",
        crumbs=to_catalog(catalog),
        template="manage/resource_add.html",
        systems=systems.order_by("name") if may_offer_from_systems(request.user) else (),
        system=system,
        search=search(request, system) if system else None,
        dependents=found,
        is_to_confirm=is_to_confirm,
    )


def _resource_form(
    request: PortalRequest, catalog: Catalog, system: ConnectedSystem | None
) -> GroupResourceForm | SystemResourceForm:
    """Return the form for a group, or for something in another system: perhaps what was found."""
    if system is None:
        return GroupResourceForm(_sent(request), catalog=catalog, viewer=request.user)
    return SystemResourceForm(request.POST or None, system=system, initial=chosen(request))


def _sent(request: PortalRequest) -> QueryDict | None:
    """Return what was sent, or of which group it is asked what depends on it."""
    return request.GET if wants_fragment(request) else request.POST or None


def _dependents(
    request: PortalRequest, form: GroupResourceForm | SystemResourceForm
) -> Dependents | None:
    """Return what depends on the group that was chosen, if anything does."""
    group = form.cleaned_data.get("group") if form.is_valid() else None
    return (dependents_of(group, request.user) or None) if group else None


def _offer(
    request: PortalRequest, form: GroupResourceForm | SystemResourceForm, catalog: Catalog
) -> Resource | None:
    try:
        return operations.add_resource(catalog, **form.offer(), by=request.user)
    except Denied as denied:
        refuse(form, denied, {**PLACES, "group_unknown": "group"})
        return None


def _system(request: PortalRequest) -> ConnectedSystem | None:
    """Return the other system that was chosen; only administrators can offer what it holds.

    Of which kind they are decides what they can offer.
    """
    if "system" not in request.GET:
        return None
    systems = ConnectedSystem.objects.filter(is_enabled=True).exclude(kind="directory")
    wanted = next((one for one in systems if str(one.pk) == request.GET["system"]), None)
    if wanted is None or not may_offer_from_systems(request.user):
        raise Http404
    return wanted


@require_http_methods(FORM)
def edit(request: PortalRequest, resource_id: UUID) -> HttpResponse:
    """Change the words of a resource."""
    resource = resource_for(request, resource_id)
    can_change_resource(request.user, resource).require()
    form = ResourceForm(request.POST or None, initial=ResourceTerms.of(resource).as_dict())
    if form.is_valid():
        try:
            operations.change_resource(resource, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, PLACES)
        else:
            messages.success(request, "Saved.")
            return redirect("manage:resource", resource.pk)
    crumbs = to_resource(resource)
    return form_page(request, form, title=f"Edit {resource}", button="Save resource", crumbs=crumbs)


@require_http_methods(FORM)
def remove(request: PortalRequest, catalog_id: UUID, resource_id: UUID) -> HttpResponse:
    """Ask, and offer a resource no more in a catalog."""
    catalog = catalog_for(request, catalog_id, "manage_resources")
    resource = get_object_or_404(catalog.resources.select_related("system"), pk=resource_id)
    if request.method == "POST":
        operations.remove_resource(catalog, resource, by=request.user)
        messages.success(request, f"{catalog} does not offer {resource} any more.")
        return redirect("manage:catalog", catalog.pk)
    context = {
        "heading": f"Remove {resource} from {catalog}?",
        "effect": "Packages of this catalog cannot use it then. Nobody loses access.",
        "button": "Remove resource",
        "keep": "Keep it",
        "back": reverse("manage:resource", args=[resource.pk]),
    }
    return render(request, "manage/confirm.html", context)


@require_http_methods(FORM)
def add_role(request: PortalRequest, resource_id: UUID) -> HttpResponse:
    """Name one more role of a resource."""
    resource = resource_for(request, resource_id)
    can_change_resource(request.user, resource).require()
    form = RoleForm(request.POST or None, is_new=True)
    if form.is_valid():
        external_id = form.cleaned_data["external_id"]
        try:
            operations.add_resource_role(resource, external_id, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, {**PLACES, "unknown_role": "external_id"})
        else:
            messages.success(request, "The role was added.")
            return redirect("manage:resource", resource.pk)
    crumbs = to_resource(resource)
    return form_page(request, form, title="New role", button="Add role", crumbs=crumbs)


@require_http_methods(FORM)
def edit_role(request: PortalRequest, resource_id: UUID, role_id: UUID) -> HttpResponse:
    """Change the words of a role."""
    role = _role(request, resource_id, role_id)
    form = RoleForm(request.POST or None, initial=RoleTerms.of(role).as_dict(), is_new=False)
    if form.is_valid():
        try:
            operations.change_resource_role(role, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, PLACES)
        else:
            messages.success(request, "Saved.")
            return redirect("manage:resource", resource_id)
    crumbs = to_resource(role.resource)
    return form_page(request, form, title=f"Edit {role.name}", button="Save role", crumbs=crumbs)


@require_http_methods(FORM)
def remove_role(request: PortalRequest, resource_id: UUID, role_id: UUID) -> HttpResponse:
    """Ask, and forget a role that nothing uses."""
    role = _role(request, resource_id, role_id)
    if request.method == "POST":
        operations.remove_resource_role(role, by=request.user)
        messages.success(request, f"{role.name} was removed.")
        return redirect("manage:resource", resource_id)
    context = {
        "heading": f"Remove {role.name} of {role.resource}?",
        "effect": "Packages cannot contain it then.",
        "button": "Remove role",
        "keep": "Keep it",
        "back": reverse("manage:resource", args=[resource_id]),
    }
    return render(request, "manage/confirm.html", context)


def _role(request: PortalRequest, resource_id: UUID, role_id: UUID) -> ResourceRole:
    resource = resource_for(request, resource_id)
    role = get_object_or_404(resource.roles.select_related("resource__system"), pk=role_id)
    can_change_resource(request.user, resource).require()
    return role
