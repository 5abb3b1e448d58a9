from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from entitlements.decisions import Denied
from entitlements.policies import drafts, operations
from entitlements.policies.models import AssignmentPolicy
from entitlements.versions import number_of
from portal.forms import refuse
from portal.http import PortalRequest, wants_fragment
from portal.manage.conflicts import number_in
from portal.manage.doors import package_for, policy_for
from portal.manage.policy_forms import POLICY_PLACES, PolicyForm
from portal.manage.policy_page import beginning, draft_terms, editor_page, new_page, previewed

FORM = ["GET", "HEAD", "POST"]
PREVIEW = "manage/policy/_preview.html"


@require_http_methods(FORM)
def add(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Add one more way to get a package."""
    package = package_for(request, package_id, "manage_packages")
    form = PolicyForm(request.POST or None, package=package, terms=beginning(request, package))
    if form.is_valid():
        try:
            policy = operations.create_policy(package, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, POLICY_PLACES)
        else:
            messages.success(request, f"The policy {policy} was added to {package}.")
            _tell_doubts(request, form)
            return redirect("manage:package", package.pk)
    return new_page(request, package, form)


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
    terms = draft_terms(policy)
    if terms is None and request.method != "POST":
        return redirect("manage:policy", policy.pk)
    form = PolicyForm(request.POST or None, policy=policy, terms=terms)
    return _editor(request, policy, form, is_draft=True)


def _keep(request: PortalRequest, policy: AssignmentPolicy, form: PolicyForm) -> bool:
    """Keep what was entered as a draft; say whether it could be kept."""
    try:
        drafts.keep_draft(policy, form.terms(), by=request.user)
    except Denied as denied:
        refuse(form, denied, POLICY_PLACES)
        return False
    messages.success(request, "Kept as a draft. The policy is as it was.")
    return True


def _tell_doubts(request: PortalRequest, form: PolicyForm) -> None:
    for doubt in form.doubts:
        messages.warning(request, str(doubt))


def _editor(
    request: PortalRequest, policy: AssignmentPolicy, form: PolicyForm, *, is_draft: bool
) -> HttpResponse:
    """Save what was entered, unless somebody else has saved meanwhile; or show the form."""
    version = number_in(request.POST.get("version")) or number_of(policy)
    if form.is_valid() and "keep" in request.POST:
        if _keep(request, policy, form):
            return redirect("manage:policy_draft", policy.pk)
    elif form.is_valid():
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
    return editor_page(request, policy, form, is_draft=is_draft)


@require_POST
def preview_new(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Show what a new policy would do that is entered so far; nothing is saved."""
    package = package_for(request, package_id, "manage_packages")
    form = PolicyForm(_shown_only(request), package=package, terms=beginning(request, package))
    if wants_fragment(request):
        context = previewed(request, form, package)
        return render(request, PREVIEW, {**context, "is_fragment": True})
    return new_page(request, package, form)


@require_POST
def preview(request: PortalRequest, policy_id: UUID) -> HttpResponse:
    """Show what a policy would do with what is entered so far; nothing is saved."""
    policy = policy_for(request, policy_id, "manage_packages")
    is_draft = "draft" in request.GET
    terms = draft_terms(policy) if is_draft else None
    form = PolicyForm(_shown_only(request), policy=policy, terms=terms)
    if wants_fragment(request):
        context = previewed(request, form, policy.package, policy)
        return render(request, PREVIEW, {**context, "is_fragment": True})
    return editor_page(request, policy, form, is_draft=is_draft)


def _shown_only(request: PortalRequest) -> QueryDict:
    """Return what was sent, as by a button that saves nothing."""
    sent = request.POST.copy()
    sent["find"] = "parts"
    return sent


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
