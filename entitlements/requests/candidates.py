"""Gather the facts that the rules of asking and extending need."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple, TypedDict

from django.db.models import Case, Exists, OuterRef, Subquery, When

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage, PackageState
from entitlements.catalog.separation import is_any_written
from entitlements.decisions import Decision, Reason, collect
from entitlements.directory.models import User
from entitlements.directory.organizations.guests import can_be_let_in
from entitlements.directory.organizations.terms import domain_of
from entitlements.policies import extension_rules, rules
from entitlements.policies.answers import Given
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.scopes import Scope
from entitlements.policies.separation import APART, Separation
from entitlements.requests.attributes import (
    Asking,
    asking_of,
    questions_about,
    with_profile,
)
from entitlements.requests.models import AccessRequest
from entitlements.requests.separation import separation_of


class Wish(TypedDict):
    """What somebody who asks writes and chooses."""

    justification: str
    starts_at: datetime | None
    ends_at: datetime | None
    answers: Given | None


def limit_of(policy: AssignmentPolicy, *, starts_at: datetime) -> datetime | None:
    """Return the latest end (UTC) that a policy allows for access from `starts_at`, or None."""
    return rules.end_of(
        policy.expiration,
        starts_at=starts_at,
        ends_on=policy.ends_on,
        duration=policy.duration,
        zone=clock.zone(),
    )


def limit_of_terms(terms: dict[str, Any], *, starts_at: datetime) -> datetime | None:
    """Return the latest end (UTC) under a policy as a request froze it, or None."""
    ends_on = terms["ends_on"]
    return rules.end_of(
        terms["expiration"],
        starts_at=starts_at,
        ends_on=datetime.fromisoformat(ends_on) if ends_on else None,
        duration=terms["duration"],
        zone=clock.zone(),
    )


def _about(target: User, policy: AssignmentPolicy) -> dict[str, Any]:
    return {
        "is_kept_out": target.is_guest and not policy.package.catalog.is_external,
        "is_service": target.is_service,
        "domain": domain_of(target.email) if target.is_invited else "",
    }


def candidate(
    policy: AssignmentPolicy,
    target: User,
    *,
    justification: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    answers: Given | None = None,
    is_direct: bool = False,
    standing: "Standing | None" = None,
    asking: Asking | None = None,
    separation: Separation | None = None,
) -> rules.Candidate:
    """Return the facts for `rules.can_request`; who judges many hands in what he found for all."""
    standing = standing or _standing(policy, target, is_direct=is_direct)
    asking = asking or asking_of(policy)
    return rules.Candidate(
        package=str(policy.package),
        is_active=target.is_active or (is_direct and target.is_invited),
        is_package_open=standing.is_package_open,
        is_policy_enabled=policy.is_enabled,
        accepts_requests=policy.accepts_requests,
        is_in_scope=standing.is_in_scope,
        is_direct=is_direct,
        has_open_request=standing.has_open_request,
        holds_package=standing.holds_package,
        requires_justification=policy.requires_justification and not is_direct,
        justification=justification,
        allows_custom_dates=policy.allows_custom_dates,
        moment=clock.now(),
        earliest_start=clock.today_begins(),
        wanted_start=starts_at,
        wanted_end=ends_at,
        limit=_limit(policy, starts_at),
        **_about(target, policy),
        stricter_policy=standing.stricter_policy,
        separation=_separation(policy, target, standing) if separation is None else separation,
        questions=(*asking.questions, *questions_about(asking.needed, target)),
        answers=with_profile(asking.needed, target, answers),
    )


def _limit(policy: AssignmentPolicy, starts_at: datetime | None) -> datetime | None:
    """Return the latest end for access from `starts_at`, or from now, unless it is absurd."""
    moment = clock.now()
    start = max(starts_at or moment, moment)
    is_near = rules.too_far_ahead(start, moment=moment) is None
    return limit_of(policy, starts_at=start) if is_near else None


def can_request(policy: AssignmentPolicy, target: User, **facts: Any) -> Decision:
    """Say whether `target` may get the package under `policy`, with every reason why not."""
    return rules.can_request(candidate(policy, target, **facts))


def may_ask(policy: AssignmentPolicy, target: User) -> Decision:
    """Say whether `target` may ask under `policy` now, whatever he is still to write."""
    facts = candidate(policy, target)
    facts = replace(facts, requires_justification=False, questions=(), answers={})
    return rules.can_request(facts)


def can_start(access_request: AccessRequest, span: rules.Span) -> Decision:
    """Say whether access can begin at this moment, since much can happen before an approval."""
    package, target = access_request.package, access_request.target
    held = Assignment.objects.live().filter(target=target, package=access_request.package_id)
    is_over = span.ends_at is not None and span.ends_at <= span.starts_at
    return collect(
        (
            None
            if target.is_active or target.is_invited
            else Reason(
                "account_disabled",
                f"The account of {target} is disabled.",
                "The directory decides this.",
            ),
            can_be_let_in(target, proposes=admits_anybody(access_request)),
            Reason("period_over", "The period that was asked for is over.", "Ask again.")
            if is_over
            else None,
            Reason("already_held", f"{target} holds {package} already.", "It can be extended.")
            if held.exists()
            else None,
        )
    )


def admits_anybody(access_request: AccessRequest) -> bool:
    """Say whether the policy admitted whoever came from outside, when it was asked under."""
    return bool(access_request.terms.get("scope") == Scope.ALL_EXTERNAL)


def extension(
    assignment: Assignment,
    *,
    justification: str = "",
    ends_at: datetime | None = None,
    is_by_manager: bool = False,
) -> extension_rules.Extension:
    """Return the facts about a longer stay, for `extension_rules.can_extend`."""
    policy, target = assignment.policy, assignment.target
    standing = _standing(policy, target, is_direct=assignment.is_direct)
    return extension_rules.Extension(
        package=str(assignment.package),
        allows_extension=policy.allows_extension,
        is_by_manager=is_by_manager,
        is_policy_enabled=policy.is_enabled,
        is_retired=assignment.package.state == PackageState.RETIRED,
        is_in_scope=standing.is_in_scope,
        has_open_request=standing.has_open_request,
        requires_justification=policy.requires_justification and not is_by_manager,
        justification=justification,
        moment=clock.now(),
        present_end=assignment.ends_at,
        wanted_end=ends_at,
        limit=extension_limit(assignment),
        separation=_separation(policy, target, standing),
    )


def extension_limit(assignment: Assignment) -> datetime | None:
    """Return the latest end of an extension: a policy's date, or one more duration (UTC)."""
    if assignment.ends_at is None:
        return None
    return limit_of(assignment.policy, starts_at=assignment.ends_at)


def end_on(day: date, *, limit: datetime | None) -> datetime:
    """Return when access ends that is wanted until a day: with it, or at a limit on that day."""
    if limit and limit.astimezone(clock.zone()).date() == day:
        return limit
    return clock.day_ends(day)


def can_extend(assignment: Assignment, **facts: Any) -> Decision:
    """Say whether access may be kept for longer, with every reason why not."""
    return extension_rules.can_extend(extension(assignment, **facts))


class Standing(NamedTuple):
    """How a person stands to a policy and its package at this moment."""

    is_package_open: bool
    is_in_scope: bool
    has_open_request: bool
    holds_package: bool
    stricter_policy: str | None
    is_kept_apart: bool = True


def _standing(policy: AssignmentPolicy, target: User, *, is_direct: bool) -> Standing:
    """Return how `target` stands to `policy`, by one query.

    A direct-only policy admits whoever is given access directly, unless he has no account yet;
    others keep their scope.
    """
    mine = {"target": target, "package": OuterRef("package")}
    admitting = AssignmentPolicy.objects.in_scope_of(target)
    found = AssignmentPolicy.objects.filter(pk=policy.pk).values_list(
        Exists(AccessPackage.objects.open().filter(pk=OuterRef("package"))),
        Exists(admitting.filter(pk=OuterRef("pk"))),
        Exists(AccessRequest.objects.open().filter(**mine)),
        Exists(Assignment.objects.live().filter(**mine)),
        _stricter(target),
        is_any_written("package"),
    )
    standing = Standing(*found.get())
    is_admitted = is_direct and policy.scope == Scope.NOBODY and not target.is_invited
    return standing._replace(is_in_scope=True) if is_admitted else standing


def _separation(policy: AssignmentPolicy, target: User, standing: Standing) -> Separation:
    return separation_of(policy.package, target) if standing.is_kept_apart else APART


def _stricter(target: User) -> Case:
    """Return what finds the policy that comes before one of its package, for `target`, by name."""
    strictest = AssignmentPolicy.objects.strictest_for(target)
    ahead = (
        strictest.in_scope_of(target)
        .lasting()
        .filter(package=OuterRef("package"), is_enabled=True, accepts_requests=True)
    )
    name = Subquery(ahead.order_by("created_at", "pk").values("name")[:1])
    is_strictest = Exists(strictest.filter(pk=OuterRef("pk")))
    return Case(When(is_strictest, then=None), default=name)
