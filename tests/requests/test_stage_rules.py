from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from entitlements.requests.stage_rules import (
    Turn,
    approved,
    asked_for,
    next_reminder,
    reminders,
    still_needed,
)

DAY = timedelta(days=1)
OPENED = datetime(2026, 11, 23, 9, tzinfo=UTC)
ADA, BO, GITA = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.mark.parametrize(
    ("rule", "quorum", "seats", "needed"),
    [
        ("any", None, 5, 1),
        ("any", None, 0, 1),
        ("all", None, 5, 5),
        ("all", None, 1, 1),
        ("all", None, 0, 1),
        ("quorum", 2, 5, 2),
        ("quorum", 3, 3, 3),
        ("quorum", 3, 2, 2),
        ("quorum", 3, 0, 1),
    ],
)
def test_a_rule_asks_for_so_many_of_those_who_are_asked(rule, quorum, seats, needed):
    assert asked_for(rule, quorum, seats) == needed


def test_somebody_and_who_stands_in_for_him_have_one_voice():
    turns = [
        Turn(ADA, has_approved=True),
        Turn(ADA, has_approved=True),
        Turn(BO, has_approved=True),
        Turn(GITA),
    ]

    assert approved(turns) == 2


@pytest.mark.parametrize(
    ("needed", "turns", "left"),
    [
        (2, [Turn(ADA), Turn(BO)], 2),
        (2, [Turn(ADA), Turn(BO, can_approve=False)], 1),
        (2, [Turn(ADA, has_approved=True, can_approve=False), Turn(BO)], 2),
        (2, [Turn(ADA, can_approve=False), Turn(ADA), Turn(BO)], 2),
        (2, [Turn(ADA, can_approve=False), Turn(BO, can_approve=False)], 1),
        (1, [Turn(ADA), Turn(BO), Turn(GITA)], 1),
        (3, [], 1),
    ],
)
def test_no_more_are_needed_than_are_left(needed, turns, left):
    assert still_needed(needed, turns) == left


@pytest.mark.parametrize(
    ("lasts", "plan", "expected"),
    [
        (14, None, [7, 13]),
        (4, None, [2, 3]),
        (2, None, [1]),
        (1.5, None, [0.5]),
        (1, None, [0.5]),
        (0.5, None, [0.25]),
        (14, [], []),
        (14, [1, 3, 7, 3], [7, 11, 13]),
    ],
)
def test_reminders_are_planned(lasts, plan, expected):
    planned = reminders(OPENED, OPENED + lasts * DAY, plan)

    assert planned == [OPENED + day * DAY for day in expected]


@pytest.mark.parametrize(
    ("after", "plan", "expected"),
    [
        (0, None, 7),
        (7, None, 13),
        (12.9, None, 13),
        (13, None, None),
        (14, None, None),
        (0, [], None),
        (0, [14, 2], 12),
        (0, [20, 0], None),
    ],
)
def test_the_next_reminder_comes_before_the_deadline_and_never_at_once(after, plan, expected):
    due_at = OPENED + 14 * DAY

    found = next_reminder(OPENED + after * DAY, OPENED, due_at, plan)

    assert found == (None if expected is None else OPENED + expected * DAY)
