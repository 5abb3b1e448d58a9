from collections.abc import Callable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from entitlements.catalog.incompatibilities import (
    ClashException,
    Incompatibility,
    Prerequisite,
    RoleClash,
)
from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.catalog.separation import terms_of
from entitlements.decisions import Denied
from entitlements.policies import clashes as operations
from entitlements.requests.double_holders import without_prerequisites
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.clash_forms import PLACES, ClashForm, PrerequisiteForm, RoleClashForm
from portal.manage.doors import (
    Crumb,
    catalog_for,
    form_page,
    package_for,
    rights,
    to_catalog,
    to_package,
)
from portal.manage.double_holders import double_holders_page, export
from portal.manage.naming import excepted, needed_for, pairs_of
from portal.manage.package_page import tabs

FORM = ["GET", "HEAD", "POST"]
MOST_SHOWN = 50


@require_safe
def of_package(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Show what a package clashes with and requires, who holds both, and who may."""
    package = package_for(request, package_id)
    own = package.incompatibilities.with_names().order_by("pk")
    naming = Incompatibility.objects.naming(package).with_names().order_by("pk")
    visible = AccessPackage.objects.visible_to(request.user)
    roles = RoleClash.objects.filter(Q(first__packages=package) | Q(second__packages=package))
    may = rights(request, package.catalog)
    context = {
        "package": package,
        "tabs": tabs(package, may, "clashes"),
        "crumbs": to_package(package),
        "rights": may,
        "clashes": pairs_of(package, request.user, list(own)),
        "role_clashes": roles.select_related(
            "catalog", "first__resource", "second__resource"
        ).distinct(),
        "naming": pairs_of(package, request.user, list(naming)),
        "prerequisites": needed_for(package, request.user),
        "required_by": package.required_by.filter(package__in=visible).select_related("package"),
        "without_prerequisite": without_prerequisites(package).count(),
        "can_except": bool(terms_of([package.pk]).get(package.pk)),
        "double": double_holders_page(
            request, AccessPackage.objects.filter(pk=package.pk), package.catalog
        ),
        "exceptions": excepted(request.user, [package.catalog_id], _exceptions(package)),
    }
    return render(request, "manage/clashes.html", context)


def _exceptions(package: AccessPackage) -> list[ClashException]:
    """Return the exceptions of a package on either side, the latest first."""
    found = ClashException.objects.of(package).with_names().order_by("-proposed_at")
    return list(found[:MOST_SHOWN])


@require_safe
def of_catalog(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Show which roles clash wherever they are given, and who holds what clashes in a catalog."""
    catalog = catalog_for(request, catalog_id)
    context = {
        "catalog": catalog,
        "crumbs": to_catalog(catalog),
        "rights": rights(request, catalog),
        "role_clashes": catalog.role_clashes.select_related("first__resource", "second__resource"),
        "double": double_holders_page(request, catalog.packages.all(), catalog),
    }
    return render(request, "manage/catalog_clashes.html", context)


@require_GET
def export_package(request: PortalRequest, package_id: UUID) -> HttpResponseBase:
    """Download who holds a package and what it clashes with."""
    package = package_for(request, package_id)
    packages = AccessPackage.objects.filter(pk=package.pk)
    scope = f"access package {package} in the catalog {package.catalog}"
    back = reverse("manage:clashes", args=[package.pk])
    catalog = package.catalog
    return export(request, packages, about=package, catalog=catalog, back=back, scope=scope)


@require_GET
def export_catalog(request: PortalRequest, catalog_id: UUID) -> HttpResponseBase:
    """Download who holds what clashes in a catalog."""
    catalog = catalog_for(request, catalog_id)
    scope = f"all access packages of the catalog {catalog}"
    back = reverse("manage:catalog_clashes", args=[catalog.pk])
    packages = catalog.packages.all()
    return export(request, packages, about=catalog, catalog=catalog, back=back, scope=scope)


@require_http_methods(FORM)
def add(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Say what a package clashes with."""
    package = package_for(request, package_id, "manage_packages")
    form = ClashForm(request.POST or None, viewer=request.user)

    def save() -> str:
        other, both_ways = form.cleaned_data["other"], form.goes_both_ways
        operations.add_clash(package, other, by=request.user, is_symmetric=both_ways)
        return f"{package} clashes with {other} now."

    if _saved(request, form, save):
        return redirect("manage:clashes", package.pk)
    return form_page(
        request,
        form,
        title=f"What clashes with {package}?",
        button="Add clash",
        crumbs=_to_clashes(package),
        lead="Whoever holds both already keeps both until they end, and is listed.",
    )


@require_http_methods(FORM)
def require(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Say what must be held before a package."""
    package = package_for(request, package_id, "manage_packages")
    form = PrerequisiteForm(request.POST or None, viewer=request.user)

    def save() -> str:
        required = form.cleaned_data["package"]
        is_alternative = form.cleaned_data["is_alternative"]
        operations.add_prerequisite(
            package, required, by=request.user, is_alternative=is_alternative
        )
        return f"{package} requires {required} now."

    if _saved(request, form, save):
        return redirect("manage:clashes", package.pk)
    title = f"What must be held before {package}?"
    crumbs = _to_clashes(package)
    lead = "Whoever holds the package without it keeps it until its end."
    return form_page(request, form, title=title, button="Require it", crumbs=crumbs, lead=lead)


@require_http_methods(FORM)
def add_roles(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Say which two roles nobody may hold together."""
    catalog = catalog_for(request, catalog_id, "manage_packages")
    form = RoleClashForm(request.POST or None, catalog=catalog, viewer=request.user)

    def save() -> str:
        first, second = form.cleaned_data["first"], form.cleaned_data["second"]
        operations.add_role_clash(catalog, first, second, by=request.user)
        return f"{first} clashes with {second} now."

    if _saved(request, form, save):
        return redirect("manage:catalog_clashes", catalog.pk)
    crumbs = to_catalog(catalog)
    lead = "Packages that give one clash with those that give the other, in every catalog."
    title = "Which roles clash?"
    return form_page(request, form, title=title, button="Add clash", crumbs=crumbs, lead=lead)


@require_http_methods(FORM)
def remove(request: PortalRequest, clash_id: UUID) -> HttpResponse:
    """Ask, and let a package and what it clashed with be held together."""
    visible = AccessPackage.objects.visible_to(request.user)
    entries = Incompatibility.objects.with_names().filter(package__in=visible)
    clash = get_object_or_404(entries, pk=clash_id)
    package_for(request, clash.package_id, "manage_packages")
    back = reverse("manage:clashes", args=[clash.package_id])
    if request.method == "POST":
        operations.remove_clash(clash, by=request.user)
        messages.success(request, f"{clash.package} does not clash with {clash.other} any more.")
        return redirect(back)
    heading = f"Let {clash.package} and {clash.other} be held together?"
    return _confirm(request, heading, "Nothing keeps them apart then.", "Remove clash", back)


@require_http_methods(FORM)
def require_no_more(request: PortalRequest, prerequisite_id: UUID) -> HttpResponse:
    """Ask, and require a package no more."""
    visible = AccessPackage.objects.visible_to(request.user)
    entries = Prerequisite.objects.select_related("package__catalog", "required")
    needed = get_object_or_404(entries.filter(package__in=visible), pk=prerequisite_id)
    package_for(request, needed.package_id, "manage_packages")
    back = reverse("manage:clashes", args=[needed.package_id])
    if request.method == "POST":
        operations.remove_prerequisite(needed, by=request.user)
        messages.success(request, f"{needed.package} does not require {needed.required} any more.")
        return redirect(back)
    heading = f"Require {needed.required} no more?"
    effect = f"{needed.package} can be got without it then."
    return _confirm(request, heading, effect, "Require it no more", back)


@require_http_methods(FORM)
def remove_roles(request: PortalRequest, clash_id: UUID) -> HttpResponse:
    """Ask, and let two roles be held together."""
    entries = RoleClash.objects.select_related("catalog", "first__resource", "second__resource")
    visible = Catalog.objects.visible_to(request.user)
    clash = get_object_or_404(entries.filter(catalog__in=visible), pk=clash_id)
    catalog_for(request, clash.catalog_id, "manage_packages")
    back = reverse("manage:catalog_clashes", args=[clash.catalog_id])
    if request.method == "POST":
        operations.remove_role_clash(clash, by=request.user)
        messages.success(request, f"{clash.first} does not clash with {clash.second} any more.")
        return redirect(back)
    heading = f"Let {clash.first} and {clash.second} be held together?"
    return _confirm(request, heading, "Nothing keeps them apart then.", "Remove clash", back)


def _saved(request: PortalRequest, form: forms.Form, save: Callable[[], str]) -> bool:
    """Save a form that is right, and say so; say whether it was, with reasons in the form."""
    if not form.is_valid():
        return False
    try:
        done = save()
    except Denied as denied:
        refuse(form, denied, PLACES)
        return False
    messages.success(request, done)
    return True


def _confirm(
    request: PortalRequest, heading: str, effect: str, button: str, back: str
) -> HttpResponse:
    context = {"heading": heading, "effect": effect, "button": button, "back": back}
    return render(request, "manage/confirm.html", context)


def _to_clashes(package: AccessPackage) -> list[Crumb]:
    return [*to_package(package), Crumb("Clashes", reverse("manage:clashes", args=[package.pk]))]
