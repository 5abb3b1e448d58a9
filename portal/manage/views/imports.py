from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from entitlements.catalog.models import Catalog
from entitlements.decisions import Denied
from entitlements.directory.sync.csv_tables import BadFile
from entitlements.imports import operations
from entitlements.imports.models import RoleImport
from entitlements.requests.permissions import can_skip_approval
from portal.csv_files import csv_response
from portal.forms import refuse
from portal.http import PortalRequest, wants_fragment
from portal.manage.doors import catalog_for, form_page, import_for, to_catalog
from portal.manage.imports import (
    RESULT,
    SHOWN,
    ImportForm,
    chips,
    example,
    overview,
    result_rows,
    shown_roles,
)

ON_A_PAGE = 25
LATEST = 5


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Take role definitions in, and try them out; nothing is imported by that."""
    catalog = catalog_for(request, catalog_id, "manage_packages")
    is_sent = request.method == "POST"
    form = ImportForm(
        request.POST if is_sent else None,
        request.FILES if is_sent else None,
        may_skip_approval=bool(can_skip_approval(request.user, catalog)),
    )
    if form.is_valid():
        role_import = _check(request, catalog, form)
        if role_import:
            return redirect("manage:import", role_import.pk)
    latest = RoleImport.objects.filter(catalog=catalog)
    return form_page(
        request,
        form,
        title=f"Import roles into {catalog}",
        button="Try it out",
        crumbs=to_catalog(catalog),
        lead="Role definitions of another product become packages with policies and members.",
        template="manage/import/form.html",
        catalog=catalog,
        imports=latest.select_related("made_by").order_by("-created_at")[:LATEST],
    )


def _check(request: PortalRequest, catalog: Catalog, form: ImportForm) -> RoleImport | None:
    try:
        return operations.check(
            catalog, form.definitions(), form.options(), by=request.user, source=form.source()
        )
    except BadFile as bad:
        form.add_error("file", str(bad))
    except Denied as denied:
        refuse(form, denied)
    return None


@require_safe
def detail(request: PortalRequest, import_id: UUID) -> HttpResponse:
    """Show what an import would make, or how far it has come, and everything that was found."""
    role_import = import_for(request, import_id)
    sums = overview(role_import)
    show = request.GET.get("show", "")
    show = show if show in SHOWN else ""
    roles = role_import.roles.select_related("package", "bulk")
    findings = role_import.findings.filter(weight=show)
    paginator: Paginator[Any] = Paginator(findings if show else roles, ON_A_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    context = {
        **sums,
        "role_import": role_import,
        "crumbs": to_catalog(role_import.catalog),
        "filters": chips(sums["counts"], show),
        "show": show,
        "page": page,
        "roles": [] if show else shown_roles(role_import, page),
        "is_mine": role_import.made_by_id == request.user.pk,
    }
    template = "_detail" if wants_fragment(request) else "detail"
    return render(request, f"manage/import/{template}.html", context)


@require_POST
def start(request: PortalRequest, import_id: UUID) -> HttpResponse:
    """Make the packages and policies now; the workers give them to members."""
    role_import = import_for(request, import_id)
    operations.carry_out(role_import, by=request.user)
    return redirect("manage:import", role_import.pk)


@require_POST
def drop(request: PortalRequest, import_id: UUID) -> HttpResponse:
    """Forget an import that was not carried out."""
    role_import = import_for(request, import_id)
    operations.discard(role_import, by=request.user)
    messages.success(request, "The import was dropped. Nothing was made.")
    return redirect("manage:import_add", role_import.catalog_id)


@require_safe
def result(request: PortalRequest, import_id: UUID) -> HttpResponseBase:
    """Download what was found, and what became of each member."""
    role_import = import_for(request, import_id)
    name = f"import-{role_import.pk.hex[:8]}.csv"
    return csv_response(name, RESULT, result_rows(role_import))


@require_safe
def sample(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Download an example of all files, with a role that the catalog offers."""
    catalog = catalog_for(request, catalog_id, "manage_packages")
    response = HttpResponse(example(catalog), content_type="application/zip")
    response["Content-Disposition"] = 'attachment; filename="roles.zip"'
    return response
