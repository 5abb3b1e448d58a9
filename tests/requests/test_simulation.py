"""What the simulation says is what becomes of a request."""

from datetime import timedelta
from random import Random

import pytest

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.directory.models import UserType
from entitlements.models import AssignmentPolicy, GroupNesting, StepApprover
from entitlements.policies.models import Expiration, Scope
from entitlements.requests import operations
from entitlements.requests.simulation import simulate
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    StageApproverFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def package():
    return AccessPackageFactory(name="Ledger")


def test_each_policy_says_how_it_stands_to_the_person(package, ada, bo, gita):
    team = GroupFactory(name="Team", members=[ada])
    division, company = GroupFactory(name="Division"), GroupFactory(name="Company")
    GroupNesting.objects.create(parent=company, child=division)
    GroupNesting.objects.create(parent=division, child=team)
    others = AssignmentPolicyFactory(package=package, scope=Scope.SPECIFIC, name="Others")
    others.allowed_users.add(bo)
    others.allowed_groups.add(GroupFactory(members=[bo]))
    by_hand = AssignmentPolicyFactory(package=package, scope=Scope.NOBODY, name="By hand")
    members = AssignmentPolicyFactory(package=package, name="Members", duration=30)
    named = AssignmentPolicyFactory(package=package, scope=Scope.SPECIFIC, name="Named", duration=7)
    named.allowed_users.add(ada)
    named.allowed_groups.add(company)
    ApprovalStageFactory(policy=named, position=1, approvers=[gita, ada])

    with clock.at(clock.now()):
        first, second, third, last = simulate(package, ada)
        week = clock.now() + timedelta(days=7)

    assert [one.policy for one in (first, second, third, last)] == [others, named, members, by_hand]
    assert [one.rank for one in (first, second, third, last)] == [1, 1, 2, None]
    assert not first.standing.is_in_scope
    assert not first.standing.ways
    assert second.standing.is_named
    assert second.standing.ways == ((company, division, team),)
    assert [one.is_offered for one in (first, second, third, last)] == [False, True, False, False]
    assert first.decision.codes == {"not_in_scope"}
    assert second.decision
    assert third.decision.codes == {"stricter_policy_applies"}
    assert last.decision.codes == {"not_in_scope"}
    assert [[one.user for one in stage] for stage in second.asked] == [[gita]]
    assert abs(second.ends_at - week) < timedelta(hours=2)


def test_the_shortest_way_is_told_where_there_are_several(package, ada):
    outer, inner = GroupFactory(name="Outer", members=[ada]), GroupFactory(members=[ada])
    GroupNesting.objects.create(parent=outer, child=inner)
    diamond = GroupFactory(name="Diamond")
    left, right = GroupFactory(name="Left"), GroupFactory(name="Right")
    for side in (left, right):
        GroupNesting.objects.create(parent=diamond, child=side)
        GroupNesting.objects.create(parent=side, child=inner)
    policy = AssignmentPolicyFactory(package=package, scope=Scope.SPECIFIC)
    policy.allowed_groups.add(outer, diamond)

    [prospect] = simulate(package, ada)

    assert set(prospect.standing.ways) == {(outer,), (diamond, left, inner)}


def test_groups_in_a_circle_do_not_confuse_it(package, ada):
    one, two, three = GroupFactory(), GroupFactory(), GroupFactory(members=[ada])
    for parent, child in [(one, two), (two, one), (two, three), (three, one)]:
        GroupNesting.objects.create(parent=parent, child=child)
    policy = AssignmentPolicyFactory(package=package, scope=Scope.SPECIFIC)
    policy.allowed_groups.add(one)

    [prospect] = simulate(package, ada)

    assert prospect.standing.ways == ((one, two, three),)


def test_what_is_still_to_be_written_does_not_speak_against_asking(package, ada):
    AssignmentPolicyFactory(package=package, requires_justification=True)

    [prospect] = simulate(package, ada)

    assert prospect.decision


def _company(chance):
    """Make random people, groups in groups, and a package with random policies."""
    boss = UserFactory()
    people = [
        UserFactory(
            manager=chance.choice([None, boss]),
            is_active=chance.random() < 0.9,
            user_type=chance.choice([*[UserType.MEMBER] * 3, UserType.GUEST]),
        )
        for _ in range(6)
    ]
    groups = [GroupFactory(members=chance.sample(people, 2)) for _ in range(3)]
    GroupNesting.objects.create(parent=groups[0], child=groups[1])
    GroupNesting.objects.create(parent=groups[1], child=groups[2])
    package = AccessPackageFactory()
    if chance.random() < 0.1:
        package.state = "retired"
        package.save()
    for _ in range(4):
        _policy(chance, package, people, groups, boss)
    _histories(chance, package, people)
    return package, people


def _policy(chance, package, people, groups, boss):
    ends = chance.choice([None, None, None, -1, 5])
    by_date = {
        "expiration": Expiration.ON_DATE,
        "duration": None,
        "ends_on": clock.now() + timedelta(days=ends or 0),
    }
    policy = AssignmentPolicyFactory(
        package=package,
        scope=chance.choice(Scope.values),
        is_enabled=chance.random() < 0.9,
        accepts_requests=chance.random() < 0.9,
        requires_justification=chance.random() < 0.5,
        **(by_date if ends else {}),
    )
    policy.allowed_users.set(chance.sample(people, 2))
    policy.allowed_groups.set(chance.sample(groups, 1))
    for position in range(1, chance.randint(0, 2) + 1):
        stage = ApprovalStageFactory(
            policy=policy,
            position=position,
            manager=chance.random() < 0.5,
            fallbacks=chance.sample(people, 1),
            approvers=chance.sample(people, chance.randint(0, 1)),
        )
        StageApproverFactory(stage=stage, user=boss, is_fallback=True)


def _histories(chance, package, people):
    policy = package.policies.first()
    AssignmentFactory(policy=policy, target=chance.choice(people))
    AccessRequestFactory(policy=policy, requestor=chance.choice(people))


@pytest.mark.parametrize("seed", range(12))
def test_what_the_simulation_says_is_what_becomes_of_a_request(seed):
    chance = Random(seed)
    package, people = _company(chance)
    person = chance.choice(people)
    prospects = simulate(package, person)
    refused = [one for one in prospects if not one.decision]
    for prospect in refused:
        with pytest.raises(Denied) as denied:
            _ask(prospect, person)
        assert denied.value.decision == prospect.decision
    for prospect in chance.sample(prospects, len(prospects)):
        if prospect.decision:
            _compare(prospect, _ask(prospect, person))
            break


def ends_together(one, other):
    return one == other or abs(one - other) < timedelta(minutes=1)


def _ask(prospect, person):
    policy = AssignmentPolicy.objects.get(pk=prospect.policy.pk)
    return operations.submit(policy, by=person, justification="Needed.")


def _compare(prospect, access_request):
    asked = StepApprover.objects.filter(step__access_request=access_request, step__position=1)
    told = {one.user for one in prospect.asked[0]} if prospect.asked else set()
    assert prospect.is_offered
    assert {entry.user for entry in asked} == told
    if not prospect.asked:
        assert ends_together(access_request.assignment.ends_at, prospect.ends_at)


def test_a_prospect_that_is_open_and_one_that_is_not_both_occur():
    """Or the comparison above would compare nothing."""
    outcomes = set()
    for seed in range(12):
        chance = Random(seed)
        package, people = _company(chance)
        outcomes |= {bool(one.decision) for one in simulate(package, chance.choice(people))}

    assert outcomes == {True, False}
