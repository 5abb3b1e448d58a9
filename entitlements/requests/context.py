"""What helps to decide a request beside its own words, read for a whole page of them at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from operator import attrgetter
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.callouts.models import Callout
from entitlements.catalog.models import PackageRole, ResourceRole
from entitlements.catalog.separation import is_any_written
from entitlements.directory.models import User
from entitlements.policies.models import Expiration
from entitlements.policies.risk import words_for
from entitlements.policies.separation import APART, Separation
from entitlements.requests import flow
from entitlements.requests.dialogue import Inquiry
from entitlements.requests.models import (
    AccessRequest,
    ApprovalStep,
    StepApprover,
    StepState,
    calls_systems,
    stage_terms,
)
from entitlements.requests.separation import separations_among
from entitlements.requests.states import ASKED, GRANTED, UPDATES, RequestState
from entitlements.requests.voices import Voice, voices_in, with_voices

ANSWERED = (*GRANTED, RequestState.DENIED, RequestState.EXPIRED)
UNITS = {
    Expiration.AFTER_DAYS: timedelta(days=1),
    Expiration.AFTER_HOURS: timedelta(hours=1),
}


@dataclass(frozen=True)
class Period:
    """What was asked for: from when (None: when approved), and either until when or how long.

    Moments are in UTC. Neither an end nor a length means without end.
    """

    starts_at: datetime | None
    ends_at: datetime | None
    length: timedelta | None


@dataclass(frozen=True)
class Share:
    """How many of a set of people: always told with its base."""

    part: int
    whole: int


@dataclass(frozen=True)
class Facts:
    """What an approver needs to know about one request.

    `holders` counts others who hold the package now, and `peers` those in the target's department;
    `held_until` is when he last had it himself (UTC), and `told` what other systems said.
    `separation` is what clashes with it, and what it requires, as things are now.
    """

    access_request: AccessRequest
    steps: tuple[ApprovalStep, ...]
    spoken: tuple[Voice, ...]
    roles: tuple[ResourceRole, ...]
    holders: int
    peers: Share | None
    earlier: Share
    held_until: datetime | None
    told: tuple[Callout, ...] = ()
    separation: Separation = APART

    @property
    def step(self) -> ApprovalStep | None:
        """The stage that waits."""
        return next((step for step in self.steps if step.state == StepState.WAITING), None)

    @property
    def voices(self) -> tuple[Voice, ...]:
        """What each person decided, stage by stage."""
        return tuple(voice for step in self.steps for voice in voices_in(step, self.spoken))

    @property
    def coming(self) -> int:
        """How many stages are still to come after the one that waits."""
        return sum(step.state == StepState.COMING for step in self.steps)

    @property
    def is_one_of_several(self) -> bool:
        """Whether one more approval leaves the stage waiting for others."""
        return bool(self.step and self.step.needed - self.step.approvals > 1)

    @property
    def is_privileged(self) -> bool:
        return any(role.is_privileged for role in self.roles)

    @property
    def risk(self) -> str:
        """For which risk the stage that waits was put before the policy's own, if it was."""
        stages = stage_terms(self.access_request)
        return words_for(stages[self.step.position - 1]) if self.step else ""

    @property
    def is_extension(self) -> bool:
        return self.access_request.extends

    @property
    def is_correction(self) -> bool:
        return self.access_request.corrects

    @property
    def is_overdue(self) -> bool:
        """Whether the deadline has passed, which the next sweep carries out."""
        return bool(self.step and self.step.due_at and self.step.due_at <= clock.now())

    @property
    def is_urgent(self) -> bool:
        """Whether the deadline is less than a day away."""
        return bool(
            self.step and self.step.due_at and self.step.due_at <= clock.now() + flow.ONE_DAY
        )

    @property
    def requires_justification(self) -> bool:
        return bool(self.step and self.step.requires_justification)

    @property
    def stands_in_for(self) -> str:
        """For whom the viewer decides the stage that waits, if not for himself."""
        return getattr(self.step, "stands_in_for", None) or ""

    @property
    def exchange(self) -> dict[str, str] | None:
        """The last question before the decision: who asked what, and the answer, if any."""
        exchange: dict[str, str] | None = getattr(self.access_request, "exchange", None)
        return exchange

    @cached_property
    def period(self) -> Period:
        return period_of(self.access_request)

    @cached_property
    def shorter_days(self) -> tuple[date, date | None] | None:
        """The first and the last day that an approver may shorten the access to, if any."""
        return shorter_days(self.access_request)


def facts_about(
    access_requests: QuerySet[AccessRequest], *, viewer: User | None = None
) -> list[Facts]:
    """Return what helps to decide each request, in their order, by a constant number of queries.

    For a viewer they also say for whom he stands in.
    """
    inquiries = Inquiry.objects.filter(access_request=OuterRef("pk"))
    found: list[AccessRequest] = list(
        access_requests.select_related(
            "package", "requestor", "target__manager", "assignment"
        ).annotate(
            exchange=Subquery(inquiries.as_exchange()), is_kept_apart=is_any_written("package")
        )
    )
    if not found:
        return []
    steps, voices = with_voices(_steps(found, viewer))
    roles = _roles({access_request.package_id for access_request in found})
    holders = _Holders(found)
    told = _told(found)
    apart = separations_among(
        [(one.target_id, one.package_id) for one in filter(attrgetter("is_kept_apart"), found)]
    )
    earlier = _earlier({access_request.target_id for access_request in found})
    return [
        Facts(
            access_request=access_request,
            steps=tuple(steps.get(access_request.pk, ())),
            spoken=tuple(voices.get(access_request.pk, ())),
            roles=tuple(roles[access_request.package_id]),
            holders=holders.others(access_request),
            peers=holders.peers(access_request),
            earlier=_without(access_request, earlier.get(access_request.target_id, Share(0, 0))),
            held_until=holders.held_until(access_request),
            told=tuple(told.get(access_request.pk, ())),
            separation=apart.get((access_request.target_id, access_request.package_id), APART),
        )
        for access_request in found
    ]


def facts_for_mail(about_id: UUID) -> Facts | None:
    """Return what a mail tells an approver about a request."""
    return next(iter(facts_about(AccessRequest.objects.filter(pk=about_id))), None)


def period_of(access_request: AccessRequest) -> Period:
    """Return what was asked for, as far as it is known before access begins."""
    terms = access_request.terms
    starts_at, ends_at = access_request.starts_at, _earliest(_chosen_ends(access_request))
    if access_request.kind in UPDATES or ends_at or terms["expiration"] == Expiration.NEVER:
        return Period(starts_at, ends_at, None)
    return Period(starts_at, None, terms["duration"] * UNITS[Expiration(terms["expiration"])])


def shorter_days(access_request: AccessRequest) -> tuple[date, date | None] | None:
    """Return the first and the last day whose end would be an earlier end, or None.

    Days are the organization's; without a last day, any later one is earlier than no end. Answers
    that are corrected have no end.
    """
    if access_request.corrects:
        return None
    assignment = access_request.assignment
    floor = clock.now()
    if assignment and assignment.ends_at:
        floor = max(floor, assignment.ends_at)
    planned = access_request.ends_at if assignment else flow.span_of(access_request).ends_at
    first = floor.astimezone(clock.zone()).date()
    if clock.day_ends(first) <= floor:
        first += timedelta(days=1)
    if planned is None:
        return first, None
    last = planned.astimezone(clock.zone()).date()
    if clock.day_ends(last) >= planned:
        last -= timedelta(days=1)
    return (first, last) if first <= last else None


def _chosen_ends(access_request: AccessRequest) -> Iterator[datetime | None]:
    yield access_request.ends_at
    yield access_request.shortened_to
    if access_request.kind not in UPDATES and access_request.terms["ends_on"]:
        yield datetime.fromisoformat(access_request.terms["ends_on"])


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment), default=None)


def _steps(access_requests: Sequence[AccessRequest], viewer: User | None) -> QuerySet[ApprovalStep]:
    steps = ApprovalStep.objects.filter(access_request__in=access_requests)
    if not viewer:
        return steps
    turns = StepApprover.objects.filter(step=OuterRef("pk"), user=viewer)
    names = turns.values("delegation__delegator__display_name")
    return steps.annotate(stands_in_for=Subquery(names))


def _told(access_requests: list[AccessRequest]) -> dict[UUID, list[Callout]]:
    """Return the answers of extensions that say something, where any was called."""
    called = [one.pk for one in access_requests if calls_systems(one)]
    by_request = defaultdict(list)
    if called:
        told = Callout.objects.filter(about_id__in=called).exclude(detail="")
        for callout in told.select_related("extension").order_by("answered_at"):
            by_request[callout.about_id].append(callout)
    return by_request


def _roles(packages: set[UUID]) -> dict[UUID, list[ResourceRole]]:
    entries = PackageRole.objects.filter(package__in=packages).select_related("role__resource")
    by_package = defaultdict(list)
    for entry in entries.order_by("position", "pk"):
        by_package[entry.package_id].append(entry.role)
    return by_package


def _earlier(targets: set[UUID]) -> dict[UUID, Share]:
    """Return how many requests for each person were answered, and how many of them granted."""
    answered = AccessRequest.objects.filter(target__in=targets, kind__in=ASKED, state__in=ANSWERED)
    rows = answered.values_list("target").annotate(
        granted=Count("pk", filter=Q(state__in=GRANTED)), answered=Count("pk")
    )
    return {target: Share(granted, answered) for target, granted, answered in rows}


def _without(access_request: AccessRequest, share: Share) -> Share:
    state = access_request.state
    return Share(share.part - (state in GRANTED), share.whole - (state in ANSWERED))


class _Holders:
    """Who holds the packages of some requests: others, colleagues, and the person himself."""

    def __init__(self, access_requests: list[AccessRequest]) -> None:
        packages = {access_request.package_id for access_request in access_requests}
        departments = {access_request.target.department for access_request in access_requests}
        live = Assignment.objects.live().filter(package__in=packages)
        self._by_package = dict(live.values_list("package").annotate(Count("pk")))
        in_departments = live.filter(target__department__in=departments - {""})
        self._by_department = {
            (package, department): count
            for package, department, count in in_departments.values_list(
                "package", "target__department"
            ).annotate(Count("pk"))
        }
        people = User.objects.active().filter(department__in=departments - {""})
        self._colleagues = dict(people.values_list("department").annotate(Count("pk")))
        self._own = self._read_own(access_requests, packages)

    def _read_own(
        self, access_requests: list[AccessRequest], packages: set[UUID]
    ) -> dict[tuple[UUID, UUID], list[Assignment]]:
        targets = {access_request.target_id for access_request in access_requests}
        own = defaultdict(list)
        for assignment in Assignment.objects.filter(target__in=targets, package__in=packages):
            own[assignment.target_id, assignment.package_id].append(assignment)
        return own

    def _holds(self, access_request: AccessRequest) -> bool:
        key = access_request.target_id, access_request.package_id
        return any(assignment.is_live for assignment in self._own.get(key, ()))

    def others(self, access_request: AccessRequest) -> int:
        count: int = self._by_package.get(access_request.package_id, 0)
        return count - self._holds(access_request)

    def peers(self, access_request: AccessRequest) -> Share | None:
        """Return the share of his department that holds it; None when he has none, or is alone."""
        target = access_request.target
        colleagues = self._colleagues.get(target.department, 0) - target.is_active
        if colleagues < 1:
            return None
        holding = self._by_department.get((access_request.package_id, target.department), 0)
        return Share(holding - self._holds(access_request), colleagues)

    def held_until(self, access_request: AccessRequest) -> datetime | None:
        key = access_request.target_id, access_request.package_id
        past = (assignment for assignment in self._own.get(key, ()) if not assignment.is_live)
        return max((moment for one in past if (moment := one.over_at)), default=None)
