from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.policies import drafts
from entitlements.policies.drafts import Version
from portal.http import PortalRequest
from portal.manage.doors import policy_for, rights, to_policy
from portal.manage.policy_words import changes, summary

FORM = ["GET", "HEAD", "POST"]


class CompareForm(forms.Form):
    """Which two versions to lay beside each other."""

    old = forms.TypedChoiceField(label="From", coerce=int)
    new = forms.TypedChoiceField(label="To", coerce=int)

    def __init__(self, sent: object, versions: list[Version]) -> None:
        numbers = [version.number for version in versions]
        initial = {"old": numbers[min(1, len(numbers) - 1)], "new": numbers[0]}
        super().__init__(sent or initial)  # type: ignore[arg-type]
        choices = [(version.number, f"Version {version.number}") for version in versions]
        for field in (self.fields["old"], self.fields["new"]):
            field.choices = choices  # type: ignore[attr-defined]
            field.widget.attrs["class"] = "form-select"


@dataclass(frozen=True)
class Entry:
    """One version in the list, with what it changed in a few words."""

    version: Version
    changed: str
    is_newest: bool


@require_safe
def index(request: PortalRequest, policy_id: UUID) -> HttpResponse:
    """List the versions of a policy, and show what differs between two of them."""
    policy = policy_for(request, policy_id, "view_catalog")
    versions = drafts.versions_of(policy)
    form = CompareForm(request.GET if "old" in request.GET else None, versions)
    if not form.is_valid():
        raise Http404
    by_number = {version.number: version for version in versions}
    old, new = by_number[form.cleaned_data["old"]], by_number[form.cleaned_data["new"]]
    context = {
        "title": f"Versions of {policy}",
        "lead": "What was saved, by whom and when. Nothing here is ever changed.",
        "crumbs": to_policy(policy),
        "policy": policy,
        "entries": _entries(versions),
        "form": form,
        "old": old,
        "new": new,
        "lines": changes(old.terms, new.terms),
        "may_change": "manage_packages" in rights(request, policy.package.catalog),
    }
    return render(request, "manage/versions.html", context)


def _entries(versions: list[Version]) -> list[Entry]:
    return [
        Entry(
            version,
            summary(changes(earlier.terms, version.terms)) if earlier else "",
            is_newest=version is versions[0],
        )
        for version, earlier in zip(versions, [*versions[1:], None], strict=True)
    ]


@require_http_methods(FORM)
def restore(request: PortalRequest, policy_id: UUID, number: int) -> HttpResponse:
    """Ask, and make an earlier version the draft of the next."""
    policy = policy_for(request, policy_id, "manage_packages")
    if request.method == "POST":
        drafts.restore_as_draft(policy, number, by=request.user)
        messages.success(request, f"Version {number} is a draft now. Save it to let it count.")
        return redirect("manage:policy_draft", policy.pk)
    context = {
        "heading": f"Restore version {number} of {policy} as a draft?",
        "effect": "The editor opens with that version. Nothing changes until you save it.",
        "button": "Restore as draft",
        "button_style": "btn-primary",
        "back": reverse("manage:policy_versions", args=[policy.pk]),
    }
    return render(request, "manage/confirm.html", context)


@require_http_methods(FORM)
def throw_away(request: PortalRequest, policy_id: UUID) -> HttpResponse:
    """Ask, and throw the draft of a policy away."""
    policy = policy_for(request, policy_id, "manage_packages")
    if request.method == "POST":
        drafts.throw_away_draft(policy, by=request.user)
        messages.success(request, "The draft is gone. The policy is as it was.")
        return redirect("manage:policy", policy.pk)
    context = {
        "heading": f"Throw the draft of {policy} away?",
        "effect": "The policy stays as it is. Its versions stay too.",
        "button": "Throw draft away",
        "keep": "Keep it",
        "back": reverse("manage:policy", args=[policy.pk]),
    }
    return render(request, "manage/confirm.html", context)
