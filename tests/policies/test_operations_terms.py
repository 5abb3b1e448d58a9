"""What speaks against a policy, rule by rule, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import PolicyTerms, check

MOMENT = datetime(2026, 11, 23, 9, tzinfo=UTC)
BO, GITA, TEAM = UUID(int=1), UUID(int=2), UUID(int=3)
GOOD = PolicyTerms("Employees", scope="all_members")

ASKS_BO = StageTerms((ApproverTerms("user", user_id=BO),))
ASKS_TEAM = StageTerms((ApproverTerms("group", group_id=TEAM),))
ASKS_MANAGER = StageTerms(
    (ApproverTerms("manager"), ApproverTerms("user", user_id=GITA, is_fallback=True))
)


def codes(**changes):
    return check(replace(GOOD, **changes), moment=MOMENT).codes


def test_a_plain_policy_is_fine():
    assert check(GOOD, moment=MOMENT)


def test_three_stages_of_manager_person_and_group_are_fine():
    assert not codes(stages=(ASKS_MANAGER, ASKS_BO, ASKS_TEAM))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "name_missing"),
        ({"name": "x" * 201}, "name_too_long"),
        ({"name": "a\x00"}, "name_unreadable"),
        ({"description": "a\x00"}, "description_unreadable"),
        ({"description": "x" * 10_001}, "description_too_long"),
        ({"scope": "the_moon"}, "unknown_scope"),
        ({"scope": "specific"}, "targets_missing"),
        ({"expiration": "someday"}, "unknown_expiration"),
        ({"expiration": "on_date", "duration": None}, "end_missing"),
        ({"expiration": "after_days", "duration": None}, "duration_missing"),
        ({"expiration": "after_hours", "duration": None}, "duration_missing"),
        ({"expiration": "never"}, "end_contradicts"),
        ({"ends_on": MOMENT + timedelta(days=1)}, "end_contradicts"),
        ({"duration": 0}, "duration_out_of_range"),
        ({"duration": 3661}, "duration_out_of_range"),
        ({"expiration": "after_hours", "duration": 3660 * 24 + 1}, "duration_out_of_range"),
        ({"expiration": "on_date", "duration": None, "ends_on": MOMENT}, "end_in_the_past"),
        ({"stages": (StageTerms((ApproverTerms("sponsors"),)),)}, "sponsors_without_fallback"),
        ({"stages": (ASKS_MANAGER, ASKS_MANAGER)}, "manager_asked_twice"),
        ({"stages": (replace(ASKS_BO, decision_days=0),)}, "decision_days_out_of_range"),
        ({"stages": (replace(ASKS_BO, decision_days=15),)}, "decision_days_out_of_range"),
        ({"stages": (StageTerms(()),)}, "stage_without_approver"),
        (
            {"stages": (StageTerms((ApproverTerms("user", user_id=BO, is_fallback=True),)),)},
            "stage_without_approver",
        ),
        ({"stages": (StageTerms((ApproverTerms("manager"),)),)}, "manager_without_fallback"),
        ({"stages": (StageTerms((ApproverTerms("user"),)),)}, "approver_incomplete"),
        ({"stages": (StageTerms((ApproverTerms("manager", user_id=BO),)),)}, "approver_incomplete"),
        ({"stages": (StageTerms((ApproverTerms("oracle"),)),)}, "approver_incomplete"),
        (
            {
                "stages": (
                    replace(
                        ASKS_BO,
                        approvers=(
                            *ASKS_BO.approvers,
                            replace(ApproverTerms("group"), is_fallback=True),
                        ),
                    ),
                )
            },
            "approver_incomplete",
        ),
    ],
)
def test_what_could_not_work_is_refused(changes, code):
    assert code in codes(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"duration": 1},
        {"duration": 3660},
        {"expiration": "after_hours", "duration": 3660 * 24},
        {"expiration": "never", "duration": None},
        {"expiration": "on_date", "duration": None, "ends_on": MOMENT + timedelta(seconds=1)},
        {"scope": "specific", "allowed_group_ids": (TEAM,)},
        {"stages": (replace(ASKS_BO, decision_days=1), replace(ASKS_TEAM, decision_days=14))},
    ],
)
def test_what_lies_within_the_limits_is_fine(changes):
    assert not codes(**changes)


def test_at_most_500_people_and_groups_can_be_named():
    people = tuple(uuid4() for _ in range(499))

    assert not codes(scope="specific", allowed_user_ids=people, allowed_group_ids=(TEAM,))
    more = {"allowed_user_ids": people, "allowed_group_ids": (TEAM, BO)}
    assert codes(scope="specific", **more) == {"too_many_targets"}


def test_the_end_that_a_policy_has_already_may_have_passed():
    terms = replace(GOOD, expiration="on_date", duration=None, ends_on=MOMENT)

    assert check(terms, moment=MOMENT, present_end=MOMENT)
    assert not check(terms, moment=MOMENT, present_end=MOMENT - timedelta(days=1))
