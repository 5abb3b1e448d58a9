from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from entitlements.decisions import Denied
from entitlements.policies.moving import move_package
from portal import wording
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.doors import form_page, package_for, to_package
from portal.manage.moving_forms import MoveForm

FORM = ["GET", "HEAD", "POST"]


@require_http_methods(FORM)
def move(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Ask where to, and move a package to another catalog, or say all that speaks against it."""
    package = package_for(request, package_id, "manage_packages")
    form = MoveForm(request.POST or None, package=package, viewer=request.user)
    if form.is_valid():
        catalog = form.cleaned_data["catalog"]
        try:
            move_package(package, catalog, by=request.user)
        except Denied as denied:
            refuse(form, denied)
        else:
            messages.success(request, f"{package} is in {catalog} now.")
            return redirect("manage:package", package.pk)
    return form_page(
        request,
        form,
        title=f"Move {package} to another catalog",
        button="Move package",
        crumbs=to_package(package),
        template="manage/move.html",
        package=package,
        held=wording.people(package.assignments.live().count()),
        waiting=package.requests.open().count(),
    )
