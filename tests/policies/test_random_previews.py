"""What a preview says of random terms is exactly what holds when they are saved."""

from dataclasses import replace
from random import Random

import pytest
from django.db.models import Q

from entitlements.directory.models import UserType
from entitlements.models import AssignmentPolicy, GroupNesting, User
from entitlements.policies.admission import admitted_by
from entitlements.policies.models import Scope
from entitlements.policies.operations import change_policy, create_policy, terms_of
from entitlements.policies.previewing import preview
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.standing import standing_under
from entitlements.policies.terms import PolicyTerms
from tests.factories import (
    AccessPackageFactory,
    ConnectedOrganizationFactory,
    GroupFactory,
    GuestFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
SEEDS = range(16)
ROUNDS = 3
OWNERS = StageTerms((ApproverTerms("catalog_owners"),))


class Company:
    """Random people, groups in groups, organizations, and a package with random policies."""

    def __init__(self, seed):
        self.chance = Random(seed)
        self.boss = UserFactory(is_superuser=True)
        self.organizations = [
            ConnectedOrganizationFactory(state=self.chance.choice(["configured", "proposed"]))
            for _ in range(3)
        ]
        members = [UserFactory(is_active=self.chance.random() < 0.8) for _ in range(6)]
        guests = [
            GuestFactory(
                organization=self.chance.choice([None, *self.organizations]),
                is_active=self.chance.random() < 0.8,
            )
            for _ in range(6)
        ]
        User.objects.create_user(
            f"bot{seed}@kestrel.example", display_name=f"Bot {seed}", user_type=UserType.SERVICE
        )
        GuestFactory(is_invited=True, is_active=False)
        self.people = [*members, *guests]
        self.groups = [GroupFactory(members=self.some(self.people)) for _ in range(5)]
        for _ in range(5):
            parent, child = self.chance.sample(self.groups, 2)
            GroupNesting.objects.get_or_create(parent=parent, child=child)
        self.package = AccessPackageFactory()
        self.package.catalog.is_external = self.chance.random() < 0.7
        self.package.catalog.save()
        self.policies = [
            create_policy(self.package, self.terms(f"Policy {number}"), by=self.boss)
            for number in range(4)
        ]

    def some(self, things):
        return self.chance.sample(things, self.chance.randint(0, len(things) // 2))

    def terms(self, name):
        active = [person for person in self.people if person.is_active]
        users, groups = self.some(active), self.some(self.groups)
        if not users and not groups:
            groups = [self.groups[0]]
        organizations = self.some(self.organizations) or self.organizations[:1]
        return PolicyTerms(
            name,
            scope=self.chance.choice(Scope.values),
            allowed_user_ids=tuple(user.pk for user in users),
            allowed_group_ids=tuple(group.pk for group in groups),
            allowed_organization_ids=tuple(one.pk for one in organizations),
            is_enabled=self.chance.random() < 0.8,
            accepts_requests=self.chance.random() < 0.8,
            stages=(OWNERS,),
        )


def in_scope(policy):
    """Return the active people of whom the policy itself says, one by one, that it is for them."""
    everybody = User.objects.filter(is_active=True)
    mine = AssignmentPolicy.objects.filter(pk=policy.pk)
    return {person for person in everybody if mine.in_scope_of(person).exists()}


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_preview_says_is_what_holds_after_saving(seed):
    company = Company(seed)
    for number in range(ROUNDS):
        policy = company.chance.choice(company.policies)
        terms = company.terms(f"Round {number}")
        before = in_scope(policy)
        said = preview(terms, company.package, policy=policy)
        standings = {one.pk: standing_under(terms, one) for one in User.objects.all()}

        policy = change_policy(policy, terms, by=company.boss)

        after = in_scope(policy)
        assert said.people == len(after)
        assert (set(said.joins), set(said.leaves)) == (after - before, before - after)
        assert (said.joining, said.leaving) == (len(said.joins), len(said.leaves))
        assert after == set(User.objects.active().filter(Q(admitted_by(policy))))
        assert {key for key, one in standings.items() if one.is_in_scope} == {
            person.pk for person in after
        }
        compare_overlaps(said, policy, after)
        again = preview(terms_of(policy), company.package, policy=policy)
        assert again == replace(said, joining=0, leaving=0, joins=(), leaves=())


def compare_overlaps(said, policy, people):
    beside = policy.package.policies.filter(is_enabled=True).exclude(pk=policy.pk)
    assert {overlap.policy for overlap in said.overlaps} == set(beside)
    for overlap in said.overlaps:
        both = people & in_scope(overlap.policy)
        assert overlap.people == len(both)
        for person in both:
            offered = set(AssignmentPolicy.objects.open_to(person)) & {policy, overlap.policy}
            allowed = {
                "this": [set(), {policy}],
                "other": [set(), {overlap.policy}],
                "either": [set(), {policy, overlap.policy}],
                "neither": [set()],
            }
            assert offered in allowed[overlap.winner]


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_what_the_preview_says_of_a_new_policy_holds_when_it_is_added(seed):
    company = Company(seed)
    terms = company.terms("New")
    said = preview(terms, company.package)

    policy = create_policy(company.package, terms, by=company.boss)

    assert set(said.joins) == in_scope(policy)
    assert (said.people, said.leaving) == (said.joining, 0)
    compare_overlaps(said, policy, in_scope(policy))


def test_joining_leaving_and_every_winner_occur():
    """Or the comparisons above would compare nothing."""
    found, winners = [], set()
    for seed in SEEDS:
        company = Company(seed)
        said = preview(company.terms("New"), company.package, policy=company.policies[0])
        found.append((bool(said.joins), bool(said.leaves)))
        winners |= {overlap.winner for overlap in said.overlaps if overlap.people}

    assert {True} <= {joins for joins, _ in found} & {leaves for _, leaves in found}
    assert winners == {"this", "other", "either", "neither"}
