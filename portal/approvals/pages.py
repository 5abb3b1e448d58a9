"""What every act of an approver begins and ends with: the card, found, shown, or overtaken."""

from typing import Final
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from entitlements.decisions import Denied
from entitlements.directory.models import User
from entitlements.requests.context import Facts, facts_about
from entitlements.requests.models import AccessRequest
from entitlements.requests.permissions import can_decide
from portal import errors
from portal.approvals.cards import Card, stages_of
from portal.deletions import raise_if_deleted
from portal.http import PortalRequest, wants_fragment

TOO_LATE: Final = frozenset({"not_waiting", "lapsed", "not_approver"})


def facts_or_404(user: User, request_id: UUID) -> Facts:
    asked = AccessRequest.objects.asked_of(user).filter(pk=request_id)
    found = facts_about(asked, viewer=user)
    if not found:
        raise_if_deleted(user, request_id)
        raise Http404
    return found[0]


def is_open(facts: Facts, user: User) -> bool:
    """Say whether somebody can decide now."""
    return not facts.is_overdue and bool(can_decide(user, facts.access_request, facts.step))


def card_page(request: PortalRequest, card: Card, status: int = 200) -> HttpResponse:
    """Show a card: alone to htmx, and on the page with everything else to others."""
    if wants_fragment(request):
        return render(request, "approvals/_card.html", {"card": card}, status=status)
    context = {"card": card, "stages": stages_of(card.facts)}
    return render(request, "approvals/detail.html", context, status=status)


def too_late(request: PortalRequest, request_id: UUID, error: Denied) -> HttpResponse:
    """Say how it stands now, and who was faster."""
    facts = facts_or_404(request.user, request_id)
    if wants_fragment(request):
        card = Card(facts, reasons=error.decision.reasons)
        return render(request, "approvals/_card.html", {"card": card})
    address = reverse("approvals:detail", args=[request_id])
    return errors.conflict(request, now=str(error), address=address)
