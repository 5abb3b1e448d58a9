"""What owners enter about a policy, and what speaks against it.

Everything here is pure: ids instead of rows, moments (aware) instead of a clock.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from entitlements.catalog.terms import Terms, name_fits, text_fits
from entitlements.decisions import Decision, Reason, collect

MOST_STAGES = 3
MOST_DECISION_DAYS = 14
MOST_DAYS = 3660
MOST_HOURS = MOST_DAYS * 24
MOST_TARGETS = 500

SCOPES = ("nobody", "specific", "all_members", "all_users")
EXPIRATIONS = ("never", "on_date", "after_days", "after_hours")
MANAGER, USER, GROUP = "manager", "user", "group"


@dataclass(frozen=True)
class ApproverTerms:
    """Who is asked: "manager", or the one user or group whose id is given."""

    kind: str
    user_id: UUID | None = None
    group_id: UUID | None = None
    is_fallback: bool = False


@dataclass(frozen=True)
class StageTerms:
    approvers: tuple[ApproverTerms, ...]
    decision_days: int = MOST_DECISION_DAYS
    requires_justification: bool = False

    def asks_manager(self) -> bool:
        return any(approver.kind == MANAGER for approver in self.approvers)


@dataclass(frozen=True)
class PolicyTerms(Terms):
    """A whole policy; `duration` counts days or hours, `ends_on` is aware."""

    name: str
    description: str = ""
    scope: str = "nobody"
    allowed_user_ids: tuple[UUID, ...] = ()
    allowed_group_ids: tuple[UUID, ...] = ()
    is_enabled: bool = True
    accepts_requests: bool = True
    requires_justification: bool = True
    expiration: str = "after_days"
    ends_on: datetime | None = None
    duration: int | None = 365
    allows_custom_dates: bool = False
    allows_extension: bool = True
    extension_requires_approval: bool = True
    sends_notifications: bool = True
    shows_approvers: bool = True
    stages: tuple[StageTerms, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """Terms to be judged at a moment, beside the end that the policy has already, if any."""

    terms: PolicyTerms
    moment: datetime
    present_end: datetime | None


def check(terms: PolicyTerms, *, moment: datetime, present_end: datetime | None = None) -> Decision:
    """Apply every rule, so that owners learn all the reasons at once."""
    proposal = Proposal(terms, moment, present_end)
    return collect(reason for rule in RULES for reason in rule(proposal))


def words_fit(proposal: Proposal) -> Iterator[Reason]:
    yield from name_fits(proposal.terms.name)
    yield from text_fits(proposal.terms.description)


def scope_is_complete(proposal: Proposal) -> Iterator[Reason]:
    terms = proposal.terms
    targets = len(terms.allowed_user_ids) + len(terms.allowed_group_ids)
    if terms.scope not in SCOPES:
        yield Reason("unknown_scope", "There is no such choice of who may ask.")
    elif terms.scope == "specific" and not targets:
        yield Reason(
            "targets_missing",
            "Nobody could ask under this policy.",
            "Name at least one person or group, or let access be given directly.",
        )
    if targets > MOST_TARGETS:
        yield Reason(
            "too_many_targets",
            f"{targets} people and groups are named; at most {MOST_TARGETS} can be.",
            "Use a group.",
        )


def expiration_is_complete(proposal: Proposal) -> Iterator[Reason]:
    terms = proposal.terms
    wants_date = terms.expiration == "on_date"
    wants_duration = terms.expiration in ("after_days", "after_hours")
    if terms.expiration not in EXPIRATIONS:
        yield Reason("unknown_expiration", "There is no such choice of when access ends.")
        return
    if wants_date and terms.ends_on is None:
        yield Reason("end_missing", "The date on which access ends is missing.", "Choose one.")
    if wants_duration and terms.duration is None:
        yield Reason("duration_missing", "How long access lasts is missing.", "Enter a number.")
    if (terms.ends_on and not wants_date) or (terms.duration is not None and not wants_duration):
        yield Reason("end_contradicts", "The policy says in two ways when access ends.")


def duration_is_possible(proposal: Proposal) -> Iterator[Reason]:
    terms = proposal.terms
    most, unit = (MOST_HOURS, "hours") if terms.expiration == "after_hours" else (MOST_DAYS, "days")
    if terms.duration is not None and not 1 <= terms.duration <= most:
        yield Reason("duration_out_of_range", f"Access can last from 1 to {most:,} {unit}.")


def end_is_ahead(proposal: Proposal) -> Iterator[Reason]:
    end = proposal.terms.ends_on
    if end and end <= proposal.moment and end != proposal.present_end:
        yield Reason("end_in_the_past", "The end is in the past.", "Choose a later date.")


def stages_are_few(proposal: Proposal) -> Iterator[Reason]:
    if len(proposal.terms.stages) > MOST_STAGES:
        yield Reason("too_many_stages", f"At most {MOST_STAGES} stages can approve.")


def manager_is_asked_once(proposal: Proposal) -> Iterator[Reason]:
    if sum(stage.asks_manager() for stage in proposal.terms.stages) > 1:
        yield Reason(
            "manager_asked_twice",
            "The manager is asked in more than one stage.",
            "Name other people in one of them.",
        )


def each_stage_decides(proposal: Proposal) -> Iterator[Reason]:
    for position, stage in enumerate(proposal.terms.stages, start=1):
        yield from _stage_decides(stage, position)


def _stage_decides(stage: StageTerms, position: int) -> Iterator[Reason]:
    if not 1 <= stage.decision_days <= MOST_DECISION_DAYS:
        yield Reason(
            "decision_days_out_of_range",
            f"Stage {position} can have from 1 to {MOST_DECISION_DAYS} days to decide.",
        )
    if any(not _names_its_kind(approver) for approver in stage.approvers):
        yield Reason("approver_incomplete", f"An approver of stage {position} names nobody.")
    if all(approver.is_fallback for approver in stage.approvers):
        yield Reason(
            "stage_without_approver",
            f"Stage {position} asks nobody.",
            "Name the manager, a person or a group.",
        )
    if stage.asks_manager() and not any(approver.is_fallback for approver in stage.approvers):
        yield Reason(
            "manager_without_fallback",
            f"Stage {position} would ask nobody for people without a manager.",
            "Name somebody who decides instead.",
        )


def _names_its_kind(approver: ApproverTerms) -> bool:
    named = (approver.user_id is not None, approver.group_id is not None)
    wanted = {MANAGER: (False, False), USER: (True, False), GROUP: (False, True)}
    is_relation = approver.kind == MANAGER
    return named == wanted.get(approver.kind) and not (is_relation and approver.is_fallback)


RULES: tuple[Callable[[Proposal], Iterable[Reason]], ...] = (
    words_fit,
    scope_is_complete,
    expiration_is_complete,
    duration_is_possible,
    end_is_ahead,
    stages_are_few,
    manager_is_asked_once,
    each_stage_decides,
)
