"""How somebody comes to be in the scope of a policy, or of terms that are not saved yet."""

from dataclasses import dataclass

from entitlements.directory.models import User
from entitlements.directory.ways import Way, ways_into
from entitlements.policies.admission import admitted_by_terms
from entitlements.policies.scopes import Scope
from entitlements.policies.terms import PolicyTerms


@dataclass(frozen=True)
class Standing:
    """How a person comes to be in the scope of a policy, if he is.

    `is_named` where he is named himself, or the organization that he belongs to.
    """

    is_in_scope: bool
    is_named: bool
    ways: tuple[Way, ...]


def standing_under(terms: PolicyTerms, person: User) -> Standing:
    """Return how somebody would stand to a policy of these terms, by at most four queries."""
    is_in_scope = User.objects.active().filter(admitted_by_terms(terms), pk=person.pk).exists()
    if terms.scope == Scope.SPECIFIC_ORGANIZATIONS:
        return Standing(is_in_scope, is_named=is_in_scope, ways=())
    if terms.scope != Scope.SPECIFIC or not is_in_scope:
        return Standing(is_in_scope, is_named=False, ways=())
    ways = ways_into(terms.allowed_group_ids, person)
    is_named = person.pk in terms.allowed_user_ids
    return Standing(is_in_scope, is_named=is_named, ways=tuple(ways.values()))
