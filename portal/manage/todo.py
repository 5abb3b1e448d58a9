"""What in somebody's catalogs, or in one, needs a person: a number each, and the list behind it."""

from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse

from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.callouts.models import Callout
from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy


class Todo(NamedTuple):
    """One line of the overview: how many, of what, and where they are listed."""

    number: int
    one: str
    many: str
    url: str
    icon: str

    @property
    def words(self) -> str:
        return self.one if self.number == 1 else self.many


def todos(user: User) -> list[Todo]:
    """Return what needs a person, without lines that have nothing to say."""
    mine = Catalog.objects.visible_to(user)
    ownerless = Catalog.objects.with_permission(user, "manage_roles").without_owner()
    without_owner = _without_owner(ownerless, _list("catalog", owners="none"))
    return _worth_saying((without_owner, *_broken(mine), *_unfinished(mine)))


def todos_in(catalog: Catalog) -> list[Todo]:
    """Return what needs a person in one catalog; each line leads to its part of the list."""
    one = Catalog.objects.filter(pk=catalog.pk)
    people = reverse("manage:people", args=[catalog.pk])
    without_owner = _without_owner(one.without_owner(), people)
    narrowed = {"catalog": str(catalog.pk)}
    return _worth_saying((without_owner, *_broken(one, **narrowed), *_unfinished(one, **narrowed)))


def _worth_saying(lines: tuple[Todo, ...]) -> list[Todo]:
    return [todo for todo in lines if todo.number]


def _without_owner(catalogs: QuerySet[Catalog], url: str) -> Todo:
    words = ("catalog without an owner", "catalogs without an owner")
    return Todo(catalogs.count(), *words, url, "people")


def _broken(catalogs: QuerySet[Catalog], **narrowed: str) -> tuple[Todo, ...]:
    """What went wrong."""
    return (
        Todo(
            Grant.objects.failed().in_catalogs(catalogs).count(),
            "role could not be set up",
            "roles could not be set up",
            _with(reverse("manage:deliveries"), **narrowed),
            "alert",
        ),
        Todo(
            Callout.objects.filter(extension__catalog__in=catalogs).given_up().count(),
            "call to another system could not be made",
            "calls to other systems could not be made",
            _with(reverse("manage:calls"), **narrowed),
            "system",
        ),
    )


def _unfinished(catalogs: QuerySet[Catalog], **narrowed: str) -> tuple[Todo, ...]:
    """What cannot work yet, or ends soon."""
    policies = AssignmentPolicy.objects.filter(package__catalog__in=catalogs)
    packages = AccessPackage.objects.filter(catalog__in=catalogs)
    return (
        Todo(
            policies.undecidable().count(),
            "policy in which nobody can approve",
            "policies in which nobody can approve",
            _list("assignmentpolicy", approvers="none", **narrowed),
            "person",
        ),
        Todo(
            packages.without_policy().count(),
            "package without a policy",
            "packages without a policy",
            _list("accesspackage", policies="none", **narrowed),
            "package",
        ),
        Todo(
            Assignment.objects.filter(package__catalog__in=catalogs).ending_soon().count(),
            "assignment ends within 14 days",
            "assignments end within 14 days",
            _list("assignment", state="soon", **narrowed),
            "hourglass",
        ),
    )


def _list(model: str, **narrowed: str) -> str:
    return _with(reverse(f"manage:entitlements_{model}_changelist"), **narrowed)


def _with(address: str, **narrowed: str) -> str:
    return f"{address}?{urlencode(narrowed)}" if narrowed else address
