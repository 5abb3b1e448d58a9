from datetime import datetime
from typing import Any, Final, TypedDict, cast

from django import forms

from entitlements.catalog.models import Catalog
from entitlements.directory.models import User
from entitlements.requests.delegations import catalogs_decided_by
from portal.forms import PLACES, DayField, WordsField, end_of, start_of
from portal.manage.picker import PickerField, PickingForm

SHORTER_PLACES: Final = {**PLACES, "not_shorter": "ends_on"}
ACT_PLACES: Final = {
    **PLACES,
    "to_yourself": "person",
    "person_disabled": "person",
    "about_himself": "person",
    "asked_already": "person",
    "circle": "person",
    "overlaps": "catalog",
    "waiting_only_at_once": "with_waiting",
    "giver_missing": "giver",
    "not_asked": "giver",
    "question_missing": "question",
    "question_too_long": "question",
    "question_unreadable": "question",
}
ASK_PLACES: Final = {**ACT_PLACES, "asked_already": "question"}
STAND_IN_PLACES: Final = {**ACT_PLACES, "too_far_ahead": "ends_on"}


class ApproveForm(forms.Form):
    """What an approver adds to a yes: a reason, and perhaps an earlier end."""

    justification = WordsField(label="Reason", required=False)
    ends_on = DayField(label="Until", required=False)


class ShortenForm(ApproveForm):
    """A yes until an earlier day."""

    ends_on = DayField(
        label="Until", error_messages={"required": "Choose the day on which the access ends."}
    )


class DenyForm(forms.Form):
    """Why not: whoever asked reads it."""

    justification = forms.CharField(
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why. Whoever asked reads it."},
    )


class TogetherForm(forms.Form):
    """The one reason that goes with several decisions; a denial needs one."""

    justification = WordsField(label="Reason for all", required=False)

    def __init__(self, *args: Any, is_required: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_required = is_required

    def clean_justification(self) -> str:
        """Ask for a reason where one is needed."""
        words: str = self.cleaned_data["justification"]
        if self.is_required and not words.strip():
            raise forms.ValidationError("Say why. Those who asked read it.")
        return words


class AskForm(forms.Form):
    """What an approver wants to know before he decides."""

    question = WordsField(label="Question", required=False)


class RevokeForm(forms.Form):
    """Why access ends that was approved: its holder reads it."""

    justification = WordsField(label="Why?", required=False)


class PersonForm(PickingForm):
    """Somebody, found by name."""

    person = PickerField("user", is_single=True, route="approvals:find", label="Who?")

    def clean_person(self) -> User:
        """Return who was chosen, also when his account is disabled: the rules say so."""
        picked = self.cleaned_data["person"].user_ids
        person: User | None = User.objects.filter(pk__in=picked[:1]).first()
        if person is None:
            raise forms.ValidationError("Find somebody by name, and choose.", code="required")
        return person


class HandOverForm(PersonForm):
    """Who decides from now on, and why; managers also say in whose place."""

    giver = forms.ModelChoiceField(
        User.objects.none(), label="In whose place?", required=False, empty_label="Choose"
    )
    justification = WordsField(
        label="Why?", required=False, help_text="It is kept with the request."
    )

    field_order = ("giver", "person", "justification")

    def __init__(self, *args: Any, givers: list[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if givers:
            people = User.objects.filter(pk__in=[user.pk for user in givers])
            field = cast("forms.ModelChoiceField[User]", self.fields["giver"])
            field.queryset = people.order_by("display_name")
        else:
            del self.fields["giver"]


class Agreement(TypedDict):
    """When and for what somebody stands in."""

    catalog: Catalog | None
    starts_at: datetime | None
    ends_at: datetime | None
    with_waiting: bool


class StandInForm(PersonForm):
    """Who decides beside somebody, from when to when, in which catalog."""

    catalog = forms.ModelChoiceField(
        Catalog.objects.none(), label="For requests in", required=False, empty_label="All catalogs"
    )
    starts_on = DayField(label="From", required=False, help_text="Empty: from now on.")
    ends_on = DayField(
        label="Until the end of", required=False, help_text="Empty: until one of you ends it."
    )
    with_waiting = forms.BooleanField(label="Also what waits for me now", required=False)

    def __init__(self, *args: Any, viewer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast("forms.ModelChoiceField[Catalog]", self.fields["catalog"])
        field.queryset = catalogs_decided_by(viewer)

    def agreement(self) -> Agreement:
        """Return what was entered, as moments (UTC)."""
        entered = self.cleaned_data
        return {
            "catalog": entered["catalog"],
            "starts_at": start_of(entered["starts_on"]),
            "ends_at": end_of(entered["ends_on"], limit=None),
            "with_waiting": entered["with_waiting"],
        }
