"""What must hold whatever happens, checked against the database and the target systems.

Reads only. The numbers are those of the figures that the project holds itself to.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet, Subquery, Value, Window
from django.db.models.fields import CharField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Lag

from entitlements import clock, heartbeat
from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.audit import sealing
from entitlements.audit.models import AuditEvent
from entitlements.catalog.models import ResourceRole
from entitlements.connectors.base import Connector, ConnectorRefused, ConnectorUnavailable, Place
from entitlements.connectors.registry import connector_for
from entitlements.directory.models import Account
from entitlements.notifications.models import Notification
from entitlements.requests.double_holders import unexcused_clashes
from entitlements.requests.models import AccessRequest, ApprovalStep, StepState
from entitlements.requests.states import TRANSITIONS, RequestState
from entitlements.systems.distinguished_names import normalized
from entitlements.systems.models import ConnectedSystem
from entitlements.work import LEASE, WorkRow

GRACE: Final = timedelta(seconds=60)
SHOWN: Final = 20

NAMES: Final = ("package__name", "target__display_name")

Row = TypeVar("Row", bound=Model)

BIRTHS: Final = tuple(
    f"request.{act}"
    for act in (
        *("submitted", "given_directly", "removal_asked"),
        *("extension_asked", "extension_given", "correction_asked", "correction_given"),
    )
)
OUTCOMES: Final = tuple(
    f"request.{act}" for act in ("stage_approved", "approved", "denied", "lapsed")
)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be; or that is not so yet, for a reason that is known."""

    text: str
    is_pending: bool = False


@dataclass(frozen=True)
class Invariant:
    """One promise, and the query for whatever breaks it."""

    code: str
    sentence: str
    findings: Callable[[], Iterator[Finding]]


@dataclass
class Result:
    """What was found out about one invariant: counts, and the first sentences of each sort."""

    invariant: Invariant
    violations: int = 0
    pending: int = 0
    sentences: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.violations


def check(*, with_targets: bool = False) -> Iterator[Result]:
    """Yield what was found out about each invariant, in order.

    The built-in directory is always compared; `with_targets` reads every other system too.
    """
    for invariant in invariants(with_targets=with_targets):
        result = Result(invariant)
        for finding in invariant.findings():
            if finding.is_pending:
                result.pending += 1
                result.reasons += [finding.text] if result.pending <= SHOWN else []
            else:
                result.violations += 1
                result.sentences += [finding.text] if result.violations <= SHOWN else []
        yield result


def invariants(*, with_targets: bool = False) -> tuple[Invariant, ...]:
    """Return every invariant that applies at present."""
    return (
        Invariant("I1", "At most one live assignment per person and package", _held_twice),
        Invariant("I2", "One grant per person and resource role", _granted_twice),
        Invariant("I3", "A grant is wanted exactly when a live assignment covers it", _miscounted),
        Invariant("I4", "Every stage has at most one outcome", _decided_twice),
        Invariant("I5", "No access more than 60 s after its end while a worker runs", _overstayed),
        Invariant("I6", "One audit event per act, and the chain verifies", _unwitnessed),
        Invariant("I7", "No work row is claimed for longer than a lease", _claimed_too_long),
        Invariant("I8", "No clash among wanted grants without a recorded exception", _clashing),
        Invariant(
            "I9",
            "Targets hold exactly what is wanted",
            lambda: _different_targets(with_targets=with_targets),
        ),
        Invariant("I10", "Every step in history is in the transition table", _stepped_aside),
    )


def _held_twice() -> Iterator[Finding]:
    open_ones = Assignment.objects.filter(ended_at=None)
    twice = open_ones.values("target__display_name", "package__name", "target", "package")
    for row in twice.annotate(times=Count("pk")).filter(times__gt=1).order_by("target").iterator():
        name, package = row["target__display_name"], row["package__name"]
        yield Finding(f"{name} holds {package} {row['times']} times.")


def _granted_twice() -> Iterator[Finding]:
    twice = Grant.objects.values("user__display_name", "role__name", "user", "role")
    for row in twice.annotate(times=Count("pk")).filter(times__gt=1).order_by("user").iterator():
        name, role = row["user__display_name"], row["role__name"]
        yield Finding(f"{name} has {row['times']} grants of {role}.")


def _miscounted() -> Iterator[Finding]:
    """Look both ways; what a sweep or a recount has still to do is no violation."""
    covering = Assignment.objects.filter(target=OuterRef("user")).filter(
        Q(package__package_roles__role=OuterRef("role")) | Q(package__recount_at__isnull=False),
        _not_ended_for_long(),
        ended_at=None,
        starts_at__lte=clock.now(),
    )
    for grant in _of_grants(Grant.objects.filter(~Exists(covering), is_wanted=True)):
        yield Finding(f"{grant} is wanted, and no live assignment asks for it.")
    wanted = Grant.objects.filter(user=OuterRef("target"), role=OuterRef("role"), is_wanted=True)
    asking = (
        Assignment.objects.live()
        .filter(package__recount_at=None, package__package_roles__isnull=False)
        .annotate(role=F("package__package_roles__role"))
    )
    for row in asking.filter(~Exists(wanted)).order_by("pk").values("role", *NAMES).iterator():
        role = ResourceRole.objects.select_related("resource").get(pk=row["role"])
        yield Finding(f"{_name(row)} asks for {role}, which is not wanted.")


def _not_ended_for_long() -> Q:
    """Without a worker nobody has carried ends out; with one, it has a minute for it."""
    if not _worker_runs():
        return Q()
    return Q(ends_at=None) | Q(ends_at__gt=clock.now() - GRACE)


def _decided_twice() -> Iterator[Finding]:
    steps = ApprovalStep.objects.values("access_request", "position")
    for row in steps.annotate(times=Count("pk")).filter(times__gt=1).order_by("access_request"):
        yield Finding(f"Request {row['access_request']} has stage {row['position']} twice.")
    outcomes = (
        _events("accessrequest", *OUTCOMES)
        .annotate(step=KeyTextTransform("step", "details"))
        .values("subject_id", "subject_name", "step")
        .annotate(times=Count("pk"))
    )
    for event in outcomes.filter(times__gt=1).order_by("subject_id").iterator():
        yield Finding(
            f"Stage {event['step']} of {event['subject_name']} was decided {event['times']} times."
        )
    waiting = ApprovalStep.objects.filter(access_request=OuterRef("pk"), state=StepState.WAITING)
    is_pending = Q(state=RequestState.PENDING_APPROVAL)
    odd = AccessRequest.objects.filter(
        (is_pending & ~Exists(waiting)) | (~is_pending & Exists(waiting))
    )
    for access_request in _named(odd):
        yield Finding(
            f"{access_request} is {access_request.state}, and that does not fit its stages."
        )


def _overstayed() -> Iterator[Finding]:
    """Name what is overdue; a target that refuses or does not answer is a known reason."""
    if not _worker_runs():
        yield Finding("No worker runs, so ends are not carried out.", is_pending=True)
        return
    long_ago = clock.now() - GRACE
    for assignment in _named(Assignment.objects.filter(ended_at=None, ends_at__lte=long_ago)):
        yield Finding(f"{assignment} was to end at {_shown(assignment.ends_at)}.")
    for grant in _of_grants(Grant.objects.filter(is_given=True, is_wanted=False)):
        due = grant.next_attempt_at
        if grant.lease_until and grant.lease_until > clock.now():
            continue
        if due is None or due < long_ago:
            yield Finding(f"{grant} is to be taken away, and nobody does it.")
        elif grant.last_error:
            yield Finding(f"{grant} cannot be taken away yet: {grant.last_error}", is_pending=True)


def _unwitnessed() -> Iterator[Finding]:
    yield from _requests_without_their_events()
    yield from _grants_without_their_events()
    yield from _assignments_without_their_events()
    for broken in sealing.verify():
        yield Finding(f"Seal {broken.position}: {broken.text}")


def _requests_without_their_events() -> Iterator[Finding]:
    moves = AuditEvent.objects.filter(subject_type="accessrequest", details__has_key="state")
    last = moves.filter(subject_id=OuterRef("pk")).order_by("-pk")
    requests = AccessRequest.objects.annotate(
        told=Coalesce(
            Subquery(last.values(told=KeyTextTransform("state", "details"))[:1]),
            Value(RequestState.SUBMITTED.value),
            output_field=CharField(),
        ),
        births=_count_of(_events("accessrequest", *BIRTHS)),
    )
    differing = requests.exclude(told=F("state")).order_by("pk")
    for row in differing.values("state", "told", *NAMES).iterator():
        yield Finding(f"{_name(row)} is {row['state']}; its last event says {row['told']}.")
    for access_request in _named(requests.exclude(births=1)):
        yield Finding(f"{access_request} has not exactly one event that tells how it began.")
    before = Window(
        Lag(KeyTextTransform("state", "details"), default=Value(RequestState.SUBMITTED.value)),
        partition_by=[F("subject_id")],
        order_by=F("pk").asc(),
    )
    steps = moves.annotate(before=before, source=KeyTextTransform("source", "details"))
    torn = steps.exclude(before=F("source")).order_by("pk")
    for row in torn.values("pk", "subject_name", "source", "before").iterator():
        yield Finding(
            f"Event {row['pk']} of {row['subject_name']} starts from {row['source']}; "
            f"the event before it led to {row['before']}."
        )


def _grants_without_their_events() -> Iterator[Finding]:
    last = (
        _events("resourcerole", "grant.given", "grant.taken")
        .filter(subject_id=OuterRef("role"), target_id=OuterRef("user"))
        .order_by("-pk")
    )
    told = Coalesce(Subquery(last.values("action")[:1]), Value("grant.taken"))
    wrong = Grant.objects.annotate(told=told).filter(
        Q(is_given=True) & ~Q(told="grant.given") | Q(is_given=False) & ~Q(told="grant.taken")
    )
    for grant in _of_grants(wrong):
        yield Finding(f"{grant} is {'' if grant.is_given else 'not '}given; its events differ.")


def _assignments_without_their_events() -> Iterator[Finding]:
    counted = Assignment.objects.annotate(
        begun=_count_of(_events("assignment", "assignment.begun")),
        ended=_count_of(_events("assignment", "assignment.ended")),
    )
    once = Q(ended_at=None, ended=0) | Q(ended_at__isnull=False, ended=1)
    wrong = counted.exclude(Q(begun=1) & once).order_by("pk")
    for row in wrong.values("begun", "ended", "ended_at", *NAMES).iterator():
        state = "has ended" if row["ended_at"] else "has not ended"
        yield Finding(
            f"{_name(row)} {state}, with {row['begun']} events of its beginning "
            f"and {row['ended']} of its end."
        )


def _claimed_too_long() -> Iterator[Finding]:
    longest = clock.now() + LEASE
    tables: tuple[QuerySet[WorkRow], ...] = (Grant.objects.all(), Notification.objects.all())
    for rows in tables:
        for row in rows.filter(lease_until__gt=longest).order_by("pk").iterator():
            yield Finding(f"{row} is claimed until {_shown(row.lease_until)}.")


def _clashing() -> Iterator[Finding]:
    """Name who came to hold what clashes; who held both before it did is known to its owners."""
    for one in unexcused_clashes():
        yield Finding(str(one), is_pending=one.is_known)


def _different_targets(*, with_targets: bool) -> Iterator[Finding]:
    systems = ConnectedSystem.objects.all() if with_targets else _built_in()
    for system in systems.order_by("name"):
        yield from _different_target(system)


def _built_in() -> QuerySet[ConnectedSystem]:
    return ConnectedSystem.objects.filter(kind="directory")


def _different_target(system: ConnectedSystem) -> Iterator[Finding]:
    """Compare role by role; somebody whom no grant speaks of is not this portal's business."""
    granted = Grant.objects.filter(role=OuterRef("pk"))
    roles = ResourceRole.objects.filter(Exists(granted), resource__system=system)
    connector = connector_for(system)
    try:
        for role in roles.select_related("resource__system").order_by("pk"):
            yield from _different_role(role, connector)
    finally:
        connector.close()


def _different_role(role: ResourceRole, connector: Connector) -> Iterator[Finding]:
    """Read the grants before the target, and those that differ again: workers may be at work."""
    settled = list(_of_grants(Grant.objects.filter(role=role, next_attempt_at=None)))
    try:
        place = Place(role.resource.external_id, role.external_id)
        holders = {normalized(account) for account in connector.members(place)}
    except ConnectorRefused as error:
        if any(grant.is_wanted and grant.is_given for grant in settled):
            is_pending = isinstance(error, ConnectorUnavailable)
            yield Finding(f"{role} cannot be compared: {error}", is_pending=is_pending)
        return
    accounts, kept = _accounts(role.resource.system, settled), _kept(role)
    for grant in settled:
        holds = accounts.get(grant.user_id, "") in holders
        if grant.is_wanted and grant.is_given and not holds:
            wrong = "was given, and is missing"
        elif not grant.is_wanted and not grant.is_given and holds and grant.user_id not in kept:
            wrong = "was taken away, and is still there"
        else:
            continue
        if _is_unchanged(grant):
            yield Finding(f"{grant} {wrong} in {role.resource.system}.")


def _accounts(system: ConnectedSystem, grants: Iterable[Grant]) -> dict[UUID, str]:
    if system.kind == "directory":
        return {grant.user_id: normalized(str(grant.user_id)) for grant in grants}
    accounts = Account.objects.filter(system=system).values_list("user", "external_id")
    return {user: normalized(name) for user, name in accounts.iterator()}


def _kept(role: ResourceRole) -> set[UUID | None]:
    """Who keeps a role after its grant is gone, because he held it before."""
    taken = _events("resourcerole", "grant.taken").filter(subject_id=role.pk, details__kept=True)
    return set(taken.values_list("target_id", flat=True))


def _is_unchanged(grant: Grant) -> bool:
    return Grant.objects.filter(
        pk=grant.pk,
        is_wanted=grant.is_wanted,
        is_given=grant.is_given,
        changed_at=grant.changed_at,
        next_attempt_at=None,
    ).exists()


def _stepped_aside() -> Iterator[Finding]:
    known = {(row.source.value, row.target.value) for row in TRANSITIONS}
    steps = AuditEvent.objects.filter(subject_type="accessrequest", details__has_key="source")
    pairs = steps.order_by().values_list("details__source", "details__state").distinct()
    for source, state in sorted(set(pairs) - known):
        found = steps.filter(details__source=source, details__state=state)
        yield Finding(f"{found.count()} steps lead from {source} to {state}.")


def _events(subject_type: str, *actions: str) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(subject_type=subject_type, action__in=actions).order_by()


def _count_of(events: QuerySet[AuditEvent]) -> Coalesce:
    """Return how many of these events are about the row at hand."""
    counted = events.filter(subject_id=OuterRef("pk")).values("subject_id")
    return Coalesce(Subquery(counted.annotate(times=Count("pk")).values("times")), Value(0))


def _of_grants(grants: QuerySet[Grant]) -> Iterator[Grant]:
    return _each(grants.select_related("user", "role__resource"))


def _each(rows: QuerySet[Row]) -> Iterator[Row]:
    return rows.order_by("pk").iterator(chunk_size=500)


def _named(rows: QuerySet[Row]) -> Iterator[Row]:
    """Yield assignments or requests, ready to say their names."""
    return _each(rows.select_related("package", "target"))


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['package__name']} for {row['target__display_name']}"


def _worker_runs() -> bool:
    last = heartbeat.last_beat()
    return last is not None and last > clock.now() - heartbeat.PATIENCE


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
