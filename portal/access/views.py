from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.assignments.models import Assignment
from entitlements.decisions import Denied
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests import correcting, operations
from portal.access.forms import ExtensionForm, GiveBackForm
from portal.access.holdings import Holding, role_lines
from portal.corrections import CorrectionForm
from portal.forms import refuse
from portal.http import PortalRequest
from portal.languages import wanted_languages
from portal.my_access import tabs

ON_A_PAGE = 25


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """List what the viewer holds at this moment; what ends first comes first."""
    held = Assignment.objects.held_by(request.user).live().first_end_first()
    assignments = held.select_related("package__catalog", "policy").with_roles()
    page = Paginator(assignments, ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "tabs": tabs(request.user, "access:index")}
    return render(request, "access/index.html", context)


@require_safe
def expired(request: PortalRequest) -> HttpResponse:
    """List what the viewer held; what ended last comes first."""
    past = Assignment.objects.held_by(request.user).past().last_end_first()
    page = Paginator(past.select_related("package__catalog"), ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    shown = [assignment.package_id for assignment in page.object_list]
    may_ask = AssignmentPolicy.objects.open_to(request.user).filter(package__in=shown)
    context = {
        "page": page,
        "askable": set(may_ask.values_list("package", flat=True)),
        "tabs": tabs(request.user, "access:expired"),
    }
    return render(request, "access/expired.html", context)


@require_safe
def detail(request: PortalRequest, assignment_id: UUID) -> HttpResponse:
    """Show one assignment to its holder, or to a manager of its catalog."""
    seen = Assignment.objects.held_by(request.user) | Assignment.objects.visible_to(request.user)
    assignment = get_object_or_404(_with_package(seen), pk=assignment_id)
    return _page(request, assignment, ExtensionForm(assignment=assignment))


@require_http_methods(["GET", "HEAD", "POST"])
def extend(request: PortalRequest, assignment_id: UUID) -> HttpResponse:
    """Ask to keep access for longer; what speaks against it comes back with the form."""
    if request.method != "POST":
        return detail(request, assignment_id)
    own = _with_package(Assignment.objects.held_by(request.user))
    assignment = get_object_or_404(own, pk=assignment_id)
    form = ExtensionForm(request.POST, assignment=assignment)
    if form.is_valid():
        try:
            access_request = operations.extend(assignment, by=request.user, **form.wishes())
        except Denied as denied:
            refuse(form, denied)
        else:
            messages.success(request, f"You asked to extend {assignment.package}.")
            return redirect("requests:detail", access_request.pk)
    return _page(request, assignment, form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: PortalRequest, assignment_id: UUID) -> HttpResponse:
    """Show what was answered for access, and ask to correct it where that may be done."""
    own = _with_package(Assignment.objects.held_by(request.user))
    assignment = get_object_or_404(own, pk=assignment_id)
    sent = request.POST if request.method == "POST" else None
    form = CorrectionForm(sent, assignment=assignment, languages=wanted_languages(request))
    if form.is_valid():
        try:
            made = correcting.correct_own(assignment, by=request.user, **form.wishes())
        except Denied as denied:
            refuse(form, denied, form.places)
        else:
            messages.success(request, f"You asked to correct your answers for {made.package}.")
            return redirect("requests:detail", made.pk)
    context = {
        "assignment": assignment,
        "form": form,
        "decision": correcting.may_correct(assignment),
        "is_approved": assignment.policy.extension_requires_approval
        and assignment.policy.stages.exists(),
    }
    status = 422 if form.errors else 200
    return render(request, "access/correct.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def give_back(request: PortalRequest, assignment_id: UUID) -> HttpResponse:
    """Say what giving access back means, and do it."""
    own = _with_package(Assignment.objects.held_by(request.user))
    assignment = get_object_or_404(own, pk=assignment_id)
    form = GiveBackForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            access_request = operations.give_back(assignment, by=request.user, **form.cleaned_data)
        except Denied as denied:
            refuse(form, denied)
        else:
            messages.success(request, f"You gave {assignment.package} back.")
            return redirect("requests:detail", access_request.pk)
    context = {"assignment": assignment, "form": form, "roles": role_lines(assignment)}
    status = 422 if form.errors else 200
    return render(request, "access/give_back.html", context, status=status)


def _with_package(assignments: QuerySet[Assignment]) -> QuerySet[Assignment]:
    return assignments.select_related("package__catalog", "policy", "target", "ended_by")


def _page(
    request: PortalRequest, assignment: Assignment, form: ExtensionForm, status: int = 200
) -> HttpResponse:
    holding = Holding(assignment, request.user)
    context = {"holding": holding, "assignment": assignment, "form": form}
    return render(request, "access/detail.html", context, status=status)
