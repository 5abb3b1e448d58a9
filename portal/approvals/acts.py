"""What an approver can do with a request beside deciding it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from entitlements.assignments.models import Assignment
from entitlements.decisions import Denied
from entitlements.directory.models import User
from entitlements.requests import dialogue, handing_over, operations
from entitlements.requests.models import AccessRequest
from entitlements.requests.permissions import can_revoke
from portal import errors
from portal.access.holdings import role_lines
from portal.approvals.cards import Card
from portal.approvals.forms import ACT_PLACES, ASK_PLACES, AskForm, HandOverForm, RevokeForm
from portal.approvals.pages import TOO_LATE, card_page, facts_or_404, too_late
from portal.deletions import request_for
from portal.forms import refuse
from portal.http import PortalRequest


@require_POST
def ask(request: PortalRequest, request_id: UUID) -> HttpResponse:
    """Ask whoever made the request something, and leave it to be decided."""
    facts = facts_or_404(request.user, request_id)
    form = AskForm(request.POST)
    if form.is_valid():
        try:
            dialogue.ask(facts.access_request, form.cleaned_data["question"], by=request.user)
        except Denied as error:
            if error.codes & TOO_LATE:
                return too_late(request, request_id, error)
            refuse(form, error, ASK_PLACES)
        else:
            facts = facts_or_404(request.user, request_id)
            note = f"We sent your question to {facts.access_request.requestor}."
            return card_page(request, Card(facts, can_decide=True, note=note))
    card = Card(facts, can_decide=True, panel="ask", form=form)
    return card_page(request, card, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: PortalRequest, assignment_id: UUID) -> HttpResponse:
    """Say what ending approved access means, and do it."""
    asked = Assignment.objects.filter(requests__steps__asked__user=request.user).distinct()
    related = asked.select_related("package__catalog", "policy", "target")
    assignment = get_object_or_404(related, pk=assignment_id)
    can_revoke(request.user, assignment).require()
    form = RevokeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            operations.revoke(assignment, by=request.user, **form.cleaned_data)
        except Denied as denied:
            refuse(form, denied, ACT_PLACES)
        else:
            messages.success(request, f"You ended {assignment.package} for {assignment.target}.")
            return redirect("approvals:decided")
    context = {"assignment": assignment, "form": form, "roles": role_lines(assignment)}
    status = 422 if form.errors else 200
    return render(request, "approvals/revoke.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: PortalRequest, request_id: UUID) -> HttpResponse:
    """Find who decides in the place of whoever is asked, and give him the turn."""
    seen = AccessRequest.objects.visible_to(request.user)
    related = seen.select_related("package__catalog", "requestor", "target")
    access_request = request_for(request.user, related, request_id)
    decision = handing_over.can_hand_over(request.user, access_request)
    if decision.codes & TOO_LATE:
        return _overtaken(request, Denied(decision), request_id)
    decision.require()
    givers = handing_over.givers(access_request)
    form = HandOverForm(request.POST or None, givers=[] if request.user in givers else givers)
    if form.is_valid():
        try:
            to = _hand_over(access_request, form, by=request.user)
        except Denied as error:
            if error.codes & TOO_LATE:
                return _overtaken(request, error, request_id)
            refuse(form, error, ACT_PLACES)
        else:
            messages.success(request, f"{to} decides about {access_request} now.")
            return redirect("approvals:index")
    context = {"access_request": access_request, "form": form, "givers": givers}
    status = 422 if form.is_bound and not form.is_finding else 200
    return render(request, "approvals/hand_over.html", context, status=status)


def _hand_over(access_request: AccessRequest, form: HandOverForm, *, by: User) -> User:
    sent = form.cleaned_data
    to: User = sent["person"]
    handing_over.hand_over(
        access_request, to, by=by, justification=sent["justification"], giver=sent.get("giver")
    )
    return to


def _overtaken(request: PortalRequest, error: Denied, request_id: UUID) -> HttpResponse:
    address = reverse("requests:detail", args=[request_id])
    return errors.conflict(request, now=str(error), address=address)
