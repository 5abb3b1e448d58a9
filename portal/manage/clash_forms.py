"""What clashes, what is required first, and who may hold both for a while."""

from collections.abc import Mapping
from typing import Any, Final, cast
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from entitlements.catalog.models import AccessPackage, Catalog, ResourceRole
from entitlements.catalog.separation import GROUP, terms_of
from entitlements.directory.models import Group, User
from entitlements.policies.clashes import Other
from portal.forms import DayField, WordsField, end_of, start_of
from portal.manage.finding import Eyes, Picked, packages, roles
from portal.manage.picker import PickerField, PickingForm

PLACES: Final[Mapping[str, str]] = {
    "clashes_with_itself": "other",
    "clash_exists": "other",
    "not_visible": "other",
    "group_is_one_way": "is_symmetric",
    "prerequisite_circle": "package",
    "prerequisite_exists": "package",
    "justification_missing": "reason",
    "justification_too_long": "reason",
    "justification_unreadable": "reason",
    "ends_before_start": "ends_on",
    "exception_too_long": "ends_on",
}
GONE: Final = "This is not there, or not yours to name. Choose something else."


class ClashForm(PickingForm):
    """What a package clashes with: another package, a role or a group."""

    other = PickerField(
        "package",
        "role",
        "group",
        is_single=True,
        label="What it clashes with",
        help_text="A package, a role through whatever package gives it, or a group.",
    )
    is_symmetric = forms.BooleanField(
        label="Both ways",
        required=False,
        initial=True,
        help_text="Holders of this package cannot ask for the other either. Not with a group: "
        "nobody asks for that here.",
    )

    def __init__(self, *args: Any, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.eyes = look(self, viewer, "other")

    def clean_other(self) -> Other:
        """Return what was chosen, as far as the viewer may name it."""
        picked: Picked = self.cleaned_data["other"]
        rows: tuple[tuple[QuerySet[Any], tuple[UUID, ...]], ...] = (
            (packages(self.eyes), picked.package_ids),
            (roles(self.eyes), picked.role_ids),
            (Group.objects.all(), picked.group_ids),
        )
        if sum(len(keys) for _, keys in rows) != 1:
            raise ValidationError("Choose one thing: a package, a role or a group.", code="one")
        [(known, keys)] = [row for row in rows if row[1]]
        other: Other = _first(known, keys)
        return other

    @property
    def goes_both_ways(self) -> bool:
        """Whether it counts for the other too; a tick that stands beside a group means nothing."""
        is_group = isinstance(self.cleaned_data["other"], Group)
        return self.cleaned_data["is_symmetric"] and not is_group


class PrerequisiteForm(PickingForm):
    """What must be held before a package."""

    package = PickerField("package", is_single=True, label="Package that must be held first")
    is_alternative = forms.BooleanField(
        label="One of several",
        required=False,
        help_text="Of all packages with this tick, holding one is enough.",
    )

    def __init__(self, *args: Any, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.eyes = look(self, viewer, "package")

    def clean_package(self) -> AccessPackage:
        """Return what was chosen, as far as the viewer may name it."""
        found: AccessPackage = _first(packages(self.eyes), self.cleaned_data["package"].package_ids)
        return found


class RoleClashForm(PickingForm):
    """Two roles that nobody may hold together."""

    first = PickerField("role", is_single=True, label="A role of this catalog")
    second = PickerField("role", is_single=True, label="Clashes with")

    def __init__(self, *args: Any, catalog: Catalog, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.in_catalog = look(self, viewer, "first", catalog)
        self.eyes = look(self, viewer, "second")

    def clean_first(self) -> ResourceRole:
        """Return a role that the catalog offers."""
        return self._role("first", self.in_catalog)

    def clean_second(self) -> ResourceRole:
        """Return a role of any catalog of the viewer's."""
        return self._role("second", self.eyes)

    def _role(self, name: str, eyes: Eyes) -> ResourceRole:
        role: ResourceRole = _first(roles(eyes), self.cleaned_data[name].role_ids)
        return role


def look(form: forms.Form, viewer: User, name: str, catalog: Catalog | None = None) -> Eyes:
    """Let a picker find what somebody may name, perhaps in one catalog alone."""
    eyes = Eyes(viewer, str(catalog.pk) if catalog else "")
    cast("PickerField", form.fields[name]).look_with(eyes)
    return eyes


def _first(known: QuerySet[Any], keys: tuple[UUID, ...]) -> Any:
    found = known.filter(pk__in=keys[:1]).first()
    if found is None:
        raise ValidationError(GONE, code="gone")
    return found


class ExceptionForm(PickingForm):
    """Who may hold what clashes, why, and until when."""

    person = PickerField("user", is_single=True, label="Person")
    other = forms.ChoiceField(label="May hold the package together with")
    reason = WordsField(
        help_text="An owner on the other side decides; say what makes the risk acceptable."
    )
    starts_on = DayField(label="From", required=False, help_text="Empty: as soon as allowed.")
    ends_on = DayField(label="Until", help_text="A year at most. It ends by itself.")

    def __init__(self, *args: Any, package: AccessPackage, **options: Any) -> None:
        super().__init__(*args, **options)
        terms = terms_of([package.pk]).get(package.pk)
        self.rivals = {str(key): one for key, one in terms.clashes.items()} if terms else {}
        field = cast("forms.ChoiceField", self.fields["other"])
        field.choices = [(key, rival.other) for key, rival in self.rivals.items()]

    def person_chosen(self) -> User | None:
        picked = self.cleaned_data["person"].user_ids
        return cast("User | None", User.objects.active().filter(pk__in=picked[:1]).first())

    def wishes(self) -> dict[str, Any]:
        """Return what is proposed, but for the person."""
        rival = self.rivals[self.cleaned_data["other"]]
        model: Any = Group if rival.kind == GROUP else AccessPackage
        return {
            "other": model.objects.get(pk=rival.other_id),
            "reason": self.cleaned_data["reason"],
            "starts_at": start_of(self.cleaned_data["starts_on"]),
            "ends_at": end_of(self.cleaned_data["ends_on"], limit=None),
        }
