from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from entitlements.catalog.permissions import can
from entitlements.requests import giving
from entitlements.requests.bulk import BulkAssignment, RowState
from portal.csv_files import csv_response
from portal.http import PortalRequest, wants_fragment
from portal.manage.doors import Crumb, package_for, to_package
from portal.manage.giving import RESULT, SHOWN, example, result_rows, shown_rows

ON_A_PAGE = 50


@require_safe
def detail(request: PortalRequest, list_id: UUID) -> HttpResponse:
    """Show a list: what it would give, how far it has come, or what became of each row."""
    bulk = _list(request, list_id)
    counts = bulk.counts()
    show = request.GET.get("show", "")
    page = Paginator(shown_rows(bulk, show), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "bulk": bulk,
        "crumbs": to_package(bulk.package),
        "counts": counts,
        "total": sum(counts.values()),
        "done": counts[RowState.GIVEN] + counts[RowState.REFUSED],
        "needs_approval": not bulk.skips_approval and bulk.policy.stages.exists(),
        "filters": [
            Crumb(f"{label} ({counts.get(state, sum(counts.values()))})", f"?show={state}")
            for state, label in SHOWN.items()
            if not state or counts[state]
        ],
        "show": show,
        "page": page,
        "is_mine": bulk.made_by_id == request.user.pk,
    }
    template = "_list" if wants_fragment(request) else "list"
    return render(request, f"manage/give/{template}.html", context)


@require_POST
def start(request: PortalRequest, list_id: UUID) -> HttpResponse:
    """Give what the list says: a short one now, a long one by the workers."""
    bulk = _list(request, list_id)
    giving.give_all(bulk, by=request.user)
    return redirect("manage:give_list", bulk.pk)


@require_POST
def drop(request: PortalRequest, list_id: UUID) -> HttpResponse:
    """Forget a list that was not given."""
    bulk = _list(request, list_id)
    giving.discard(bulk, by=request.user)
    messages.success(request, "The list was dropped. Nothing was given.")
    return redirect("manage:give", bulk.package_id)


@require_safe
def result(request: PortalRequest, list_id: UUID) -> HttpResponseBase:
    """Download what became of each row."""
    bulk = _list(request, list_id)
    return csv_response(f"given-{bulk.pk.hex[:8]}.csv", RESULT, result_rows(bulk))


@require_safe
def sample(request: PortalRequest, package_id: UUID) -> HttpResponseBase:
    """Download an example of a list, with the questions of the package's first policy."""
    package = package_for(request, package_id, "manage_assignments")
    header, rows = example(package.policies.order_by("name").first())
    return csv_response("people.csv", header, rows)


def _list(request: PortalRequest, list_id: UUID) -> BulkAssignment:
    visible = BulkAssignment.objects.visible_to(request.user)
    related = visible.select_related("package__catalog", "policy", "made_by")
    bulk = get_object_or_404(related, pk=list_id)
    can(request.user, "manage_assignments", bulk.package.catalog).require()
    return bulk
