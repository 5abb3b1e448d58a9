from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.audit.models import AuditEvent
from entitlements.catalog import packages as operations
from entitlements.catalog.models import AccessPackage
from entitlements.catalog.terms import PackageTerms
from entitlements.decisions import Denied
from portal import wording
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.doors import (
    catalog_for,
    form_page,
    package_for,
    rights,
    to_catalog,
    to_package,
)
from portal.manage.double_holders import clashes_in_short
from portal.manage.forms import PLACES, PackageForm, PackageRoleForm
from portal.manage.naming import names_in
from portal.manage.shown import history, package_state, summaries
from portal.packages.shared import link_to

SHOWN = 10
FORM = ["GET", "HEAD", "POST"]

STEPS: Final = {
    "publish": (operations.publish, "Publish", "Those whom a policy admits can ask for it then."),
    "retire": (
        operations.retire,
        "Retire",
        "Nobody can ask for it then. Whoever holds it keeps it until its end.",
    ),
    "hide": (
        operations.hide,
        "Hide",
        "It is not listed then. Whoever has its link can still ask for it.",
    ),
    "show": (operations.show, "List", "Those whom a policy admits find it in their list then."),
    "delete": (
        operations.delete_package,
        "Delete",
        "The package goes with its policies. What happened stays on record.",
    ),
}


@require_safe
def detail(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Show a package: what it gives, how it is got, who holds it, what was changed."""
    package = package_for(request, package_id)
    mine = rights(request, package.catalog)
    events = list(AuditEvent.objects.about(package).reverse()[:SHOWN])
    named = names_in(events, request.user, package.catalog_id)
    context = {
        "package": package,
        "state": package_state(package),
        "crumbs": to_catalog(package.catalog),
        "rights": mine,
        "entries": package.package_roles.select_related("role__resource"),
        "role_form": PackageRoleForm(package=package) if "manage_packages" in mine else None,
        "policies": summaries(package),
        "held": wording.people(package.assignments.live().count()),
        "waiting": package.requests.open().count(),
        **clashes_in_short(package, request.user),
        "history": history(events, request.user, named=named),
        "link": link_to(package, request),
    }
    return render(request, "manage/package.html", context)


@require_http_methods(FORM)
def add(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Create a package as a draft."""
    catalog = catalog_for(request, catalog_id, "manage_packages")
    form = PackageForm(request.POST or None)
    if form.is_valid():
        try:
            package = operations.create_package(catalog, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, PLACES)
        else:
            messages.success(request, f"{package} is a draft now. Add roles and a policy next.")
            return redirect("manage:package", package.pk)
    crumbs = to_catalog(catalog)
    return form_page(request, form, title="New package", button="Create package", crumbs=crumbs)


@require_http_methods(FORM)
def edit(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Change the words of a package."""
    package = package_for(request, package_id, "manage_packages")
    form = PackageForm(request.POST or None, initial=PackageTerms.of(package).as_dict())
    if form.is_valid():
        try:
            operations.change_package(package, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, PLACES)
        else:
            messages.success(request, "Saved.")
            return redirect("manage:package", package.pk)
    crumbs = to_package(package)
    return form_page(request, form, title=f"Edit {package}", button="Save package", crumbs=crumbs)


@require_http_methods(FORM)
def step(request: PortalRequest, package_id: UUID, name: str) -> HttpResponse:
    """Ask, and publish, retire, hide, list or delete a package."""
    if name not in STEPS:
        raise Http404
    package = package_for(request, package_id, "manage_packages")
    act, verb, effect = STEPS[name]
    if request.method == "POST":
        act(package, by=request.user)
        messages.success(request, f"Done: {verb.lower()} {package}.")
        if name == "delete":
            return redirect("manage:catalog", package.catalog_id)
        return redirect("manage:package", package.pk)
    context = {
        "heading": f"{verb} {package}?",
        "effect": effect,
        "button": f"{verb} package",
        "button_style": "btn-danger" if name in ("retire", "delete") else "btn-primary",
        "back": reverse("manage:package", args=[package.pk]),
    }
    return render(request, "manage/confirm.html", context)


@require_http_methods(FORM)
def add_role(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Put a role of the catalog into a package, and say beforehand who gets it."""
    package = package_for(request, package_id, "manage_packages")
    form = PackageRoleForm(request.POST or None, package=package)
    if form.is_valid():
        try:
            operations.add_role(package, form.cleaned_data["role"], by=request.user)
        except Denied as denied:
            refuse(form, denied, PLACES)
        else:
            messages.success(request, f"{package} contains {form.cleaned_data['role']} now.")
            return redirect("manage:package", package.pk)
    return form_page(
        request,
        form,
        title=f"Add a role to {package}",
        button="Add role",
        crumbs=to_package(package),
        lead=f"{_holders(package)} within minutes.",
    )


def _holders(package: AccessPackage) -> str:
    held = package.assignments.live().count()
    people = wording.people(held).capitalize()
    return f"{people} {'holds' if held == 1 else 'hold'} the package and {_gets(held)} it"


def _gets(held: int) -> str:
    return "gets" if held == 1 else "get"


@require_http_methods(FORM)
def remove_role(request: PortalRequest, package_id: UUID, role_id: UUID) -> HttpResponse:
    """Ask, and take a role out of a package and from its holders."""
    package = package_for(request, package_id, "manage_packages")
    role = get_object_or_404(package.roles.select_related("resource"), pk=role_id)
    if request.method == "POST":
        operations.remove_role(package, role, by=request.user)
        messages.success(request, f"{package} does not contain {role} any more.")
        return redirect("manage:package", package.pk)
    held = package.assignments.live().count()
    lose = "loses" if held == 1 else "lose"
    context = {
        "heading": f"Remove {role} from {package}?",
        "effect": f"{wording.people(held).capitalize()} {lose} it within minutes, unless another "
        "package gives it too.",
        "button": "Remove role",
        "keep": "Keep it",
        "back": reverse("manage:package", args=[package.pk]),
    }
    return render(request, "manage/confirm.html", context)
