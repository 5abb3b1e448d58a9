from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.audit.models import AuditEvent
from entitlements.catalog import packages as operations
from entitlements.catalog.package_versions import PackageDraft
from entitlements.decisions import Denied
from entitlements.delivery.progress import Progress, progress_of
from entitlements.policies.duplicating import duplicate_package
from entitlements.terms import LONGEST_NAME
from portal import wording
from portal.forms import refuse
from portal.http import PortalRequest, wants_fragment
from portal.manage.doors import (
    catalog_for,
    form_page,
    package_for,
    rights,
    to_catalog,
    to_package,
)
from portal.manage.double_holders import clashes_in_short
from portal.manage.forms import PLACES, PackageForm
from portal.manage.naming import names_in
from portal.manage.package_forms import DuplicateForm
from portal.manage.package_page import tabs
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
    progress = progress_of(package)
    if wants_fragment(request):
        context = {**_moving(request, progress), "is_news": True}
        return render(request, "components/_progress.html", context)
    events = list(AuditEvent.objects.about(package).reverse()[:SHOWN])
    may = rights(request, package.catalog)
    named = names_in(events, request.user, package.catalog_id)
    context = {
        **_moving(request, progress),
        "package": package,
        "tabs": tabs(package, may, "package"),
        "draft": PackageDraft.objects.filter(package=package).select_related("by").first(),
        "state": package_state(package),
        "crumbs": to_catalog(package.catalog),
        "rights": may,
        "entries": package.package_roles.select_related("role__resource"),
        "policies": summaries(package),
        "held": wording.people(package.assignments.live().count()),
        "waiting": package.requests.open().count(),
        **clashes_in_short(package, request.user),
        "history": history(events, request.user, named=named),
        "link": link_to(package, request),
    }
    return render(request, "manage/package.html", context)


def _moving(request: PortalRequest, progress: Progress | None) -> dict[str, object]:
    """Return what is shown of a change that is being carried out, and loads itself again."""
    content = {"part": "recount", "content": "manage/_recount.html", "url": request.path}
    return {**content, "progress": progress, "is_moving": progress is not None}


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
def duplicate(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Ask what it is called, and create a draft like a package that exists."""
    package = package_for(request, package_id, "manage_packages")
    form = DuplicateForm(
        request.POST or None, initial={"name": f"Copy of {package}"[:LONGEST_NAME]}
    )
    if form.is_valid():
        try:
            made = duplicate_package(package, form.cleaned_data["name"], by=request.user)
        except Denied as denied:
            refuse(form, denied, PLACES)
        else:
            messages.success(request, f"{made.package} is a draft now. Nobody holds it.")
            for one in made.left_out:
                why = " ".join(str(reason) for reason in one.reasons)
                messages.warning(request, f"The policy {one.policy} was left out: {why}")
            return redirect("manage:package", made.package.pk)
    return form_page(
        request,
        form,
        title=f"Duplicate {package}",
        button="Create draft",
        crumbs=to_package(package),
        lead="The same words, roles, policies, prerequisites and clashes, as a draft in the same "
        "catalog. Nobody holds it.",
    )


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
