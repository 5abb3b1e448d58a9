"""Several policies of one package admit a person: only those of the strictest class are offered."""

from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.directory.models import UserType
from entitlements.models import AssignmentPolicy
from entitlements.policies.models import Expiration, Scope
from entitlements.requests import candidates, operations
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ways(ada):
    """One package with a policy of each class that admits Ada, the loosest first."""
    package = AccessPackageFactory()
    everybody = AssignmentPolicyFactory(package=package, name="Everybody", scope=Scope.ALL_USERS)
    members = AssignmentPolicyFactory(package=package, name="Members", scope=Scope.ALL_MEMBERS)
    named = AssignmentPolicyFactory(package=package, name="Named", scope=Scope.SPECIFIC)
    named.allowed_groups.add(GroupFactory(members=[ada]))
    return everybody, members, named


def offered(person):
    names = AssignmentPolicy.objects.open_to(person).values_list("name", flat=True)
    return set(names)


def test_only_the_strictest_class_is_offered(ways, ada, bo):
    guest = UserFactory(user_type=UserType.GUEST)

    assert offered(ada) == {"Named"}
    assert offered(bo) == {"Members"}
    assert offered(guest) == {"Everybody"}


def test_all_policies_of_the_strictest_class_are_offered(ways, ada):
    other = AssignmentPolicyFactory(package=ways[0].package, name="Other", scope=Scope.SPECIFIC)
    other.allowed_users.add(ada)

    assert offered(ada) == {"Named", "Other"}


def test_policies_of_other_packages_do_not_matter(ways, ada):
    AssignmentPolicyFactory(name="Elsewhere", scope=Scope.ALL_USERS)

    assert offered(ada) == {"Named", "Elsewhere"}


@pytest.mark.parametrize(
    "closed",
    [
        {"is_enabled": False},
        {"accepts_requests": False},
        {"expiration": Expiration.ON_DATE, "duration": None, "ends_on": "passed"},
    ],
)
def test_a_policy_under_which_nobody_can_ask_stands_in_nobodys_way(ways, ada, closed):
    named = AssignmentPolicy.objects.filter(pk=ways[2].pk)
    if "ends_on" in closed:
        closed = {**closed, "ends_on": clock.now()}
    named.update(**closed)

    assert offered(ada) - {"Named"} == {"Members"}
    assert operations.submit(ways[1], by=ada).policy == ways[1]


@pytest.mark.parametrize(("number", "named"), [(0, "Named"), (1, "Named")])
def test_asking_under_a_looser_policy_is_refused_and_names_the_stricter(ways, ada, number, named):
    with pytest.raises(Denied) as refused:
        operations.submit(ways[number], by=ada)

    assert refused.value.codes == {"stricter_policy_applies"}
    assert f"“{named}” comes first" in str(refused.value)


def test_the_strictest_itself_can_be_asked_under(ways, ada):
    assert operations.submit(ways[2], by=ada).policy == ways[2]


def test_a_policy_that_is_over_is_not_named(ways, ada, bo):
    AssignmentPolicy.objects.filter(pk=ways[2].pk).update(
        expiration=Expiration.ON_DATE, duration=None, ends_on=clock.now() - timedelta(days=1)
    )

    [reason] = candidates.can_request(ways[0], ada).reasons

    assert reason.code == "stricter_policy_applies"
    assert "“Members”" in reason.text


def test_whoever_is_not_admitted_at_all_learns_only_that(ways, bo):
    assert candidates.can_request(ways[2], bo).codes == {"not_in_scope"}


def test_access_is_given_directly_under_any_policy_that_admits_the_person(ways, ada, gita, appoint):
    appoint(gita, ways[0].package.catalog)

    assert operations.assign(ways[0], ada, by=gita).policy == ways[0]


def test_access_is_extended_under_its_own_policy(ways, ada):
    held = AssignmentFactory(policy=ways[0], target=ada)

    assert operations.extend(held, by=ada).policy == ways[0]


def test_lists_and_the_check_of_a_request_agree_for_everybody(ways, ada, bo):
    people = [ada, bo, UserFactory(user_type=UserType.GUEST), UserFactory(is_active=False)]

    for person in people:
        for policy in ways:
            is_offered = AssignmentPolicy.objects.open_to(person).filter(pk=policy.pk).exists()
            assert is_offered is bool(candidates.can_request(policy, person))
