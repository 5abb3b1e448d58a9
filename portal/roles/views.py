from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.catalog.effective import effective_rights
from entitlements.decisions import Denied
from entitlements.directory import appointing
from entitlements.directory.holders import tenant_appointments
from entitlements.directory.tenant_roles import TENANT_ROLES, RoleTerms, can_appoint_to
from portal.forms import refuse
from portal.http import PortalRequest
from portal.roles.forms import PLACES, AppointForm, PersonForm
from portal.roles.pages import CatalogLines, for_overseers, may, tenant_lines, terms_or_404
from portal.wording import by_whom

FORM = ["GET", "HEAD", "POST"]
ON_A_PAGE = 25


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """Show the roles in the tenant, and who holds each."""
    for_overseers(request)
    found = tenant_appointments()
    roles = [(key, terms, found[key]) for key, terms in TENANT_ROLES.items()]
    return render(request, "roles/index.html", {"roles": roles})


@require_http_methods(FORM)
def role(request: PortalRequest, key: str) -> HttpResponse:
    """Show who holds one role, since when and by whom, and appoint somebody."""
    for_overseers(request)
    terms = terms_or_404(key)
    form = AppointForm(request.POST or None, key=key)
    if request.method == "POST":
        can_appoint_to(request.user, key).require()
    if form.is_valid() and _appoint(request, form, key, terms):
        return redirect("roles:role", key)
    appointed = [
        (one, by_whom(one.event, request.user) if one.event else "")
        for one in tenant_appointments()[key]
    ]
    context = {
        "key": key,
        "terms": terms,
        "appointed": appointed,
        "may_appoint": bool(can_appoint_to(request.user, key)),
        "form": form,
    }
    status = 422 if form.is_bound and not form.is_finding else 200
    return render(request, "roles/role.html", context, status=status)


def _appoint(request: PortalRequest, form: AppointForm, key: str, terms: RoleTerms) -> bool:
    holder = form.holder_chosen()
    if holder is None:
        form.add_error("person", "This is not to be had. Choose somebody else.")
        return False
    try:
        appointing.give_tenant_role(holder, key, by=request.user)
    except Denied as denied:
        refuse(form, denied, PLACES)
        return False
    messages.success(request, f"{holder} is {terms.name.lower()} now.")
    return True


@require_http_methods(FORM)
def dismiss(request: PortalRequest, key: str, holder_id: UUID) -> HttpResponse:
    """Ask, and take a role in the tenant from a person or a group."""
    for_overseers(request)
    terms = terms_or_404(key)
    can_appoint_to(request.user, key).require()
    appointed = {one.holder.pk: one.holder for one in tenant_appointments()[key]}
    if holder_id not in appointed:
        raise Http404
    holder = appointed[holder_id]
    if request.method == "POST":
        appointing.take_tenant_role(holder, key, by=request.user)
        messages.success(request, f"{holder} is not {terms.name.lower()} any more.")
        return redirect("home:index" if holder == request.user else _page_of(key))
    context = {
        "heading": f"Dismiss {holder} as {terms.name.lower()}?",
        "effect": "The rights of this role go at once; what came by another way stays.",
        "button": f"Dismiss {holder}",
        "back": _page_of(key),
    }
    return render(request, "confirm.html", context)


@require_safe
def person(request: PortalRequest) -> HttpResponse:
    """Show everything that somebody may do, and how he came to it."""
    for_overseers(request)
    is_asked = "person" in request.GET or "find" in request.GET
    form = PersonForm(request.GET if is_asked else None)
    chosen = form.person_chosen()
    context: dict[str, Any] = {"form": form, "person": chosen}
    if chosen:
        rights = effective_rights(chosen)
        page = Paginator(rights.in_catalogs, ON_A_PAGE).get_page(request.GET.get("page"))
        context |= {
            "rights": rights,
            "everywhere": may(rights.everywhere),
            "in_tenant": tenant_lines(rights),
            "page": page,
            "catalogs": [CatalogLines(one) for one in page.object_list],
        }
    return render(request, "roles/person.html", context)


def _page_of(key: str) -> str:
    return reverse("roles:role", args=[key])
