from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django import forms

from entitlements import clock
from entitlements.catalog.attributes import ResourceAttribute
from entitlements.catalog.models import Catalog, ResourceKind
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy, Expiration
from entitlements.requests.candidates import limit_of
from portal import dates
from portal.forms import PLACES, DayField, WordsField, end_of, start_of
from portal.questions import AskingForm


class FilterSelect(forms.Select):
    """A list that filters at once, as soon as something is chosen."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"class": "form-select", **(attrs or {})})


class FilterForm(forms.Form):
    """What somebody looks for among the packages that he may ask for."""

    q = forms.CharField(label="Search", required=False, max_length=200)
    catalog = forms.ChoiceField(required=False, widget=FilterSelect)
    kind = forms.ChoiceField(
        choices=[("", "All kinds"), *ResourceKind.choices], required=False, widget=FilterSelect
    )

    def __init__(self, *args: Any, catalogs: Iterable[Catalog], **options: Any) -> None:
        super().__init__(*args, **options)
        named = [(str(catalog.pk), catalog.name) for catalog in catalogs]
        catalog = cast("forms.ChoiceField", self.fields["catalog"])
        catalog.choices = [("", "All catalogs"), *named]

    def chosen(self) -> dict[str, str]:
        """Return the filters in force; one that cannot be read filters nothing."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class RequestForm(AskingForm):
    """Under which policy somebody asks for a package, why, and from when until when.

    The answers are those to the questions of the chosen policy. With several policies, none of
    which may hold the form up for another, the browser is not told which fields are required.
    """

    policy = forms.ChoiceField(
        label="How do you want it?",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose how you want it.",
            "invalid_choice": "This way is not offered to you. Choose one of those listed.",
        },
    )
    justification = WordsField(
        label="Why do you need it?",
        help_text="Approvers read this first. Name the task, and when it is done.",
    )
    starts_on = DayField(label="From", required=False)
    ends_on = DayField(label="Until", required=False)

    def __init__(
        self,
        *args: Any,
        policies: Sequence[AssignmentPolicy],
        languages: Sequence[str] = (),
        answered: Iterable[Mapping[str, Any]] = (),
        needed: Sequence[ResourceAttribute] = (),
        target: User | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.policies = {str(policy.pk): policy for policy in policies}
        self.ask_questions(policies, languages, answered, needed, target)
        self.use_required_attribute = len(self.policies) == 1
        self._offer_policies()
        self._fit_reason()
        self._fit_dates()

    @property
    def policy_chosen(self) -> AssignmentPolicy:
        return self.policies[self.cleaned_data["policy"]]

    def wishes(self) -> dict[str, Any]:
        """Return what is asked for; dates only where the policy lets people choose them."""
        wishes = {
            "justification": self.cleaned_data["justification"],
            "answers": self.answers_under(self.policy_chosen),
        }
        if self.policy_chosen.allows_custom_dates:
            starts_at = start_of(self.cleaned_data["starts_on"])
            limit = limit_of(self.policy_chosen, starts_at=starts_at or clock.now())
            wishes["starts_at"] = starts_at
            wishes["ends_at"] = end_of(self.cleaned_data["ends_on"], limit=limit)
        return wishes

    @property
    def places(self) -> dict[str, str]:
        """Return the field that each reason of a refusal concerns."""
        return {**PLACES, **self.places_under(self.policy_chosen)}

    @property
    def days_note(self) -> str:
        """What days without a time mean."""
        zone = clock.zone().key
        return f"Access starts when the first day begins and ends with the last ({zone} time)."

    def _offer_policies(self) -> None:
        field = cast("forms.ChoiceField", self.fields["policy"])
        field.choices = [(key, policy.name) for key, policy in self.policies.items()]
        self.initial.setdefault("policy", next(iter(self.policies), ""))
        if len(self.policies) == 1:
            field.widget = forms.HiddenInput()

    def _fit_reason(self) -> None:
        needed = [policy.requires_justification for policy in self.policies.values()]
        self.fields["justification"].required = all(needed)

    def _fit_dates(self) -> None:
        dated = [policy for policy in self.policies.values() if policy.allows_custom_dates]
        if not dated:
            del self.fields["starts_on"], self.fields["ends_on"]
            return
        today = clock.today_begins().date().isoformat()
        starts, ends = self.fields["starts_on"], self.fields["ends_on"]
        starts.widget.attrs["min"] = ends.widget.attrs["min"] = today
        starts.help_text = "Empty: as soon as it is approved."
        ends.help_text = (
            _until(dated[0]) if len(self.policies) == 1 else "Empty: as long as allowed."
        )


def _until(policy: AssignmentPolicy) -> str:
    """Say how long access under a policy may last at most."""
    limit = limit_of(policy, starts_at=clock.now())
    if limit is None:
        return "Empty: without an end."
    if policy.expiration == Expiration.ON_DATE:
        return f"At most until {dates.exact(limit)}."
    return f"At most until {dates.exact(limit)} if it starts now."
