from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from entitlements.catalog import rewriting
from entitlements.catalog.models import AccessPackage
from entitlements.catalog.package_versions import PackageDraft
from entitlements.catalog.terms import PackageContents
from entitlements.decisions import Denied
from entitlements.versions import number_of
from portal.forms import refuse
from portal.http import PortalRequest, wants_fragment
from portal.manage.compared import asks_to_restore, asks_to_throw_away, versions_page
from portal.manage.conflicts import number_in
from portal.manage.doors import package_for, rights, to_catalog
from portal.manage.forms import PLACES
from portal.manage.package_forms import PackageEditorForm
from portal.manage.package_page import editor_page, foreseen, tabs
from portal.manage.package_words import changes

FORM = ["GET", "HEAD", "POST"]


@require_http_methods(FORM)
def edit(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Show the words and roles of a package, and save them, or keep them as a draft."""
    package = package_for(request, package_id, "manage_packages")
    return _editor(request, package, PackageEditorForm(request.POST or None, package=package))


@require_http_methods(FORM)
def edit_draft(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Show what a package would become by its draft, and save it."""
    package = package_for(request, package_id, "manage_packages")
    contents = _drafted(package)
    if contents is None and request.method != "POST":
        return redirect("manage:package_edit", package.pk)
    form = PackageEditorForm(request.POST or None, package=package, contents=contents)
    return _editor(request, package, form, is_draft=True)


def _drafted(package: AccessPackage) -> PackageContents | None:
    draft = PackageDraft.objects.filter(package=package).first()
    return draft.read() if draft else None


def _editor(
    request: PortalRequest,
    package: AccessPackage,
    form: PackageEditorForm,
    *,
    is_draft: bool = False,
) -> HttpResponse:
    """Do what the pressed button says, once it was read what that does to holders; or show it."""
    is_to_confirm = False
    if form.is_valid():
        is_kept = "keep" in request.POST
        is_to_confirm = not is_kept and not _is_known(request, form, package)
        save = _keep if is_kept else _save
        if not is_to_confirm and save(request, package, form, is_draft):
            return redirect("manage:package_draft" if is_kept else "manage:package", package.pk)
    return editor_page(request, package, form, is_draft=is_draft, is_to_confirm=is_to_confirm)


def _is_known(request: PortalRequest, form: PackageEditorForm, package: AccessPackage) -> bool:
    """Say whether the sender has read what saving does to those who hold the package."""
    found = foreseen(request, form, package)
    return not found.is_to_read or request.POST.get("seen") == found.key


def _save(
    request: PortalRequest, package: AccessPackage, form: PackageEditorForm, is_draft: bool
) -> bool:
    version = number_in(request.POST.get("version")) or number_of(package)
    try:
        rewriting.rewrite_package(
            package, form.terms(), by=request.user, based_on=version, is_draft=is_draft
        )
    except Denied as denied:
        refuse(form, denied, PLACES)
        return False
    messages.success(request, "Saved.")
    return True


def _keep(
    request: PortalRequest, package: AccessPackage, form: PackageEditorForm, is_draft: bool
) -> bool:
    try:
        rewriting.keep_draft(package, form.terms(), by=request.user)
    except Denied as denied:
        refuse(form, denied, PLACES)
        return False
    messages.success(request, "Kept as a draft. The package is as it was.")
    return True


@require_POST
def preview(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Show what saving what is entered so far would do; nothing is saved."""
    package = package_for(request, package_id, "manage_packages")
    is_draft = "draft" in request.GET
    contents = _drafted(package) if is_draft else None
    sent: QueryDict = request.POST.copy()
    sent.setdefault("find", "parts")
    form = PackageEditorForm(sent, package=package, contents=contents)
    if wants_fragment(request):
        context = {"foreseen": foreseen(request, form, package)}
        return render(request, "manage/package/_foreseen.html", context)
    return editor_page(request, package, form, is_draft=is_draft)


@require_safe
def versions(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """List the versions of a package, and show what differs between two of them."""
    package = package_for(request, package_id)
    may = rights(request, package.catalog)
    return versions_page(
        request,
        rewriting.versions_of(package),
        changes=changes,
        restore_url=lambda number: reverse("manage:package_restore", args=[package.pk, number]),
        title=f"Changes of {package}",
        crumbs=to_catalog(package.catalog),
        tabs=tabs(package, may, "package_versions"),
        called="package",
        may_change="manage_packages" in may,
    )


@require_http_methods(FORM)
def restore(request: PortalRequest, package_id: UUID, number: int) -> HttpResponse:
    """Ask, and make an earlier version the draft of the next."""
    package = package_for(request, package_id, "manage_packages")
    if request.method == "POST":
        rewriting.restore_as_draft(package, number, by=request.user)
        messages.success(request, f"Version {number} is a draft now. Save it to let it count.")
        return redirect("manage:package_draft", package.pk)
    back = reverse("manage:package_versions", args=[package.pk])
    return asks_to_restore(request, package, number, back=back)


@require_http_methods(FORM)
def throw_away(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Ask, and throw the draft of a package away."""
    package = package_for(request, package_id, "manage_packages")
    if request.method == "POST":
        rewriting.throw_away_draft(package, by=request.user)
        messages.success(request, "The draft is gone. The package is as it was.")
        return redirect("manage:package", package.pk)
    back = reverse("manage:package_edit", args=[package.pk])
    return asks_to_throw_away(request, package, called="package", back=back)
