"""The page on which a package is entered, beside what saving it would do; and its tabs."""

from collections.abc import Collection
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from entitlements.catalog.models import AccessPackage, ResourceRole
from entitlements.catalog.package_versions import PackageDraft
from entitlements.catalog.rewriting import versions_of
from entitlements.versions import number_of
from portal.http import PortalRequest, wants_fragment
from portal.manage.conflicts import conflict_of, has_conflict, number_in
from portal.manage.doors import form_page, rights, to_catalog
from portal.manage.foreseen import Foreseen, foreseen_of
from portal.manage.package_forms import SECTIONS, PackageEditorForm
from portal.manage.package_words import changes
from portal.manage.wrong import wrong_in

TEMPLATE = "manage/package/edit.html"


def tabs(package: AccessPackage, may: Collection[str], current: str) -> list[dict[str, Any]]:
    """Return the pages of a package as tabs, for somebody with these rights in its catalog."""
    pages = [
        ("package", "Overview", True),
        ("package_edit", "About and roles", "manage_packages" in may),
        ("clashes", "Clashes", True),
        ("package_ways", "Who gets it how", "manage_assignments" in may),
        ("package_as", "Preview as…", "manage_assignments" in may),
        ("package_versions", "Changes", True),
    ]
    return [
        {
            "label": label,
            "url": reverse(f"manage:{route}", args=[package.pk]),
            "is_current": route == current,
        }
        for route, label, is_open in pages
        if is_open
    ]


def foreseen(request: PortalRequest, form: PackageEditorForm, package: AccessPackage) -> Foreseen:
    """Return what saving what is entered would do to those who hold the package."""
    wanted = form.wanted
    added = [role for role in wanted if role.pk not in form.saved.role_ids]
    gone = ResourceRole.objects.filter(packages=package).exclude(
        pk__in=[role.pk for role in wanted]
    )
    removed = list(gone.select_related("resource__system").order_by("resource__name", "name"))
    return foreseen_of(package, added, removed, request.user)


def editor_page(
    request: PortalRequest,
    package: AccessPackage,
    form: PackageEditorForm,
    *,
    is_draft: bool,
    is_to_confirm: bool = False,
) -> HttpResponse:
    """Render the form of a package, and what was saved meanwhile if that is in the way."""
    version = number_in(request.POST.get("version")) or number_of(package)
    route, query = ("package_draft", "?draft=1") if is_draft else ("package_edit", "")
    may = rights(request, package.catalog)
    beside = None if wants_fragment(request) else foreseen(request, form, package)
    return form_page(
        request,
        form,
        title=f"Draft of {package}" if is_draft else str(package),
        button="Save draft as the package" if is_draft else "Save package",
        crumbs=to_catalog(package.catalog),
        template=TEMPLATE,
        tabs=tabs(package, may, "package_edit"),
        package=package,
        address=reverse(f"manage:{route}", args=[package.pk]),
        preview_address=reverse("manage:package_preview", args=[package.pk]) + query,
        is_draft=is_draft,
        draft=PackageDraft.objects.filter(package=package).select_related("by").first(),
        conflict=conflict_of(
            form, version, versions=partial(versions_of, package), changes=changes
        ),
        version=number_of(package) if has_conflict(form) else version,
        is_to_confirm=is_to_confirm,
        wrong=wrong_in(form, SECTIONS),
        rights=may,
        foreseen=beside,
    )
