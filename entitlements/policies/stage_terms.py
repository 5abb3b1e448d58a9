"""What owners enter about stages of approval, and what speaks against it: pure, ids for people."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from entitlements.decisions import Reason

MOST_DECISION_DAYS = 14
LEAST_DAYS_TO_PASS_ON = 4
MOST_QUORUM = 100
MOST_REMINDERS = 5

MANAGER, SECOND_MANAGER, SPONSORS = "manager", "second_manager", "sponsors"
INTERNAL_SPONSORS, EXTERNAL_SPONSORS = "internal_sponsors", "external_sponsors"
RESOURCE_OWNERS, CATALOG_OWNERS = "resource_owners", "catalog_owners"
USER, GROUP = "user", "group"
RELATIONS = {
    MANAGER: "the manager",
    SECOND_MANAGER: "the second-level manager",
    SPONSORS: "the sponsors",
    INTERNAL_SPONSORS: "the internal sponsors",
    EXTERNAL_SPONSORS: "the external sponsors",
}
"""Kinds that depend on who gets the access, and that not everybody has."""
OF_ORGANIZATION = (INTERNAL_SPONSORS, EXTERNAL_SPONSORS)
"""Kinds that only people of a connected organization have."""
OWNERS = (RESOURCE_OWNERS, CATALOG_OWNERS)
RULES_OF_DECISION = ("any", "all", "quorum")


@dataclass(frozen=True)
class ApproverTerms:
    """Who is asked: a kind, and for "user" and "group" the one whose id is given."""

    kind: str
    user_id: UUID | None = None
    group_id: UUID | None = None
    is_fallback: bool = False
    is_alternate: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether it names somebody for everyone, not only for people who have such a relation."""
        return self.kind not in RELATIONS


@dataclass(frozen=True)
class StageTerms:
    """One stage; `reminder_days` count days before the deadline, None: half time and a day.

    Where `extension_id` is given that extension says who approves when the stage is reached, and
    the rest counts for the fallbacks, who decide where it does not.
    """

    approvers: tuple[ApproverTerms, ...]
    decision_days: int = MOST_DECISION_DAYS
    requires_justification: bool = False
    rule: str = "any"
    quorum: int | None = None
    escalation_days: int | None = None
    reminder_days: tuple[int, ...] | None = None
    extension_id: UUID | None = None

    def asked(
        self, *, is_alternate: bool = False, is_fallback: bool = False
    ) -> tuple[ApproverTerms, ...]:
        """Return one of the four lists of a stage."""
        return tuple(
            approver
            for approver in self.approvers
            if approver.is_alternate is is_alternate and approver.is_fallback is is_fallback
        )


def stages_fit(stages: tuple[StageTerms, ...]) -> Iterator[Reason]:
    """Yield everything that speaks against stages."""
    yield from _relations_are_asked_once(stages)
    for position, stage in enumerate(stages, start=1):
        for rule in RULES:
            yield from rule(stage, f"Stage {position}")


def answer_fits(stage: StageTerms, name: str) -> Iterator[Reason]:
    """Yield what speaks against a stage that was named for one request.

    Whether somebody has a manager or sponsors is known then, so no fallback is asked for.
    """
    for rule in RULES:
        if rule is not _fallbacks_are_sure:
            yield from rule(stage, name)


def _relations_are_asked_once(stages: tuple[StageTerms, ...]) -> Iterator[Reason]:
    asked = Counter(kind for stage in stages for kind in {one.kind for one in stage.asked()})
    for kind, words in RELATIONS.items():
        if asked[kind] > 1:
            yield Reason(
                f"{kind}_asked_twice",
                f"{words.capitalize()} would be asked in more than one stage.",
                "Name other people in one of them.",
            )


def _has_time(stage: StageTerms, name: str) -> Iterator[Reason]:
    if not 1 <= stage.decision_days <= MOST_DECISION_DAYS:
        yield Reason(
            "decision_days_out_of_range",
            f"{name} can have from 1 to {MOST_DECISION_DAYS} days to decide.",
            "Choose a number between the two.",
        )


def _asks_somebody(stage: StageTerms, name: str) -> Iterator[Reason]:
    if not all(_names_its_kind(approver) for approver in stage.approvers):
        yield Reason(
            "approver_incomplete",
            f"An approver of {name.lower()} names nobody.",
            "Choose somebody, or remove the approver.",
        )
    is_for_others = any(not one.is_fallback or one.is_alternate for one in stage.approvers)
    if stage.extension_id and is_for_others:
        yield Reason(
            "extension_beside_approvers",
            f"An extension says who approves {name.lower()}, and people are named as well.",
            "Name only those who decide where it gives no answer.",
        )
    elif not stage.extension_id and not stage.asked():
        yield Reason(
            "stage_without_approver",
            f"{name} asks nobody.",
            "Name the manager, owners, a person or a group.",
        )


def _fallbacks_are_sure(stage: StageTerms, name: str) -> Iterator[Reason]:
    for is_alternate in (False, True):
        asked = stage.asked(is_alternate=is_alternate)
        fallbacks = stage.asked(is_alternate=is_alternate, is_fallback=True)
        relation = next((approver.kind for approver in asked if not approver.is_sure), None)
        if relation and not any(approver.is_sure for approver in fallbacks):
            code = "alternate" if is_alternate else relation
            have = RELATIONS[relation].removeprefix("the ")
            yield Reason(
                f"{code}_without_fallback",
                f"{name} would ask nobody for people without {_article(have)}.",
                "Name somebody who decides instead.",
            )


def _rule_has_its_number(stage: StageTerms, name: str) -> Iterator[Reason]:
    if stage.rule not in RULES_OF_DECISION:
        yield Reason(
            "unknown_rule",
            f"{name} does not say how many have to approve.",
            "Choose one of those listed.",
        )
    elif stage.rule == "quorum" and not 2 <= (stage.quorum or 0) <= MOST_QUORUM:
        yield Reason(
            "quorum_out_of_range",
            f"In {name.lower()} from 2 to {MOST_QUORUM} people can be needed.",
            "Or let any one of them decide.",
        )
    elif stage.rule != "quorum" and stage.quorum is not None:
        yield Reason(
            "quorum_contradicts",
            f"{name} says in two ways how many have to approve.",
            "Decide for one of them.",
        )


def _passes_on_in_time(stage: StageTerms, name: str) -> Iterator[Reason]:
    alternates, days = stage.asked(is_alternate=True), stage.escalation_days
    if days is None:
        if any(approver.is_alternate for approver in stage.approvers):
            yield Reason(
                "escalation_days_missing",
                f"{name} names alternates, and not after how many days they are asked.",
                "Enter the days, or take the alternates away.",
            )
        return
    if not alternates:
        yield Reason("alternates_missing", f"{name} is to be passed on to nobody.", "Name people.")
    if stage.decision_days < LEAST_DAYS_TO_PASS_ON:
        yield Reason(
            "too_short_to_pass_on",
            f"{name} has to have at least {LEAST_DAYS_TO_PASS_ON} days to be passed on.",
            "Give it more days to decide.",
        )
    elif not 1 <= days < stage.decision_days:
        yield Reason(
            "escalation_days_out_of_range",
            f"{name} can be passed on after 1 to {stage.decision_days - 1} days.",
            "Choose a number between the two.",
        )
    asked = {(one.kind, one.user_id, one.group_id) for one in stage.asked()}
    if any((one.kind, one.user_id, one.group_id) in asked for one in alternates):
        yield Reason(
            "alternate_asked_already",
            f"An alternate of {name.lower()} is asked from the beginning.",
            "Name somebody else.",
        )


def _reminders_are_in_time(stage: StageTerms, name: str) -> Iterator[Reason]:
    days = stage.reminder_days or ()
    if len(days) > MOST_REMINDERS:
        yield Reason(
            "too_many_reminders",
            f"{name} can remind {MOST_REMINDERS} times.",
            "Remove one of them.",
        )
    if any(not 1 <= day < stage.decision_days for day in days):
        yield Reason(
            "reminder_days_out_of_range",
            f"{name} can remind from 1 day to {stage.decision_days - 1} days before its deadline.",
            "Choose a number between the two.",
        )


def _names_its_kind(approver: ApproverTerms) -> bool:
    named = (approver.user_id is not None, approver.group_id is not None)
    wanted = {USER: (True, False), GROUP: (False, True)}
    known = (*RELATIONS, *OWNERS, *wanted)
    return approver.kind in known and named == wanted.get(approver.kind, (False, False))


def _article(words: str) -> str:
    return words if words.endswith("s") else f"a {words}"


RULES: tuple[Callable[[StageTerms, str], Iterable[Reason]], ...] = (
    _has_time,
    _asks_somebody,
    _fallbacks_are_sure,
    _rule_has_its_number,
    _passes_on_in_time,
    _reminders_are_in_time,
)
