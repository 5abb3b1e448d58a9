from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from entitlements.decisions import Denied
from entitlements.delivery import operations as delivery
from entitlements.requests import operations
from entitlements.requests.models import AccessRequest
from portal import errors
from portal.deletions import request_for
from portal.forms import PLACES, refuse
from portal.http import PortalRequest, wants_fragment
from portal.my_access import tabs
from portal.requests.forms import CancelForm
from portal.requests.story import Story

ON_A_PAGE = 25
STALE = {"too_late_to_cancel", "not_waiting", "not_resubmittable", "nothing_to_reprocess"}
SHOWN = {"": "All", "open": "On the way", "closed": "Finished"}


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """List the requests that the viewer made, or that are about his access, newest first."""
    show = request.GET.get("show", "")
    mine = AccessRequest.objects.made_by_or_for(request.user)
    chosen = {"open": mine.moving, "closed": mine.closed}.get(show, mine.all)()
    listed = chosen.select_related("package__catalog", "requestor", "target").with_waiting_step()
    page = Paginator(listed.order_by("-created_at", "-pk"), ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "show": show if show in SHOWN else "",
        "choices": SHOWN.items(),
        "tabs": tabs(request.user, "requests:index"),
    }
    return render(request, "requests/index.html", context)


@require_safe
def detail(request: PortalRequest, request_id: UUID) -> HttpResponse:
    """Tell a request's story; a page that shows it already asks only for what is new."""
    story = Story(_visible(request, request_id), request.user)
    if wants_fragment(request):
        if request.GET.get("seen") == story.stamp:
            return HttpResponse(status=204)
        return render(request, "requests/_story.html", {"story": story, "is_news": True})
    return render(request, "requests/detail.html", {"story": story})


@require_POST
def remind(request: PortalRequest, request_id: UUID) -> HttpResponse:
    """Remind whoever is asked to decide."""
    access_request = _visible(request, request_id)
    try:
        operations.remind(access_request, by=request.user)
    except Denied as denied:
        return _refused(request, access_request, denied)
    messages.success(request, "We reminded whoever is asked to decide.")
    return redirect("requests:detail", access_request.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: PortalRequest, request_id: UUID) -> HttpResponse:
    """Say what canceling means, and do it."""
    access_request = _visible(request, request_id)
    form = CancelForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            operations.cancel(access_request, by=request.user, **form.cleaned_data)
        except Denied as denied:
            if not set(PLACES) & denied.codes:
                return _refused(request, access_request, denied)
            refuse(form, denied)
        else:
            messages.success(request, "The request is canceled.")
            return redirect("requests:detail", access_request.pk)
    context = {"story": Story(access_request, request.user), "form": form}
    status = 422 if form.errors else 200
    return render(request, "requests/cancel.html", context, status=status)


@require_POST
def ask_again(request: PortalRequest, request_id: UUID) -> HttpResponse:
    """Send the same request once more, as a new one."""
    access_request = _visible(request, request_id)
    try:
        fresh = operations.resubmit(access_request, by=request.user)
    except Denied as denied:
        if all(reason.about for reason in denied.decision.reasons):
            return _asked_more(request, access_request)
        return _refused(request, access_request, denied)
    messages.success(request, f"You asked for {access_request.package} again.")
    return redirect("requests:detail", fresh.pk)


@require_POST
def try_again(request: PortalRequest, request_id: UUID) -> HttpResponse:
    """Set up anew what failed."""
    access_request = _visible(request, request_id)
    try:
        delivery.reprocess(access_request, by=request.user)
    except Denied as denied:
        return _refused(request, access_request, denied)
    messages.success(request, "We try again now.")
    return redirect("requests:detail", access_request.pk)


def _visible(request: PortalRequest, request_id: UUID) -> AccessRequest:
    seen: QuerySet[AccessRequest] = AccessRequest.objects.visible_to(request.user)
    related = seen.select_related(
        "package__catalog", "policy", "requestor", "target", "assignment__package"
    )
    return request_for(request.user, related, request_id)


def _asked_more(request: PortalRequest, access_request: AccessRequest) -> HttpResponse:
    """Lead to the form, filled in, when the policy asks what it did not ask the last time."""
    messages.info(request, "The questions have changed since then. Look at your answers.")
    address = reverse("packages:ask", args=[access_request.package_id])
    return redirect(f"{address}?again=1")


def _refused(request: PortalRequest, access_request: AccessRequest, denied: Denied) -> HttpResponse:
    """Answer how things stand when they have changed meanwhile; pass other refusals on."""
    if not denied.codes & STALE:
        raise denied
    address = reverse("requests:detail", args=[access_request.pk])
    return errors.conflict(request, now=str(denied), address=address)
