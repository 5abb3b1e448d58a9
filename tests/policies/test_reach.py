"""How many people fall to each policy, counted for all of them at once."""

from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.directory.models import UserType
from entitlements.models import AssignmentPolicy, GroupNesting, User
from entitlements.policies.models import Expiration, Scope
from entitlements.policies.reach import Reach, reach_of
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def read(package):
    return list(
        package.policies.prefetch_related(
            "allowed_users", "allowed_groups", "allowed_organizations"
        )
    )


@pytest.fixture
def people():
    return UserFactory.create_batch(6)


@pytest.fixture
def package(people):
    UserFactory(is_active=False)
    for _ in range(2):
        UserFactory(user_type=UserType.GUEST)
    package = AccessPackageFactory()
    outer, inner = GroupFactory(), GroupFactory(members=people[:3])
    GroupNesting.objects.create(parent=outer, child=inner)
    team = AssignmentPolicyFactory(package=package, name="Team", scope=Scope.SPECIFIC)
    team.allowed_groups.add(outer)
    team.allowed_users.add(people[0], people[3])
    AssignmentPolicyFactory(package=package, name="Members", scope=Scope.ALL_MEMBERS)
    AssignmentPolicyFactory(package=package, name="All", scope=Scope.ALL_USERS)
    AssignmentPolicyFactory(package=package, name="By hand", scope=Scope.NOBODY)
    return package


def by_name(package):
    policies = read(package)
    found = reach_of(policies)
    return {policy.name: found[policy.pk] for policy in policies}


def test_people_fall_to_the_strictest_policy_that_admits_them(package):
    assert by_name(package) == {
        "Team": Reach(4, 4, 0),
        "Members": Reach(6, 2, 0),
        "All": Reach(8, 2, 0),
        "By hand": Reach(0, 0, 0),
    }


def test_those_who_can_choose_are_counted(package, people):
    other = AssignmentPolicyFactory(package=package, name="Other", scope=Scope.SPECIFIC)
    other.allowed_users.add(people[0], people[5])

    found = by_name(package)

    assert found["Team"] == Reach(4, 4, 1)
    assert found["Other"] == Reach(2, 2, 1)
    assert found["Members"] == Reach(6, 1, 0)


@pytest.mark.parametrize("how", ["off", "no new requests", "over"])
def test_a_policy_under_which_nobody_can_ask_is_offered_to_no_one(package, how):
    past = clock.now() - timedelta(days=1)
    changes = {
        "off": {"is_enabled": False},
        "no new requests": {"accepts_requests": False},
        "over": {"expiration": Expiration.ON_DATE, "duration": None, "ends_on": past},
    }
    package.policies.filter(name="Team").update(**changes[how])

    found = by_name(package)

    assert found["Team"] == Reach(4, 0, 0)
    assert found["Members"] == Reach(6, 6, 0)


def test_counting_agrees_with_asking_each_person(package):
    counted = {name: reach.offered for name, reach in by_name(package).items()}

    asked = dict.fromkeys(counted, 0)
    for person in User.objects.all():
        for policy in AssignmentPolicy.objects.open_to(person):
            asked[policy.name] += 1
    assert counted == asked


def test_many_policies_and_people_cost_no_more_queries(package, django_assert_num_queries):
    for number in range(5):
        policy = AssignmentPolicyFactory(package=package, scope=Scope.SPECIFIC)
        policy.allowed_users.add(*UserFactory.create_batch(number + 1))
        policy.allowed_groups.add(GroupFactory(members=UserFactory.create_batch(3)))

    with django_assert_num_queries(5):
        assert len(reach_of(read(package))) == 9


def test_a_package_without_policies_reaches_nobody():
    assert reach_of([]) == {}
