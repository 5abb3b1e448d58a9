"""Gather the facts that the rules of asking and extending need."""

from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage
from entitlements.decisions import Decision
from entitlements.directory.models import User
from entitlements.policies import rules
from entitlements.policies.models import AssignmentPolicy, Scope
from entitlements.requests.models import AccessRequest


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


def candidate(
    policy: AssignmentPolicy,
    target: User,
    *,
    justification: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    is_direct: bool = False,
) -> rules.Candidate:
    """Return the facts about `target` under `policy`, for `rules.can_request`."""
    moment = clock.now()
    start = max(starts_at or moment, moment)
    is_near = rules.too_far_ahead(start, moment=moment) is None
    standing = _standing(policy, target, is_direct=is_direct)
    return rules.Candidate(
        package=str(policy.package),
        is_active=target.is_active,
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
        moment=moment,
        earliest_start=clock.today_begins(),
        wanted_start=starts_at,
        wanted_end=ends_at,
        limit=limit_of(policy, starts_at=start) if is_near else None,
    )


def can_request(policy: AssignmentPolicy, target: User, **facts: Any) -> Decision:
    """Say whether `target` may get the package under `policy`, with every reason why not."""
    return rules.can_request(candidate(policy, target, **facts))


def extension(
    assignment: Assignment, *, justification: str = "", ends_at: datetime | None = None
) -> rules.Extension:
    """Return the facts about a longer stay, for `rules.can_extend`."""
    policy, target = assignment.policy, assignment.target
    standing = _standing(policy, target, is_direct=assignment.is_direct)
    return rules.Extension(
        package=str(assignment.package),
        allows_extension=policy.allows_extension,
        is_policy_enabled=policy.is_enabled,
        is_in_scope=standing.is_in_scope,
        has_open_request=standing.has_open_request,
        requires_justification=policy.requires_justification,
        justification=justification,
        moment=clock.now(),
        present_end=assignment.ends_at,
        wanted_end=ends_at,
        limit=extension_limit(assignment),
    )


def extension_limit(assignment: Assignment) -> datetime | None:
    """Return the latest end of an extension: a policy's date, or one more duration (UTC)."""
    if assignment.ends_at is None:
        return None
    return limit_of(assignment.policy, starts_at=assignment.ends_at)


def can_extend(assignment: Assignment, **facts: Any) -> Decision:
    """Say whether the holder may keep the access for longer, with every reason why not."""
    return rules.can_extend(extension(assignment, **facts))


class Standing(NamedTuple):
    """How a person stands to a policy and its package at this moment."""

    is_package_open: bool
    is_in_scope: bool
    has_open_request: bool
    holds_package: bool


def _standing(policy: AssignmentPolicy, target: User, *, is_direct: bool) -> Standing:
    """Return how `target` stands to `policy`, by one query.

    A direct-only policy admits whoever is given access directly; others keep their scope.
    """
    mine = {"target": target, "package": OuterRef("package")}
    admitting = AssignmentPolicy.objects.in_scope_of(target)
    found = AssignmentPolicy.objects.filter(pk=policy.pk).values_list(
        Exists(AccessPackage.objects.open().filter(pk=OuterRef("package"))),
        Exists(admitting.filter(pk=OuterRef("pk"))),
        Exists(AccessRequest.objects.open().filter(**mine)),
        Exists(Assignment.objects.live().filter(**mine)),
    )
    standing = Standing(*found.get())
    is_admitted = is_direct and policy.scope == Scope.NOBODY
    return standing._replace(is_in_scope=True) if is_admitted else standing
