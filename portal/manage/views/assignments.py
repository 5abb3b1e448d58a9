from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.assignments.grants import Grant, roles_of
from entitlements.assignments.models import Assignment
from entitlements.audit.models import AuditEvent
from entitlements.catalog.models import Catalog
from entitlements.catalog.permissions import can
from entitlements.decisions import Denied
from entitlements.directory.sync.csv_tables import BadFile
from entitlements.requests import correcting, giving, operations, permissions
from entitlements.requests.attributes import asking_of
from entitlements.requests.bulk import BulkAssignment
from entitlements.requests.inviting import invite
from entitlements.requests.models import AccessRequest
from entitlements.requests.records import deletions_about
from portal.corrections import CorrectionForm
from portal.forms import PLACES as WISHES
from portal.forms import refuse
from portal.http import PortalRequest
from portal.languages import wanted_languages
from portal.manage.doors import Crumb, form_page, narrowed_to, package_for, rights, to_package
from portal.manage.forms import OUTSIDERS, PLACES, GiveForm, ProlongForm
from portal.manage.giving import entries_of, source_of
from portal.manage.shown import history

ON_A_PAGE = 50
FORM = ["GET", "HEAD", "POST"]


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
    catalog = narrowed_to(request)
    failed = Grant.objects.failed().visible_to(request.user)
    if catalog:
        failed = failed.in_catalogs(Catalog.objects.filter(pk=catalog.pk))
    related = failed.select_related("user", "role__resource__system")
    page = Paginator(related.order_by("-changed_at", "pk"), ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    return render(request, "manage/deliveries.html", {"page": page, "catalog": catalog})


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
