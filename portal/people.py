"""Asking for others: for whom somebody may ask, what is offered to them through him."""

from uuid import UUID

from django.http import Http404, HttpRequest

from entitlements.catalog.models import AccessPackage, AccessPackageQuerySet
from entitlements.directory.models import User, UserQuerySet
from entitlements.policies.admission import reached_through_others
from entitlements.policies.models import AssignmentPolicy, AssignmentPolicyQuerySet
from portal.places import has_team

MOST_IN_A_LIST = 200


def chosen_person(request: HttpRequest, viewer: User) -> User:
    """Return for whom a page is meant: the viewer, or one of his people whom the address names.

    Raises Http404 for everybody else.
    """
    key = request.POST.get("for") or request.GET.get("for") or str(viewer.pk)
    if key == str(viewer.pk):
        return viewer
    try:
        found = people_of(viewer).filter(pk=UUID(key)).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404
    return found


def people_of(viewer: User) -> UserQuerySet:
    """Return for whom somebody answers, by name."""
    people: UserQuerySet = User.objects.looked_after_by(viewer).order_by("display_name", "pk")
    return people


def active_people(viewer: User) -> list[User]:
    """Return in whose name somebody may ask at all, by name, the first of very many."""
    return list(people_of(viewer).active()[:MOST_IN_A_LIST]) if has_team(viewer) else []


def ways_for(viewer: User, target: User) -> AssignmentPolicyQuerySet:
    """Return the policies under which the viewer may ask now for himself, or for `target`."""
    offered: AssignmentPolicyQuerySet = AssignmentPolicy.objects.open_to(target)
    return offered if viewer.pk == target.pk else offered.filter(allows_on_behalf=True)


def available_through(viewer: User, target: User) -> AccessPackageQuerySet:
    """Return the listed packages that the viewer may ask for in the name of `target`."""
    return ways_for(viewer, target).packages().listed()


def askable_people(viewer: User, package_id: UUID) -> list[User]:
    """Return those of somebody's people for whom he may ask this package, by name."""
    if not has_team(viewer):
        return []
    is_open = AccessPackage.objects.open().filter(pk=package_id)
    offered = AssignmentPolicy.objects.filter(
        package__in=is_open, is_enabled=True, accepts_requests=True
    ).lasting()
    policies = list(offered)
    if not any(policy.allows_on_behalf for policy in policies):
        return []
    return list(reached_through_others(people_of(viewer), policies)[:MOST_IN_A_LIST])
