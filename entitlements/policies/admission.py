"""The other way round: not which policies admit a person, but which people a policy admits."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q

from entitlements.directory.models import PEOPLE, User, UserQuerySet, UserType
from entitlements.directory.organizations.models import ConnectedOrganization
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.scopes import STRICTEST_FIRST, Scope

EVERYBODY = Q(user_type__in=PEOPLE)
NOBODY = Q(pk__isnull=True)


def admitted_by(policy: AssignmentPolicy) -> Q:
    """Return the condition on people under which the scope of a policy includes them."""
    if policy.scope == Scope.ALL_USERS:
        return EVERYBODY
    if policy.scope == Scope.ALL_MEMBERS:
        return Q(user_type=UserType.MEMBER)
    if policy.scope == Scope.ALL_EXTERNAL:
        return Q(user_type=UserType.GUEST)
    if policy.scope == Scope.ALL_ORGANIZATIONS:
        return Q(organization__in=ConnectedOrganization.objects.configured())
    if policy.scope == Scope.SPECIFIC_ORGANIZATIONS:
        return Q(organization__in=policy.allowed_organizations.all())
    if policy.scope == Scope.NOBODY:
        return NOBODY
    named = AssignmentPolicy.allowed_users.through.objects.filter(
        assignmentpolicy=policy.pk, user=OuterRef("pk")
    )
    groups = list(policy.allowed_groups.values_list("pk", flat=True))
    in_groups = User.objects.members_of_any(groups).values("pk")
    return Q(Exists(named)) | (Q(pk__in=in_groups) if groups else NOBODY)


def reached_through_others(
    people: UserQuerySet, policies: Iterable[AssignmentPolicy]
) -> UserQuerySet:
    """Return those for whom others may ask under one of these policies of one package.

    The policies are all that people may ask under: before a stricter one, others do not count.
    """
    known = list(policies)
    found, stricter = NOBODY, NOBODY
    for scopes in STRICTEST_FIRST:
        here = [policy for policy in known if policy.scope in scopes]
        found |= _any(policy for policy in here if policy.allows_on_behalf) & ~stricter
        stricter |= _any(here)
    reached: UserQuerySet = people.active().filter(found)
    return reached


def _any(policies: Iterable[AssignmentPolicy]) -> Q:
    condition = NOBODY
    for policy in policies:
        condition |= admitted_by(policy)
    return condition
