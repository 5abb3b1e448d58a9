"""What clashes, what is required first, and who may hold both for a while."""

from collections.abc import Mapping
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError

from entitlements.catalog.clashes import Other
from entitlements.catalog.models import AccessPackage, Catalog, Resource, ResourceRole
from entitlements.catalog.separation import GROUP, terms_of
from entitlements.directory.models import Group, User
from portal.forms import DayField, WordsField, end_of, start_of
from portal.manage.picker import PickerField, PickingForm

PLACES: Final[Mapping[str, str]] = {
    "clashes_with_itself": "package",
    "group_is_one_way": "is_symmetric",
    "prerequisite_circle": "package",
    "prerequisite_exists": "package",
    "justification_missing": "reason",
    "justification_too_long": "reason",
    "justification_unreadable": "reason",
    "ends_before_start": "ends_on",
    "exception_too_long": "ends_on",
}


class PackageChoiceField(forms.ModelChoiceField[AccessPackage]):
    def label_from_instance(self, package: Any) -> str:
        return f"{package} ({package.catalog})"


def offer_packages(form: forms.Form, package: AccessPackage, viewer: User) -> None:
    """Let a form choose among the packages of the viewer's catalogs, without this one."""
    others = AccessPackage.objects.visible_to(viewer).exclude(pk=package.pk)
    field = cast("PackageChoiceField", form.fields["package"])
    field.queryset = others.select_related("catalog").order_by("name", "pk")


def roles_of(catalogs: Any) -> Any:
    """Return the roles that catalogs offer, by name."""
    offered = Resource.objects.filter(catalogs__in=catalogs)
    roles = ResourceRole.objects.filter(resource__in=offered).select_related("resource")
    return roles.order_by("resource__name", "name")


class ClashForm(PickingForm):
    """What a package clashes with: another package, a role, or a group; exactly one of them."""

    package = PackageChoiceField(
        queryset=AccessPackage.objects.none(),
        label="Another package",
        required=False,
        empty_label="None",
    )
    role = forms.ModelChoiceField(
        queryset=ResourceRole.objects.none(),
        label="Or a role, through whatever package gives it",
        required=False,
        empty_label="None",
    )
    group = PickerField(
        "group", is_single=True, label="Or a group", required=False, help_text="Of the directory."
    )
    is_symmetric = forms.BooleanField(
        label="Both ways",
        required=False,
        initial=True,
        help_text="Holders of this package cannot ask for the other either. Not with a group: "
        "nobody asks for that here.",
    )

    def __init__(self, *args: Any, package: AccessPackage, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        offer_packages(self, package, viewer)
        field = cast("forms.ModelChoiceField[ResourceRole]", self.fields["role"])
        field.queryset = roles_of(Catalog.objects.visible_to(viewer)).distinct()

    def clean(self) -> dict[str, Any]:
        """Ask for exactly one thing."""
        if not self.errors and len(self._named()) != 1:
            raise ValidationError("Choose one thing: a package, a role or a group.", code="one")
        return self.cleaned_data

    def _named(self) -> list[Other]:
        groups = Group.objects.filter(pk__in=self.cleaned_data["group"].group_ids[:1])
        named = [self.cleaned_data["package"], self.cleaned_data["role"], groups.first()]
        return [one for one in named if one is not None]

    @property
    def other(self) -> Other:
        return self._named()[0]

    @property
    def goes_both_ways(self) -> bool:
        """Whether it counts for the other too; a tick that stands beside a group means nothing."""
        return self.cleaned_data["is_symmetric"] and not isinstance(self.other, Group)


class PrerequisiteForm(forms.Form):
    """What must be held before a package."""

    package = PackageChoiceField(
        queryset=AccessPackage.objects.none(),
        label="Package that must be held first",
        empty_label="Choose a package",
    )
    is_alternative = forms.BooleanField(
        label="One of several",
        required=False,
        help_text="Of all packages with this tick, holding one is enough.",
    )

    def __init__(self, *args: Any, package: AccessPackage, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        offer_packages(self, package, viewer)


class RoleClashForm(forms.Form):
    """Two roles that nobody may hold together."""

    first = forms.ModelChoiceField(
        queryset=ResourceRole.objects.none(),
        label="A role of this catalog",
        empty_label="Choose a role",
    )
    second = forms.ModelChoiceField(
        queryset=ResourceRole.objects.none(), label="Clashes with", empty_label="Choose a role"
    )

    def __init__(self, *args: Any, catalog: Catalog, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        first = cast("forms.ModelChoiceField[ResourceRole]", self.fields["first"])
        second = cast("forms.ModelChoiceField[ResourceRole]", self.fields["second"])
        first.queryset = roles_of([catalog.pk])
        second.queryset = roles_of(Catalog.objects.visible_to(viewer)).distinct()


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
