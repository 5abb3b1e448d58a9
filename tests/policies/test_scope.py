"""Which policies are for whom, and what the database says about policies."""

import pytest
from django.db import IntegrityError, transaction

from entitlements import clock
from entitlements.directory.models import PEOPLE, UserType
from entitlements.models import AssignmentPolicy, GroupNesting
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.models import Expiration, Scope
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    StageApproverFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("scope", "member", "guest"),
    [
        (Scope.NOBODY, False, False),
        (Scope.SPECIFIC, False, False),
        (Scope.ALL_MEMBERS, True, False),
        (Scope.ALL_USERS, True, True),
    ],
)
def test_scopes_tell_members_from_guests(scope, member, guest):
    AssignmentPolicyFactory(scope=scope)
    policies = AssignmentPolicy.objects

    assert policies.in_scope_of(UserFactory()).exists() is member
    assert policies.in_scope_of(UserFactory(user_type=UserType.GUEST)).exists() is guest


@pytest.mark.parametrize("user_type", PEOPLE)
def test_named_people_are_in_scope_whether_members_or_guests(user_type):
    named, other = UserFactory(user_type=user_type), UserFactory(user_type=user_type)
    policy = AssignmentPolicyFactory(scope=Scope.SPECIFIC)
    policy.allowed_users.add(named)

    assert AssignmentPolicy.objects.in_scope_of(named).get() == policy
    assert not AssignmentPolicy.objects.in_scope_of(other).exists()


def test_members_of_nested_groups_are_in_scope(ada, bo):
    outer, middle, inner = GroupFactory(), GroupFactory(), GroupFactory(members=[ada])
    GroupNesting.objects.create(parent=outer, child=middle)
    GroupNesting.objects.create(parent=middle, child=inner)
    policy = AssignmentPolicyFactory(scope=Scope.SPECIFIC)
    policy.allowed_groups.add(outer)

    assert AssignmentPolicy.objects.in_scope_of(ada).get() == policy
    assert not AssignmentPolicy.objects.in_scope_of(bo).exists()


def test_names_count_only_under_a_scope_of_specific_people(ada):
    policy = AssignmentPolicyFactory(scope=Scope.NOBODY)
    policy.allowed_users.add(ada)

    assert not AssignmentPolicy.objects.in_scope_of(ada).exists()


@pytest.mark.parametrize(
    "closed",
    [
        {"is_enabled": False},
        {"accepts_requests": False},
        {"scope": Scope.NOBODY},
        {"package__state": "draft"},
        {"package__state": "retired"},
        {"package__catalog__is_enabled": False},
    ],
)
def test_what_is_closed_is_open_to_nobody(ada, closed):
    AssignmentPolicyFactory(**closed)

    assert not AssignmentPolicy.objects.open_to(ada).exists()


def test_the_disabled_may_ask_for_nothing(ada):
    policy = AssignmentPolicyFactory(package__is_hidden=True)

    assert AssignmentPolicy.objects.open_to(ada).get() == policy
    assert not AssignmentPolicy.objects.open_to(UserFactory(is_active=False)).exists()


def test_policies_are_visible_to_those_who_look_after_the_catalog(ada, gita, appoint):
    policy = AssignmentPolicyFactory()
    AssignmentPolicyFactory()
    appoint(gita, policy.package.catalog, "reader")

    assert AssignmentPolicy.objects.visible_to(gita).get() == policy
    assert not AssignmentPolicy.objects.visible_to(ada).exists()


def test_a_policy_and_its_parts_read_like_words(bo):
    stage = ApprovalStageFactory(policy=AssignmentPolicyFactory(name="Staff"), position=2)

    assert str(stage.policy) == "Staff"
    assert str(stage) == "Stage 2"
    assert str(StageApproverFactory(stage=stage, user=bo)) == "Bo Chen"


def test_frozen_terms_are_plain_values():
    moment = clock.now()
    policy = AssignmentPolicyFactory(
        expiration=Expiration.ON_DATE, duration=None, ends_on=moment, name="Project"
    )

    terms = frozen_terms(policy)

    assert terms["policy"] == "Project"
    assert terms["ends_on"] == moment.isoformat()
    assert terms["stages"] == []
    assert frozen_terms(AssignmentPolicyFactory())["ends_on"] is None


@pytest.mark.parametrize(
    "values",
    [
        {"expiration": Expiration.NEVER, "duration": 1},
        {"expiration": Expiration.NEVER, "duration": None, "ends_on": True},
        {"expiration": Expiration.ON_DATE, "duration": None},
        {"expiration": Expiration.ON_DATE, "duration": 1, "ends_on": True},
        {"expiration": Expiration.AFTER_DAYS, "duration": None},
        {"expiration": Expiration.AFTER_HOURS, "duration": 1, "ends_on": True},
    ],
)
def test_policy_expiration_has_its_value(values):
    if values.get("ends_on"):
        values = {**values, "ends_on": clock.now()}

    with pytest.raises(IntegrityError, match="policy_expiration_has_its_value"):
        AssignmentPolicyFactory(**values)


@pytest.mark.parametrize(
    ("expiration", "most"), [(Expiration.AFTER_DAYS, 3660), (Expiration.AFTER_HOURS, 87_840)]
)
def test_policy_lasts_at_most_3660_days(expiration, most):
    AssignmentPolicyFactory(expiration=expiration, duration=most)

    with pytest.raises(IntegrityError, match="policy_lasts_at_most_3660_days"):
        AssignmentPolicyFactory(expiration=expiration, duration=most + 1)


def test_policy_lasts_at_least_one_unit():
    with pytest.raises(IntegrityError, match="policy_lasts_at_least_one_unit"):
        AssignmentPolicyFactory(duration=0)


def test_policy_name_is_unique_in_its_package():
    package = AccessPackageFactory()
    AssignmentPolicyFactory(package=package, name="Staff")
    AssignmentPolicyFactory(name="Staff")

    with pytest.raises(IntegrityError):
        AssignmentPolicyFactory(package=package, name="Staff")


def test_one_stage_per_position():
    stage = ApprovalStageFactory(position=1)

    with pytest.raises(IntegrityError):
        ApprovalStageFactory(policy=stage.policy, position=1)


@pytest.mark.parametrize("days", [0, 15])
def test_stage_is_decided_in_1_to_14_days(days):
    with pytest.raises(IntegrityError, match="stage_is_decided_in_1_to_14_days"):
        ApprovalStageFactory(decision_days=days)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "quorum"},
        {"rule": "quorum", "quorum": 1},
        {"rule": "all", "quorum": 2},
        {"rule": "any", "quorum": 2},
        {"rule": "some"},
    ],
)
def test_stage_rule_has_its_number(wrong):
    with pytest.raises(IntegrityError, match="stage_rule_has_its_number"):
        ApprovalStageFactory(**wrong)


@pytest.mark.parametrize(("days", "after"), [(14, 0), (14, 14), (4, 4), (3, 1)])
def test_stage_is_passed_on_before_its_deadline(days, after):
    with pytest.raises(IntegrityError, match="stage_is_passed_on_before_its_deadline"):
        ApprovalStageFactory(decision_days=days, escalation_days=after)


@pytest.mark.parametrize("kind", ["manager", "user", "group"])
def test_stage_approver_names_what_its_kind_says(bo, kind):
    group, stage = GroupFactory(), ApprovalStageFactory()
    right = {
        "manager": {"user": None, "group": None},
        "user": {"user": bo, "group": None},
        "group": {"user": None, "group": group},
    }
    StageApproverFactory(stage=stage, kind=kind, **right.pop(kind))

    for wrong in [*right.values(), {"user": bo, "group": group}]:
        with (
            pytest.raises(IntegrityError, match="stage_approver_names_what_its_kind_says"),
            transaction.atomic(),
        ):
            StageApproverFactory(stage=stage, kind=kind, **wrong)


@pytest.mark.parametrize(
    ("kind", "decides"),
    [
        ("manager", True),
        ("active", True),
        ("disabled", False),
        ("group", True),
        ("empty group", False),
        ("nobody", False),
    ],
)
def test_a_policy_in_which_nobody_can_decide_is_found(bo, kind, decides):
    stage = ApprovalStageFactory(position=1)
    away = UserFactory(is_active=False)
    approvers = {
        "manager": {"kind": "manager", "user": None},
        "active": {"user": bo},
        "disabled": {"user": away},
        "group": {"kind": "group", "user": None, "group": GroupFactory(members=[bo])},
        "empty group": {"kind": "group", "user": None, "group": GroupFactory(members=[away])},
    }
    if kind in approvers:
        StageApproverFactory(stage=stage, **approvers[kind])

    assert AssignmentPolicy.objects.undecidable().exists() is not decides


def test_policies_that_are_off_or_need_no_approval_are_not_undecidable():
    AssignmentPolicyFactory()
    ApprovalStageFactory(policy=AssignmentPolicyFactory(is_enabled=False))

    assert not AssignmentPolicy.objects.undecidable().exists()
