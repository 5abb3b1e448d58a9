from dataclasses import dataclass
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from entitlements.decisions import ALLOWED, Decision, Denied
from entitlements.requests import reapplying
from entitlements.requests.models import AccessRequest
from entitlements.requests.states import RequestState
from portal.http import PortalRequest
from portal.manage.doors import policy_for, to_policy
from portal.manage.policy_words import Line, lines

ON_A_PAGE = 25


@dataclass(frozen=True)
class Row:
    """A request that waits, what would change for it, and what speaks against that."""

    access_request: AccessRequest
    lines: list[Line]
    decision: Decision


@dataclass(frozen=True)
class Outcome:
    """What became of one request among those that were chosen."""

    thing: AccessRequest
    decision: Decision


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: PortalRequest, policy_id: UUID) -> HttpResponse:
    """Show which requests keep an older copy of the policy; give the chosen ones the new terms."""
    policy = policy_for(request, policy_id, "manage_packages")
    waiting = policy.requests.filter(state=RequestState.PENDING_APPROVAL)
    waiting = waiting.select_related("package__catalog", "policy", "target", "requestor")
    page = Paginator(waiting.order_by("created_at", "pk"), ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "crumbs": to_policy(policy),
        "policy": policy,
        "page": page,
        "rows": [_row(request, one) for one in page.object_list],
        "words": {"done": "updated", "back": reverse("manage:policy_pending", args=[policy.pk])},
    }
    if request.method != "POST":
        return render(request, "manage/pending.html", context)
    chosen = set(request.POST.getlist("id"))
    outcomes = [_apply(request, one) for one in page.object_list if str(one.pk) in chosen]
    done = sum(bool(outcome.decision) for outcome in outcomes)
    return render(request, "manage/outcomes.html", {**context, "outcomes": outcomes, "done": done})


def _row(request: PortalRequest, access_request: AccessRequest) -> Row:
    found = lines(reapplying.differences(access_request))
    return Row(access_request, found, reapplying.can_apply(request.user, access_request))


def _apply(request: PortalRequest, access_request: AccessRequest) -> Outcome:
    try:
        reapplying.apply_policy(access_request, by=request.user)
    except Denied as denied:
        return Outcome(access_request, denied.decision)
    return Outcome(access_request, ALLOWED)
