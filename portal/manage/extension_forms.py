"""Forms about custom extensions, and the choice of those that a policy calls."""

from typing import Any, Final

from django import forms
from django.http import QueryDict

from entitlements.catalog.extension_models import (
    Behaviour,
    CalloutStage,
    CustomExtension,
    ExtensionKind,
    ExtensionResponse,
    OnTimeout,
)
from entitlements.catalog.extensions import MOST_OVERLAP_HOURS, ExtensionTerms
from entitlements.catalog.models import AccessPackage
from entitlements.policies.terms import CalloutTerms, PolicyTerms
from portal.manage.forms import PLACES, text_field
from portal.manage.picker import PickingForm

EXTENSION_PLACES: Final = {
    **PLACES,
    "url_unusable": "url",
    "url_has_more": "url",
    "url_not_encrypted": "url",
    "not_encrypted": "url",
    "address_refused": "url",
    "wait_out_of_range": "wait",
    "nothing_to_wait_with": "behaviour",
}
DECIDING: Final = [
    (OnTimeout.FAIL.value, OnTimeout.FAIL.label),
    (OnTimeout.CONTINUE.value, "Those decide whom the stage names instead; if none, it fails"),
    (OnTimeout.DENY.value, OnTimeout.DENY.label),
]
UNITS: Final = {"minutes": 1, "hours": 60, "days": 24 * 60}


class ExtensionForm(PickingForm):
    """An extension; its kind can be chosen only while it is new."""

    name = forms.CharField(max_length=200, help_text="Those who ask and approve read it.")
    description = text_field("Description")
    url = forms.CharField(
        label="Address",
        max_length=1000,
        help_text="It begins with https://. Signed messages are posted there.",
    )
    kind = forms.ChoiceField(
        label="It is called",
        choices=ExtensionKind.choices,
        widget=forms.RadioSelect,
        initial=ExtensionKind.REQUEST_WORKFLOW,
    )
    behaviour = forms.ChoiceField(
        label="What we do then",
        choices=Behaviour.choices,
        widget=forms.RadioSelect,
        initial=Behaviour.LAUNCH_AND_CONTINUE,
    )
    response = forms.ChoiceField(
        label="What its answer says",
        choices=ExtensionResponse.choices,
        widget=forms.RadioSelect,
        initial=ExtensionResponse.OUTCOME,
    )
    wait = forms.IntegerField(
        label="How long we wait for its answer", min_value=1, initial=3, required=False
    )
    unit = forms.ChoiceField(
        label="Unit of that time",
        choices=[(unit, unit) for unit in UNITS],
        initial="days",
        help_text="At most 14 days in all.",
    )
    on_timeout = forms.ChoiceField(
        label="If no answer comes",
        choices=OnTimeout.choices,
        widget=forms.RadioSelect,
        initial=OnTimeout.FAIL,
    )
    is_enabled = forms.BooleanField(
        label="On",
        required=False,
        initial=True,
        help_text="Off: it is not called, and requests go on without it.",
    )

    def __init__(self, sent: Any = None, *, extension: CustomExtension | None = None) -> None:
        self.extension = extension
        super().__init__(sent, initial=_initial_of(extension) if extension else {})
        if self.is_finding:
            self._show_usual()
        self.fields["response"].required = False
        if extension:
            self.fields["kind"].disabled = self.fields["response"].disabled = True
        if self.says_who_approves:
            self.fields["on_timeout"].choices = DECIDING  # type: ignore[attr-defined]

    def _show_usual(self) -> None:
        """Let fields that appear only now show what is usual, and not nothing."""
        shown = QueryDict(mutable=True)
        shown.update(self.data)
        for name in ("response", "wait", "unit", "on_timeout"):
            shown.setdefault(name, str(self.get_initial_for_field(self.fields[name], name)))
        self.data = shown

    @property
    def shows_behaviour(self) -> bool:
        """Whether it can be waited for at all."""
        return bool(self["kind"].value() == ExtensionKind.REQUEST_WORKFLOW)

    @property
    def shows_wait(self) -> bool:
        return self.shows_behaviour and self["behaviour"].value() == Behaviour.LAUNCH_AND_WAIT

    @property
    def says_who_approves(self) -> bool:
        response = self["response"].value()
        return self.shows_wait and response == ExtensionResponse.APPROVAL_STAGE

    def terms(self) -> ExtensionTerms:
        entered = self.cleaned_data
        minutes = (entered["wait"] or 0) * UNITS[entered["unit"]]
        return ExtensionTerms(
            name=entered["name"],
            description=entered["description"],
            url=entered["url"],
            kind=entered["kind"],
            behaviour=entered["behaviour"]
            if self.shows_behaviour
            else Behaviour.LAUNCH_AND_CONTINUE,
            response=ExtensionResponse.APPROVAL_STAGE
            if self.says_who_approves
            else ExtensionResponse.OUTCOME,
            wait_minutes=minutes if self.shows_wait else None,
            on_timeout=entered["on_timeout"],
            is_enabled=entered["is_enabled"],
        )


def _initial_of(extension: CustomExtension) -> dict[str, Any]:
    terms = ExtensionTerms.of(extension).as_dict()
    minutes = terms.pop("wait_minutes")
    if minutes is None:
        return terms
    unit = next(unit for unit in reversed(UNITS) if minutes % UNITS[unit] == 0)
    return {**terms, "wait": minutes // UNITS[unit], "unit": unit}


class SecretForm(forms.Form):
    """For how long the old secret counts beside the new one."""

    overlap_hours = forms.IntegerField(
        label="Hours for which the old secret counts as well",
        min_value=0,
        max_value=MOST_OVERLAP_HOURS,
        initial=24,
        help_text="0 if it may have fallen into wrong hands.",
    )


class AnswerForm(forms.Form):
    """An answer in the place of an extension."""

    denies = forms.TypedChoiceField(
        label="What happens now",
        choices=[("", "The request goes on"), ("yes", "The request is denied")],
        coerce=bool,
        required=False,
        widget=forms.RadioSelect,
    )
    detail = forms.CharField(
        label="Why",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Approvers and whoever asked read it.",
    )

    def __init__(self, sent: Any = None, *, may_deny: bool) -> None:
        super().__init__(sent)
        if not may_deny:
            del self.fields["denies"]


class CalloutsForm(forms.Form):
    """Which extensions of a catalog a policy calls, and when: a group of boxes for each."""

    def __init__(
        self, sent: Any = None, *, package: AccessPackage | None, before: PolicyTerms | None
    ) -> None:
        super().__init__(sent, prefix="callouts")
        attached = before.callouts if before else ()
        extensions = package.catalog.extensions if package else CustomExtension.objects.none()
        called = extensions.filter(response=ExtensionResponse.OUTCOME)
        self.extensions = list(called.order_by("name", "pk"))
        for extension in self.extensions:
            self.fields[str(extension.pk)] = forms.MultipleChoiceField(
                label=str(extension),
                help_text=_about(extension),
                choices=[(stage.value, CalloutStage(stage).label) for stage in extension.stages],
                initial=[one.stage for one in attached if one.extension_id == extension.pk],
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )

    def terms(self) -> tuple[CalloutTerms, ...]:
        return tuple(
            CalloutTerms(stage, extension.pk)
            for extension in self.extensions
            for stage in self.cleaned_data[str(extension.pk)]
        )


def _about(extension: CustomExtension) -> str:
    if not extension.is_enabled:
        return "It is off: nothing is called."
    if not extension.waits:
        return "Called without waiting for an answer."
    minutes = extension.wait_minutes or 0
    unit = next(unit for unit in reversed(UNITS) if minutes % UNITS[unit] == 0)
    number = minutes // UNITS[unit]
    most = f"{number} {unit[:-1] if number == 1 else unit}"
    outcome = OnTimeout(extension.on_timeout).label.lower()
    return f"We wait up to {most} for its answer; if none comes, {outcome}."
