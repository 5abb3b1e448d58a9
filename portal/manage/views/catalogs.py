from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.audit.models import AuditEvent
from entitlements.catalog import operations
from entitlements.catalog.appointments import appointments
from entitlements.catalog.models import AccessPackage, Catalog, CatalogResource
from entitlements.catalog.permissions import can_create_catalogs
from entitlements.catalog.terms import CatalogTerms
from entitlements.decisions import Denied
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.catalog_forms import CatalogForm
from portal.manage.counts import count_of
from portal.manage.doors import Crumb, catalog_for, form_page, rights, to_catalog
from portal.manage.forms import PLACES
from portal.manage.shown import history, package_state
from portal.manage.todo import todos, todos_in

SHOWN = 10
FORM = ["GET", "HEAD", "POST"]


@require_safe
def home(request: PortalRequest) -> HttpResponse:
    """Show what needs the viewer in his catalogs, and the catalogs with what is in them."""
    mine = Catalog.objects.visible_to(request.user)
    catalogs = mine.annotate(
        package_count=count_of(AccessPackage.objects.all(), "catalog"),
        resource_count=count_of(CatalogResource.objects.all(), "catalog"),
    ).order_by("name")
    context = {
        "todos": todos(request.user),
        "catalogs": catalogs[:SHOWN],
        "catalog_count": mine.count(),
        "may_create": bool(can_create_catalogs(request.user)),
    }
    return render(request, "manage/home.html", context)


@require_safe
def detail(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Show one catalog: what is in it, who runs it, what was changed."""
    catalog = catalog_for(request, catalog_id)
    packages = catalog.packages.order_by("name")
    resources = catalog.resources.order_by("name")
    events = AuditEvent.objects.about(catalog).reverse()
    context = {
        "catalog": catalog,
        "crumbs": to_catalog(catalog)[:1],
        "rights": rights(request, catalog),
        "todos": todos_in(catalog),
        "packages": [(package, package_state(package)) for package in packages[:SHOWN]],
        "package_count": packages.count(),
        "resources": resources.select_related("system")[:SHOWN],
        "resource_count": resources.count(),
        "appointments": appointments(catalog),
        "extensions": catalog.extensions.order_by("name", "pk"),
        "history": history(events[:SHOWN], request.user),
    }
    return render(request, "manage/catalog.html", context)


@require_http_methods(FORM)
def add(request: PortalRequest) -> HttpResponse:
    """Create a catalog, whose owner is then the viewer."""
    can_create_catalogs(request.user).require()
    form = CatalogForm(request.POST or None, viewer=request.user)
    if form.is_valid():
        try:
            catalog = operations.create_catalog(form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, PLACES)
        else:
            messages.success(request, f"You created {catalog}, and own it.")
            return redirect("manage:catalog", catalog.pk)
    crumbs = [Crumb("Catalogs", reverse("manage:entitlements_catalog_changelist"))]
    return form_page(request, form, title="New catalog", button="Create catalog", crumbs=crumbs)


@require_http_methods(FORM)
def edit(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Change a catalog's words and switches."""
    catalog = catalog_for(request, catalog_id, "change_catalog")
    initial = CatalogTerms.of(catalog).as_dict()
    form = CatalogForm(request.POST or None, initial=initial, viewer=request.user)
    if form.is_valid():
        try:
            operations.change_catalog(catalog, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, PLACES)
        else:
            messages.success(request, "Saved.")
            return redirect("manage:catalog", catalog.pk)
    crumbs = to_catalog(catalog)
    return form_page(request, form, title=f"Edit {catalog}", button="Save catalog", crumbs=crumbs)


@require_http_methods(FORM)
def delete(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Ask, and delete an empty catalog."""
    catalog = catalog_for(request, catalog_id, "change_catalog")
    if request.method == "POST":
        operations.delete_catalog(catalog, by=request.user)
        messages.success(request, f"You deleted {catalog}.")
        return redirect("manage:index")
    context = {
        "heading": f"Delete {catalog}?",
        "effect": "Its appointments and its list of resources go; what happened stays on record.",
        "button": "Delete catalog",
        "keep": "Keep it",
        "back": reverse("manage:catalog", args=[catalog.pk]),
    }
    return render(request, "manage/confirm.html", context)
