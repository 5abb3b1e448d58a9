"""The page on which people agree who decides in whose place."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from entitlements.decisions import Denied
from entitlements.requests import standing_in
from entitlements.requests.delegations import ApprovalDelegation
from entitlements.requests.models import AccessRequest
from portal.approvals.forms import STAND_IN_PLACES, StandInForm
from portal.approvals.tabs import tabs
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.picker import search
from portal.places import is_approver, may_manage


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: PortalRequest) -> HttpResponse:
    """Show who stands in for the viewer and for whom he does, and agree on somebody new."""
    may_choose = is_approver(request.user)
    form = StandInForm(request.POST if may_choose and request.POST else None, viewer=request.user)
    if form.is_valid() and _agreed(request, form):
        return redirect("approvals:delegation")
    shown = ApprovalDelegation.objects.shown_to(request.user)
    found = list(shown.select_related("delegator", "delegate", "catalog").order_by("starts_at"))
    waiting = AccessRequest.objects.waiting_for(request.user).count()
    context: dict[str, Any] = {
        "form": form,
        "may_choose": may_choose,
        "given": [one for one in found if one.delegator == request.user],
        "received": [one for one in found if one.delegate == request.user],
        "forbidden": standing_in.can_delegate().reasons,
        "tabs": tabs("approvals:delegation", waiting),
    }
    status = 422 if form.is_bound and not form.is_finding else 200
    return render(request, "approvals/standing_in.html", context, status=status)


@require_safe
def find(request: PortalRequest) -> HttpResponse:
    """Answer approvers and managers who look for somebody by name; others find no such page."""
    if not (is_approver(request.user) or may_manage(request.user)):
        raise Http404
    return search(request, ("user",))


@require_POST
def end(request: PortalRequest, delegation_id: UUID) -> HttpResponse:
    """End one of the viewer's own, given or received."""
    own = ApprovalDelegation.objects.shown_to(request.user)
    delegation = get_object_or_404(own.select_related("delegator", "delegate"), pk=delegation_id)
    standing_in.end_delegation(delegation, by=request.user)
    ended = f"{delegation.delegate} no longer stands in for {delegation.delegator}."
    messages.success(request, ended)
    return redirect("approvals:delegation")


def _agreed(request: PortalRequest, form: StandInForm) -> bool:
    to = form.cleaned_data["person"]
    try:
        standing_in.delegate(to, by=request.user, **form.agreement())
    except Denied as denied:
        refuse(form, denied, STAND_IN_PLACES)
        return False
    messages.success(request, f"{to} stands in for you.")
    return True
