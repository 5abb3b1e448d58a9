"""Forms about a catalog and the people in it."""

from typing import Any
from uuid import UUID

from django import forms

from entitlements.catalog.appointments import ROLE_NAMES, Holder
from entitlements.catalog.permissions import can_admit_outsiders
from entitlements.catalog.terms import CatalogTerms
from entitlements.directory.models import Group, User
from portal.manage.finding import Picked
from portal.manage.forms import text_field
from portal.manage.picker import PickerField, PickingForm


class CatalogForm(forms.Form):
    """A catalog's words and switches."""

    name = forms.CharField(max_length=200)
    description = text_field("Description", help_text="People read it on the pages of packages.")
    is_enabled = forms.BooleanField(
        label="Enabled",
        required=False,
        initial=True,
        help_text="Switched off, nothing in it can be found or asked for; what is held stays.",
    )
    is_external = forms.BooleanField(
        label="Open to people from outside",
        required=False,
        initial=True,
        help_text="Only then can its packages be offered to guests.",
    )
    keeps_access_held_before = forms.BooleanField(
        label="Keep access that somebody had before",
        required=False,
        initial=True,
        help_text="When a package ends, a role that the person held before it stays.",
    )

    def __init__(self, *args: Any, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        may_admit = can_admit_outsiders(viewer)
        field = self.fields["is_external"]
        is_open = bool(self.initial) and self.initial["is_external"]
        if not may_admit and not is_open:
            self.initial["is_external"] = False
            field.disabled = True
            field.help_text = str(may_admit.reasons[0])

    def terms(self) -> CatalogTerms:
        return CatalogTerms(**self.cleaned_data)


class AppointForm(PickingForm):
    """Whom to appoint, and to what."""

    person = PickerField(
        "user", "group", "service", is_single=True, label="Person, group or service account"
    )
    role = forms.ChoiceField(
        choices=list(ROLE_NAMES.items()),
        initial="reader",
        widget=forms.RadioSelect,
        help_text="It takes the place of the role that there is in this catalog now; a role of a "
        "group is its members’.",
    )

    def holder_chosen(self) -> Holder | None:
        """Return the one who is to be appointed, if there is such a one."""
        picked: Picked = self.cleaned_data["person"]
        rows: tuple[tuple[Any, tuple[UUID, ...]], ...] = (
            (User.objects.active(), picked.user_ids),
            (Group.objects.all(), picked.group_ids),
            (User.objects.services().filter(is_active=True), picked.service_ids),
        )
        found = [things.filter(pk__in=keys).first() for things, keys in rows if keys]
        return found[0] if len(found) == 1 else None
