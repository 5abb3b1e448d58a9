from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.assignments.grants import Grant, roles_of
from entitlements.assignments.models import Assignment
from entitlements.audit.models import AuditEvent
from entitlements.decisions import ALLOWED, Decision, Denied
from entitlements.delivery import operations as delivery
from entitlements.requests import operations
from entitlements.requests.models import AccessRequest
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.doors import Crumb, form_page, package_for, rights, to_package
from portal.manage.forms import PLACES, GiveForm, ReasonForm
from portal.manage.shown import history

ON_A_PAGE = 50
MOST_AT_ONCE = 200
FORM = ["GET", "HEAD", "POST"]


@dataclass(frozen=True)
class Words:
    """What is said of an act on many rows: before it, on its button, and afterwards."""

    one: str
    many: str
    effect: str
    button: str
    done: str
    model: str
    is_destructive: bool = False
    asks_why: bool = False

    @property
    def back(self) -> str:
        return reverse(f"manage:entitlements_{self.model}_changelist")


END = Words(
    one="End this access?",
    many="End this access?",
    effect="It ends at once; roles that nothing else gives are taken away within minutes.",
    button="End access",
    done="ended",
    model="assignment",
    is_destructive=True,
    asks_why=True,
)
SET_UP_AGAIN = Words(
    one="Set this access up again?",
    many="Set this access up again?",
    effect="Every role is given again, also where somebody changed it in the system itself.",
    button="Set up again",
    done="being set up again",
    model="assignment",
)
CANCEL = Words(
    one="Cancel this request?",
    many="Cancel these requests?",
    effect="Nobody decides it any more; what it has set up already is taken away again.",
    button="Cancel requests",
    done="canceled",
    model="accessrequest",
    is_destructive=True,
    asks_why=True,
)
TRY_AGAIN = Words(
    one="Try this request again?",
    many="Try these requests again?",
    effect="Every role that could not be set up is tried again now.",
    button="Try again",
    done="being set up again",
    model="accessrequest",
)


class Outcome(NamedTuple):
    """What became of one row among many."""

    thing: Any
    decision: Decision


@require_safe
def detail(request: PortalRequest, assignment_id: UUID) -> HttpResponse:
    """Show one assignment: its roles, how far they have come, and what happened."""
    visible = Assignment.objects.visible_to(request.user)
    related = visible.select_related("package__catalog", "policy", "target", "ended_by")
    assignment = get_object_or_404(related, pk=assignment_id)
    events = AuditEvent.objects.about(assignment).reverse()
    context = {
        "assignment": assignment,
        "crumbs": [Crumb("Assignments", reverse("manage:entitlements_assignment_changelist"))],
        "rights": rights(request, assignment.package.catalog),
        "roles": roles_of(assignment),
        "requests": assignment.requests.select_related("requestor").order_by("-created_at"),
        "history": history(events, request.user),
    }
    return render(request, "manage/assignment.html", context)


@require_safe
def deliveries(request: PortalRequest) -> HttpResponse:
    """List the roles that could not be set up, and why."""
    failed = Grant.objects.failed().visible_to(request.user)
    related = failed.select_related("user", "role__resource__system")
    page = Paginator(related.order_by("-changed_at", "pk"), ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    return render(request, "manage/deliveries.html", {"page": page})


@require_http_methods(FORM)
def end(request: PortalRequest) -> HttpResponse:
    """Ask, and end the access of those who were chosen, each on his own."""
    return _each(
        request,
        Assignment.objects.visible_to(request.user),
        lambda assignment, reason: operations.remove(
            assignment, by=request.user, justification=reason
        ),
        END,
    )


@require_http_methods(FORM)
def again(request: PortalRequest) -> HttpResponse:
    """Ask, and set up again every role of those who were chosen."""
    return _each(
        request,
        Assignment.objects.visible_to(request.user),
        lambda assignment, reason: delivery.reprocess_assignment(assignment, by=request.user),
        SET_UP_AGAIN,
    )


@require_http_methods(FORM)
def cancel_requests(request: PortalRequest) -> HttpResponse:
    """Ask, and cancel the requests that were chosen, each on its own."""
    return _each(
        request,
        AccessRequest.objects.managed_by(request.user),
        lambda access_request, reason: operations.cancel(
            access_request, by=request.user, justification=reason
        ),
        CANCEL,
    )


@require_http_methods(FORM)
def try_requests_again(request: PortalRequest) -> HttpResponse:
    """Ask, and try again what failed of the requests that were chosen."""
    return _each(
        request,
        AccessRequest.objects.managed_by(request.user),
        lambda access_request, reason: delivery.reprocess(access_request, by=request.user),
        TRY_AGAIN,
    )


def _each(
    request: PortalRequest, visible: QuerySet[Any], act: Callable[[Any, str], object], words: Words
) -> HttpResponse:
    """Confirm what was chosen, act on each row, and say what became of each."""
    is_sent = request.method == "POST"
    ids = _ids((request.POST if is_sent else request.GET).getlist("id"))
    related = visible.select_related("package__catalog", "target")
    things = list(related.filter(pk__in=ids).order_by("target__display_name", "pk"))
    if not things:
        raise Http404
    form = ReasonForm(request.POST if is_sent else None)
    context: dict[str, Any] = {"things": things, "form": form, "words": words}
    if not (is_sent and form.is_valid()):
        return render(request, "manage/chosen.html", context)
    reason = form.cleaned_data["justification"]
    outcomes = [_attempt(act, thing, reason) for thing in things]
    done = sum(bool(outcome.decision) for outcome in outcomes)
    return render(request, "manage/outcomes.html", {**context, "outcomes": outcomes, "done": done})


def _attempt(act: Callable[[Any, str], object], thing: Any, reason: str) -> Outcome:
    try:
        act(thing, reason)
    except Denied as denied:
        return Outcome(thing, denied.decision)
    return Outcome(thing, ALLOWED)


def _ids(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in list(texts)[:MOST_AT_ONCE]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


@require_http_methods(FORM)
def give(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Give a package to somebody directly."""
    package = package_for(request, package_id, "manage_assignments")
    form = GiveForm(request.POST or None, package=package)
    if form.is_valid():
        access_request = _give(request, form)
        if access_request:
            messages.success(request, f"{access_request.target} gets {package}.")
            return redirect("requests:detail", access_request.pk)
    return form_page(
        request,
        form,
        title=f"Give {package} directly",
        button="Give package",
        crumbs=to_package(package),
        lead="The same rules hold as for a request; the person is told.",
    )


def _give(request: PortalRequest, form: GiveForm) -> AccessRequest | None:
    person, policy = form.person_chosen(), form.cleaned_data["policy"]
    if person is None:
        form.add_error("person", "This person is not to be had. Choose somebody else.")
        return None
    try:
        return operations.assign(policy, person, by=request.user, **form.wishes())
    except Denied as denied:
        refuse(form, denied, {**PLACES, "ends_in_the_past": "ends_on"})
        return None
