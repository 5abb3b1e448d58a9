"""Judge many direct assignments under one policy at once, by a few queries for all of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower

from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage
from entitlements.decisions import Reason
from entitlements.directory.models import User
from entitlements.directory.organizations.guests import address_fits, newcomer
from entitlements.directory.organizations.models import ConnectedOrganization, OrganizationDomain
from entitlements.directory.organizations.terms import domain_of
from entitlements.policies import rules
from entitlements.policies.admission import admitted_by
from entitlements.policies.answers import Given
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.scopes import EXTERNAL, Scope
from entitlements.policies.separation import APART
from entitlements.requests import candidates
from entitlements.requests.attributes import asking_of
from entitlements.requests.models import AccessRequest
from entitlements.requests.separation import separations_of

BATCH = 500


@dataclass(frozen=True)
class Entry:
    """One line of a list: who is meant by which name, and what he is to get (moments in UTC).

    `key` is an address or an id, `name` what somebody is called whom nobody knows yet; `mistakes`
    is what could not be read.
    """

    key: str
    place: str = ""
    name: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    justification: str = ""
    answers: Given = field(default_factory=dict)
    mistakes: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Judged:
    """An entry, who it is, and every reason that speaks against it.

    Whoever is not known yet is a target that is not saved.
    """

    entry: Entry
    target: User | None
    reasons: tuple[Reason, ...]


def judge(policy: AssignmentPolicy, entries: Sequence[Entry]) -> Iterator[Judged]:
    """Yield what becomes of each entry, in order; a person who comes twice is taken once.

    Under a policy for people from outside an unknown address is a newcomer's.
    """
    asking = asking_of(policy)
    is_for_outsiders = policy.scope in EXTERNAL
    seen: dict[UUID, Entry] = {}
    newcomers: dict[str, User] = {}
    for start in range(0, len(entries), BATCH):
        batch = entries[start : start + BATCH]
        people = people_called(entry.key for entry in batch)
        for entry in batch if is_for_outsiders else ():
            key = entry.key.lower()
            if not people.get(key) and address_fits(entry.key) is None:
                people[key] = [newcomers.setdefault(key, newcomer(entry.key, entry.name))]
        users = [user for named in people.values() for user in named]
        standings = _standings(policy, users)
        separations = separations_of(policy.package, {user.pk for user in users})
        for entry in batch:
            named = people.get(entry.key.lower(), [])
            target = named[0] if len(named) == 1 else None
            if target is None:
                yield Judged(entry, None, (*entry.mistakes, _unknown(entry, named)))
                continue
            first = seen.setdefault(target.pk, entry)
            facts = candidates.candidate(
                policy,
                target,
                justification=entry.justification,
                starts_at=entry.starts_at,
                ends_at=entry.ends_at,
                answers=entry.answers,
                is_direct=True,
                standing=standings[target.pk],
                asking=asking,
                separation=separations.get(target.pk, APART),
            )
            twice = () if first is entry else (_twice(first),)
            reasons = rules.can_request(facts).reasons
            yield Judged(entry, target, (*entry.mistakes, *twice, *reasons))


def _unknown(entry: Entry, named: list[User]) -> Reason:
    if named:
        return Reason(
            "person_ambiguous",
            f"{len(named)} people are called “{entry.key[:80]}”.",
            "Name the one who is meant by his address.",
        )
    if not entry.key:
        return Reason("person_missing", "Nobody is named.", "Write an address or an id.")
    return Reason(
        "person_unknown",
        f"Nobody is known as “{entry.key[:80]}”.",
        "Write the address, the employee id, or the id in this portal.",
    )


def _twice(first: Entry) -> Reason:
    where = f", in {first.place}" if first.place else ""
    return Reason("named_twice", f"This person is named before{where}.", "Take one of them out.")


def people_called(keys: Iterable[str]) -> dict[str, list[User]]:
    """Return who is meant by each address, employee id or id (in small letters), by one query."""
    wanted = {key.lower() for key in keys if key}
    ids = [found for key in wanted if (found := _id(key))]
    folded = User.objects.annotate(address=Lower("email"), number=Lower("employee_id"))
    match = Q(address__in=wanted) | Q(number__in=wanted) | Q(pk__in=ids)
    people: dict[str, dict[UUID, User]] = {}
    for user in folded.filter(match):
        for name in (user.email.lower(), user.employee_id.lower(), str(user.pk), user.pk.hex):
            people.setdefault(name, {})[user.pk] = user
    return {key: list(people.get(key, {}).values()) for key in wanted}


def _id(key: str) -> UUID | None:
    try:
        return UUID(key)
    except ValueError:
        return None


def _standings(policy: AssignmentPolicy, people: Sequence[User]) -> dict[UUID, candidates.Standing]:
    """Return how each stands to the policy, by a few queries, as `candidates` finds it for one."""
    is_open = AccessPackage.objects.open().filter(pk=policy.package_id).exists()
    invited = {user.pk: user for user in people if user.is_invited}
    admitting = _domains(policy, invited.values())
    mine = {"target": OuterRef("pk"), "package": policy.package_id}
    is_admitted: Any = admitted_by(policy)
    found = User.objects.filter(pk__in=[user.pk for user in people]).values_list(
        "pk",
        Exists(AccessRequest.objects.open().filter(**mine)),
        Exists(Assignment.objects.live().filter(**mine)),
        Exists(User.objects.filter(is_admitted, pk=OuterRef("pk"))),
    )
    known = {
        pk: candidates.Standing(
            is_package_open=is_open,
            is_in_scope=in_scope or policy.scope == Scope.NOBODY,
            has_open_request=is_wanted,
            holds_package=is_held,
            stricter_policy=None,
        )
        for pk, is_wanted, is_held, in_scope in found
    }
    nobody_yet = candidates.Standing(is_open, False, False, False, None)
    return known | {
        pk: known.get(pk, nobody_yet)._replace(is_in_scope=domain_of(user.email) in admitting)
        for pk, user in invited.items()
    }


def _domains(policy: AssignmentPolicy, people: Iterable[User]) -> set[str]:
    """Return the domains of people without an account that the policy admits."""
    domains = {domain_of(user.email) for user in people}
    if policy.scope == Scope.ALL_EXTERNAL or not domains:
        return domains
    known = OrganizationDomain.objects.filter(domain__in=domains)
    if policy.scope == Scope.ALL_ORGANIZATIONS:
        known = known.filter(organization__in=ConnectedOrganization.objects.configured())
    else:
        named = {"organization__policies__scope": Scope.SPECIFIC_ORGANIZATIONS}
        known = known.filter(organization__policies=policy, **named)
    return set(known.values_list("domain", flat=True))
