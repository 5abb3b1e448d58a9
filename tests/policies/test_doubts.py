"""What is said about a policy under which nobody could decide."""

from dataclasses import replace

import pytest

from entitlements.policies.doubts import doubts
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import PolicyTerms
from tests.factories import AccessPackageFactory, GroupFactory, ResourceRoleFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def package():
    return AccessPackageFactory()


@pytest.fixture
def codes(package):
    """The codes of the doubts about one stage that asks these, of all members."""

    def codes(*approvers, scope="all_members", people=(), groups=(), **stage):
        terms = PolicyTerms(
            "Employees",
            scope=scope,
            allowed_user_ids=tuple(user.pk for user in people),
            allowed_group_ids=tuple(group.pk for group in groups),
            stages=(StageTerms(tuple(approvers), **stage),),
        )
        return [doubt.code for doubt in doubts(terms, package)]

    return codes


def person(user, **kind):
    return ApproverTerms("user", user_id=user.pk, **kind)


def group(group, **kind):
    return ApproverTerms("group", group_id=group.pk, **kind)


def test_two_people_can_decide(codes, ada, bo, gita):
    assert codes(person(bo), person(gita)) == []


def test_people_who_left_and_empty_groups_cannot(codes, ada):
    away = UserFactory(is_active=False)

    assert codes(person(away), group(GroupFactory(members=[away]))) == ["stage_undecidable"]


@pytest.mark.parametrize("kind", [{"is_fallback": True}, {"is_alternate": True}])
def test_fallbacks_and_alternates_can(codes, ada, bo, gita, kind):
    away = UserFactory(is_active=False)
    team = GroupFactory(members=[bo, gita])

    assert codes(person(away), group(team, **kind)) == []


def test_people_without_a_manager_are_counted(codes, package, ada, bo, gita):
    UserFactory(user_type="guest")
    ada.manager = bo
    ada.save()
    away = UserFactory(is_active=False)
    terms = PolicyTerms(
        "Employees",
        scope="all_members",
        stages=(StageTerms((ApproverTerms("manager"), person(away, is_fallback=True))),),
    )

    (doubt,) = doubts(terms, package)

    assert doubt.code == "stage_undecidable_for_some"
    assert str(doubt) == (
        "For 2 people who may ask nobody could decide stage 1: they have no manager. "
        "Name somebody else for it as well."
    )
    only_ada = replace(terms, scope="specific", allowed_user_ids=(ada.pk,))
    assert doubts(only_ada, package) == []


def test_each_relation_counts(codes, ada, bo, gita):
    ada.manager = bo
    ada.save()
    bo.manager = gita
    bo.save()
    gita.sponsors.add(ada)
    away = person(UserFactory(is_active=False), is_fallback=True)

    def found(kind, *people):
        return codes(ApproverTerms(kind), away, scope="specific", people=people)

    assert found("second_manager", ada) == []
    assert found("second_manager", bo) == ["stage_undecidable_for_some"]
    assert found("sponsors", gita) == []
    assert found("sponsors", ada) == ["stage_undecidable_for_some"]


def test_a_manager_who_left_is_no_manager(codes, ada, bo):
    ada.manager = UserFactory(is_active=False)
    ada.save()
    away = person(UserFactory(is_active=False), is_fallback=True)

    found = codes(ApproverTerms("manager"), away, scope="specific", people=[ada])

    assert found == ["stage_undecidable_for_some"]


def test_one_who_decides_alone_cannot_decide_for_himself(codes, ada, bo):
    team = GroupFactory(members=[bo])

    assert codes(person(bo)) == ["stage_decided_by_one_who_asks"]
    only = codes(person(bo), scope="specific", groups=[team])
    assert only == ["stage_decided_by_the_only_one_who_asks"]
    assert codes(person(bo), scope="specific", people=[ada]) == []
    assert codes(person(bo), scope="nobody") == []


def test_a_fallback_with_a_manager_is_not_alone(codes, ada, bo):
    bo.manager = ada
    bo.save()

    asked = codes(
        ApproverTerms("manager"), person(bo, is_fallback=True), scope="specific", people=[bo]
    )

    assert asked == []


def test_owners_are_looked_up(codes, package, appoint, ada, bo):
    assert codes(ApproverTerms("catalog_owners")) == ["stage_undecidable"]
    assert codes(ApproverTerms("resource_owners")) == ["stage_undecidable"]

    appoint(bo, package.catalog)
    assert codes(ApproverTerms("catalog_owners")) == ["stage_decided_by_one_who_asks"]

    behind = GroupFactory()
    behind.owners.add(ada)
    role = ResourceRoleFactory(resource__group=behind)
    package.roles.add(role)
    assert codes(ApproverTerms("catalog_owners"), ApproverTerms("resource_owners")) == []


def test_a_quorum_that_cannot_be_reached_is_told(codes, ada, bo, gita):
    two = (person(bo), person(gita))

    assert codes(*two, rule="quorum", quorum=3) == ["quorum_out_of_reach"]
    assert codes(*two, rule="quorum", quorum=2) == []
    assert codes(*two, rule="all") == []


def test_without_stages_there_is_no_doubt(package, ada):
    assert doubts(PolicyTerms("Employees", scope="all_members"), package) == []


def test_a_scope_that_nobody_fits_is_told_with_stages_and_without(codes, package, ada, bo):
    away = UserFactory(is_active=False)
    empty = GroupFactory(members=[away])
    nobody = PolicyTerms("Team", scope="specific", allowed_group_ids=(empty.pk,))

    assert [doubt.code for doubt in doubts(nobody, package)] == ["scope_fits_nobody"]
    asks = [person(ada), person(bo)]
    assert codes(*asks, scope="specific", people=[away]) == ["scope_fits_nobody"]
    assert codes(*asks, scope="specific", people=[away, bo]) == []


@pytest.mark.parametrize("scope", ["nobody", "all_organizations", "specific_organizations"])
def test_nobody_has_to_be_there_where_access_is_given_or_people_come_from_outside(package, scope):
    package.catalog.is_external = True

    assert doubts(PolicyTerms("Partners", scope=scope), package) == []
