"""The other way round: not which policies admit a person, but which people a policy admits."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q

from entitlements.directory.models import PEOPLE, User, UserQuerySet, UserType
from entitlements.policies.models import STRICTEST_FIRST, AssignmentPolicy, Scope

EVERYBODY = Q(user_type__in=PEOPLE)
NOBODY = Q(pk__isnull=True)


def admitted_by(policy: AssignmentPolicy) -> Q:
    """Return the condition on people under which the scope of a policy includes them."""
    if policy.scope == Scope.ALL_USERS:
        return EVERYBODY
    if policy.scope == Scope.ALL_MEMBERS:
        return Q(user_type=UserType.MEMBER)
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
    for scope in STRICTEST_FIRST:
        here = [policy for policy in known if policy.scope == scope]
        found |= _any(policy for policy in here if policy.allows_on_behalf) & ~stricter
        stricter |= _any(here)
    reached: UserQuerySet = people.active().filter(found)
    return reached


def _any(policies: Iterable[AssignmentPolicy]) -> Q:
    condition = NOBODY
    for policy in policies:
        condition |= admitted_by(policy)
    return condition
