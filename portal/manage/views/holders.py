from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.catalog.models import Resource, ResourceRole
from entitlements.connectors.base import ConnectorRefused
from entitlements.decisions import Denied
from entitlements.delivery import taking_over
from entitlements.delivery.holders import Holders, can_see_holders
from entitlements.requests import giving
from entitlements.requests.bulk import BulkAssignment
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.doors import resource_for, to_resource
from portal.manage.holders import (
    TakeOverForm,
    export_file,
    find,
    role_of,
    sights,
    tabs,
    ways,
)


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: PortalRequest, resource_id: UUID) -> HttpResponse:
    """Show who has a role in its system now; prepare a list of those whom no package explains."""
    resource, roles, role = _asked_for(request, resource_id)
    context = {"resource": resource, "crumbs": to_resource(resource), "role": role}
    if role is None:
        return render(request, "manage/holders.html", context)
    form = TakeOverForm(request.POST or None, role=role, viewer=request.user)
    if form.is_valid():
        bulk = _prepare(request, role, form)
        if bulk:
            return redirect("manage:give_list", bulk.pk)
    context |= {
        **sights(find(request, role), role),
        "tabs": tabs(roles, role),
        "form": form,
        "has_ways": ways(role, request.user).exists(),
        "most": giving.MOST_ROWS,
    }
    return render(request, "manage/holders.html", context, status=422 if form.is_bound else 200)


@require_safe
def export(request: PortalRequest, resource_id: UUID) -> HttpResponseBase:
    """Download who has a role now, and who should; a page says why where that cannot be read."""
    resource, _, role = _asked_for(request, resource_id)
    if role is None:
        raise Http404
    try:
        holders = Holders.read(role)
    except ConnectorRefused:
        address = reverse("manage:holders", args=[resource.pk])
        return redirect(f"{address}?role={role.pk}")
    return export_file(request, holders)


def _asked_for(
    request: PortalRequest, resource_id: UUID
) -> tuple[Resource, list[ResourceRole], ResourceRole | None]:
    """Return a resource whose holders the viewer may see, and which of its roles he looks at."""
    resource = resource_for(request, resource_id)
    can_see_holders(request.user, resource).require()
    key = request.GET.get("role")
    roles, role = role_of(resource, key)
    if key and role is None:
        raise Http404
    return resource, roles, role


def _prepare(
    request: PortalRequest, role: ResourceRole, form: TakeOverForm
) -> BulkAssignment | None:
    """Check a list; what the system says against it, the page shows when it reads it again."""
    policy, chosen = form.cleaned_data["policy"], form.cleaned_data["chosen"]
    try:
        return taking_over.prepare(role, policy, by=request.user, chosen=chosen)
    except Denied as denied:
        refuse(form, denied)
    except ConnectorRefused as refused:
        form.add_error(None, f"{refused}")
    return None
