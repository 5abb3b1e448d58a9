"""What packages clash with and require, as their managers have written it, by one statement."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import (
    BooleanField,
    CharField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Concat

from entitlements.catalog.incompatibilities import Incompatibility, Prerequisite, RoleClash

PACKAGE, GROUP, NEEDED, NEEDED_ONE = "package", "group", "needed", "needed_one"
KEEPER = "package__catalog__name"


class Rival(NamedTuple):
    """What one package says about another package, or a group; texts may be empty.

    `own` and `theirs` are the roles that clash; `keeper` is the catalog that keeps the entry.
    """

    kind: str
    package_id: UUID
    other_id: UUID
    other: str
    own: str
    theirs: str
    keeper: str

    @property
    def through(self) -> str:
        """Which roles clash, where it is not the packages as such."""
        if self.own and self.theirs:
            return f"{self.own} and {self.theirs} are kept apart"
        if self.theirs:
            return f"it gives {self.theirs}"
        return f"{self.own} is kept apart from it" if self.own else ""


@dataclass
class Terms:
    """What one package clashes with (one entry for each other thing), and what it requires."""

    clashes: dict[UUID, Rival] = field(default_factory=dict)
    required: list[Rival] = field(default_factory=list)
    alternatives: list[Rival] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.clashes or self.required or self.alternatives)

    @property
    def rivals(self) -> list[Rival]:
        """Everything that a person's holdings are compared with."""
        return [*self.clashes.values(), *self.required, *self.alternatives]

    def add(self, rival: Rival) -> None:
        """Take in one entry; one about the packages as such comes before one about roles."""
        if rival.kind == NEEDED:
            self.required.append(rival)
        elif rival.kind == NEEDED_ONE:
            self.alternatives.append(rival)
        elif rival.other_id not in self.clashes or not rival.through:
            self.clashes[rival.other_id] = rival


def terms_of(package_ids: Collection[UUID]) -> dict[UUID, Terms]:
    """Return what packages clash with and require, by one statement for all of them."""
    first, *others = _entries(list(package_ids))
    rivals = [Rival(*row) for row in first.union(*others, all=True)]
    found: dict[UUID, Terms] = defaultdict(Terms)
    for rival in sorted(rivals, key=lambda rival: (rival.other, rival.own, rival.theirs)):
        if rival.package_id != rival.other_id:
            found[rival.package_id].add(rival)
    return found


def is_any_written(package: str) -> ExpressionWrapper[Q]:
    """Return what says within a query whether a package, known there by this path, is kept apart.

    Of most packages nothing is written, and then nothing more has to be read. Each way is a
    question of its own, so that each is answered by an index.
    """
    key = OuterRef(package)
    symmetric = Incompatibility.objects.filter(is_symmetric=True)
    ways = (
        Incompatibility.objects.filter(package=key),
        symmetric.filter(other_package=key),
        symmetric.filter(other_role__packages=key),
        RoleClash.objects.filter(first__packages=key),
        RoleClash.objects.filter(second__packages=key),
        Prerequisite.objects.filter(package=key),
    )
    is_any = reduce(or_, (Q(Exists(way)) for way in ways))
    return ExpressionWrapper(is_any, BooleanField())


def _entries(packages: list[UUID]) -> Iterator[QuerySet[Any, Any]]:
    yield from _clashes(packages)
    yield from _role_clashes(packages)
    needed = Prerequisite.objects.filter(package__in=packages)
    for kind, is_alternative in ((NEEDED, False), (NEEDED_ONE, True)):
        required = needed.filter(is_alternative=is_alternative)
        yield _rows(required, kind, "package", "required", KEEPER)


def _clashes(packages: list[UUID]) -> Iterator[QuerySet[Any, Any]]:
    """Yield what the packages name, and the symmetric entries that name them."""
    own = Incompatibility.objects.filter(package__in=packages)
    reverse = Incompatibility.objects.filter(is_symmetric=True)
    named, member = "other_package", "other_role__packages"
    yield _rows(own.filter(other_package__isnull=False), PACKAGE, "package", named, KEEPER)
    yield _rows(reverse.filter(other_package__in=packages), PACKAGE, named, "package", KEEPER)
    yield _rows(own.filter(other_group__isnull=False), GROUP, "package", "other_group", KEEPER)
    through = own.filter(other_role__packages__isnull=False)
    yield _rows(through, PACKAGE, "package", member, KEEPER, theirs="other_role")
    back = reverse.filter(other_role__packages__in=packages)
    yield _rows(back, PACKAGE, member, "package", KEEPER, own="other_role")


def _role_clashes(packages: list[UUID]) -> Iterator[QuerySet[Any, Any]]:
    for own, theirs in (("first", "second"), ("second", "first")):
        mine, other = f"{own}__packages", f"{theirs}__packages"
        found = RoleClash.objects.filter(**{f"{mine}__in": packages})
        found = found.filter(**{f"{other}__isnull": False})
        yield _rows(found, PACKAGE, mine, other, "catalog__name", own=own, theirs=theirs)


def _rows(
    entries: QuerySet[Any],
    kind: str,
    package: str,
    other: str,
    keeper: str,
    *,
    own: str = "",
    theirs: str = "",
) -> QuerySet[Any, Any]:
    return entries.order_by().values_list(
        Value(kind, CharField()),
        F(f"{package}__id"),
        F(f"{other}__id"),
        F(f"{other}__name"),
        _role(own),
        _role(theirs),
        F(keeper),
    )


def _role(path: str) -> Any:
    """Return the name of a role as pages show it, or nothing."""
    if not path:
        return Value("", CharField())
    names = F(f"{path}__resource__name"), Value(": "), F(f"{path}__name")
    return Concat(*names, output_field=CharField())
