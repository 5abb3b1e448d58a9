from typing import Any, Final

from django import forms

from entitlements.directory.holders import Holder
from entitlements.directory.models import Group, User
from entitlements.directory.tenant_roles import ADMINISTRATOR
from portal.manage.picker import PickerField, PickingForm

PLACES: Final = {
    "account_disabled": "person",
    "no_service_accounts": "person",
    "people_only": "person",
    "bad_name": "name",
    "name_taken": "name",
    "bad_purpose": "purpose",
}


class AppointForm(PickingForm):
    """Whom to appoint to a role in the tenant."""

    person = PickerField("user", "group", is_single=True, label="Person or group")

    def __init__(self, *args: Any, key: str, **options: Any) -> None:
        super().__init__(*args, **options)
        if key == ADMINISTRATOR:
            self.fields["person"] = PickerField("user", is_single=True, label="Person")

    def holder_chosen(self) -> Holder | None:
        """Return the one who is to be appointed, if there is such a one."""
        picked = self.cleaned_data["person"]
        people = User.objects.filter(pk__in=picked.user_ids[:1]).first()
        groups = Group.objects.filter(pk__in=picked.group_ids[:1]).first()
        return None if people and groups else people or groups


class PersonForm(PickingForm):
    """Whose rights somebody wants to know."""

    person = PickerField("user", "service", is_single=True, label="Person or service account")

    def person_chosen(self) -> User | None:
        picked = self.cleaned_data["person"] if self.is_valid() else None
        keys = (*picked.user_ids, *picked.service_ids)[:1] if picked else ()
        person: User | None = User.objects.filter(pk__in=keys).first()
        return person


class ServiceForm(forms.Form):
    """A new service account."""

    name = forms.CharField(max_length=200, help_text="Name the program, not who runs it.")
    purpose = forms.CharField(label="What it is for", max_length=200, required=False)
