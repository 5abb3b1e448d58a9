"""What the four addresses of My access share: the tab bar with its counts, and what may be seen."""

from dataclasses import dataclass
from typing import Final

from django.db.models import IntegerField, Subquery, Value
from django.urls import reverse

from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackageQuerySet
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests.models import AccessRequest

TABS: Final = {
    "packages:index": "Available",
    "access:index": "Active",
    "requests:index": "Requests",
    "access:expired": "Expired",
}


class CountOf(Subquery):
    """The number of rows of a query, as a column of another."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


@dataclass(frozen=True)
class Tab:
    label: str
    url: str
    count: int
    is_current: bool


def available_to(user: User) -> AccessPackageQuerySet:
    """Packages that a person finds by himself: listed, with a policy that lets him ask now."""
    return AssignmentPolicy.objects.open_to(user).packages().listed()


def tabs(user: User, current: str, *, available: int | None = None) -> list[Tab]:
    """Return the tab bar with its counts, by one query; `current` is a URL name.

    `available` is how many packages the user may ask for, where the page has counted them already.
    """
    to_ask = CountOf(available_to(user).values("pk")) if available is None else Value(available)
    held = Assignment.objects.held_by(user)
    counts = User.objects.filter(pk=user.pk).values_list(
        to_ask,
        CountOf(held.live().values("pk")),
        CountOf(AccessRequest.objects.made_by_or_for(user).moving().values("pk")),
        CountOf(held.past().values("pk")),
    )
    return [
        Tab(label, reverse(name), count, name == current)
        for (name, label), count in zip(TABS.items(), counts.get(), strict=True)
    ]
