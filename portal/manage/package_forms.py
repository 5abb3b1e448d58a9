"""A package as it is entered: its words, and its roles in the order in which people read them."""

from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict

from entitlements.catalog.models import AccessPackage, ResourceRole
from entitlements.catalog.package_versions import contents_of
from entitlements.catalog.terms import LONGEST_WORDS, ContainedRole, PackageContents
from portal.manage.forms import PackageForm
from portal.manage.picker import PickingForm

ACT: Final = "parts:role-"
SECTIONS: Final = {"about": ("name", "description", "is_hidden"), "roles": ("more",)}


class DuplicateForm(forms.Form):
    """What another package like one that exists is called."""

    name = forms.CharField(max_length=200)


@dataclass(frozen=True)
class RoleRow:
    """One role of the package as the page lists it, with what people will read beside it."""

    role: ResourceRole
    words: str
    is_new: bool

    @property
    def key(self) -> str:
        return str(self.role.pk)

    @property
    def described(self) -> str:
        """What people read if no words are entered."""
        return self.role.description or self.role.resource.description


class PackageEditorForm(PackageForm, PickingForm):
    """Everything that a package says and contains, beside what it is saved with.

    Buttons called `find` change the list of roles without saving it: "parts:role-add" adds the
    chosen one, "parts:role-up-<id>", "…-down-<id>" and "…-drop-<id>" move or drop one.
    """

    more = forms.ModelChoiceField(
        queryset=ResourceRole.objects.none(),
        label="One more role",
        empty_label="Choose a role",
        required=False,
    )

    def __init__(
        self,
        sent: Any = None,
        *,
        package: AccessPackage,
        contents: PackageContents | None = None,
    ) -> None:
        self.saved = contents_of(package)
        shown = contents or self.saved
        super().__init__(sent, initial=shown.as_dict())
        self.use_required_attribute = False
        entered = self._entered() if self.is_bound else list(shown.roles)
        self._known = self._known_roles(package, entered)
        self.left_out = len(entered) - len({one.role_id for one in entered} & set(self._known))
        self.rows = [self._row(one) for one in entered if one.role_id in self._known]
        if self.is_finding:
            self._rearrange(self.data.get("find", ""))
        self.offered = ResourceRole.objects.filter(resource__catalogs=package.catalog_id).exclude(
            pk__in=[row.role.pk for row in self.rows]
        )
        field = cast("forms.ModelChoiceField[ResourceRole]", self.fields["more"])
        field.queryset = self.offered.select_related("resource").order_by("resource__name", "name")

    def _entered(self) -> list[ContainedRole]:
        """Return the roles that were sent, each once, and with them the one that is to be added.

        Whoever sends no list at all, not even an empty one, leaves the roles as they are.
        """
        if "roles" not in self.data:
            return list(self.saved.roles)
        keys = list(cast("QueryDict", self.data).getlist("role"))
        if self.data.get("find") == f"{ACT}add":
            keys.append(self.data.get("more", ""))
        ids = dict.fromkeys(key for text in keys if (key := _as_id(text)))
        return [ContainedRole(key, self.data.get(f"words-{key}", "")) for key in ids]

    def _known_roles(
        self, package: AccessPackage, entered: list[ContainedRole]
    ) -> dict[UUID, ResourceRole]:
        offered = Q(resource__catalogs=package.catalog_id) | Q(packages=package)
        roles = ResourceRole.objects.filter(offered, pk__in=[one.role_id for one in entered])
        return roles.select_related("resource__system").distinct().in_bulk()

    def _row(self, one: ContainedRole) -> RoleRow:
        is_new = one.role_id not in self.saved.role_ids
        return RoleRow(self._known[one.role_id], one.words, is_new)

    def _rearrange(self, command: str) -> None:
        """Do what one of the buttons beside the roles says."""
        act, _, key = command.removeprefix(ACT).partition("-")
        place = next((place for place, row in enumerate(self.rows) if row.key == key), None)
        if place is None:
            return
        row = self.rows.pop(place)
        if act != "drop":
            to = place + 1 if act == "down" else place - 1
            self.rows.insert(max(to, 0), row)

    @property
    def wanted(self) -> list[ResourceRole]:
        """Every role that the package would contain; one that is chosen to be added counts too."""
        shown = [row.role for row in self.rows]
        chosen = _as_id(self.data.get("more", "")) if self.is_bound else None
        if chosen is None:
            return shown
        return [*shown, *self.offered.filter(pk=chosen).select_related("resource__system")]

    def clean(self) -> dict[str, Any]:
        """Say that roles were left out which are not to be had any more."""
        if self.left_out:
            raise ValidationError(LEFT_OUT, code="role_gone")
        return self.cleaned_data

    def terms(self) -> PackageContents:
        """Return everything that was entered."""
        words = {row.role.pk: row.words for row in self.rows}
        return PackageContents(
            self.cleaned_data["name"],
            self.cleaned_data["description"],
            self.cleaned_data["is_hidden"],
            tuple(ContainedRole(one.pk, words.get(one.pk, "")) for one in self.wanted),
        )

    @property
    def longest_words(self) -> int:
        return LONGEST_WORDS


LEFT_OUT: Final = (
    "A role is not offered by the catalog any more, and was left out below. Look, and save again."
)


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
