"""In which areas of the portal somebody has something to do: one query for the whole request."""

from typing import NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists

from entitlements.catalog.appointments import is_appointed
from entitlements.directory.models import User
from entitlements.directory.tenant_roles import (
    GOVERN,
    MANAGE_ORGANIZATIONS,
    VIEW_EVERYTHING,
    right_of,
)
from entitlements.requests.models import StepApprover


class Places(NamedTuple):
    """Whether somebody was ever asked to decide, answers for anybody, may manage anything, sees who
    holds which role, and may manage connected organizations.
    """

    was_asked: bool
    has_team: bool
    may_manage: bool
    oversees: bool
    may_manage_organizations: bool


def places_of(user: User) -> Places:
    """Return where somebody has something to do; asked once of each user object."""
    known: Places | None = getattr(user, "_places", None)
    if known is None:
        found = User.objects.filter(pk=user.pk).values_list(
            Exists(StepApprover.objects.filter(user=user)),
            Exists(User.objects.looked_after_by(user)),
            is_appointed(user),
            right_of(user, GOVERN, VIEW_EVERYTHING),
            right_of(user, MANAGE_ORGANIZATIONS),
        )
        known = user._places = Places(*found.get())  # type: ignore[attr-defined]
    return known


def is_approver(user: User) -> bool:
    """Say whether somebody was ever asked to decide."""
    return places_of(user).was_asked


def has_team(user: User) -> bool:
    """Say whether anybody reports to a person, or is his guest."""
    return places_of(user).has_team


def oversees(user: User) -> bool:
    """Say whether somebody sees who holds which role in the tenant."""
    return places_of(user).oversees


def may_manage(user: User | AnonymousUser) -> bool:
    """Say whether somebody may enter `/manage/`."""
    return isinstance(user, User) and places_of(user).may_manage


def may_manage_organizations(user: User) -> bool:
    """Say whether somebody may enter `/organizations/`."""
    return places_of(user).may_manage_organizations
