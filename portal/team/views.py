from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.assignments.models import Assignment
from entitlements.decisions import Denied
from entitlements.directory.models import UserQuerySet
from entitlements.requests import on_behalf, operations
from entitlements.requests.models import AccessRequest
from portal.forms import refuse
from portal.http import PortalRequest
from portal.people import people_of
from portal.team.copying import CopyForm, WhyForm, chosen_ways, lines
from portal.team.forms import EndForm

ON_A_PAGE = 20
FORM = ["GET", "HEAD", "POST"]


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """List for whom the viewer answers, and what each of them holds now."""
    query = request.GET.get("q", "").strip()[:200]
    people = _with_access(people_of(request.user).matching(query))
    page = Paginator(people, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "team/index.html", {"page": page, "query": query})


@require_safe
def person(request: PortalRequest, person_id: UUID) -> HttpResponse:
    """Show what one of the viewer's people holds and has asked for, and what can be done."""
    who = get_object_or_404(people_of(request.user), pk=person_id)
    held = Assignment.objects.held_by(who).live().first_end_first()
    related = held.select_related("package__catalog", "policy").with_roles()
    page = Paginator(related, ON_A_PAGE).get_page(request.GET.get("page"))
    waiting = AccessRequest.objects.moving().filter(target=who)
    related_requests = waiting.select_related("package__catalog", "requestor")
    context = {"person": who, "page": page, "waiting": related_requests.order_by("-created_at")}
    return render(request, "team/person.html", context)


@require_http_methods(FORM)
def end(request: PortalRequest, assignment_id: UUID) -> HttpResponse:
    """Ask why, and end the access of one of the viewer's people."""
    theirs = Assignment.objects.filter(target__in=people_of(request.user))
    related = theirs.select_related("package__catalog", "policy", "target")
    assignment = get_object_or_404(related, pk=assignment_id)
    form = EndForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            operations.remove_on_behalf(assignment, by=request.user, **form.cleaned_data)
        except Denied as denied:
            refuse(form, denied)
        else:
            messages.success(request, f"{assignment.target} loses {assignment.package} now.")
            return redirect("team:person", assignment.target_id)
    status = 422 if form.errors else 200
    return render(request, "team/end.html", {"assignment": assignment, "form": form}, status=status)


@require_http_methods(FORM)
def copy(request: PortalRequest) -> HttpResponse:
    """Show what a colleague has and another may ask for, and ask for what was chosen."""
    form = CopyForm(request.GET, viewer=request.user)
    pair = form.pair()
    context: dict[str, Any] = {"form": form, "pair": pair, "why": WhyForm()}
    if pair is None:
        return render(request, "team/copy.html", context)
    offered = lines(request.user, *pair)
    context["lines"] = offered
    if request.method != "POST":
        return render(request, "team/copy.html", context)
    why = WhyForm(request.POST)
    policies = chosen_ways(request.POST, offered)
    if not (why.is_valid() and policies):
        context |= {"why": why, "is_empty": not policies}
        return render(request, "team/copy.html", context, status=422)
    context["outcomes"] = on_behalf.ask_for_each(
        policies, by=request.user, target=pair[1], **why.cleaned_data
    )
    return render(request, "team/asked.html", context)


def _with_access(people: UserQuerySet) -> UserQuerySet:
    """Bring along what people hold and wait for, by two more queries for a page of them."""
    held = Assignment.objects.live().first_end_first().select_related("package")
    waiting = AccessRequest.objects.moving().select_related("package").order_by("-created_at")
    found: UserQuerySet = people.prefetch_related(
        Prefetch("assignments", held, to_attr="held"),
        Prefetch("requests_received", waiting, to_attr="waiting"),
    )
    return found
