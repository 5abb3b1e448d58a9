"""Which policy falls to whom: the page that shows it to those who give access."""

import pytest
from django.urls import reverse

from entitlements.directory.models import UserType
from entitlements.models import GroupNesting
from entitlements.policies.models import Expiration, Scope
from entitlements.requests import operations
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def package():
    return AccessPackageFactory(catalog=CatalogFactory(name="Sales"), name="Ledger")


@pytest.fixture
def as_olga(client, package, appoint):
    client.force_login(appoint(UserFactory(display_name="Olga Owner"), package.catalog))
    return client


@pytest.fixture
def look(as_olga, package):
    def look(person=None):
        query = {"person": f"user:{person.pk}"} if person else {}
        response = as_olga.get(reverse("manage:package_ways", args=[package.pk]), query)
        assert response.status_code == 200
        return response

    return look


def test_how_many_fall_to_each_policy_is_told(look, package, ada, bo):
    AssignmentPolicyFactory(package=package, name="Members", scope=Scope.ALL_MEMBERS)
    named = AssignmentPolicyFactory(package=package, name="Named", scope=Scope.SPECIFIC)
    named.allowed_users.add(ada)

    response = look()

    shares = {str(one.summary.policy): one for one in response.context["shares"]}
    assert list(shares) == ["Named", "Members"]
    assert (shares["Named"].reach.offered, shares["Members"].reach.offered) == (1, 2)
    assert "1: named people" in response.text


def test_a_package_without_policies_says_so(look):
    assert "no policy yet" in look().text


def test_the_way_into_the_scope_is_told(look, package, ada):
    team, division = GroupFactory(name="Team", members=[ada]), GroupFactory(name="Division")
    GroupNesting.objects.create(parent=division, child=team)
    policy = AssignmentPolicyFactory(package=package, name="Named", scope=Scope.SPECIFIC)
    policy.allowed_users.add(ada)
    policy.allowed_groups.add(division)

    text = look(ada).text

    assert "“Named” applies, without a question." in text
    assert "Named in the policy." in text
    assert "Through Division → Team, as a member." in text


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (Scope.NOBODY, "Nobody asks under this policy: access is given directly."),
        (Scope.SPECIFIC, "Neither named, nor in a group that is."),
        (Scope.ALL_MEMBERS, "A guest, and this policy is for members."),
    ],
)
def test_why_somebody_is_not_in_scope_is_told(look, package, scope, words):
    AssignmentPolicyFactory(package=package, scope=scope)

    text = look(UserFactory(user_type=UserType.GUEST)).text

    assert words in text
    assert "No policy lets this person ask now." in text
    assert "(not_in_scope)" in text


def test_every_reason_against_asking_is_told_with_its_code(look, package, ada):
    policy = AssignmentPolicyFactory(package=package, scope=Scope.ALL_USERS)
    AssignmentPolicyFactory(package=package, name="Members", scope=Scope.ALL_MEMBERS)
    ApprovalStageFactory(policy=policy.package.policies.get(name="Members"), position=1)
    operations.submit(policy.package.policies.get(name="Members"), by=ada)

    text = look(ada).text

    assert "This policy is for everyone." in text
    assert "(stricter_policy_applies)" in text
    assert text.count("(already_requested)") == 2


def test_who_would_decide_and_until_when_access_would_last_is_told(look, package, ada, bo, gita):
    policy = AssignmentPolicyFactory(package=package, expiration=Expiration.NEVER, duration=None)
    ApprovalStageFactory(policy=policy, position=1, approvers=[ada], fallbacks=[bo, gita])
    ApprovalStageFactory(policy=policy, position=2, approvers=[ada])

    text = look(ada).text

    assert "Bo Chen or Gita Rao, instead of those who are not to be had" in text
    assert "Nobody could decide" in text
    assert "No end" in text


def test_choices_are_told(look, package, ada):
    AssignmentPolicyFactory(package=package, name="Short")
    AssignmentPolicyFactory(package=package, name="Long")

    assert "chooses between “Short” and “Long”" in look(ada).text


def test_a_person_is_found_without_scripts(as_olga, package, ada):
    address = reverse("manage:package_ways", args=[package.pk])

    response = as_olga.get(address, {"find": "person", "person-q": "ada"})

    assert "Ada Lovelace" in response.text


def test_nonsense_in_the_address_shows_nobody(as_olga, package):
    address = reverse("manage:package_ways", args=[package.pk])

    assert as_olga.get(address, {"person": "user:nonsense"}).context["person"] is None


@pytest.mark.parametrize(
    ("role", "status"), [("assignment_manager", 200), ("reader", 403), (None, 404)]
)
def test_only_those_who_give_access_may_look(client, package, bo, appoint, role, status):
    if role:
        appoint(bo, package.catalog, role)
    client.force_login(bo)

    address = reverse("manage:package_ways", args=[package.pk])

    assert client.get(address).status_code == status
