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
from entitlements.catalog.permissions import can
from entitlements.decisions import ALLOWED, Decision, Denied
from entitlements.delivery import operations as delivery
from entitlements.directory.sync.csv_tables import BadFile
from entitlements.requests import correcting, giving, operations, permissions
from entitlements.requests.attributes import asking_of
from entitlements.requests.bulk import BulkAssignment
from entitlements.requests.inviting import invite
from entitlements.requests.models import AccessRequest
from entitlements.requests.records import delete_record, deletions_about
from portal.corrections import CorrectionForm
from portal.forms import PLACES as WISHES
from portal.forms import refuse
from portal.http import PortalRequest
from portal.languages import wanted_languages
from portal.manage.doors import Crumb, form_page, package_for, rights, to_package
from portal.manage.forms import OUTSIDERS, PLACES, GiveForm, ProlongForm, ReasonForm
from portal.manage.giving import entries_of, source_of
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
    needs_why: bool = False

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

DELETE = Words(
    one="Delete the record of this request?",
    many="Delete the records of these requests?",
    effect="It goes for good, with the reasons, answers and decisions in it. The audit trail keeps "
    "every event. Access stays as it is; those who approved it cannot end it any more.",
    button="Delete records",
    done="deleted",
    model="accessrequest",
    is_destructive=True,
    asks_why=True,
    needs_why=True,
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
        "deletions": deletions_about(assignment),
        "answers": correcting.answers_of(assignment),
        "asks": any(asking_of(assignment.policy)),
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
def extend(request: PortalRequest, assignment_id: UUID) -> HttpResponse:
    """Let somebody keep access for longer, within the limits of its policy."""
    visible = Assignment.objects.visible_to(request.user)
    related = visible.select_related("package__catalog", "policy", "target")
    assignment = get_object_or_404(related, pk=assignment_id)
    can(request.user, "manage_assignments", assignment.package.catalog).require()
    form = ProlongForm(request.POST or None, assignment=assignment)
    if form.is_valid():
        try:
            made = operations.prolong(assignment, by=request.user, **form.wishes())
        except Denied as denied:
            refuse(form, denied)
        else:
            messages.success(request, f"{assignment.target} keeps {assignment.package} for longer.")
            return redirect("requests:detail", made.pk)
    address = reverse("manage:assignment", args=[assignment.pk])
    return form_page(
        request,
        form,
        title=f"Extend {assignment}",
        button="Extend access",
        crumbs=[Crumb(str(assignment), address)],
        lead="The person is told. Where the policy has approvers, they may be asked first.",
    )


@require_http_methods(FORM)
def correct(request: PortalRequest, assignment_id: UUID) -> HttpResponse:
    """Correct answers that were given for somebody's access."""
    visible = Assignment.objects.visible_to(request.user)
    related = visible.select_related("package__catalog", "policy", "target")
    assignment = get_object_or_404(related, pk=assignment_id)
    can(request.user, "manage_assignments", assignment.package.catalog).require()
    languages = wanted_languages(request)
    form = CorrectionForm(request.POST or None, assignment=assignment, languages=languages)
    if form.is_valid():
        try:
            made = correcting.correct_for(assignment, by=request.user, **form.wishes())
        except Denied as denied:
            refuse(form, denied, form.places)
        else:
            messages.success(request, f"You asked to correct answers of {assignment.target}.")
            return redirect("requests:detail", made.pk)
    address = reverse("manage:assignment", args=[assignment.pk])
    return form_page(
        request,
        form,
        title=f"Correct answers for {assignment}",
        button="Correct answers",
        crumbs=[Crumb(str(assignment), address)],
        lead="The person is told. Where the policy has approvers, they may be asked first.",
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


@require_http_methods(FORM)
def delete_records(request: PortalRequest) -> HttpResponse:
    """Ask, and delete the records of the completed requests that were chosen."""
    permissions.can_delete_records(request.user).require()
    return _each(
        request,
        AccessRequest.objects.managed_by(request.user),
        lambda access_request, reason: delete_record(
            access_request, by=request.user, justification=reason
        ),
        DELETE,
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
    form = ReasonForm(request.POST if is_sent else None, is_required=words.needs_why)
    context: dict[str, Any] = {"things": things, "form": form, "words": words}
    if not (is_sent and form.is_valid()):
        return render(request, "manage/chosen.html", context, status=422 if is_sent else 200)
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
    may_skip = bool(permissions.can_skip_approval(request.user, package.catalog))
    form = GiveForm(
        request.POST or None,
        request.FILES or None,
        package=package,
        may_skip_approval=may_skip,
        languages=wanted_languages(request),
    )
    if form.is_valid() and form.is_list:
        bulk = _plan(request, form)
        if bulk:
            return redirect("manage:give_list", bulk.pk)
    elif form.is_valid():
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
        template="manage/give/form.html",
        package=package,
        lists=package.bulk_assignments.select_related("made_by").order_by("-created_at")[:5],
    )


def _plan(request: PortalRequest, form: GiveForm) -> BulkAssignment | None:
    """Check a whole list; nothing is given by that."""
    policy, skips = form.cleaned_data["policy"], form.skips
    try:
        return giving.plan(
            policy,
            entries_of(form),
            by=request.user,
            source=source_of(form),
            skips_approval=skips,
        )
    except BadFile as bad:
        form.add_error("file", str(bad))
    except Denied as denied:
        refuse(form, denied)
    return None


def _give(request: PortalRequest, form: GiveForm) -> AccessRequest | None:
    person, policy = form.person_chosen(), form.cleaned_data["policy"]
    address = form.cleaned_data["address"]
    places = {**WISHES, **PLACES, **(OUTSIDERS if address else {}), **form.places_under(policy)}
    if person is None and not address:
        form.add_error("person", "This person is not to be had. Choose somebody else.")
        return None
    wish = {"by": request.user, "skips_approval": form.skips, **form.wishes()}
    try:
        if person is None:
            return invite(policy, address, name=form.cleaned_data["name"], **wish)
        return operations.assign(policy, person, **wish)
    except Denied as denied:
        refuse(form, denied, places)
        return None
