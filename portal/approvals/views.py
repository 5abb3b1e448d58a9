from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.directory.models import User
from entitlements.requests import deciding
from entitlements.requests.context import facts_about
from entitlements.requests.models import AccessRequest, ApprovalStep
from portal.approvals import tokens
from portal.approvals.cards import Card, gather
from portal.approvals.forms import (
    SHORTER_PLACES,
    ApproveForm,
    DenyForm,
    ShortenForm,
    TogetherForm,
)
from portal.approvals.pages import TOO_LATE, card_page, facts_or_404, is_open, too_late
from portal.approvals.stale import why_stale
from portal.approvals.tabs import tabs
from portal.forms import end_of, refuse
from portal.http import PortalRequest, wants_fragment

CARDS_ON_A_PAGE: Final = 25
ROWS_ON_A_PAGE: Final = 50
ORDERS: Final = {
    "due": ("steps__due_at", "pk"),
    "package": ("package__name", "steps__due_at", "pk"),
    "requester": ("target__display_name", "steps__due_at", "pk"),
}
FORMS: Final[dict[str, type[forms.Form]]] = {
    "approve": ApproveForm,
    "shorten": ShortenForm,
    "deny": DenyForm,
}
PANELS: Final = {*FORMS, "ask"}
DONE: Final = {"approve": "approved", "shorten": "approved", "deny": "denied"}


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """Show what waits for the viewer's decision, what is due first in front."""
    waiting = AccessRequest.objects.waiting_for(request.user)
    counts = waiting.aggregate(
        total=Count("pk"), today=Count("pk", filter=Q(steps__due_at__lt=_tomorrow()))
    )
    order = request.GET.get("sort", "")
    order = order if order in ORDERS else "due"
    paginator = Paginator(waiting.order_by(*ORDERS[order]), CARDS_ON_A_PAGE)
    paginator.count = counts["total"]
    page = paginator.get_page(request.GET.get("page"))
    shown = cast("QuerySet[AccessRequest]", page.object_list)
    cards = [
        Card(facts, can_decide=True, is_selectable=True)
        for facts in facts_about(shown, viewer=request.user)
    ]
    context = {
        "cards": cards,
        "page": page,
        "counts": counts,
        "order": order,
        "orders": ORDERS,
        "tabs": tabs("approvals:index", counts["total"]),
        "last": None if cards else _decided_by_or_beside(request.user).first(),
    }
    return render(request, "approvals/index.html", context)


@require_safe
def decided(request: PortalRequest) -> HttpResponse:
    """Show what became of the stages that the viewer was asked in."""
    steps = _decided_by_or_beside(request.user)
    page = Paginator(steps, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    waiting = AccessRequest.objects.waiting_for(request.user).count()
    context = {"page": page, "tabs": tabs("approvals:decided", waiting)}
    return render(request, "approvals/decided.html", context)


@require_safe
def detail(request: PortalRequest, request_id: UUID) -> HttpResponse:
    """Show everything that helps to decide one request, or what has become of it."""
    facts = facts_or_404(request.user, request_id)
    panel = request.GET.get("panel", "")
    return card_page(
        request,
        Card(
            facts,
            can_decide=is_open(facts, request.user),
            panel=panel if panel in PANELS else "",
        ),
    )


@require_POST
def decide(request: PortalRequest, request_id: UUID, choice: str) -> HttpResponse:
    """Approve, approve for less, or deny; htmx swaps the card, others go back to the inbox."""
    facts = facts_or_404(request.user, request_id)
    form = FORMS[choice](request.POST)
    if form.is_valid():
        try:
            _carry_out(choice, facts.access_request, form.cleaned_data, by=request.user)
        except Denied as error:
            if error.codes & TOO_LATE:
                return too_late(request, request_id, error)
            refuse(form, error, SHORTER_PLACES)
        else:
            return _answer(request, request_id, choice)
    card = Card(facts, can_decide=True, panel=choice, form=form)
    return card_page(request, card, status=422)


@require_http_methods(["GET", "POST"])
def together(request: PortalRequest) -> HttpResponse:
    """Show every line of a decision about several requests, and carry it out on confirmation."""
    sent = request.POST if request.method == "POST" else request.GET
    choice = sent.get("choice", "")
    batch = gather(request.user, sent.getlist("request"))
    if choice not in tokens.CHOICES or batch.is_empty:
        messages.info(request, "Select at least one request first.")
        return redirect("approvals:index")
    form = TogetherForm(request.POST or None, is_required=choice == "deny")
    context: dict[str, Any] = {
        "batch": batch,
        "choice": choice,
        "word": DONE[choice],
        "form": form,
    }
    if form.is_valid():
        context["outcomes"] = deciding.decide_many(
            batch.requests,
            by=request.user,
            approves=choice == "approve",
            justification=form.cleaned_data["justification"],
        )
    return render(request, "approvals/together.html", context, status=422 if form.errors else 200)


@never_cache
@require_safe
def mail(request: PortalRequest, token: str) -> HttpResponse:
    """Check the link of a mail and lead on to an address without it; nothing is decided here."""
    response = _follow(request, token)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _follow(request: PortalRequest, token: str) -> HttpResponse:
    try:
        ticket = tokens.read(token)
    except tokens.BadToken:
        why = "This link is not complete. Copy it from the mail as a whole, or open your approvals."
        return render(request, "approvals/stale.html", {"why": why}, status=404)
    why = why_stale(request.user, ticket)
    if why:
        return render(request, "approvals/stale.html", {"why": why}, status=409)
    address = reverse("approvals:confirm", args=[ticket.access_request])
    return redirect(f"{address}?choice={ticket.choice}")


@never_cache
@require_safe
def confirm(request: PortalRequest, request_id: UUID) -> HttpResponse:
    """Show one request with a choice made in a mail, to be confirmed or changed."""
    facts = facts_or_404(request.user, request_id)
    choice = request.GET.get("choice", "")
    if choice not in tokens.CHOICES or not is_open(facts, request.user):
        return redirect("approvals:detail", request_id)
    card = Card(facts, panel=choice)
    response = render(request, "approvals/confirm.html", {"card": card, "choice": choice})
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _carry_out(
    choice: str, access_request: AccessRequest, sent: dict[str, Any], *, by: User
) -> None:
    words = sent["justification"]
    if choice == "deny":
        deciding.deny_request(access_request, by=by, justification=words)
    else:
        day = sent["ends_on"] if choice == "shorten" else None
        ends_at = end_of(day, limit=None)
        deciding.approve(access_request, by=by, justification=words, ends_at=ends_at)


def _answer(request: PortalRequest, request_id: UUID, choice: str) -> HttpResponse:
    """Say what was done and what is left."""
    facts = facts_or_404(request.user, request_id)
    left = AccessRequest.objects.waiting_for(request.user).count()
    outcome = f"You {DONE[choice]} {facts.access_request}."
    messages.success(request, f"{outcome} {f'{left} left.' if left else 'Nothing is left.'}")
    if wants_fragment(request):
        return render(request, "approvals/_card.html", {"card": Card(facts, outcome=outcome)})
    return redirect("approvals:index")


def _decided_by_or_beside(user: User) -> QuerySet[ApprovalStep]:
    steps = ApprovalStep.objects.decided_among(user).annotate(
        over_at=Coalesce("decided_at", "due_at"), own_decision=F("asked__decision")
    )
    related = steps.select_related(
        "access_request__package",
        "access_request__target",
        "access_request__assignment__policy",
        "decided_by",
    )
    return related.order_by("-over_at", "-pk")


def _tomorrow() -> datetime:
    """Return when the viewer's day ends."""
    today = timezone.localtime(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)
