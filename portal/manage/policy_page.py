"""The page on which a policy is entered, beside what it would do."""

from functools import partial
from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse

from entitlements.audit.models import AuditEvent
from entitlements.catalog.models import AccessPackage
from entitlements.policies.drafts import versions_of
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.starters import STARTERS, copy_of
from entitlements.policies.terms import PolicyTerms
from entitlements.policies.versions import PolicyDraft
from entitlements.requests.states import RequestState
from entitlements.versions import number_of
from portal.http import PortalRequest, wants_fragment
from portal.manage.conflicts import conflict_of, has_conflict, number_in
from portal.manage.doors import form_page, rights, to_package, to_policy
from portal.manage.person_forms import TriedForm
from portal.manage.policy_forms import PolicyForm
from portal.manage.policy_preview import seen, tried
from portal.manage.policy_sections import wrong_with
from portal.manage.policy_words import changes
from portal.manage.shown import history

SHOWN = 10
TEMPLATE = "manage/policy.html"


def beginning(request: PortalRequest, package: AccessPackage) -> PolicyTerms | None:
    """Return the terms that the address says to begin with, of a template or another policy.

    Raises Http404 where there is no such thing.
    """
    if key := request.GET.get("template"):
        found = [starter.terms for starter in STARTERS if starter.key == key]
    elif key := request.GET.get("copy"):
        found = [copy_of(policy) for policy in package.policies.all() if str(policy.pk) == key]
    else:
        return None
    if not found:
        raise Http404
    return found[0]


def draft_terms(policy: AssignmentPolicy) -> PolicyTerms | None:
    """Return the terms of the draft of a policy, if there is one."""
    draft = PolicyDraft.objects.filter(policy=policy).first()
    return draft.read() if draft else None


def previewed(
    request: PortalRequest,
    form: PolicyForm,
    package: AccessPackage,
    policy: AssignmentPolicy | None = None,
) -> dict[str, Any]:
    """Return what the preview shows."""
    person_form = TriedForm(_without_button(request))
    person = person_form.person_chosen()
    is_in_scope, sentences = tried(form, person)
    return {
        "seen": seen(form, package, policy),
        "policy": policy,
        "person_form": TriedForm(request.POST or None),
        "person": person,
        "is_in_scope": is_in_scope,
        "sentences": sentences,
    }


def _without_button(request: PortalRequest) -> Any:
    sent = request.POST.copy()
    sent.pop("find", None)
    return sent or None


def _beside(
    request: PortalRequest,
    form: PolicyForm,
    package: AccessPackage,
    policy: AssignmentPolicy | None = None,
) -> dict[str, Any]:
    """Return the preview for a whole page; nothing where htmx takes another part of it."""
    return {} if wants_fragment(request) else previewed(request, form, package, policy)


def new_page(request: PortalRequest, package: AccessPackage, form: PolicyForm) -> HttpResponse:
    """Render the form of a policy that is new."""
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    return form_page(
        request,
        form,
        title=f"New policy for {package}",
        button="Add policy",
        crumbs=to_package(package),
        template=TEMPLATE,
        address=reverse("manage:policy_add", args=[package.pk]) + query,
        preview_address=reverse("manage:policy_preview_new", args=[package.pk]) + query,
        package=package,
        starters=STARTERS,
        begun_with=request.GET.get("template", ""),
        wrong=wrong_with(form),
        **_beside(request, form, package),
    )


def editor_page(
    request: PortalRequest, policy: AssignmentPolicy, form: PolicyForm, *, is_draft: bool
) -> HttpResponse:
    """Render the form of a policy, and what was saved meanwhile if that is in the way."""
    version = number_in(request.POST.get("version")) or number_of(policy)
    route, query = ("policy_draft", "?draft=1") if is_draft else ("policy", "")
    beside = {"policy": policy, **_beside(request, form, policy.package, policy)}
    return form_page(
        request,
        form,
        title=f"Draft of the policy {policy}" if is_draft else f"Policy {policy}",
        button="Save draft as the policy" if is_draft else "Save policy",
        crumbs=to_policy(policy) if is_draft else to_package(policy.package),
        template=TEMPLATE,
        address=reverse(f"manage:{route}", args=[policy.pk]),
        preview_address=reverse("manage:policy_preview", args=[policy.pk]) + query,
        is_draft=is_draft,
        draft=PolicyDraft.objects.filter(policy=policy).select_related("by").first(),
        conflict=conflict_of(form, version, versions=partial(versions_of, policy), changes=changes),
        waiting=policy.requests.filter(state=RequestState.PENDING_APPROVAL).count(),
        wrong=wrong_with(form),
        version=number_of(policy) if has_conflict(form) else version,
        may_change="manage_packages" in rights(request, policy.package.catalog),
        history=history(AuditEvent.objects.about(policy).reverse()[:SHOWN], request.user),
        **beside,
    )
