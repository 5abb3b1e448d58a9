"""Who holds what clashes already, in packages of a catalog or in one, however many they are."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from entitlements.assignments.models import Assignment, AssignmentQuerySet
from entitlements.audit.models import AuditEvent
from entitlements.catalog.incompatibilities import ClashException, ExceptionState, Prerequisite
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


MADE_CLASHES: Final = ("package.clash_added", "package.role_added")
MADE_ROLE_CLASHES: Final = "catalog.role_clash_added"
SEEN: Final = timedelta(seconds=1)
"""How long it may take until a clash that is written down is seen by all who begin something."""
PEOPLE: Final = 500


@dataclass(frozen=True)
class UnexcusedClash:
    """Access, and other access that its holder had when it began and that it clashes with.

    No exception counted at that moment. It `is_known`, and no fault, where the clash is younger, as
    far as the records say.
    """

    assignment: Assignment
    other: Assignment
    is_known: bool

    def __str__(self) -> str:
        with_what = f"{self.assignment} clashes with {self.other.package}"
        return f"{with_what}, which was held first{', before it clashed' * self.is_known}."


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


def unexcused_clashes() -> Iterator[UnexcusedClash]:
    """Yield live access that began while its holder had what it clashes with, and no exception.

    Groups are left out: when somebody came into one, nobody writes down.
    """
    people = list(double_holders(AccessPackage.objects.all()).values_list("pk", flat=True))
    made = _clashes_made() if people else {}
    for start in range(0, len(people), PEOPLE):
        chosen = people[start : start + PEOPLE]
        live = Assignment.objects.live().filter(target__in=chosen)
        held = list(live.select_related("package", "target").order_by("starts_at", "pk"))
        by_place = {(one.target_id, one.package_id): one for one in held}
        terms = terms_of({one.package_id for one in held})
        for one in held:
            for key in terms[one.package_id].clashes if one.package_id in terms else ():
                other = by_place.get((one.target_id, key))
                if other and other.starts_at < one.starts_at and not _was_excepted(one, other):
                    moments = (made.get(key), made.get(one.package_id), made.get(None))
                    since = max((moment for moment in moments if moment), default=None)
                    is_known = since is not None and since + SEEN > one.starts_at
                    yield UnexcusedClash(one, other, is_known)


def _clashes_made() -> dict[UUID | None, datetime]:
    """Return when something last came to clash with each package, and through roles with any."""
    events = AuditEvent.objects.order_by().filter(action__in=MADE_CLASHES)
    found: dict[UUID | None, datetime] = dict(events.values_list("subject_id").annotate(Max("at")))
    through_roles = AuditEvent.objects.filter(action=MADE_ROLE_CLASHES).aggregate(last=Max("at"))
    return found | ({None: through_roles["last"]} if through_roles["last"] else {})


def _was_excepted(one: Assignment, other: Assignment) -> bool:
    """Say whether somebody had leave to hold both at the moment at which the later one began."""
    pair = (one.package_id, other.package_id)
    return ClashException.objects.filter(
        person=one.target_id,
        package__in=pair,
        other_package__in=pair,
        state=ExceptionState.APPROVED,
        starts_at__lte=one.starts_at,
        ends_at__gt=one.starts_at,
    ).exists()
