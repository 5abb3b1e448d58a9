from typing import Any, cast

from django import forms

from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.directory.models import User


class MoveForm(forms.Form):
    """To which catalog a package moves, among those in which the viewer manages packages."""

    catalog = forms.ModelChoiceField(
        queryset=Catalog.objects.none(),
        label="To the catalog",
        empty_label="Choose a catalog",
        help_text="Those in which you may change packages.",
    )

    def __init__(self, *args: Any, package: AccessPackage, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        managed = Catalog.objects.with_permission(viewer, "manage_packages")
        field = cast("forms.ModelChoiceField[Catalog]", self.fields["catalog"])
        field.queryset = managed.exclude(pk=package.catalog_id).order_by("name")
