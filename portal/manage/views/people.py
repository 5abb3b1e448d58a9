from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from entitlements.catalog import operations
from entitlements.catalog.appointments import ROLE_NAMES, Holder, appointments, role_of
from entitlements.catalog.models import Catalog
from entitlements.catalog.permissions import owners_of
from entitlements.decisions import Denied
from entitlements.directory.models import Group, User
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.appointed import lines_of, members_shown
from portal.manage.catalog_forms import AppointForm
from portal.manage.doors import catalog_for, rights, to_catalog
from portal.manage.forms import PLACES


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Show who was appointed in a catalog, since when and by whom, and appoint somebody."""
    needs = "manage_roles" if request.method == "POST" else "view_catalog"
    catalog = catalog_for(request, catalog_id, needs)
    form = AppointForm(request.POST or None)
    if form.is_valid() and _appoint(request, catalog, form):
        return redirect("manage:people", catalog.pk)
    appointed = appointments(catalog)
    context = {
        "catalog": catalog,
        "crumbs": to_catalog(catalog),
        "rights": rights(request, catalog),
        "appointments": lines_of(catalog, appointed, request.user),
        "has_owner": owners_of(catalog).exists(),
        "members": members_shown(appointed, request.GET.get("group", "")),
        "form": form,
    }
    status = 422 if form.is_bound and not form.is_finding else 200
    return render(request, "manage/people.html", context, status=status)


def _appoint(request: PortalRequest, catalog: Catalog, form: AppointForm) -> bool:
    holder, role = form.holder_chosen(), form.cleaned_data["role"]
    if holder is None:
        form.add_error("person", "This is not to be had. Choose somebody else.")
        return False
    try:
        operations.appoint(holder, catalog, role, by=request.user)
    except Denied as denied:
        refuse(form, denied, PLACES)
        return False
    messages.success(request, f"{holder} is {ROLE_NAMES[role].lower()} of {catalog} now.")
    return True


@require_http_methods(["GET", "HEAD", "POST"])
def dismiss(request: PortalRequest, catalog_id: UUID, holder_id: UUID) -> HttpResponse:
    """Ask, and take the role in a catalog of a person, a group or a service account."""
    catalog = catalog_for(request, catalog_id, "manage_roles")
    holder = _appointed(catalog, holder_id)
    role = role_of(holder, catalog)
    if request.method == "POST":
        operations.dismiss(holder, catalog, request.POST.get("role", role), by=request.user)
        messages.success(request, f"{holder} has no role in {catalog} any more.")
        return redirect(_afterwards(request, catalog))
    name = ROLE_NAMES.get(role, role).lower()
    what = "Its members" if isinstance(holder, Group) else str(holder)
    context = {
        "heading": f"Dismiss {holder} as {name}?",
        "effect": f"{what} can manage nothing in {catalog} then, unless by another way.",
        "button": f"Dismiss {holder}",
        "role": role,
        "back": _people(catalog),
    }
    return render(request, "manage/dismiss.html", context)


def _appointed(catalog: Catalog, holder_id: UUID) -> Holder:
    models: tuple[tuple[Any, str], ...] = (
        (User, "cataloguserpermission__content_object"),
        (Group, "cataloggrouppermission__content_object"),
    )
    for model, path in models:
        found: Holder | None = model.objects.filter(**{path: catalog}, pk=holder_id).first()
        if found:
            return found
    raise Http404


def _afterwards(request: PortalRequest, catalog: Catalog) -> str:
    """Return where to go on: whoever has dismissed himself may not look at the catalog any more."""
    is_left = Catalog.objects.visible_to(request.user).filter(pk=catalog.pk).exists()
    return _people(catalog) if is_left else reverse("manage:index")


def _people(catalog: Catalog) -> str:
    return reverse("manage:people", args=[catalog.pk])
