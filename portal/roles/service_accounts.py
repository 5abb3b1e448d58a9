"""The page of service accounts: which there are, what for, and who switches them on and off."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from entitlements.decisions import Denied
from entitlements.directory import operations
from entitlements.directory.models import User
from entitlements.directory.operations import can_administer
from entitlements.directory.service_accounts import create_service_account
from portal.forms import refuse
from portal.http import PortalRequest
from portal.roles.forms import PLACES, ServiceForm
from portal.roles.pages import for_overseers

STEPS = {"disable": operations.disable, "enable": operations.enable}
ON_A_PAGE = 25


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: PortalRequest) -> HttpResponse:
    """List the service accounts, and create one."""
    for_overseers(request)
    form = ServiceForm(request.POST or None)
    if request.method == "POST":
        can_administer(request.user).require()
    if form.is_valid():
        try:
            account = create_service_account(**form.cleaned_data, by=request.user)
        except Denied as denied:
            refuse(form, denied, PLACES)
        else:
            messages.success(request, f"{account} was created; appoint it in a catalog.")
            return redirect("roles:services")
    accounts = User.objects.services().order_by("display_name", "pk")
    context = {
        "page": Paginator(accounts, ON_A_PAGE).get_page(request.GET.get("page")),
        "may_change": bool(can_administer(request.user)),
        "form": form,
    }
    status = 422 if form.is_bound else 200
    return render(request, "roles/services.html", context, status=status)


@require_POST
def switch(request: PortalRequest, account_id: UUID, step: str) -> HttpResponse:
    """Disable a service account, or enable it again."""
    for_overseers(request)
    if step not in STEPS:
        raise Http404
    account = get_object_or_404(User.objects.services(), pk=account_id)
    STEPS[step](account, by=request.user)
    messages.success(request, f"{account} is {step}d now.")
    return redirect("roles:services")
