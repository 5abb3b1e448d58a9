"""Acts on many rows that the workers do: confirmed, followed, stopped, and taken away as a file."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from entitlements.decisions import Denied
from entitlements.delivery import acting
from entitlements.delivery.acts import ActState, BulkAct
from entitlements.requests.row_by_row import can_begin, counted
from portal.csv_files import csv_response
from portal.forms import refuse
from portal.http import PortalRequest, wants_fragment
from portal.manage.acts import RESULT, SHOWN, WORDS, form_for, result_rows, rows_for, wanted_of
from portal.manage.doors import Crumb, act_for
from portal.manage.forms import LongerForm, ReasonForm

ON_A_PAGE = 50
NAMED = 10


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """List what was done to many rows at once, the latest first."""
    acts = BulkAct.objects.visible_to(request.user).select_related("made_by")
    page = Paginator(acts.order_by("-created_at", "pk"), ON_A_PAGE)
    context = {"page": page.get_page(request.GET.get("page"))}
    return render(request, "manage/act/index.html", context)


@require_safe
def detail(request: PortalRequest, act_id: UUID) -> HttpResponse:
    """Ask whoever chose the rows; then show how far it has come, and what became of each."""
    act = act_for(request, act_id)
    is_mine = act.made_by_id == request.user.pk
    if is_mine and not act.started_at:
        return _confirm(request, act, form_for(act.kind))
    context = {
        "act": act,
        "words": WORDS[act.kind],
        "crumbs": [Crumb("Changes in bulk", reverse("manage:acts"))],
        "is_mine": is_mine,
        **_rows(request, act),
        # The part of the page that loads itself again while the act goes on
        "part": "act",
        "content": "manage/act/_detail.html",
        "url": request.get_full_path(),
        "is_moving": act.is_running,
        "seconds": 3,
    }
    template = "components/_progress.html" if wants_fragment(request) else "manage/act/detail.html"
    return render(request, template, context)


def _rows(request: PortalRequest, act: BulkAct) -> dict[str, Any]:
    """Return the rows that the viewer sees, all or those in one state, and how many are in each."""
    show = request.GET.get("show", "")
    rows = rows_for(act, request.user)
    counts = counted(rows, ActState.values)
    total = sum(counts.values())
    shown = rows.filter(state=show) if show in ActState.values else rows
    return {
        "counts": counts,
        "total": total,
        "over": total - counts[ActState.WAITING],
        "filters": [
            Crumb(f"{label} ({counts.get(state, total)})", f"?show={state}")
            for state, label in SHOWN.items()
            if not state or counts[state]
        ],
        "show": show,
        "page": Paginator(shown, ON_A_PAGE).get_page(request.GET.get("page")),
    }


def _confirm(
    request: PortalRequest, act: BulkAct, form: LongerForm | ReasonForm, *, status: int = 200
) -> HttpResponse:
    """Say what will happen to how many, and name the first of them."""
    rows = act.rows.visible_to(request.user).prefetch_related(
        "assignment__target",
        "assignment__package__catalog",
        "access_request__target",
        "access_request__package__catalog",
    )
    things = [row.thing for row in rows[:NAMED] if row.thing]
    total = act.rows.count()
    context = {"act": act, "words": WORDS[act.kind], "form": form, "things": things}
    numbers = {"total": total, "more": total - len(things)}
    return render(request, "manage/chosen.html", {**context, **numbers}, status=status)


@require_POST
def start(request: PortalRequest, act_id: UUID) -> HttpResponse:
    """Let the workers begin with what was chosen."""
    act = act_for(request, act_id)
    can_begin(request.user, act).require()
    form = form_for(act.kind, request.POST)
    if form.is_valid():
        try:
            acting.start(act, wanted_of(form), by=request.user)
        except Denied as denied:
            refuse(form, denied)
        else:
            return redirect("manage:act", act.pk)
    return _confirm(request, act, form, status=422)


@require_POST
def stop(request: PortalRequest, act_id: UUID) -> HttpResponse:
    """Leave as it is what is not done yet."""
    act = act_for(request, act_id)
    acting.stop(act, by=request.user)
    return redirect("manage:act", act.pk)


@require_POST
def drop(request: PortalRequest, act_id: UUID) -> HttpResponse:
    """Forget what was chosen, and change nothing."""
    act = act_for(request, act_id)
    acting.discard(act, by=request.user)
    messages.success(request, "Nothing was changed.")
    return redirect(WORDS[act.kind].back)


@require_safe
def result(request: PortalRequest, act_id: UUID) -> HttpResponseBase:
    """Download what became of each row."""
    act = act_for(request, act_id)
    return csv_response(f"{act.kind}-{act.pk.hex[:8]}.csv", RESULT, result_rows(act, request.user))
