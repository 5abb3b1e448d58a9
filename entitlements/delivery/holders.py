"""Who holds a role in its system now, beside those whom packages give it: reads only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from entitlements import clock
from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment, AssignmentQuerySet
from entitlements.catalog.models import Catalog, Resource, ResourceRole
from entitlements.connectors.base import Place
from entitlements.connectors.reading import read_members
from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.among import ids_among, people_behind
from entitlements.directory.models import User, UserQuerySet


@dataclass(frozen=True)
class Holders:
    """Who holds a role in its system, as it was read at a moment (UTC).

    `accounts` says by which name the system knows each; `unknown` are names of nobody here.
    """

    role: ResourceRole
    read_at: datetime
    accounts: Mapping[UUID, str]
    unknown: tuple[str, ...]

    @classmethod
    def read(cls, role: ResourceRole) -> Self:
        """Ask the system, outside any transaction; raises ConnectorRefused."""
        system = role.resource.system
        place = Place(role.resource.external_id, role.external_id)
        names = read_members(system, place)
        if system.kind == "directory":
            known = {name: UUID(name) for name in names}
        else:
            known = people_behind(system, names)
        return cls(
            role=role,
            read_at=clock.now(),
            accounts={user: name for name, user in known.items()},
            unknown=tuple(sorted({*names} - known.keys())),
        )

    def unexplained(self) -> UserQuerySet:
        """People who hold it although no package of any catalog gives it to them, by name."""
        return _by_name(self._present().exclude(_covered(giving(self.role))))

    def explained(self, viewer: User) -> UserQuerySet:
        """People to whom a package that the viewer manages gives what they hold, by name."""
        return _by_name(self._present().filter(_covered(giving(self.role).visible_to(viewer))))

    def explained_elsewhere(self, viewer: User) -> int:
        """How many hold it through packages of catalogs that the viewer does not manage alone."""
        covered = self._present().filter(_covered(giving(self.role)))
        return covered.exclude(_covered(giving(self.role).visible_to(viewer))).count()

    def missing(self, viewer: User) -> UserQuerySet:
        """People who do not hold it although a package that the viewer manages gives it to them."""
        covered = User.objects.filter(_covered(giving(self.role).visible_to(viewer)))
        return _by_name(covered.exclude(pk__in=ids_among(self.accounts)))

    def _present(self) -> UserQuerySet:
        people: UserQuerySet = User.objects.filter(pk__in=ids_among(self.accounts))
        return people


@dataclass(frozen=True)
class Line:
    """One person beside a role: the account, what gives it now, and how far its grant has come."""

    person: User
    account: str = ""
    ways: Sequence[Assignment] = field(default_factory=tuple)
    grant: Grant | None = None

    @property
    def shown_state(self) -> str:
        """Whether a package explains that he has it, or how far it is from what he should have."""
        state = self.grant.shown_state if self.grant else "waiting"
        if self.account and not self.ways:
            return "removing" if state == "removing" else "unexplained"
        if self.account:
            return "explained"
        return "drift" if state == "done" else state


def lines(holders: Holders, people: Sequence[User], viewer: User) -> Iterator[Line]:
    """Yield what is known of these people and the role, by two queries for all of them."""
    ways: dict[UUID, list[Assignment]] = {}
    covering = giving(holders.role).visible_to(viewer).filter(target__in=people)
    for assignment in covering.select_related("package", "policy").first_end_first():
        ways.setdefault(assignment.target_id, []).append(assignment)
    grants = Grant.objects.filter(role=holders.role, user__in=people)
    by_user = {grant.user_id: grant for grant in grants}
    for person in people:
        yield Line(
            person,
            account=holders.accounts.get(person.pk, ""),
            ways=ways.get(person.pk, ()),
            grant=by_user.get(person.pk),
        )


def can_see_holders(user: User, resource: Resource) -> Decision:
    """Only who manages assignments in a catalog that offers the resource, and administrators."""
    catalogs = Catalog.objects.with_permission(user, "manage_assignments")
    if catalogs.filter(resources=resource).exists():
        return ALLOWED
    return deny(
        "not_permitted",
        f"You may not see everybody who has {resource}.",
        "Owners of a catalog that offers it can appoint you to manage its assignments.",
    )


def giving(role: ResourceRole) -> AssignmentQuerySet:
    """Return the access whose packages contain a role at this very moment."""
    live: AssignmentQuerySet = Assignment.objects.live()
    return live.filter(package__package_roles__role=role)


def _covered(assignments: AssignmentQuerySet) -> Q:
    return Q(Exists(assignments.filter(target=OuterRef("pk"))))


def _by_name(people: UserQuerySet) -> UserQuerySet:
    return people.order_by("display_name", "pk")
