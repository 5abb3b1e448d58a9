"""Take due grants into one's hands, and write down what came of them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from entitlements import clock, work
from entitlements.assignments.grants import Grant
from entitlements.audit import trail
from entitlements.audit.models import AuditEvent
from entitlements.connectors.base import ConnectorRefused, Place
from entitlements.work import moment_after

GIVE_PAUSES = tuple(timedelta(seconds=s) for s in (10, 30, 120, 600, 1800, 3600, 3600, 3600))
TAKE_PAUSES = tuple(timedelta(seconds=s) for s in (10, 15, 30, 60, 120, 300))
LONGEST_PAUSE = timedelta(minutes=15)
LONGEST_ERROR = 2000


@dataclass(frozen=True)
class Claim:
    """One grant in the hands of one worker, as it read when it was claimed.

    The attempt and the end of the lease are the proof that it still is.
    """

    grant: Grant
    is_wanted: bool
    attempt: int
    lease_until: datetime

    @property
    def place(self) -> Place:
        return Place(self.grant.role.resource.external_id, self.grant.role.external_id)


@dataclass(frozen=True)
class Done:
    """A claim whose target system is so; `kept`: the person goes on to hold what he had before."""

    claim: Claim
    kept: bool = False


@transaction.atomic(durable=True)
def claim(grant_ids: Collection[int]) -> list[Claim]:
    """Lease those of these grants that are due and in nobody's hands, in the order of their ids.

    The attempt is counted when it starts, so that one which kills its worker counts too. Whether a
    grant is wanted is asked of the assignments again: access past its end is never given.
    """
    due = Grant.objects.due().filter(pk__in=grant_ids)
    locked = list(
        due.select_for_update(of=("self",), skip_locked=True)
        .select_related("user", "role__resource__system")
        .order_by("pk")
    )
    keys = [grant.pk for grant in locked]
    covered = set(Grant.objects.filter(pk__in=keys).covered().values_list("pk", flat=True))
    lease_until = clock.now() + work.LEASE
    Grant.objects.filter(pk__in=keys).update(lease_until=lease_until, attempts=F("attempts") + 1)
    _correct(locked, covered)
    return [Claim(grant, grant.pk in covered, grant.attempts + 1, lease_until) for grant in locked]


def _correct(grants: Iterable[Grant], covered: set[int]) -> None:
    """Within the caller's transaction: let grants say what their assignments say by now."""
    for is_wanted in (True, False):
        wrong = [
            grant.pk
            for grant in grants
            if grant.is_wanted is not is_wanted and (grant.pk in covered) is is_wanted
        ]
        if wrong:
            Grant.objects.filter(pk__in=wrong).update(is_wanted=is_wanted)


def release(claims: Iterable[Claim]) -> None:
    """Let go of grants that were claimed and not tried."""
    for claimed in claims:
        _still_held(claimed).update(lease_until=None, attempts=F("attempts") - 1)


@transaction.atomic(durable=True)
def complete(done: Collection[Done]) -> None:
    """Write down, in a few statements, that target systems are so.

    What changed meanwhile stays due, and what another worker took over is called once more, since
    a late call may have undone a newer one.
    """
    held = _locked(item.claim for item in done)
    for item in done:
        if item.claim.grant.pk not in held:
            _call_once_more(item.claim)
    mine = [item for item in done if item.claim.grant.pk in held]
    moment = clock.now()
    for is_wanted in (True, False):
        keys = [item.claim.grant.pk for item in mine if item.claim.is_wanted is is_wanted]
        if not keys:
            continue
        changed = [key for key in keys if held[key].is_wanted is not is_wanted]
        outcome = {
            "is_given": is_wanted,
            "attempts": 0,
            "last_error": "",
            "error_code": "",
            "lease_until": None,
            "changed_at": moment,
            **({} if is_wanted else {"held_before": None}),
        }
        if changed:
            Grant.objects.filter(pk__in=changed).update(**outcome, next_attempt_at=moment)
        if not is_wanted:
            outcome["is_taken_over"] = False
        settled = Grant.objects.filter(pk__in=set(keys) - set(changed))
        settled.update(**outcome, next_attempt_at=None)
    trail.record_many([_event(item) for item in mine])


def _event(item: Done) -> AuditEvent:
    grant = item.claim.grant
    return trail.compose(
        "grant.given" if item.claim.is_wanted else "grant.taken",
        grant.role,
        by=None,
        target=grant.user,
        system=str(grant.role.resource.system),
        **({"kept": True} if item.kept else {}),
    )


def postpone(claimed: Claim, error: ConnectorRefused) -> None:
    """Write down a failure that may pass, and when to try again.

    What is to be given fails after the last pause; what is to be taken is tried for ever.
    """
    pauses = GIVE_PAUSES if claimed.is_wanted else TAKE_PAUSES
    again = moment_after(claimed.attempt, pauses)
    if again is None and not claimed.is_wanted:
        again = clock.now() + LONGEST_PAUSE
    _fail(claimed, error, again)


def refuse(claimed: Claim, error: ConnectorRefused) -> None:
    """Write down that the target system said no: giving has failed, taking is tried again."""
    again = None if claimed.is_wanted else clock.now() + LONGEST_PAUSE
    _fail(claimed, error, again)


@transaction.atomic(durable=True)
def _fail(claimed: Claim, error: ConnectorRefused, again: datetime | None) -> None:
    grant = _locked([claimed]).get(claimed.grant.pk)
    if grant is None:
        _call_once_more(claimed)
        return
    changed = grant.is_wanted != claimed.is_wanted
    grant.last_error, grant.error_code = str(error)[:LONGEST_ERROR], error.code[:40]
    grant.lease_until = None
    grant.next_attempt_at = clock.now() if changed else again
    grant.attempts = 0 if changed else grant.attempts
    grant.save()
    if grant.next_attempt_at is None or claimed.attempt == 1:
        trail.record(
            "grant.failed",
            claimed.grant.role,
            by=None,
            target=claimed.grant.user,
            code=error.code,
            error=str(error),
            attempt=claimed.attempt,
            next_attempt_at=grant.next_attempt_at,
        )


def _locked(claims: Iterable[Claim]) -> dict[int, Grant]:
    """Within the caller's transaction: lock the grants that these claims still hold, by id."""
    held = {claimed.grant.pk: claimed for claimed in claims}
    rows = Grant.objects.select_for_update().filter(pk__in=held).order_by("pk")
    return {
        grant.pk: grant
        for grant in rows
        if grant.attempts == held[grant.pk].attempt
        and grant.lease_until == held[grant.pk].lease_until
    }


def _still_held(claimed: Claim) -> "work.WorkQuerySet[Grant]":
    return Grant.objects.filter(
        pk=claimed.grant.pk, attempts=claimed.attempt, lease_until=claimed.lease_until
    )


def _call_once_more(claimed: Claim) -> None:
    """Within the caller's transaction: make a grant due that another worker took over.

    Counting up lets a worker who has the grant in his hands find that he must leave it due.
    """
    Grant.objects.filter(pk=claimed.grant.pk).update(
        next_attempt_at=clock.now(), attempts=F("attempts") + 1
    )
