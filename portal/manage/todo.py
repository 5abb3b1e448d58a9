"""What in somebody's catalogs needs a person: a number each, and the list that makes it."""

from typing import NamedTuple

from django.urls import reverse

from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage
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
    found = (
        Todo(
            Grant.objects.failed().visible_to(user).count(),
            "role could not be set up",
            "roles could not be set up",
            reverse("manage:deliveries"),
            "alert",
        ),
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
    return [todo for todo in found if todo.number]


def _list(model: str) -> str:
    return reverse(f"manage:entitlements_{model}_changelist")
