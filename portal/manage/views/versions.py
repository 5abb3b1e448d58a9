from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.policies import drafts
from portal.http import PortalRequest
from portal.manage.compared import asks_to_restore, asks_to_throw_away, versions_page
from portal.manage.doors import policy_for, rights, to_policy
from portal.manage.policy_words import changes

FORM = ["GET", "HEAD", "POST"]


@require_safe
def index(request: PortalRequest, policy_id: UUID) -> HttpResponse:
    """List the versions of a policy, and show what differs between two of them."""
    policy = policy_for(request, policy_id, "view_catalog")
    return versions_page(
        request,
        drafts.versions_of(policy),
        changes=changes,
        restore_url=lambda number: reverse("manage:policy_restore", args=[policy.pk, number]),
        title=f"Versions of {policy}",
        crumbs=to_policy(policy),
        called="policy",
        may_change="manage_packages" in rights(request, policy.package.catalog),
    )


@require_http_methods(FORM)
def restore(request: PortalRequest, policy_id: UUID, number: int) -> HttpResponse:
    """Ask, and make an earlier version the draft of the next."""
    policy = policy_for(request, policy_id, "manage_packages")
    if request.method == "POST":
        drafts.restore_as_draft(policy, number, by=request.user)
        messages.success(request, f"Version {number} is a draft now. Save it to let it count.")
        return redirect("manage:policy_draft", policy.pk)
    back = reverse("manage:policy_versions", args=[policy.pk])
    return asks_to_restore(request, policy, number, back=back)


@require_http_methods(FORM)
def throw_away(request: PortalRequest, policy_id: UUID) -> HttpResponse:
    """Ask, and throw the draft of a policy away."""
    policy = policy_for(request, policy_id, "manage_packages")
    if request.method == "POST":
        drafts.throw_away_draft(policy, by=request.user)
        messages.success(request, "The draft is gone. The policy is as it was.")
        return redirect("manage:policy", policy.pk)
    back = reverse("manage:policy", args=[policy.pk])
    return asks_to_throw_away(request, policy, called="policy", back=back)
