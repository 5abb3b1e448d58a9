"""What adding a role to a package, or removing one, would do to those who hold the package now.

Counted by a constant number of statements, however many they are; nothing is changed by asking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment, AssignmentQuerySet
from entitlements.catalog.incompatibilities import Incompatibility
from entitlements.catalog.models import (
    AccessPackage,
    AccessPackageQuerySet,
    Catalog,
    PackageRole,
    ResourceRole,
)
from entitlements.catalog.permissions import group_behind
from entitlements.connectors.directory import MEMBER
from entitlements.directory.models import Group, User, UserQuerySet, inside

FIRST: Final = 5


@dataclass(frozen=True)
class Added:
    """Of those who hold the package: who gets the role, who has it already through another package.

    `clashing` holds the first of the `clash_count` people who would then hold what clashes, and
    `rivals` what they hold.
    """

    holders: int
    gaining: int
    clash_count: int
    clashing: Sequence[User]
    rivals: Sequence[AccessPackage]

    @property
    def having(self) -> int:
        return self.holders - self.gaining


@dataclass(frozen=True)
class Removed:
    """Of those who hold the package: who loses the role, and who keeps it for which reason.

    `through` are the packages that give the role to those who keep it by them.
    """

    holders: int
    keeping: int
    held_before: int
    through: Sequence[AccessPackage]

    @property
    def losing(self) -> int:
        return self.holders - self.keeping - self.held_before


def if_added(package: AccessPackage, role: ResourceRole) -> Added:
    """Say what putting a role into a package would do."""
    counts = _live(package).aggregate(
        holders=Count("pk"), having=Count("pk", filter=Q(Exists(_elsewhere(package, role))))
    )
    holders, having = counts["holders"], counts["having"]
    clashing = would_clash(package, role)
    clash_count = clashing.count() if holders else 0
    first = list(clashing.order_by("display_name", "pk")[:FIRST]) if clash_count else []
    rivals = list(_rivals_held(package, role)[:FIRST]) if clash_count else []
    return Added(holders, holders - having, clash_count, first, rivals)


def if_removed(package: AccessPackage, role: ResourceRole) -> Removed:
    """Say what taking a role out of a package would do."""
    before = Grant.objects.filter(
        user=OuterRef("target"), role=role, held_before=True, is_taken_over=False
    )
    stays = Coalesce(Subquery(_last_word(package, role)), Value(_all_keep(role)))
    holders = _live(package).annotate(
        has_another=Exists(_elsewhere(package, role)), had_it=Exists(before), stays=stays
    )
    counts = holders.aggregate(
        holders=Count("pk"),
        keeping=Count("pk", filter=Q(has_another=True)),
        held_before=Count("pk", filter=Q(has_another=False, had_it=True, stays=True)),
    )
    beside = PackageRole.objects.filter(package=OuterRef("package"), role=role)
    held = Assignment.objects.live().exclude(package=package).filter(Exists(beside))
    held = held.filter(target__in=_live(package).values("target"))
    through = AccessPackage.objects.filter(pk__in=held.values("package")).order_by("name", "pk")
    return Removed(**counts, through=list(through.select_related("catalog")))


def would_clash(package: AccessPackage, role: ResourceRole) -> UserQuerySet:
    """Return who would hold, with the role in the package, what clashes and does not today."""
    held = Exists(_live(package).filter(target=OuterRef("pk")))
    mine = Assignment.objects.live().filter(target=OuterRef("pk"))
    clashes = Q(Exists(mine.filter(package__in=_rivals(package, role))))
    groups = _groups_joined(role)
    if groups:
        naming = Incompatibility.objects.filter(other_group__in=groups).values("package")
        is_outside = ~Q(pk__in=inside(Group.objects.filter(pk__in=[one.pk for one in groups])))
        clashes |= Q(Exists(mine.filter(package__in=naming))) & is_outside
    people: UserQuerySet = User.objects.filter(clashes, held)
    return people


def _live(package: AccessPackage) -> AssignmentQuerySet:
    live: AssignmentQuerySet = package.assignments.live()
    return live


def _elsewhere(package: AccessPackage, role: ResourceRole) -> QuerySet[Assignment]:
    """Other live access of the same person that gives the role as well."""
    others = Assignment.objects.live().filter(
        target=OuterRef("target"), package__package_roles__role=role
    )
    return others.exclude(package=package)


def _last_word(package: AccessPackage, role: ResourceRole) -> QuerySet[Assignment, bool]:
    """Whether the catalog through which the role was held last, but for this package, keeps it."""
    others = Assignment.objects.filter(
        target=OuterRef("target"), package__package_roles__role=role
    ).exclude(package=package)
    latest = others.order_by(F("ended_at").desc(nulls_first=True))
    return latest.values_list("package__catalog__keeps_access_held_before", flat=True)[:1]


def _all_keep(role: ResourceRole) -> bool:
    offering = Catalog.objects.filter(resources=role.resource_id)
    return not offering.filter(keeps_access_held_before=False).exists()


def _rivals(package: AccessPackage, role: ResourceRole) -> AccessPackageQuerySet:
    """Packages that would clash with this one through the role, and do not otherwise."""
    naming = Incompatibility.objects.filter(other_role=role).values("package")
    kept_apart = PackageRole.objects.filter(
        Q(role__clashes_as_first__second=role) | Q(role__clashes_as_second__first=role)
    )
    found = Q(pk__in=naming) | Q(pk__in=kept_apart.values("package"))
    packages: AccessPackageQuerySet = AccessPackage.objects.filter(found).exclude(pk=package.pk)
    for known in _known_rivals(package):
        packages = packages.exclude(pk__in=known)
    return packages


def _known_rivals(package: AccessPackage) -> tuple[QuerySet[Any, Any], ...]:
    """What clashes with the package as it is, whichever side says so."""
    own = Incompatibility.objects.filter(package=package)
    gives = PackageRole.objects
    return (
        own.filter(other_package__isnull=False).values("other_package"),
        Incompatibility.objects.filter(other_package=package).values("package"),
        gives.filter(role__named_as_clash__package=package).values("package"),
        Incompatibility.objects.filter(other_role__packages=package).values("package"),
        gives.filter(role__clashes_as_first__second__packages=package).values("package"),
        gives.filter(role__clashes_as_second__first__packages=package).values("package"),
    )


def _groups_joined(role: ResourceRole) -> list[Group]:
    """Return the groups that a role brings people into, those around its group included."""
    if role.resource.system.kind != "directory" or role.external_id != MEMBER:
        return []
    group = group_behind(role.resource.external_id).first()
    return list(Group.objects.above(group)) if group else []


def _rivals_held(package: AccessPackage, role: ResourceRole) -> AccessPackageQuerySet:
    """What those who would clash hold of it, by name."""
    people = would_clash(package, role).values("pk")
    clashing = Q(pk__in=_rivals(package, role))
    groups = _groups_joined(role)
    if groups:
        naming = Incompatibility.objects.filter(other_group__in=groups).values("package")
        clashing |= Q(pk__in=naming)
    held = Assignment.objects.live().filter(package=OuterRef("pk"), target__in=people)
    packages: AccessPackageQuerySet = AccessPackage.objects.filter(clashing, Exists(held))
    return packages.order_by("name", "pk")
