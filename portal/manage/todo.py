"""What in somebody's catalogs needs a person: a number each, and the list that makes it."""

from typing import NamedTuple

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
    return [todo for todo in (*_broken(user), *_unfinished(user)) if todo.number]


def _broken(user: User) -> tuple[Todo, ...]:
    """What went wrong, or nobody answers for."""
    return (
        Todo(
            Catalog.objects.with_permission(user, "manage_roles").without_owner().count(),
            "catalog without an owner",
            "catalogs without an owner",
            f"{_list('catalog')}?owners=none",
            "people",
        ),
        Todo(
            Grant.objects.failed().visible_to(user).count(),
            "role could not be set up",
            "roles could not be set up",
            reverse("manage:deliveries"),
            "alert",
        ),
        Todo(
            Callout.objects.visible_to(user).given_up().count(),
            "call to another system could not be made",
            "calls to other systems could not be made",
            reverse("manage:calls"),
            "system",
        ),
    )


def _unfinished(user: User) -> tuple[Todo, ...]:
    """What cannot work yet, or ends soon."""
    return (
        Todo(
            AssignmentPolicy.objects.visible_to(user).undecidable().count(),
            "policy in which nobody can approve",
            "policies in which nobody can approve",
            f"{_list('assignmentpolicy')}?approvers=none",
            "person",
        ),
        Todo(
            AccessPackage.objects.visible_to(user).without_policy().count(),
            "package without a policy",
            "packages without a policy",
            f"{_list('accesspackage')}?policies=none",
            "package",
        ),
        Todo(
            Assignment.objects.visible_to(user).ending_soon().count(),
            "assignment ends within 14 days",
            "assignments end within 14 days",
            f"{_list('assignment')}?state=soon",
            "hourglass",
        ),
    )


def _list(model: str) -> str:
    return reverse(f"manage:entitlements_{model}_changelist")
