"""One request as an approver sees it: its facts, what can be done, and what came of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms

from entitlements.decisions import Reason
from entitlements.directory.models import User
from entitlements.requests.context import Facts, facts_about
from entitlements.requests.models import (
    AccessRequest,
    ApprovalStep,
    StepApprover,
    stage_terms,
)
from portal import wording

MOST_TOGETHER: Final = 100


@dataclass(frozen=True)
class Card:
    """A request on a page; `panel` is the form that is unfolded, `form` what was sent with it.

    `outcome` is what the viewer's own decision has just done, `reasons` why it was refused, and
    `note` what he has just done beside deciding.
    """

    facts: Facts
    can_decide: bool = False
    is_selectable: bool = False
    panel: str = ""
    form: forms.Form | None = None
    outcome: str = ""
    reasons: tuple[Reason, ...] = ()
    note: str = ""

    @property
    def why_alone(self) -> list[str]:
        return why_alone(self.facts)

    @property
    def correctable(self) -> list[str]:
        """The keys of the questions whose answers the viewer may correct."""
        return [question["key"] for question in self._editable]

    @property
    def unanswered(self) -> list[dict[str, Any]]:
        """The questions among them that were not answered."""
        answered = {answer["question"] for answer in self.facts.access_request.answers}
        return [question for question in self._editable if question["key"] not in answered]

    @property
    def _editable(self) -> list[dict[str, Any]]:
        if not self.can_decide or self.is_selectable:
            return []
        asked = self.facts.access_request.terms.get("questions", [])
        return [question for question in asked if question["is_editable"]]


@dataclass(frozen=True)
class Stage:
    """A stage of a request with whom it asks, in words."""

    step: ApprovalStep
    asks: str


def stages_of(facts: Facts) -> list[Stage]:
    """Return the stages of a request: whom each asked, or will ask."""
    names: dict[int, list[str]] = {}
    asked = StepApprover.objects.filter(step__in=facts.steps).select_related("user")
    for entry in asked.order_by("user__display_name"):
        names.setdefault(entry.step_id, []).append(str(entry.user))
    whose = f"{facts.access_request.target}’s"
    return [
        Stage(step, wording.listed(names[step.pk], "or"))
        if step.pk in names
        else Stage(
            step,
            wording.approvers(_asked(facts, step), whose=whose, shows_names=True)
            + wording.needs(step.rule, step.quorum),
        )
        for step in facts.steps
    ]


@dataclass(frozen=True)
class Batch:
    """Several requests to be decided with one word: those that can be, and the others."""

    included: tuple[Facts, ...]
    left_out: tuple[Card, ...]
    gone: tuple[AccessRequest, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.included or self.left_out or self.gone)

    @property
    def requests(self) -> list[AccessRequest]:
        return [facts.access_request for facts in self.included]


def gather(user: User, keys: Iterable[str]) -> Batch:
    """Return the requests of these ids that somebody is, or was, asked to decide."""
    chosen = [key for key in keys if _is_id(key)][:MOST_TOGETHER]
    waiting = AccessRequest.objects.waiting_for(user).filter(pk__in=chosen)
    found = facts_about(waiting.order_by("steps__due_at", "pk"))
    gone = AccessRequest.objects.asked_of(user).filter(pk__in=chosen)
    gone = gone.exclude(pk__in=[facts.access_request.pk for facts in found])
    return Batch(
        tuple(facts for facts in found if not why_alone(facts)),
        tuple(Card(facts) for facts in found if why_alone(facts)),
        tuple(gone.select_related("package", "target").order_by("created_at")),
    )


def why_alone(facts: Facts) -> list[str]:
    """Return why a request is not decided together with others; nothing when it can be."""
    reasons = []
    if facts.is_privileged:
        reasons.append("it gives a privileged role")
    if facts.requires_justification:
        reasons.append("its stage asks for a reason of its own")
    if facts.separation.clashes:
        reasons.append("it clashes with what the person has")
    return reasons


def _asked(facts: Facts, step: ApprovalStep) -> list[wording.Asked]:
    return wording.asked_by_terms(stage_terms(facts.access_request)[step.position - 1])


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
