"""What owners enter about a policy, and what speaks against it.

Everything here is pure: ids instead of rows, moments (aware) instead of a clock.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from entitlements.decisions import Decision, Reason, collect
from entitlements.policies.question_terms import QuestionTerms, questions_fit
from entitlements.policies.stage_terms import StageTerms, stages_fit
from entitlements.terms import Terms, name_fits, text_fits

MOST_DAYS = 3660
MOST_HOURS = MOST_DAYS * 24
MOST_TARGETS = 500
MOST_ORGANIZATIONS = 1000

INTERNAL = ("specific", "all_members", "all_users")
EXTERNAL = ("specific_organizations", "all_organizations", "all_external")
SCOPES = ("nobody", *INTERNAL, *EXTERNAL)
SHOWN = ("organization", "yes", "no")
EXPIRATIONS = ("never", "on_date", "after_days", "after_hours")


@dataclass(frozen=True)
class CalloutTerms:
    """One extension that is called at one stage."""

    stage: str
    extension_id: UUID


@dataclass(frozen=True)
class PolicyTerms(Terms):
    """A whole policy; `duration` counts days or hours, `ends_on` is aware."""

    name: str
    description: str = ""
    scope: str = "nobody"
    allowed_user_ids: tuple[UUID, ...] = ()
    allowed_group_ids: tuple[UUID, ...] = ()
    allowed_organization_ids: tuple[UUID, ...] = ()
    is_enabled: bool = True
    accepts_requests: bool = True
    requires_justification: bool = True
    expiration: str = "after_days"
    ends_on: datetime | None = None
    duration: int | None = 365
    allows_custom_dates: bool = False
    allows_on_behalf: bool = False
    allows_extension: bool = True
    extension_requires_approval: bool = True
    allows_correction: bool = False
    sends_notifications: bool = True
    shows_approvers: str = "organization"
    approver_can_remove: bool = True
    stages: tuple[StageTerms, ...] = ()
    questions: tuple[QuestionTerms, ...] = ()
    callouts: tuple[CalloutTerms, ...] = ()


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
        yield Reason(
            "unknown_scope",
            "There is no such choice of who may ask.",
            "Choose one of those listed.",
        )
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


def organizations_are_complete(proposal: Proposal) -> Iterator[Reason]:
    organizations = proposal.terms.allowed_organization_ids
    if proposal.terms.scope == "specific_organizations" and not organizations:
        yield Reason(
            "organizations_missing",
            "Nobody could ask under this policy.",
            "Name at least one connected organization.",
        )
    if len(organizations) > MOST_ORGANIZATIONS:
        yield Reason(
            "too_many_organizations",
            f"{len(organizations)} organizations are named; at most {MOST_ORGANIZATIONS} can be.",
            "Let all configured ones ask, or make another policy.",
        )


def strangers_are_approved(proposal: Proposal) -> Iterator[Reason]:
    if proposal.terms.scope == "all_external" and not proposal.terms.stages:
        yield Reason(
            "approval_needed_for_anybody",
            "Anybody from outside could give himself access: nobody would approve it.",
            "Add a stage of approval, or admit only organizations that are known.",
        )


def expiration_is_complete(proposal: Proposal) -> Iterator[Reason]:
    terms = proposal.terms
    wants_date = terms.expiration == "on_date"
    wants_duration = terms.expiration in ("after_days", "after_hours")
    if terms.expiration not in EXPIRATIONS:
        yield Reason(
            "unknown_expiration",
            "There is no such choice of when access ends.",
            "Choose one of those listed.",
        )
        return
    if wants_date and terms.ends_on is None:
        yield Reason("end_missing", "The date on which access ends is missing.", "Choose one.")
    if wants_duration and terms.duration is None:
        yield Reason("duration_missing", "How long access lasts is missing.", "Enter a number.")
    if (terms.ends_on and not wants_date) or (terms.duration is not None and not wants_duration):
        yield Reason(
            "end_contradicts",
            "The policy says in two ways when access ends.",
            "Decide for one of them.",
        )


def duration_is_possible(proposal: Proposal) -> Iterator[Reason]:
    terms = proposal.terms
    most, unit = (MOST_HOURS, "hours") if terms.expiration == "after_hours" else (MOST_DAYS, "days")
    if terms.duration is not None and not 1 <= terms.duration <= most:
        yield Reason(
            "duration_out_of_range",
            f"Access can last from 1 to {most:,} {unit}.",
            "Choose a number between the two.",
        )


def end_is_ahead(proposal: Proposal) -> Iterator[Reason]:
    end = proposal.terms.ends_on
    if end and end <= proposal.moment and end != proposal.present_end:
        yield Reason("end_in_the_past", "The end is in the past.", "Choose a later date.")


def naming_is_known(proposal: Proposal) -> Iterator[Reason]:
    if proposal.terms.shows_approvers not in SHOWN:
        yield Reason(
            "unknown_naming",
            "There is no such choice of whether approvers are named.",
            "Choose one of those listed.",
        )


def stages_decide(proposal: Proposal) -> Iterator[Reason]:
    yield from stages_fit(proposal.terms.stages)


def questions_are_complete(proposal: Proposal) -> Iterator[Reason]:
    yield from questions_fit(proposal.terms.questions)


RULES: tuple[Callable[[Proposal], Iterable[Reason]], ...] = (
    words_fit,
    scope_is_complete,
    organizations_are_complete,
    strangers_are_approved,
    expiration_is_complete,
    duration_is_possible,
    end_is_ahead,
    naming_is_known,
    stages_decide,
    questions_are_complete,
)
