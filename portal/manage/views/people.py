from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from entitlements.catalog import operations
from entitlements.catalog.appointments import ROLE_NAMES, appointments, role_of
from entitlements.catalog.models import Catalog
from entitlements.decisions import Denied
from entitlements.directory.models import User
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.doors import catalog_for, rights, to_catalog
from portal.manage.forms import PLACES, AppointForm


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Show who was appointed in a catalog, and appoint somebody."""
    needs = "manage_roles" if request.method == "POST" else "view_catalog"
    catalog = catalog_for(request, catalog_id, needs)
    form = AppointForm(request.POST or None)
    if form.is_valid() and _appoint(request, catalog, form):
        return redirect("manage:people", catalog.pk)
    context = {
        "catalog": catalog,
        "crumbs": to_catalog(catalog),
        "rights": rights(request, catalog),
        "appointments": appointments(catalog),
        "form": form,
    }
    status = 422 if form.is_bound and not form.is_finding else 200
    return render(request, "manage/people.html", context, status=status)


def _appoint(request: PortalRequest, catalog: Catalog, form: AppointForm) -> bool:
    person, role = form.person_chosen(), form.cleaned_data["role"]
    if person is None:
        form.add_error("person", "This person is not to be had. Choose somebody else.")
        return False
    try:
        operations.appoint(person, catalog, role, by=request.user)
    except Denied as denied:
        refuse(form, denied, PLACES)
        return False
    messages.success(request, f"{person} is {ROLE_NAMES[role].lower()} of {catalog} now.")
    return True


@require_http_methods(["GET", "HEAD", "POST"])
def dismiss(request: PortalRequest, catalog_id: UUID, person_id: UUID) -> HttpResponse:
    """Ask, and take somebody's role in a catalog."""
    catalog = catalog_for(request, catalog_id, "manage_roles")
    appointed = User.objects.filter(cataloguserpermission__content_object=catalog).distinct()
    person = get_object_or_404(appointed, pk=person_id)
    role = role_of(person, catalog)
    if request.method == "POST":
        operations.dismiss(person, catalog, request.POST.get("role", role), by=request.user)
        messages.success(request, f"{person} has no role in {catalog} any more.")
        return redirect("manage:index" if person == request.user else _people(catalog))
    name = ROLE_NAMES.get(role, role).lower()
    context = {
        "heading": f"Dismiss {person} as {name}?",
        "effect": f"{person} can manage nothing in {catalog} then, unless through a group.",
        "button": f"Dismiss {person}",
        "role": role,
        "back": _people(catalog),
    }
    return render(request, "manage/dismiss.html", context)


def _people(catalog: Catalog) -> str:
    return reverse("manage:people", args=[catalog.pk])
