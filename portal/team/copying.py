"""What one colleague holds and another may ask for."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import QueryDict

from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests.models import AccessRequest
from portal.forms import WordsField
from portal.people import active_people, ways_for

MOST_AT_ONCE: Final = 50


@dataclass(frozen=True)
class Line:
    """One package that a colleague holds, and the ways in which it can be asked for."""

    package: AccessPackage
    ways: list[AssignmentPolicy]
    is_held: bool
    is_wanted: bool

    @property
    def can_be_asked(self) -> bool:
        return bool(self.ways) and not self.is_held and not self.is_wanted


class CopyForm(forms.Form):
    """From whom to whom: the viewer and his people."""

    source = forms.ChoiceField(label="What this person has")
    target = forms.ChoiceField(label="Ask for it for")

    def __init__(self, sent: QueryDict, *, viewer: User) -> None:
        is_chosen = bool(sent.get("source") and sent.get("target"))
        super().__init__(sent if is_chosen else None, initial=sent.dict())
        people = active_people(viewer)
        self.people = {str(person.pk): person for person in (viewer, *people)}
        choices = [(key, str(person)) for key, person in self.people.items()]
        choices[0] = (choices[0][0], "Myself")
        for name in ("source", "target"):
            self.fields[name].choices = [("", "Choose"), *choices]  # type: ignore[attr-defined]

    def pair(self) -> tuple[User, User] | None:
        """Return from whom to whom, once two different people are chosen."""
        if not (self.is_bound and self.is_valid()):
            return None
        source, target = (self.people[self.cleaned_data[name]] for name in ("source", "target"))
        if source == target:
            self.add_error("target", "Choose somebody else: nobody copies from himself.")
            return None
        return source, target


class WhyForm(forms.Form):
    """Why somebody needs what a colleague has."""

    justification = WordsField(
        label="Why?", help_text="Approvers read this first, in each request.", required=False
    )


def lines(viewer: User, source: User, target: User) -> list[Line]:
    """Return what `source` holds, by name, and how it can be asked for; by four queries."""
    held = Assignment.objects.live().held_by(source).select_related("package__catalog")
    packages = [assignment.package for assignment in held.order_by("package__name", "package")]
    ways: dict[UUID, list[AssignmentPolicy]] = {package.pk: [] for package in packages}
    offered = ways_for(viewer, target).filter(package__in=ways).lasting()
    for policy in offered.select_related("package__catalog").order_by("created_at", "pk"):
        ways[policy.package_id].append(policy)
    has = _packages(Assignment.objects.live().filter(target=target, package__in=ways))
    wants = _packages(AccessRequest.objects.open().filter(target=target, package__in=ways))
    return [
        Line(package, ways[package.pk], package.pk in has, package.pk in wants)
        for package in packages
    ]


def _packages(rows: Any) -> set[UUID]:
    return set(rows.values_list("package", flat=True))


def chosen_ways(sent: QueryDict, offered: list[Line]) -> list[AssignmentPolicy]:
    """Return the policies that were ticked, one for each package, among those offered."""
    ticked = set(sent.getlist("package"))
    found = []
    for line in offered:
        key = str(line.package.pk)
        ways = {str(policy.pk): policy for policy in line.ways}
        if key in ticked and line.can_be_asked:
            found.append(ways.get(sent.get(f"policy-{key}", ""), line.ways[0]))
    return found[:MOST_AT_ONCE]
