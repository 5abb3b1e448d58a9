from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.policies import operations
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.versions import PolicyDraft, number_of
from entitlements.requests.states import RequestState
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.doors import (
    form_page,
    package_for,
    policy_for,
    rights,
    to_package,
    to_policy,
)
from portal.manage.policy_conflicts import conflict_of, has_conflict, number_in
from portal.manage.policy_forms import POLICY_PLACES, PolicyForm
from portal.manage.shown import history

SHOWN = 10
FORM = ["GET", "HEAD", "POST"]


@require_http_methods(FORM)
def add(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Add one more way to get a package."""
    package = package_for(request, package_id, "manage_packages")
    form = PolicyForm(request.POST or None, package=package)
    if form.is_valid():
        try:
            policy = operations.create_policy(package, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, POLICY_PLACES)
        else:
            messages.success(request, f"The policy {policy} was added to {package}.")
            _tell_doubts(request, form)
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
    if request.method == "POST":
        policy_for(request, policy_id, "manage_packages")
    form = PolicyForm(request.POST or None, policy=policy)
    return _editor(request, policy, form, is_draft=False)


@require_http_methods(FORM)
def edit_draft(request: PortalRequest, policy_id: UUID) -> HttpResponse:
    """Show what a policy would become by its draft, and save it."""
    policy = policy_for(request, policy_id, "manage_packages")
    draft = PolicyDraft.objects.filter(policy=policy).first()
    if draft is None and request.method != "POST":
        return redirect("manage:policy", policy.pk)
    terms = draft.read() if draft else None
    form = PolicyForm(request.POST or None, policy=policy, terms=terms)
    return _editor(request, policy, form, is_draft=True)


def _tell_doubts(request: PortalRequest, form: PolicyForm) -> None:
    for doubt in form.doubts:
        messages.warning(request, str(doubt))


def _editor(
    request: PortalRequest, policy: AssignmentPolicy, form: PolicyForm, *, is_draft: bool
) -> HttpResponse:
    """Save what was entered, unless somebody else has saved meanwhile; or show the form."""
    version = number_in(request.POST.get("version")) or number_of(policy)
    if form.is_valid():
        terms = form.terms()
        try:
            operations.change_policy(
                policy, terms, by=request.user, based_on=version, is_draft=is_draft
            )
        except Denied as denied:
            refuse(form, denied, POLICY_PLACES)
        else:
            messages.success(request, "Saved. Requests under way keep the policy as it was.")
            _tell_doubts(request, form)
            return redirect("manage:package", policy.package_id)
    mine = rights(request, policy.package.catalog)
    return form_page(
        request,
        form,
        title=f"Draft of the policy {policy}" if is_draft else f"Policy {policy}",
        button="Save draft as the policy" if is_draft else "Save policy",
        crumbs=to_policy(policy) if is_draft else to_package(policy.package),
        template="manage/policy.html",
        policy=policy,
        is_draft=is_draft,
        draft=PolicyDraft.objects.filter(policy=policy).select_related("by").first(),
        conflict=conflict_of(policy, form, version),
        waiting=policy.requests.filter(state=RequestState.PENDING_APPROVAL).count(),
        version=number_of(policy) if has_conflict(form) else version,
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
