from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from entitlements.catalog import packages as operations
from entitlements.catalog.models import AccessPackage, ResourceRole
from entitlements.decisions import Denied
from entitlements.policies.dependents import group_of
from portal.forms import refuse
from portal.http import PortalRequest, wants_fragment
from portal.manage.doors import form_page, package_for, to_package
from portal.manage.foreseen import added_words, removed_words
from portal.manage.forms import PLACES, PackageRoleForm

FORM = ["GET", "HEAD", "POST"]


@require_http_methods(FORM)
def add(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Put a role of the catalog into a package, when it has been said what that would do."""
    package = package_for(request, package_id, "manage_packages")
    is_sent = request.method == "POST"
    asked = (request.POST if is_sent else request.GET) if is_sent or "role" in request.GET else None
    form = PackageRoleForm(asked, package=package)
    role = form.cleaned_data["role"] if form.is_valid() else None
    if role and is_sent and _is_known(request, package, role) and _add(request, form, package):
        return redirect("manage:package", package.pk)
    context = {
        "role": role,
        "words": added_words(package, role, request.user) if role else [],
        "group": group_of(role.resource) if role else None,
    }
    if wants_fragment(request):
        return render(request, "manage/_foreseen.html", context)
    form.is_finding = not is_sent
    return form_page(
        request,
        form,
        title=f"Add a role to {package}",
        button="Add role",
        crumbs=to_package(package),
        lead="Everybody who holds the package gets the role too, without approval.",
        template="manage/package_role_add.html",
        is_to_confirm=is_sent and form.is_valid(),
        **context,
    )


def _is_known(request: PortalRequest, package: AccessPackage, role: ResourceRole) -> bool:
    """Say whether the sender has read what it does; where nobody holds the package, nothing."""
    return request.POST.get("seen") == str(role.pk) or not package.assignments.live().exists()


def _add(request: PortalRequest, form: PackageRoleForm, package: AccessPackage) -> bool:
    role = form.cleaned_data["role"]
    try:
        operations.add_role(package, role, by=request.user)
    except Denied as denied:
        refuse(form, denied, PLACES)
        return False
    messages.success(request, f"{package} contains {role} now.")
    return True


@require_http_methods(FORM)
def remove(request: PortalRequest, package_id: UUID, role_id: UUID) -> HttpResponse:
    """Ask, saying who loses it and who keeps it, and take a role out of a package."""
    package = package_for(request, package_id, "manage_packages")
    role = get_object_or_404(package.roles.select_related("resource"), pk=role_id)
    if request.method == "POST":
        operations.remove_role(package, role, by=request.user)
        messages.success(request, f"{package} does not contain {role} any more.")
        return redirect("manage:package", package.pk)
    context = {
        "heading": f"Remove {role} from {package}?",
        "words": removed_words(package, role, request.user),
        "button": "Remove role",
        "keep": "Keep it",
        "back": reverse("manage:package", args=[package.pk]),
    }
    return render(request, "manage/package_role_remove.html", context)
