"""A whole policy as one form: who may ask, who approves, for how long."""

from dataclasses import replace
from typing import Any, Final

from django import forms

from entitlements.policies.models import AssignmentPolicy, Expiration, Scope
from entitlements.policies.operations import terms_of
from entitlements.policies.terms import (
    MANAGER,
    MOST_DECISION_DAYS,
    MOST_HOURS,
    MOST_STAGES,
    ApproverTerms,
    PolicyTerms,
    StageTerms,
)
from portal.forms import DayField, day_of, end_of
from portal.manage.forms import PLACES, text_field
from portal.manage.picker import Picked, PickerField, PickingForm, keys_of

POLICY_PLACES: Final = {
    **PLACES,
    "targets_missing": "allowed",
    "too_many_targets": "allowed",
    "duration_missing": "duration",
    "duration_out_of_range": "duration",
    "end_missing": "ends_on",
    "end_in_the_past": "ends_on",
}
STAGES: Final = [
    ("0", "No approval: given at once"),
    ("1", "1 stage"),
    ("2", "2 stages, one after the other"),
    ("3", "3 stages, one after the other"),
]
SWITCHES: Final = (
    "is_enabled",
    "accepts_requests",
    "requires_justification",
    "allows_custom_dates",
    "allows_extension",
    "extension_requires_approval",
    "sends_notifications",
    "shows_approvers",
)


def switch(label: str, help_text: str = "", *, initial: bool = True) -> forms.BooleanField:
    """Return a box that stays empty when it is not ticked."""
    return forms.BooleanField(label=label, help_text=help_text, required=False, initial=initial)


class StageForm(PickingForm):
    """Who decides in one stage, and how long they have."""

    asks_manager = switch("The manager of whoever gets the access", initial=False)
    approvers = PickerField("user", "group", label="People and groups", required=False)
    fallbacks = PickerField(
        "user",
        "group",
        label="If nobody of these is to be had",
        required=False,
        help_text="Needed where the manager is asked: not everybody has one.",
    )
    decision_days = forms.IntegerField(
        label="Days to decide",
        min_value=1,
        max_value=MOST_DECISION_DAYS,
        initial=MOST_DECISION_DAYS,
        help_text="When nobody has decided by then, the request lapses.",
    )
    requires_justification = switch("Approvers must say why", initial=False)

    def __init__(self, sent: Any, *, position: int, initial: dict[str, Any]) -> None:
        super().__init__(sent, prefix=f"stage{position}", initial=initial)
        self.position = position

    def terms(self) -> StageTerms:
        entered = self.cleaned_data
        manager = [ApproverTerms(MANAGER)] if entered["asks_manager"] else []
        return StageTerms(
            approvers=(
                *manager,
                *_approvers(entered["approvers"], is_fallback=False),
                *_approvers(entered["fallbacks"], is_fallback=True),
            ),
            decision_days=entered["decision_days"],
            requires_justification=entered["requires_justification"],
        )

    @staticmethod
    def initial_of(terms: StageTerms) -> dict[str, Any]:
        """Return what the form shows of a stage."""
        named = [approver for approver in terms.approvers if approver.kind != MANAGER]
        return {
            "asks_manager": terms.asks_manager(),
            "approvers": _keys(approver for approver in named if not approver.is_fallback),
            "fallbacks": _keys(approver for approver in named if approver.is_fallback),
            "decision_days": terms.decision_days,
            "requires_justification": terms.requires_justification,
        }


def _approvers(picked: Picked, *, is_fallback: bool) -> list[ApproverTerms]:
    people = (ApproverTerms("user", user_id=key) for key in picked.user_ids)
    groups = (ApproverTerms("group", group_id=key) for key in picked.group_ids)
    return [replace(approver, is_fallback=is_fallback) for approver in (*people, *groups)]


def _keys(approvers: Any) -> list[str]:
    named = list(approvers)
    return keys_of([one.user_id for one in named], [one.group_id for one in named])


class PolicyForm(PickingForm):
    """A policy; the fields that a choice does not need are not shown, and not read."""

    name = forms.CharField(
        max_length=200, help_text="Whoever can choose between policies reads it."
    )
    description = text_field("Description")
    scope = forms.ChoiceField(
        label="Who may ask", choices=Scope.choices, widget=forms.RadioSelect, initial=Scope.NOBODY
    )
    allowed = PickerField("user", "group", label="These people and groups", required=False)
    stage_count = forms.ChoiceField(label="Approval", choices=STAGES, initial="0")
    requires_justification = switch("Whoever asks must say why")
    shows_approvers = switch("Whoever asks sees the names of the approvers")
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
    allows_extension = switch("Holders may ask to keep it for longer")
    extension_requires_approval = switch("The same people approve an extension")
    sends_notifications = switch("Holders are mailed when access begins and ends")
    is_enabled = switch("On", "Off: nothing is asked for or given under this policy.")
    accepts_requests = switch("New requests", "Off: access is given directly only.")

    def __init__(self, sent: Any = None, *, policy: AssignmentPolicy | None = None) -> None:
        self.before = terms_of(policy) if policy else None
        initial = _initial_of(self.before) if self.before else {}
        super().__init__(sent, initial=initial)
        self.stages = [self._stage(position) for position in range(1, MOST_STAGES + 1)]

    def _stage(self, position: int) -> StageForm:
        stages = self.before.stages if self.before else ()
        initial = StageForm.initial_of(stages[position - 1]) if position <= len(stages) else {}
        is_sent = f"stage{position}-decision_days" in self.data
        return StageForm(self.data if is_sent else None, position=position, initial=initial)

    @property
    def shown_stages(self) -> list[StageForm]:
        """The stages that the chosen number asks for."""
        number = str(self["stage_count"].value())
        return self.stages[: int(number) if number in dict(STAGES) else 0]

    @property
    def shows_allowed(self) -> bool:
        return bool(self["scope"].value() == Scope.SPECIFIC)

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
        return not self.errors

    def terms(self) -> PolicyTerms:
        entered = self.cleaned_data
        picked = entered["allowed"] if self.shows_allowed else Picked((), ())
        present_end = self.before.ends_on if self.before else None
        return PolicyTerms(
            name=entered["name"],
            description=entered["description"],
            scope=entered["scope"],
            allowed_user_ids=picked.user_ids,
            allowed_group_ids=picked.group_ids,
            expiration=entered["expiration"],
            duration=entered["duration"] if self.shows_duration else None,
            ends_on=end_of(entered["ends_on"], limit=present_end) if self.shows_end else None,
            stages=tuple(stage.terms() for stage in self.shown_stages),
            **{name: entered[name] for name in SWITCHES},
        )


def _initial_of(terms: PolicyTerms) -> dict[str, Any]:
    return {
        **terms.as_dict(),
        "allowed": keys_of(terms.allowed_user_ids, terms.allowed_group_ids),
        "stage_count": str(len(terms.stages)),
        "ends_on": day_of(terms.ends_on),
    }
