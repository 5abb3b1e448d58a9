"""One stage of approval as a form: who decides, how many of them, and what if nobody answers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from entitlements.catalog.extension_models import CustomExtension
from entitlements.policies.models import RELATIONS, DecisionRule
from entitlements.policies.stage_terms import (
    LEAST_DAYS_TO_PASS_ON,
    MOST_DECISION_DAYS,
    MOST_QUORUM,
    MOST_REMINDERS,
    ApproverTerms,
    StageTerms,
)
from portal.manage.finding import Picked, keys_of
from portal.manage.forms import switch
from portal.manage.picker import PickerField, PickingForm

LISTS: Final[dict[str, tuple[str, str, dict[str, bool]]]] = {
    "asked": ("relations", "approvers", {}),
    "fallback": ("fallback_relations", "fallbacks", {"is_fallback": True}),
    "alternate": ("alternate_relations", "alternates", {"is_alternate": True}),
    "alternate_fallback": (
        "alternate_fallback_relations",
        "alternate_fallbacks",
        {"is_alternate": True, "is_fallback": True},
    ),
}
"""The two fields of each list of approvers, and what its entries are."""
REMINDERS: Final = [
    ("usual", "At half time and a day before the deadline"),
    ("days", "On the days that I say"),
    ("none", "Never"),
]


class RelationsField(forms.MultipleChoiceField):
    """Approvers who differ from request to request."""

    def __init__(self, label: str, help_text: str = "") -> None:
        super().__init__(
            label=label,
            help_text=help_text,
            required=False,
            choices=[(kind.value, kind.label) for kind in RELATIONS],
            widget=forms.CheckboxSelectMultiple,
        )


class DaysField(forms.CharField):
    """Numbers of days with commas between them."""

    def to_python(self, value: Any) -> Any:
        parts = (super().to_python(value) or "").replace(",", " ").split()
        if not all(part.isdecimal() and len(part) < 4 for part in parts):
            raise ValidationError("Enter numbers with commas between them, for example 7, 3, 1.")
        return tuple(int(part) for part in parts)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, tuple | list) else value


def _picker(label: str, help_text: str = "") -> PickerField:
    return PickerField("user", "group", label=label, required=False, help_text=help_text)


class StageForm(PickingForm):
    """Who decides in one stage, and how long they have.

    `extensions` are those of the catalog that can say who decides; where one does, the other fields
    are about those who decide in its place.
    """

    extension = forms.ChoiceField(
        label="Who says who decides",
        required=False,
        help_text="An extension is asked when the stage is reached, and answers with one whole "
        "stage: who decides, and how long they have.",
    )
    relations = RelationsField("Who is asked")
    approvers = _picker("People and groups")
    rule = forms.ChoiceField(
        label="Who has to approve",
        choices=DecisionRule.choices,
        initial=DecisionRule.ANY,
        help_text="One person who denies ends the request.",
    )
    quorum = forms.IntegerField(
        label="How many",
        required=False,
        min_value=2,
        max_value=MOST_QUORUM,
        initial=2,
        help_text="When fewer can be asked, all of these have to approve.",
    )
    decision_days = forms.IntegerField(
        label="Days to decide",
        min_value=1,
        max_value=MOST_DECISION_DAYS,
        initial=MOST_DECISION_DAYS,
        help_text="When nobody has decided by then, the request lapses.",
    )
    requires_justification = switch("Approvers must say why", initial=False)
    fallback_relations = RelationsField("If nobody of these is to be had")
    fallbacks = _picker(
        "People and groups who decide then",
        "Needed where managers or sponsors are asked: not everybody has one, and organizations "
        "that are not known yet have none.",
    )
    escalation_days = forms.IntegerField(
        label="Pass it on after so many days",
        required=False,
        min_value=1,
        max_value=MOST_DECISION_DAYS - 1,
        help_text="Whoever was asked first can still decide. "
        f"Needs at least {LEAST_DAYS_TO_PASS_ON} days to decide. Empty: it is not passed on.",
    )
    alternate_relations = RelationsField("Passed on to")
    alternates = _picker("People and groups it is passed on to")
    alternate_fallback_relations = RelationsField("If nobody of these is to be had")
    alternate_fallbacks = _picker("People and groups who get it then")
    reminders = forms.ChoiceField(label="Reminders", choices=REMINDERS, initial="usual")
    reminder_days = DaysField(
        label="Days before the deadline",
        required=False,
        max_length=40,
        help_text=f"At most {MOST_REMINDERS} numbers, for example 7, 3, 1.",
    )

    def __init__(
        self,
        sent: Any,
        *,
        position: int,
        initial: dict[str, Any],
        extensions: Sequence[CustomExtension] = (),
    ) -> None:
        super().__init__(sent, prefix=f"stage{position}", initial=initial)
        self.position = position
        for name in ("rule", "reminders"):
            self.fields[name].required = False
        named = [(str(one.pk), f"The extension “{one}”") for one in extensions]
        choices = [("", "People who are named here"), *named]
        self.fields["extension"].choices = choices  # type: ignore[attr-defined]
        if self.is_dynamic:
            self.fields["fallback_relations"].label = "Who decides instead"
            self.fields["fallbacks"].label = "People and groups who decide instead"
            self.fields["fallbacks"].help_text = ""

    @property
    def box(self) -> str:
        """The id of the whole stage on the page."""
        return f"stage-{self.position}"

    @property
    def offers_extensions(self) -> bool:
        """Whether an extension could say who decides."""
        return len(self.fields["extension"].choices) > 1  # type: ignore[attr-defined]

    @property
    def is_dynamic(self) -> bool:
        """Whether an extension says who decides."""
        return bool(self["extension"].value())

    @property
    def shows_quorum(self) -> bool:
        return bool(self["rule"].value() == DecisionRule.QUORUM)

    @property
    def shows_reminder_days(self) -> bool:
        return bool(self["reminders"].value() == "days")

    @property
    def opens_fallbacks(self) -> bool:
        """Whether the part is unfolded: something is said in it."""
        return self._says("fallback_relations", "fallbacks")

    @property
    def opens_alternates(self) -> bool:
        return self._says(
            "escalation_days",
            "alternate_relations",
            "alternates",
            "alternate_fallback_relations",
            "alternate_fallbacks",
        )

    @property
    def opens_reminders(self) -> bool:
        return self["reminders"].value() in ("days", "none")

    def _says(self, *names: str) -> bool:
        return any(self[name].value() or self[name].errors for name in names)

    def terms(self) -> StageTerms:
        entered = self.cleaned_data
        plan = {"days": entered["reminder_days"], "none": ()}
        rule = entered["rule"] or DecisionRule.ANY.value
        lists = [LISTS["fallback"]] if entered["extension"] else LISTS.values()
        return StageTerms(
            approvers=tuple(
                approver
                for relations, people, kind in lists
                for approver in _approvers(entered[relations], entered[people], **kind)
            ),
            decision_days=entered["decision_days"],
            requires_justification=entered["requires_justification"],
            rule=rule,
            quorum=entered["quorum"] if rule == DecisionRule.QUORUM else None,
            escalation_days=None if entered["extension"] else entered["escalation_days"],
            reminder_days=plan.get(entered["reminders"]),
            extension_id=UUID(entered["extension"]) if entered["extension"] else None,
        )

    @staticmethod
    def initial_of(terms: StageTerms) -> dict[str, Any]:
        """Return what the form shows of a stage."""
        initial: dict[str, Any] = {
            "extension": str(terms.extension_id or ""),
            "decision_days": terms.decision_days,
            "requires_justification": terms.requires_justification,
            "rule": terms.rule,
            "quorum": terms.quorum or 2,
            "escalation_days": terms.escalation_days,
            "reminders": _plan(terms.reminder_days),
            "reminder_days": terms.reminder_days or (),
        }
        for relations, people, kind in LISTS.values():
            named = terms.asked(**kind)
            initial[relations] = [one.kind for one in named if one.kind in RELATIONS]
            initial[people] = keys_of(
                [one.user_id for one in named], [one.group_id for one in named]
            )
        return initial


def _plan(days: tuple[int, ...] | None) -> str:
    if days is None:
        return "usual"
    return "days" if days else "none"


def _approvers(
    relations: Iterable[str],
    picked: Picked,
    *,
    is_fallback: bool = False,
    is_alternate: bool = False,
) -> Iterable[ApproverTerms]:
    named = [
        *(ApproverTerms(relation) for relation in relations),
        *(ApproverTerms("user", user_id=key) for key in picked.user_ids),
        *(ApproverTerms("group", group_id=key) for key in picked.group_ids),
    ]
    return [replace(one, is_fallback=is_fallback, is_alternate=is_alternate) for one in named]
