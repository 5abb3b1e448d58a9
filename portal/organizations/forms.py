"""Forms about connected organizations."""

from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError

from entitlements.catalog.models import AccessPackage
from entitlements.directory.models import User
from entitlements.directory.organizations.guests import address_fits
from entitlements.directory.organizations.models import SponsorKind
from entitlements.directory.organizations.terms import OrganizationTerms, tidied
from portal.manage.finding import Eyes
from portal.manage.forms import PLACES, text_field
from portal.manage.picker import PickerField, PickingForm

FIND: Final = "organizations:find"
ORGANIZATION_PLACES: Final = {
    **PLACES,
    "domains_missing": "domains",
    "too_many_domains": "domains",
    "domain_unusable": "domains",
    "domain_taken": "domains",
}
SPONSOR_PLACES: Final = {
    "account_disabled": "person",
    "sponsor_already": "person",
    "sponsor_not_member": "person",
    "sponsor_not_of_organization": "person",
}


class DomainsField(forms.CharField):
    """Mail domains, one in each line."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 3, "autocapitalize": "off", "spellcheck": "false"})
        super().__init__(widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, tuple) else value

    def clean(self, value: Any) -> tuple[str, ...]:
        return tidied(str(super().clean(value)).replace(",", " ").replace(";", " ").split())


class OrganizationForm(forms.Form):
    """An organization's words and domains."""

    name = forms.CharField(max_length=200)
    description = text_field("Description", help_text="What connects us with them.")
    domains = DomainsField(
        label="Mail domains",
        help_text="One in each line, whole names such as partner.example: guests with exactly such "
        "an address belong to the organization.",
    )

    def terms(self) -> OrganizationTerms:
        return OrganizationTerms(**self.cleaned_data)


class SponsorForm(PickingForm):
    """Who is to sponsor an organization, from which side."""

    person = PickerField("user", is_single=True, route=FIND, label="Person")
    kind = forms.ChoiceField(
        label="As",
        choices=SponsorKind.choices,
        initial=SponsorKind.INTERNAL,
        widget=forms.RadioSelect,
        help_text="Internal sponsors are members of ours; external ones are guests of the "
        "organization. Policies can ask either to approve.",
    )

    def person_chosen(self) -> User | None:
        picked = self.cleaned_data["person"].user_ids
        return cast("User | None", User.objects.filter(pk__in=picked[:1]).first())


class TrialForm(PickingForm):
    """Whose address is to be tried with which package."""

    address = forms.CharField(label="E-mail address", max_length=254)
    package = PickerField("package", is_single=True, route=FIND, label="Package")

    def __init__(self, *args: Any, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        package = cast(PickerField, self.fields["package"])
        package.look_with(Eyes(viewer, sees_all=True))

    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"]
        reason = address_fits(address)
        if reason:
            raise ValidationError(str(reason), code=reason.code)
        return address

    def clean_package(self) -> AccessPackage:
        picked = self.cleaned_data["package"].package_ids
        package = AccessPackage.objects.filter(pk__in=picked[:1]).first()
        if package is None:
            raise ValidationError("This package is not to be had. Choose another one.")
        return package
