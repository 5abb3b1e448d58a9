from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.policies import operations
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.doors import form_page, package_for, policy_for, rights, to_package
from portal.manage.policy_forms import POLICY_PLACES, PolicyForm
from portal.manage.shown import history

SHOWN = 10
FORM = ["GET", "HEAD", "POST"]


@require_http_methods(FORM)
def add(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Add one more way to get a package."""
    package = package_for(request, package_id, "manage_packages")
    form = PolicyForm(request.POST or None)
    if form.is_valid():
        try:
            policy = operations.create_policy(package, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, POLICY_PLACES)
        else:
            messages.success(request, f"The policy {policy} was added to {package}.")
            return redirect("manage:package", package.pk)
    return form_page(
        request,
        form,
        title=f"New policy for {package}",
        button="Add policy",
        crumbs=to_package(package),
        template="manage/policy.html",
    )


@require_http_methods(FORM)
def edit(request: PortalRequest, policy_id: UUID) -> HttpResponse:
    """Show a policy, and change it for requests to come."""
    policy = policy_for(request, policy_id, "view_catalog")
    mine = rights(request, policy.package.catalog)
    if request.method == "POST":
        policy_for(request, policy_id, "manage_packages")
    form = PolicyForm(request.POST or None, policy=policy)
    if form.is_valid():
        try:
            operations.change_policy(policy, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, POLICY_PLACES)
        else:
            messages.success(request, "Saved. Requests under way keep the policy as it was.")
            return redirect("manage:package", policy.package_id)
    return form_page(
        request,
        form,
        title=f"Policy {policy}",
        button="Save policy",
        crumbs=to_package(policy.package),
        template="manage/policy.html",
        policy=policy,
        may_change="manage_packages" in mine,
        history=history(AuditEvent.objects.about(policy).reverse()[:SHOWN], request.user),
    )


@require_http_methods(FORM)
def delete(request: PortalRequest, policy_id: UUID) -> HttpResponse:
    """Ask, and delete a policy that was never used."""
    policy = policy_for(request, policy_id, "manage_packages")
    if request.method == "POST":
        operations.delete_policy(policy, by=request.user)
        messages.success(request, f"The policy {policy} was deleted.")
        return redirect("manage:package", policy.package_id)
    context = {
        "heading": f"Delete the policy {policy}?",
        "effect": f"Nobody can get {policy.package} in this way any more.",
        "button": "Delete policy",
        "keep": "Keep it",
        "back": reverse("manage:policy", args=[policy.pk]),
    }
    return render(request, "manage/confirm.html", context)
