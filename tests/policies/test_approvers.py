import pytest

from entitlements.models import Group, GroupNesting, User
from entitlements.policies import approvers
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.models import ApproverKind
from tests.factories import (
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    ResourceRoleFactory,
    StageApproverFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage():
    return ApprovalStageFactory(policy=AssignmentPolicyFactory(), position=1)


def resolve(stage, target, *barred):
    terms = frozen_terms(stage.policy)["stages"][0]["approvers"]
    found = approvers.resolve(
        terms,
        target=target,
        package=stage.policy.package,
        barred={target.pk, *(user.pk for user in barred)},
    )
    return [(approver.user, approver.is_fallback) for approver in found]


def ask_group(stage, group, **facts):
    StageApproverFactory(stage=stage, kind=ApproverKind.GROUP, user=None, group=group, **facts)


def ask_manager(stage, **facts):
    StageApproverFactory(stage=stage, kind=ApproverKind.MANAGER, user=None, **facts)


def test_named_people_are_asked_in_the_order_of_their_names(stage, ada, bo, gita):
    StageApproverFactory(stage=stage, user=gita)
    StageApproverFactory(stage=stage, user=bo)

    assert resolve(stage, ada) == [(bo, False), (gita, False)]


def test_the_manager_of_the_target_is_asked(stage, ada, bo):
    ada.manager = bo
    ask_manager(stage)

    assert resolve(stage, ada) == [(bo, False)]


def test_members_of_nested_groups_are_asked_once(stage, ada, bo, gita):
    outer, inner = GroupFactory(members=[bo, ada]), GroupFactory(members=[bo, gita])
    GroupNesting.objects.create(parent=outer, child=inner)
    ask_group(stage, outer)
    StageApproverFactory(stage=stage, user=bo)

    assert resolve(stage, ada) == [(bo, False), (gita, False)]


def test_fallbacks_are_asked_only_when_no_first_choice_is_to_be_had(stage, ada, bo, gita):
    ask_manager(stage)
    StageApproverFactory(stage=stage, user=gita, is_fallback=True)

    assert resolve(stage, ada) == [(gita, True)]

    ada.manager = bo
    assert resolve(stage, ada) == [(bo, False)]


@pytest.mark.parametrize("why", ["disabled", "requestor", "target"])
def test_whoever_cannot_decide_is_passed_over(stage, ada, bo, gita, why):
    ask_manager(stage)
    StageApproverFactory(stage=stage, user=gita, is_fallback=True)
    ada.manager = ada if why == "target" else bo
    if why == "disabled":
        bo.is_active = False
        bo.save()
    barred = [bo] if why == "requestor" else []

    assert resolve(stage, ada, *barred) == [(gita, True)]


def test_the_disabled_are_not_asked_by_name_or_group(stage, ada):
    away = UserFactory(is_active=False)
    StageApproverFactory(stage=stage, user=away)
    ask_group(stage, GroupFactory(members=[away]))

    assert resolve(stage, ada) == []


def test_a_fallback_may_be_the_manager(stage, ada, bo):
    ada.manager = bo
    ask_group(stage, GroupFactory())
    ask_manager(stage, is_fallback=True)

    assert resolve(stage, ada) == [(bo, True)]


def test_people_and_groups_that_are_gone_are_not_asked(stage, ada, bo, gita):
    group = GroupFactory(members=[gita])
    ask_group(stage, group)
    StageApproverFactory(stage=stage, user=bo)
    terms = frozen_terms(stage.policy)["stages"][0]["approvers"]
    Group.objects.all().delete()
    User.objects.filter(pk=bo.pk).delete()

    package = stage.policy.package
    assert approvers.resolve(terms, target=ada, package=package, barred=set()) == []


def test_frozen_terms_name_people_as_they_read(stage, bo):
    StageApproverFactory(stage=stage, user=bo)
    ask_manager(stage, is_fallback=True)
    group = GroupFactory(name="Finance leads")
    ask_group(stage, group)

    entries = frozen_terms(stage.policy)["stages"][0]["approvers"]

    assert [entry["name"] for entry in entries] == ["Bo Chen", "Manager", "Finance leads"]
    assert [entry["user"] for entry in entries] == [str(bo.pk), None, None]
    assert [entry["group"] for entry in entries] == [None, None, str(group.pk)]
    assert [entry["is_fallback"] for entry in entries] == [False, True, False]


def test_the_managers_manager_is_asked(stage, ada, bo, gita):
    StageApproverFactory(stage=stage, kind=ApproverKind.SECOND_MANAGER, user=None)
    StageApproverFactory(stage=stage, user=gita, is_fallback=True)
    assert resolve(stage, ada) == [(gita, True)]

    ada.manager = bo
    assert resolve(stage, ada) == [(gita, True)]

    bo.manager = boss = UserFactory()
    assert resolve(stage, ada) == [(boss, False)]


def test_active_sponsors_are_asked(stage, ada, bo, gita):
    StageApproverFactory(stage=stage, kind=ApproverKind.SPONSORS, user=None)
    ada.sponsors.set([gita, bo, UserFactory(is_active=False)])

    assert resolve(stage, ada) == [(bo, False), (gita, False)]


def test_owners_of_the_catalog_are_asked(stage, ada, bo, gita, appoint):
    StageApproverFactory(stage=stage, kind=ApproverKind.CATALOG_OWNERS, user=None)
    catalog = stage.policy.package.catalog
    for owner in (gita, bo, ada):
        appoint(owner, catalog)
    appoint(UserFactory(), catalog, "reader")

    assert resolve(stage, ada) == [(bo, False), (gita, False)]


def test_owners_of_the_groups_in_the_package_are_asked(stage, ada, bo, gita):
    StageApproverFactory(stage=stage, kind=ApproverKind.RESOURCE_OWNERS, user=None)
    package = stage.policy.package
    for owner in (bo, gita):
        role = ResourceRoleFactory()
        Group.objects.get(pk=role.resource.external_id).owners.add(owner)
        package.roles.add(role)

    assert resolve(stage, ada) == [(bo, False), (gita, False)]


def test_alternates_are_resolved_apart(stage, ada, bo, gita):
    StageApproverFactory(stage=stage, user=bo)
    StageApproverFactory(stage=stage, user=gita, is_alternate=True)
    terms = frozen_terms(stage.policy)["stages"][0]["approvers"]
    asking = {"target": ada, "package": stage.policy.package, "barred": {ada.pk}}

    assert resolve(stage, ada) == [(bo, False)]
    assert [one.user for one in approvers.resolve(terms, **asking, alternates=True)] == [gita]
