from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from entitlements.catalog.incompatibilities import ClashException
from entitlements.catalog.models import AccessPackage
from entitlements.decisions import Denied
from entitlements.requests import clash_exceptions as operations
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.clash_forms import PLACES, ExceptionForm
from portal.manage.doors import Crumb, form_page, package_for, to_package
from portal.manage.naming import excepted

FORM = ["GET", "HEAD", "POST"]


@require_http_methods(FORM)
def propose(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Ask an owner on the other side to let somebody hold what clashes, for a while."""
    package = package_for(request, package_id, "manage_packages")
    form = ExceptionForm(request.POST or None, package=package)
    if form.is_valid() and (exception := _proposed(request, package, form)):
        messages.success(request, "Proposed. An owner on the other side decides.")
        return redirect("manage:exception", exception.pk)
    clashes = Crumb("Clashes", reverse("manage:clashes", args=[package.pk]))
    return form_page(
        request,
        form,
        title="Ask for an exception",
        button="Ask for it",
        crumbs=[*to_package(package), clashes],
        lead=f"Lets one person hold {package} and what it clashes with, until a day.",
    )


def _proposed(
    request: PortalRequest, package: AccessPackage, form: ExceptionForm
) -> ClashException | None:
    person = form.person_chosen()
    if person is None:
        form.add_error("person", "This person is not to be had. Choose somebody else.")
        return None
    try:
        return operations.propose(package, person=person, by=request.user, **form.wishes())
    except Denied as denied:
        refuse(form, denied, PLACES)
        return None


@require_http_methods(FORM)
def detail(request: PortalRequest, exception_id: UUID) -> HttpResponse:
    """Show who may hold what, why and until when, and decide it."""
    exception = _exception(request, exception_id)
    if request.method == "POST":
        approves = request.POST.get("decision") == "allow"
        operations.decide(exception, by=request.user, approves=approves)
        messages.success(request, "Allowed." if approves else "Denied.")
        return redirect("manage:exception", exception.pk)
    decision = operations.can_decide(request.user, exception)
    mine = AccessPackage.objects.visible_to(request.user).filter(pk=exception.package_id)
    sides = [one.catalog_id for one in (exception.package, exception.other_package) if one]
    [named] = excepted(request.user, sides, [exception])
    context = {
        "exception": exception,
        "named": named,
        "decision": decision,
        "is_waiting": exception.shown_state == "proposed",
        "deciders": operations.deciders_of(exception)[:10],
        "crumbs": to_package(exception.package) if mine.exists() else [],
    }
    return render(request, "manage/exception.html", context)


@require_http_methods(FORM)
def end(request: PortalRequest, exception_id: UUID) -> HttpResponse:
    """Ask, and let an exception count no more."""
    exception = _exception(request, exception_id)
    package_for(request, exception.package_id, "manage_packages")
    back = reverse("manage:exception", args=[exception.pk])
    if request.method == "POST":
        operations.end_early(exception, by=request.user)
        messages.success(request, "The exception counts no more.")
        return redirect(back)
    context = {
        "heading": f"End the exception for {exception.person}?",
        "effect": "What is held stays until its end, but neither can be extended or asked for.",
        "button": "End exception",
        "back": back,
    }
    return render(request, "manage/confirm.html", context)


def _exception(request: PortalRequest, exception_id: UUID) -> ClashException:
    """Return an exception about a package of the viewer's catalogs, on either side."""
    visible = AccessPackage.objects.visible_to(request.user).values("pk")
    of_mine = Q(package__in=visible) | Q(other_package__in=visible)
    found = ClashException.objects.with_names().filter(of_mine)
    return get_object_or_404(found, pk=exception_id)
