"""One person about whom somebody wants to know."""

from typing import cast

from entitlements.directory.models import User
from portal.manage.picker import PickerField, PickingForm


class PersonForm(PickingForm):
    """About whom somebody wants to know."""

    person = PickerField("user", is_single=True, label="Person")

    def person_chosen(self) -> User | None:
        picked = self.cleaned_data["person"].user_ids if self.is_valid() else ()
        people = User.objects.people().filter(pk__in=picked[:1])
        return cast("User | None", people.first())


class TriedForm(PersonForm):
    """Whom somebody tries a policy with, if anybody."""

    person = PickerField("user", is_single=True, label="Person", required=False)
