"""The other way round: not which policies admit a person, but which people a policy admits.

Policies that are saved and terms that are not yet are judged by the same condition.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from entitlements.directory.models import PEOPLE, User, UserQuerySet, UserType
from entitlements.directory.organizations.models import ConnectedOrganization
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.scopes import EXTERNAL, STRICTEST_FIRST, Scope
from entitlements.policies.terms import PolicyTerms

EVERYBODY = Q(user_type__in=PEOPLE)
NOBODY = Q(pk__isnull=True)

Keys = Iterable[UUID] | QuerySet[Any, Any]


def admitted(scope: str, users: Keys, groups: Iterable[UUID], organizations: Keys) -> Q:
    """Return the condition on people of being in a scope; those for specific ones name whom.

    Users and organizations are ids, or a query for ids.
    """
    if scope in EXTERNAL:
        return _admitted_from_outside(scope, organizations)
    if scope == Scope.ALL_USERS:
        return EVERYBODY
    if scope == Scope.ALL_MEMBERS:
        return Q(user_type=UserType.MEMBER)
    if scope != Scope.SPECIFIC:
        return NOBODY
    in_groups = User.objects.members_of_any(list(groups)).values("pk")
    return Q(pk__in=users) | Q(pk__in=in_groups)


def _admitted_from_outside(scope: str, organizations: Keys) -> Q:
    if scope == Scope.ALL_EXTERNAL:
        return Q(user_type=UserType.GUEST)
    if scope == Scope.ALL_ORGANIZATIONS:
        return Q(organization__in=ConnectedOrganization.objects.configured())
    return Q(organization__in=organizations)


def admitted_by(policy: AssignmentPolicy) -> Q:
    """Return the condition on people under which the scope of a policy includes them."""
    users = AssignmentPolicy.allowed_users.through.objects.filter(assignmentpolicy=policy.pk)
    names_groups = policy.scope == Scope.SPECIFIC
    groups = list(policy.allowed_groups.values_list("pk", flat=True)) if names_groups else []
    organizations = policy.allowed_organizations.values("pk")
    return admitted(policy.scope, users.values("user"), groups, organizations)


def admitted_by_read(policy: AssignmentPolicy) -> Q:
    """Return the same for a policy that came with the people and others whom it names."""
    return admitted(
        policy.scope,
        [user.pk for user in policy.allowed_users.all()],
        [group.pk for group in policy.allowed_groups.all()],
        [organization.pk for organization in policy.allowed_organizations.all()],
    )


def admitted_by_terms(terms: PolicyTerms) -> Q:
    """Return the same for terms, whether they are saved or not."""
    return admitted(
        terms.scope,
        terms.allowed_user_ids,
        terms.allowed_group_ids,
        terms.allowed_organization_ids,
    )


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
