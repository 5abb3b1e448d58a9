"""Let one person hold what clashes, for a while, for a reason, and with somebody else's leave."""

from datetime import datetime, timedelta

from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.catalog.incompatibilities import ClashException, ExceptionState
from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.catalog.permissions import can, owners_of
from entitlements.catalog.separation import terms_of
from entitlements.decisions import Decision, Reason, collect, deny
from entitlements.directory.kinds import is_a_person
from entitlements.directory.models import Group, User, UserQuerySet
from entitlements.notifications.operations import notify
from entitlements.policies.rules import text_fits
from entitlements.requests.separation import separations_of

LONGEST = timedelta(days=366)


@transaction.atomic(durable=True)
def propose(
    package: AccessPackage,
    other: AccessPackage | Group,
    person: User,
    *,
    by: User,
    reason: str,
    ends_at: datetime,
    starts_at: datetime | None = None,
) -> ClashException:
    """Ask an owner to let `person` hold a package and what it clashes with (moments in UTC).

    Raises Denied when `by` may not change the package, the two do not clash, or the period is not
    one of at most a year to come.
    """
    can(by, "manage_packages", package.catalog).require()
    moment = clock.now()
    starts_at = max(starts_at or moment, moment)
    reasons = (
        _they_clash(package, other),
        is_a_person(person),
        text_fits(reason, is_required=True),
        _is_short(starts_at, ends_at),
    )
    collect(reasons).require()
    exception = ClashException.objects.create(
        person=person,
        package=package,
        other_package=other if isinstance(other, AccessPackage) else None,
        other_group=other if isinstance(other, Group) else None,
        reason=reason.strip(),
        starts_at=starts_at,
        ends_at=ends_at,
        proposed_by=by,
        proposed_at=moment,
    )
    _record(exception, "package.clash_exception_asked", by=by, justification=exception.reason)
    tell(exception, "clash.exception_asked", deciders_of(exception))
    return exception


@transaction.atomic(durable=True)
def decide(exception: ClashException, *, by: User, approves: bool) -> ClashException:
    """Allow or refuse what was proposed; raises Denied for whoever proposed it or would profit."""
    exception = _locked(exception)
    can_decide(by, exception).require()
    exception.state = ExceptionState.APPROVED if approves else ExceptionState.REFUSED
    exception.decided_by = by
    exception.decided_at = clock.now()
    exception.save(update_fields=["state", "decided_by", "decided_at"])
    outcome = "allowed" if approves else "refused"
    _record(exception, f"package.clash_exception_{outcome}", by=by)
    return exception


@transaction.atomic(durable=True)
def end_early(exception: ClashException, *, by: User) -> ClashException:
    """Let an exception count no more; raises Denied when it does not count now."""
    exception = _locked(exception)
    can(by, "manage_packages", exception.package.catalog).require()
    if exception.shown_state != "in_force":
        deny(
            "exception_not_in_force",
            "This exception does not count at present.",
            "Ask for another one.",
        ).require()
    exception.ends_at = clock.now()
    exception.save(update_fields=["ends_at"])
    _record(exception, "package.clash_exception_ended", by=by)
    return exception


@transaction.atomic(durable=True)
def report_end(exception: ClashException) -> bool:
    """Tell the owners of both sides when somebody holds both after an exception; say whether so."""
    exception = _locked(exception)
    if exception.reported_at or exception.ends_at > clock.now():
        return False
    exception.reported_at = clock.now()
    exception.save(update_fields=["reported_at"])
    if not _still_clashes(exception):
        return False
    owners = owners_of(exception.package.catalog) | owners_of(_other_catalog(exception))
    tell(exception, "clash.exception_ended", owners.distinct())
    return True


def can_decide(by: User, exception: ClashException) -> Decision:
    """Only owners of the catalog on the other side, and never for oneself or one's own proposal."""
    is_party = by.pk in (exception.person_id, exception.proposed_by_id)
    reasons = (
        Reason(
            "own_exception",
            "Nobody decides what he has proposed himself, or what is for himself.",
            f"Another owner of {_other_catalog(exception)} can decide.",
        )
        if is_party
        else None,
        Reason(
            "exception_decided", "This exception is decided already.", "Nothing more is to be done."
        )
        if exception.state != ExceptionState.PROPOSED
        else None,
        Reason("exception_over", "The period that was asked for is over.", "Propose it again.")
        if exception.ends_at <= clock.now()
        else None,
    )
    return can(by, "change_catalog", _other_catalog(exception)) + collect(reasons)


def deciders_of(exception: ClashException) -> UserQuerySet:
    """Return who can decide an exception, by name."""
    owners = owners_of(_other_catalog(exception))
    return owners.exclude(pk__in=[exception.person_id, exception.proposed_by_id])


def _other_catalog(exception: ClashException) -> Catalog:
    """Return the catalog on the other side; a group has none, so that its package's counts."""
    other = exception.other_package
    return other.catalog if other else exception.package.catalog


def _locked(exception: ClashException) -> ClashException:
    rows = ClashException.objects.with_names().select_for_update(of=("self",))
    return rows.get(pk=exception.pk)


def _still_clashes(exception: ClashException) -> bool:
    """Say whether the person holds the package and something it clashes with, as things are."""
    other_id = exception.other_package_id or exception.other_group_id
    held = exception.package.assignments.live().filter(target=exception.person_id)
    person = [exception.person_id]
    separation = separations_of(exception.package, person, is_start=True).get(exception.person_id)
    clashes = separation.open_clashes if separation else ()
    return held.exists() and any(clash.other_id == other_id for clash in clashes)


def _they_clash(package: AccessPackage, other: AccessPackage | Group) -> Reason | None:
    terms = terms_of([package.pk]).get(package.pk)
    if terms and other.pk in terms.clashes:
        return None
    return Reason("no_clash", f"{package} does not clash with {other}.", "Choose what it does.")


def _is_short(starts_at: datetime, ends_at: datetime) -> Reason | None:
    if ends_at <= starts_at:
        return Reason("ends_before_start", "The end is before the start.", "Choose a later end.")
    if ends_at > starts_at + LONGEST:
        return Reason(
            "exception_too_long", "An exception lasts a year at most.", "Choose an earlier end."
        )
    return None


def _record(exception: ClashException, action: str, *, by: User, **details: str) -> None:
    facts = {
        "other": exception.other,
        "other_package": exception.other_package_id,
        "ends_at": exception.ends_at,
    }
    trail.record(action, exception.package, by=by, target=exception.person, **facts, **details)


def tell(exception: ClashException, event: str, people: UserQuerySet) -> None:
    notify(
        event,
        people,
        exception,
        package=str(exception.package),
        other=exception.other,
        target=str(exception.person),
        by=str(exception.proposed_by),
        justification=exception.reason,
        ends_at=exception.ends_at,
    )
