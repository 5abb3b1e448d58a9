"""The versions of a thing, and what differs between two of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render

from entitlements.comparing import differences
from portal.http import PortalRequest
from portal.manage.policy_words import Line, lines, summary


class CompareForm(forms.Form):
    """Which two versions to lay beside each other."""

    old = forms.TypedChoiceField(label="From", coerce=int)
    new = forms.TypedChoiceField(label="To", coerce=int)

    def __init__(self, sent: object, versions: Sequence[Any]) -> None:
        numbers = [version.number for version in versions]
        initial = {"old": numbers[min(1, len(numbers) - 1)], "new": numbers[0]}
        super().__init__(sent or initial)  # type: ignore[arg-type]
        choices = [(version.number, f"Version {version.number}") for version in versions]
        for field in (self.fields["old"], self.fields["new"]):
            field.choices = choices  # type: ignore[attr-defined]
            field.widget.attrs["class"] = "form-select"


@dataclass(frozen=True)
class Entry:
    """One version in the list, with what it changed in a few words, and where it is restored."""

    version: Any
    changed: str
    restore_url: str


def versions_page(
    request: PortalRequest,
    versions: Sequence[Any],
    *,
    changes: Callable[[Any, Any], list[Line]],
    restore_url: Callable[[int], str],
    **context: Any,
) -> HttpResponse:
    """List the versions of a thing, the newest first, and compare the two that are asked for."""
    form = CompareForm(request.GET if "old" in request.GET else None, versions)
    if not form.is_valid():
        raise Http404
    by_number = {version.number: version for version in versions}
    old, new = by_number[form.cleaned_data["old"]], by_number[form.cleaned_data["new"]]
    found = {
        "lead": "What was saved, by whom and when. Nothing here is ever changed.",
        "entries": [
            Entry(
                version,
                summary(lines(differences(earlier.terms, version.terms), {})) if earlier else "",
                "" if version is versions[0] else restore_url(version.number),
            )
            for version, earlier in zip(versions, [*versions[1:], None], strict=True)
        ],
        "form": form,
        "old": old,
        "new": new,
        "lines": changes(old.terms, new.terms),
    }
    return render(request, "manage/versions.html", {**found, **context})


def asks_to_restore(
    request: PortalRequest, thing: object, number: int, *, back: str
) -> HttpResponse:
    """Ask whether an earlier version is to be the draft of the next."""
    context = {
        "heading": f"Restore version {number} of {thing} as a draft?",
        "effect": "The editor opens with that version. Nothing changes until you save it.",
        "button": "Restore as draft",
        "button_style": "btn-primary",
        "back": back,
    }
    return render(request, "manage/confirm.html", context)


def asks_to_throw_away(
    request: PortalRequest, thing: object, *, called: str, back: str
) -> HttpResponse:
    """Ask whether the draft of a thing is to go; `called` is what people call such a thing."""
    context = {
        "heading": f"Throw the draft of {thing} away?",
        "effect": f"The {called} stays as it is. Its versions stay too.",
        "button": "Throw draft away",
        "keep": "Keep it",
        "back": back,
    }
    return render(request, "manage/confirm.html", context)
