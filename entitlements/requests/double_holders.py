"""Who holds what clashes already, in packages of a catalog or in one, however many they are."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from entitlements.assignments.models import Assignment, AssignmentQuerySet
from entitlements.catalog.incompatibilities import Prerequisite
from entitlements.catalog.models import AccessPackage
from entitlements.catalog.separation import terms_of
from entitlements.directory.models import User, UserQuerySet
from entitlements.policies.separation import Clash
from entitlements.requests.separation import Holding, clashes_in, exceptions_of, holdings_of

IN_CLASHING_GROUP = """
    WITH RECURSIVE below(package_id, group_id) AS (
        SELECT package_id, other_group_id FROM entitlements_incompatibility
        WHERE other_group_id IS NOT NULL
        UNION
        SELECT package_id, child_id FROM entitlements_groupnesting
        JOIN below ON parent_id = group_id)
    SELECT a.id FROM entitlements_assignment a
    JOIN below ON below.package_id = a.package_id
    JOIN entitlements_membership m ON m.group_id = below.group_id AND m.user_id = a.target_id
    WHERE a.ended_at IS NULL"""
ENTRIES: tuple[dict[str, Any], ...] = (
    {"named_as_clash__package": OuterRef("package")},
    {
        "incompatibilities__other_package": OuterRef("package"),
        "incompatibilities__is_symmetric": True,
    },
    {"roles__named_as_clash__package": OuterRef("package")},
    {
        "incompatibilities__other_role__packages": OuterRef("package"),
        "incompatibilities__is_symmetric": True,
    },
    {"roles__clashes_as_first__second__packages": OuterRef("package")},
    {"roles__clashes_as_second__first__packages": OuterRef("package")},
)


@dataclass(frozen=True)
class DoubleHolding:
    """Two things that one person has and that clash: a package, and a package or a group.

    `excepted_until` says until when an exception allows it (UTC).
    """

    person: User
    package_id: UUID
    package: str
    held_until: datetime | None
    clash: Clash

    @property
    def excepted_until(self) -> datetime | None:
        return self.clash.excepted_until


def double_holders(packages: QuerySet[AccessPackage]) -> UserQuerySet:
    """Return who holds one of these packages and something that it clashes with, by name."""
    rivals = Assignment.objects.live().filter(target=OuterRef("target"))
    rivals = rivals.exclude(package=OuterRef("package"))
    clashes: Any = Q(pk__in=RawSQL(IN_CLASHING_GROUP, []))  # noqa: S611  # a constant
    for entry in ENTRIES:
        clashes |= Exists(rivals.filter(**{f"package__{path}": to for path, to in entry.items()}))
    held = Assignment.objects.live().filter(clashes, package__in=packages.values("pk"))
    people: UserQuerySet = User.objects.filter(pk__in=held.values("target"))
    return people.order_by("display_name", "pk")


def without_prerequisites(package: AccessPackage) -> AssignmentQuerySet:
    """Return the access of those who hold a package now without what it requires."""
    needed = Prerequisite.objects.filter(package=package.pk)
    held = Assignment.objects.live().filter(
        target=OuterRef(OuterRef("target")), package=OuterRef("required")
    )
    lacks_one = Exists(needed.filter(~Exists(held), is_alternative=False))
    lacks_all = Exists(needed.filter(is_alternative=True)) & ~Exists(
        needed.filter(Exists(held), is_alternative=True)
    )
    live: AssignmentQuerySet = package.assignments.live()
    return live.filter(lacks_one | lacks_all)


def double_holdings(
    packages: QuerySet[AccessPackage], people: Collection[User]
) -> Iterator[DoubleHolding]:
    """Yield what each of these people has that clashes, by a constant number of statements.

    Two packages that clash both ways are told once.
    """
    live = Assignment.objects.live().filter(target__in=people, package__in=packages.values("pk"))
    held = list(live.select_related("package").order_by("package__name", "pk"))
    by_id = {person.pk: person for person in people}
    terms = terms_of({assignment.package_id for assignment in held})
    holdings = holdings_of(terms.values(), by_id, is_start=True)
    excepted = exceptions_of(terms, by_id)
    told: set[tuple[UUID, frozenset[UUID]]] = set()
    order = {person: position for position, person in enumerate(by_id)}
    for assignment in sorted(held, key=lambda one: order[one.target_id]):
        package, person = assignment.package_id, assignment.target_id
        mine: dict[UUID, Holding] = holdings[person]
        for clash in clashes_in(terms[package], mine, excepted.get((person, package), {})):
            pair = person, frozenset((package, clash.other_id))
            if pair not in told:
                told.add(pair)
                yield DoubleHolding(
                    by_id[person], package, str(assignment.package), assignment.ends_at, clash
                )
