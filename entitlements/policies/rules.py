"""Whether somebody may ask, and until when: pure rules over plain facts.

All moments are aware; the facts are gathered by `entitlements.requests.candidates`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from entitlements.decisions import Decision, Reason, collect
from entitlements.policies.answers import Given, speaks_against
from entitlements.policies.question_terms import QuestionTerms
from entitlements.policies.separation import APART, Separation
from entitlements.policies.separation import speaks_against as keeps_apart

LONGEST_TEXT = 10_000
LONGEST_AHEAD = timedelta(days=36_525)


@dataclass(frozen=True)
class Span:
    """From when to when (aware); no end means without end."""

    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True)
class Candidate:
    """What the rules need to know about a person who asks for a package.

    `wanted_start` and `wanted_end` are what he chose, or None; `limit` is the latest end that the
    policy allows, `earliest_start` the beginning of today. A guest `is_kept_out` of a catalog that
    is not enabled for external users. Whoever has no account yet is known by the `domain` of his
    address alone.
    """

    package: str
    is_active: bool
    is_package_open: bool
    is_policy_enabled: bool
    accepts_requests: bool
    is_in_scope: bool
    is_direct: bool
    has_open_request: bool
    holds_package: bool
    requires_justification: bool
    justification: str
    allows_custom_dates: bool
    moment: datetime
    earliest_start: datetime
    wanted_start: datetime | None
    wanted_end: datetime | None
    limit: datetime | None
    is_kept_out: bool = False
    is_service: bool = False
    domain: str = ""
    stricter_policy: str | None = None
    separation: Separation = APART
    questions: tuple[QuestionTerms, ...] = ()
    answers: Given = field(default_factory=dict)


def account_is_active(candidate: Candidate) -> Reason | None:
    if candidate.is_active:
        return None
    return Reason("account_disabled", "The account is disabled.", "The directory decides this.")


def is_for_a_person(candidate: Candidate) -> Reason | None:
    if not candidate.is_service:
        return None
    return Reason(
        "service_account",
        "This is a service account, and packages are for people.",
        "Choose a person.",
    )


def package_is_open(candidate: Candidate) -> Reason | None:
    if candidate.is_package_open:
        return None
    return Reason(
        "package_closed",
        f"{candidate.package} is not offered at present.",
        "Its catalog's owners can publish it.",
    )


def guest_is_let_in(candidate: Candidate) -> Reason | None:
    if not candidate.is_kept_out:
        return None
    return Reason(
        "members_only",
        f"{candidate.package} is in a catalog that guests get nothing from.",
        "The catalog's owners can open it to guests.",
    )


def policy_is_on(candidate: Candidate) -> Reason | None:
    if candidate.is_policy_enabled and (candidate.accepts_requests or candidate.is_direct):
        return None
    return Reason(
        "policy_off",
        "New requests are switched off in this policy.",
        "The catalog's owners can switch them on.",
    )


def in_scope(candidate: Candidate) -> Reason | None:
    if candidate.is_in_scope:
        return None
    if candidate.domain:
        return Reason(
            "domain_not_admitted",
            f"This policy of {candidate.package} admits nobody with an address at "
            f"{candidate.domain} who has no account yet.",
            "Choose a policy for people from outside that does. Whoever manages connected "
            "organizations can add the domain.",
        )
    return Reason(
        "not_in_scope",
        f"This policy of {candidate.package} is for other people.",
        "The catalog's owners decide who may ask.",
    )


def no_stricter_policy(candidate: Candidate) -> Reason | None:
    if candidate.stricter_policy is None or candidate.is_direct or not candidate.is_in_scope:
        return None
    return Reason(
        "stricter_policy_applies",
        f"“{candidate.stricter_policy}” comes first: it says more exactly who may ask.",
        "Ask under that policy. The catalog's owners decide who may ask under which.",
    )


def not_requested_already(candidate: Candidate) -> Reason | None:
    if not candidate.has_open_request:
        return None
    return Reason(
        "already_requested",
        f"A request for {candidate.package} is on its way already.",
        "Wait for its outcome, or cancel it first.",
    )


def not_held_already(candidate: Candidate) -> Reason | None:
    if not candidate.holds_package:
        return None
    return Reason("already_held", f"{candidate.package} is held already.", "It can be extended.")


def justified(candidate: Candidate) -> Reason | None:
    return text_fits(candidate.justification, is_required=candidate.requires_justification)


def text_fits(text: str, *, is_required: bool) -> Reason | None:
    """Return what speaks against a reason that somebody wrote."""
    if len(text) > LONGEST_TEXT:
        return Reason(
            "justification_too_long",
            f"The reason has {len(text):,} characters; at most {LONGEST_TEXT:,} are kept.",
            "Shorten it.",
        )
    if "\x00" in text:
        return Reason(
            "justification_unreadable", "The reason contains a null character.", "Remove it."
        )
    if is_required and not text.strip():
        return Reason("justification_missing", "A reason is required.", "Say why.")
    return None


def dates_may_be_chosen(candidate: Candidate) -> Reason | None:
    if candidate.allows_custom_dates or candidate.is_direct:
        return None
    if candidate.wanted_start is None and candidate.wanted_end is None:
        return None
    return Reason(
        "dates_not_allowed",
        "This policy sets the dates; they cannot be chosen.",
        "The catalog's owners can allow it.",
    )


def dates_are_near(candidate: Candidate) -> Reason | None:
    for chosen in (candidate.wanted_start, candidate.wanted_end):
        if reason := too_far_ahead(chosen, moment=candidate.moment):
            return reason
    return None


def too_far_ahead(chosen: datetime | None, *, moment: datetime) -> Reason | None:
    """Return what speaks against a date that nobody will live to see."""
    if chosen is None or chosen <= moment + LONGEST_AHEAD:
        return None
    return Reason(
        "too_far_ahead", "The date is more than a hundred years ahead.", "Choose an earlier date."
    )


def starts_in_time(candidate: Candidate) -> Reason | None:
    start = candidate.wanted_start
    if start is None or start >= candidate.earliest_start:
        return None
    return Reason("starts_in_the_past", "The start is in the past.", "Choose today or later.")


def ends_after_start(candidate: Candidate) -> Reason | None:
    end = candidate.wanted_end
    if end is None:
        return None
    if end <= candidate.moment:
        return Reason("ends_in_the_past", "The end is in the past.", "Choose a later date.")
    if candidate.wanted_start and end <= candidate.wanted_start:
        return Reason("ends_before_start", "The end is before the start.", "Choose a later end.")
    return None


def ends_within_limit(candidate: Candidate) -> Reason | None:
    if candidate.limit is None:
        return None
    if candidate.limit <= max(candidate.moment, candidate.wanted_start or candidate.moment):
        return Reason(
            "policy_ended",
            f"Access under this policy ends on {candidate.limit:%d %b %Y}.",
            "The catalog's owners can set a later date.",
        )
    if candidate.wanted_end and candidate.wanted_end > candidate.limit:
        return too_late(candidate.limit)
    return None


def too_late(limit: datetime) -> Reason:
    return Reason(
        "ends_after_limit",
        f"The end is later than the policy allows: {limit:%d %b %Y, %H:%M %Z}.",
        "Choose an earlier end.",
    )


RULES: tuple[Callable[[Candidate], Reason | None], ...] = (
    account_is_active,
    is_for_a_person,
    package_is_open,
    guest_is_let_in,
    policy_is_on,
    in_scope,
    no_stricter_policy,
    not_requested_already,
    not_held_already,
    justified,
    dates_may_be_chosen,
    dates_are_near,
    starts_in_time,
    ends_after_start,
    ends_within_limit,
)


def can_request(candidate: Candidate) -> Decision:
    """Apply every rule, so that people learn all the reasons at once."""
    answers = speaks_against(candidate.questions, candidate.answers)
    apart = keeps_apart(candidate.package, candidate.separation)
    return collect((*(rule(candidate) for rule in RULES), *apart, *answers))


def end_of(
    expiration: str,
    *,
    starts_at: datetime,
    ends_on: datetime | None,
    duration: int | None,
    zone: ZoneInfo,
) -> datetime | None:
    """Return the latest end (UTC) that a policy allows for access that starts at `starts_at`.

    Days are calendar days in the organization's zone, so that daylight saving moves nothing;
    hours are exact. None means without end.
    """
    if expiration == "on_date":
        return ends_on
    if expiration == "after_hours":
        return starts_at + timedelta(hours=duration or 0)
    if expiration == "after_days":
        local = starts_at.astimezone(zone)
        later = local.replace(tzinfo=None) + timedelta(days=duration or 0)
        return later.replace(tzinfo=zone).astimezone(starts_at.tzinfo)
    return None
