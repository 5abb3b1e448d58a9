"""A whole policy as one form: who may ask, who approves, for how long."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django import forms
from django.conf import settings
from django.http import QueryDict

from entitlements.catalog.models import AccessPackage
from entitlements.decisions import Reason
from entitlements.policies.doubts import doubts
from entitlements.policies.models import ApproversShown, AssignmentPolicy, Expiration
from entitlements.policies.operations import terms_of
from entitlements.policies.scopes import Scope
from entitlements.policies.stage_terms import StageTerms
from entitlements.policies.terms import MOST_HOURS, PolicyTerms
from portal.forms import DayField, day_of, end_of
from portal.manage.extension_forms import CalloutsForm
from portal.manage.finding import Picked, keys_of
from portal.manage.forms import PLACES, switch, text_field
from portal.manage.picker import PickerField, PickingForm
from portal.manage.question_forms import QuestionForms
from portal.manage.stage_forms import StageForm

POLICY_PLACES: Final = {
    **PLACES,
    "targets_missing": "allowed",
    "too_many_targets": "allowed",
    "organizations_missing": "allowed_organizations",
    "too_many_organizations": "allowed_organizations",
    "organization_unknown": "allowed_organizations",
    "approval_needed_for_anybody": "stage_count",
    "duration_missing": "duration",
    "duration_out_of_range": "duration",
    "end_missing": "ends_on",
    "end_in_the_past": "ends_on",
}
OFFERED_STAGES: Final = 3
SWITCHES: Final = (
    "is_enabled",
    "accepts_requests",
    "requires_justification",
    "allows_custom_dates",
    "allows_on_behalf",
    "allows_extension",
    "extension_requires_approval",
    "allows_correction",
    "sends_notifications",
    "approver_can_remove",
)


def stage_counts(most: int) -> list[tuple[str, str]]:
    """Return the choices of how many stages there are, up to `most`."""
    more = [(str(number), f"{number} stages, one after the other") for number in range(2, most + 1)]
    return [("0", "No approval: given at once"), ("1", "1 stage"), *more]


def naming_choices() -> list[tuple[str, str]]:
    """Return whether approvers are named, with what the organization decides at present."""
    (value, label), *others = ApproversShown.choices
    return [(value, f"{label}: {'yes' if settings.APPROVERS_SHOWN else 'no'}"), *others]


@dataclass(frozen=True)
class SoFar:
    """A policy that is being entered; None for stages that cannot be read yet.

    It `is_legible` where nothing that was entered about a stage makes no sense.
    """

    terms: PolicyTerms
    stages: tuple[StageTerms | None, ...]
    is_legible: bool


class PolicyForm(PickingForm):
    """A policy; the fields that a choice does not need are not shown, and not read."""

    name = forms.CharField(
        max_length=200, help_text="Whoever can choose between policies reads it."
    )
    description = text_field("Description")
    scope = forms.ChoiceField(
        label="Who may ask",
        choices=Scope.choices,
        widget=forms.RadioSelect,
        initial=Scope.NOBODY,
        help_text="The last three are for people from outside and nobody else: "
        "members ask under another policy of the package.",
    )
    allowed = PickerField("user", "group", label="These people and groups", required=False)
    allowed_organizations = PickerField(
        "organization",
        label="These organizations",
        required=False,
        help_text="Also those that are only proposed, when they are named here.",
    )
    stage_count = forms.ChoiceField(label="Approval", initial="0")
    requires_justification = switch("Whoever asks must say why")
    shows_approvers = forms.ChoiceField(
        label="Whoever asks sees the names of the approvers",
        choices=naming_choices,
        initial=ApproversShown.ORGANIZATION,
        required=False,
    )
    approver_can_remove = switch("Approvers can later end what they approved")
    expiration = forms.ChoiceField(
        label="Access ends",
        choices=Expiration.choices,
        widget=forms.RadioSelect,
        initial=Expiration.AFTER_DAYS,
    )
    duration = forms.IntegerField(
        label="How many", required=False, min_value=1, max_value=MOST_HOURS, initial=365
    )
    ends_on = DayField(
        label="On", required=False, help_text="The end of that day, in the organization's zone."
    )
    allows_custom_dates = switch("Whoever asks may choose dates within this", initial=False)
    allows_on_behalf = switch(
        "Managers may ask for their people",
        "And sponsors for their guests, in their name; they may end such access too.",
        initial=False,
    )
    allows_extension = switch("Holders may ask to keep it for longer")
    extension_requires_approval = switch(
        "The same people approve an extension", "And answers that are corrected later."
    )
    allows_correction = switch(
        "Holders may correct their answers later",
        "Those that may be corrected, to the questions below and about their profile.",
        initial=False,
    )
    sends_notifications = switch("Holders are mailed when access begins and ends")
    is_enabled = switch("On", "Off: nothing is asked for or given under this policy.")
    accepts_requests = switch("New requests", "Off: access is given directly only.")

    def __init__(
        self,
        sent: Any = None,
        *,
        policy: AssignmentPolicy | None = None,
        package: AccessPackage | None = None,
        terms: PolicyTerms | None = None,
    ) -> None:
        self.before = terms or (terms_of(policy) if policy else None)
        initial = _initial_of(self.before) if self.before else {}
        super().__init__(sent, initial=initial)
        most = max(OFFERED_STAGES, len(self.before.stages) if self.before else 0)
        self.fields["stage_count"].choices = stage_counts(most)  # type: ignore[attr-defined]
        self.package = policy.package if policy else package
        self.deciding = list(self.package.catalog.extensions.deciding()) if self.package else []
        self.stages = [self._stage(position) for position in range(1, most + 1)]
        self.callouts = CalloutsForm(sent, package=self.package, before=self.before)
        self.questions = QuestionForms(sent, self.before.questions if self.before else ())

    def _stage(self, position: int) -> StageForm:
        stages = self.before.stages if self.before else ()
        initial = StageForm.initial_of(stages[position - 1]) if position <= len(stages) else {}
        is_sent = f"stage{position}-decision_days" in self.data
        sent = self.data if is_sent else None
        return StageForm(sent, position=position, initial=initial, extensions=self.deciding)

    @cached_property
    def so_far(self) -> "SoFar":
        """What is entered, as far as it can be read, whatever else is wrong."""
        if not self.is_bound:
            terms = self.before or PolicyTerms(name="")
            return SoFar(terms, terms.stages, is_legible=True)
        sent = QueryDict(mutable=True)
        sent.update(self.data)
        sent.pop("find", None)
        return PolicyForm(sent, package=self.package, terms=self.before)._read()

    def _read(self) -> "SoFar":
        self.full_clean()
        entered = self.cleaned_data
        picked = entered.get("allowed", Picked()) if self.shows_allowed else Picked()
        named = entered.get("allowed_organizations", Picked()) if self.shows_organizations else None
        stages = tuple(
            stage.terms() if stage.is_bound and stage.is_valid() else None
            for stage in self.shown_stages
        )
        ends_on = entered.get("ends_on") if self.shows_end else None
        present_end = self.before.ends_on if self.before else None
        terms = PolicyTerms(
            name=entered.get("name", ""),
            scope=entered.get("scope", Scope.NOBODY),
            allowed_user_ids=picked.user_ids,
            allowed_group_ids=picked.group_ids,
            allowed_organization_ids=named.organization_ids if named else (),
            expiration=entered.get("expiration", Expiration.NEVER),
            duration=entered.get("duration") if self.shows_duration else None,
            ends_on=end_of(ends_on, limit=present_end),
            stages=tuple(stage for stage in stages if stage),
            **{name: entered[name] for name in SWITCHES},
        )
        is_legible = all(stage.is_valid() for stage in self.shown_stages if stage.is_bound)
        return SoFar(terms, stages, is_legible=is_legible)

    @cached_property
    def doubts(self) -> list[Reason]:
        """Where nobody could ask or decide under the policy as it is entered now."""
        if self.package is None or not self.so_far.is_legible:
            return []
        return doubts(self.so_far.terms, self.package)

    @property
    def shown_stages(self) -> list[StageForm]:
        """The stages that the chosen number asks for."""
        number = str(self["stage_count"].value())
        return self.stages[: int(number) if number in dict(stage_counts(len(self.stages))) else 0]

    @property
    def shows_allowed(self) -> bool:
        return bool(self["scope"].value() == Scope.SPECIFIC)

    @property
    def shows_organizations(self) -> bool:
        return bool(self["scope"].value() == Scope.SPECIFIC_ORGANIZATIONS)

    @property
    def shows_duration(self) -> bool:
        return self["expiration"].value() in (Expiration.AFTER_DAYS, Expiration.AFTER_HOURS)

    @property
    def shows_end(self) -> bool:
        return bool(self["expiration"].value() == Expiration.ON_DATE)

    def is_valid(self) -> bool:
        if not super().is_valid():
            return False
        for stage in self.shown_stages:
            if not stage.is_bound:
                self.add_error(None, f"Stage {stage.position} is new: say who decides in it.")
            elif not stage.is_valid():
                self.add_error(None, f"Stage {stage.position} needs your attention.")
        if not self.callouts.is_valid():
            self.add_error(None, "One of the systems to call is gone: choose again.")
        for problem in self.questions.problems():
            self.add_error(None, problem)
        return not self.errors

    def terms(self) -> PolicyTerms:
        entered = self.cleaned_data
        picked = entered["allowed"] if self.shows_allowed else Picked()
        named = entered["allowed_organizations"] if self.shows_organizations else Picked()
        present_end = self.before.ends_on if self.before else None
        naming = self.before.shows_approvers if self.before else ApproversShown.ORGANIZATION
        return PolicyTerms(
            name=entered["name"],
            description=entered["description"],
            scope=entered["scope"],
            allowed_user_ids=picked.user_ids,
            allowed_group_ids=picked.group_ids,
            allowed_organization_ids=named.organization_ids,
            expiration=entered["expiration"],
            duration=entered["duration"] if self.shows_duration else None,
            ends_on=end_of(entered["ends_on"], limit=present_end) if self.shows_end else None,
            stages=tuple(stage.terms() for stage in self.shown_stages),
            shows_approvers=entered["shows_approvers"] or naming,
            questions=self.questions.terms(),
            callouts=self.callouts.terms(),
            **{name: entered[name] for name in SWITCHES},
        )


def _initial_of(terms: PolicyTerms) -> dict[str, Any]:
    return {
        **terms.as_dict(),
        "allowed": keys_of(terms.allowed_user_ids, terms.allowed_group_ids),
        "allowed_organizations": keys_of(organization_ids=terms.allowed_organization_ids),
        "stage_count": str(len(terms.stages)),
        "ends_on": day_of(terms.ends_on),
    }
