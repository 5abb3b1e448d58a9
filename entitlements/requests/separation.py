"""Who has what clashes with a package, and who lacks what it requires, for any number of people."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Q, Value

from entitlements.assignments.models import Assignment
from entitlements.catalog.incompatibilities import ClashException
from entitlements.catalog.models import AccessPackage
from entitlements.catalog.separation import GROUP, Rival, Terms, terms_of
from entitlements.directory.models import User, as_parameter
from entitlements.locks import take_turns
from entitlements.policies.separation import APART, Clash, Missing, Separation
from entitlements.requests.models import AccessRequest
from entitlements.requests.states import ADDS, RequestState

COMING = (RequestState.APPROVED, RequestState.SCHEDULED)

Pair = tuple[UUID, UUID]


class Holding(NamedTuple):
    """What somebody has: access, an approved request for it, or his place in a group."""

    holding_id: UUID | None
    is_coming: bool


def wait_for_turn(target_id: UUID) -> None:
    """Within the caller's transaction: begin nothing for a person beside another beginning."""
    take_turns(target_id)


def separation_of(package: AccessPackage, target: User, *, is_start: bool = False) -> Separation:
    """Return how one person stands to a package: by one statement where nothing is written of it.

    At the start of access only what is held then counts, so that the first to start wins.
    """
    return separations_of(package, [target.pk], is_start=is_start).get(target.pk, APART)


def clashes_of(package: AccessPackage, people: Iterable[User]) -> dict[UUID, tuple[Clash, ...]]:
    """Return what each of many people has that clashes with a package; who has none is left out."""
    found = separations_of(package, [person.pk for person in people])
    return {person: each.clashes for person, each in found.items() if each.clashes}


def separations_of(
    package: AccessPackage, people: Collection[UUID], *, is_start: bool = False
) -> dict[UUID, Separation]:
    """Return how each of many people stands to a package, by a constant number of statements."""
    pairs = [(person, package.pk) for person in people]
    found = separations_among(pairs, is_start=is_start)
    return {person: separation for (person, _), separation in found.items()}


def separations_among(pairs: Collection[Pair], *, is_start: bool = False) -> dict[Pair, Separation]:
    """Return how people stand to packages, for pairs of their ids, by a few statements for all.

    Packages of which nothing is written are left out.
    """
    terms = terms_of({package for _, package in pairs}) if pairs else {}
    if not terms:
        return {}
    people = {person for person, _ in pairs}
    held = holdings_of(terms.values(), people, is_start=is_start)
    rivals = {key for one in terms.values() for key in one.clashes}
    is_any = any(key in rivals for mine in held.values() for key in mine)
    excepted = exceptions_of(terms, people) if is_any else {}
    return {
        (person, package): Separation(
            clashes=clashes_in(terms[package], held[person], excepted.get((person, package), {})),
            missing=_missing(terms[package], held[person]),
        )
        for person, package in pairs
        if package in terms
    }


def holdings_of(
    terms: Iterable[Terms], people: Collection[UUID], *, is_start: bool = False
) -> dict[UUID, dict[UUID, Holding]]:
    """Return what people have of all that packages clash with and require."""
    rivals = [rival for one in terms for rival in one.rivals]
    packages = {rival.other_id for rival in rivals if rival.kind != GROUP}
    groups = {rival.other_id for rival in rivals if rival.kind == GROUP}
    held: dict[UUID, dict[UUID, Holding]] = defaultdict(dict)
    for person, package, key, is_coming in _packages_held(packages, people, is_start=is_start):
        if package not in held[person] or not is_coming:
            held[person][package] = Holding(key, bool(is_coming))
    for group, person in members_among(groups, people):
        held[person][group] = Holding(None, False)
    return held


def _packages_held(
    packages: Collection[UUID], people: Collection[UUID], *, is_start: bool
) -> Iterable[tuple[UUID, UUID, UUID, int]]:
    mine = {"target__in": people, "package__in": packages}
    columns = ("target_id", "package_id", "pk")
    live = Assignment.objects.live().filter(**mine).values_list(*columns, Value(0))
    if is_start:
        return live
    coming = AccessRequest.objects.filter(**mine, kind__in=ADDS, state__in=COMING)
    return live.union(coming.values_list(*columns, Value(1)), all=True)


def members_among(groups: Collection[UUID], people: Collection[UUID]) -> set[Pair]:
    """Return which of these people are in which of these groups, also through nested ones."""
    if not groups or not people:
        return set()
    sql = f"""
        WITH RECURSIVE below(root_id, group_id) AS (
            SELECT id, id FROM entitlements_group WHERE id IN ({_marks(groups)})
            UNION
            SELECT root_id, child_id FROM entitlements_groupnesting
            JOIN below ON parent_id = group_id)
        SELECT DISTINCT root_id, user_id FROM below
        JOIN entitlements_membership m ON m.group_id = below.group_id
        WHERE user_id IN ({_marks(people)})"""  # noqa: S608  # only placeholders are put in
    with connection.cursor() as cursor:
        cursor.execute(sql, [as_parameter(key) for key in (*groups, *people)])
        return {(_as_id(group), _as_id(person)) for group, person in cursor.fetchall()}


def _marks(keys: Collection[UUID]) -> str:
    return ", ".join(["%s"] * len(keys))


def _as_id(key: UUID | str) -> UUID:
    return key if isinstance(key, UUID) else UUID(key)


def exceptions_of(
    packages: Collection[UUID], people: Collection[UUID]
) -> dict[Pair, dict[UUID, datetime]]:
    """Return until when each person may hold what together with which package, for now (UTC)."""
    of_packages = Q(package__in=packages) | Q(other_package__in=packages)
    rows = ClashException.objects.in_force().filter(of_packages, person__in=people)
    found: dict[Pair, dict[UUID, datetime]] = defaultdict(dict)
    columns = ("person_id", "package_id", "other_package_id", "other_group_id", "ends_at")
    for person, package, other_package, group, ends_at in rows.values_list(*columns):
        other = group or other_package
        for own, theirs in ((package, other), (other, package)):
            until = found[person, own].get(theirs, ends_at)
            found[person, own][theirs] = max(ends_at, until)
    return found


def clashes_in(
    terms: Terms, held: dict[UUID, Holding], excepted: dict[UUID, datetime]
) -> tuple[Clash, ...]:
    """Return what somebody holds that a package clashes with, as its terms say."""
    return tuple(
        Clash(
            kind="group" if rival.kind == GROUP else "package",
            other_id=key,
            other=rival.other,
            keeper=rival.keeper,
            through=rival.through,
            holding_id=held[key].holding_id,
            is_coming=held[key].is_coming,
            excepted_until=excepted.get(key),
        )
        for key, rival in terms.clashes.items()
        if key in held
    )


def _missing(terms: Terms, held: dict[UUID, Holding]) -> tuple[Missing, ...]:
    now = {key for key, holding in held.items() if not holding.is_coming}
    missing = [_as_missing([one]) for one in terms.required if one.other_id not in now]
    if terms.alternatives and not any(one.other_id in now for one in terms.alternatives):
        missing.append(_as_missing(terms.alternatives))
    return tuple(missing)


def _as_missing(options: list[Rival]) -> Missing:
    return Missing(tuple((one.other_id, one.other) for one in options), options[0].keeper)
