from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from entitlements import clock
from entitlements.assignments.models import (
    ENDS_SOON,
    AssignmentState,
    EndReason,
    next_reminder,
)
from entitlements.models import Assignment
from tests.factories import AssignmentFactory, UserFactory

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
def assignment():
    return AssignmentFactory()


def found():
    """What the queries and the object itself say of the one assignment."""
    assignment = Assignment.objects.get()
    live = Assignment.objects.live().exists()
    assert assignment.is_live is live
    return {
        "live": live,
        "past": Assignment.objects.past().exists(),
        "overdue": Assignment.objects.overdue().exists(),
    }


def test_access_is_live_from_its_start_to_the_second_of_its_end(assignment, monkeypatch):
    live = {"live": True, "past": False, "overdue": False}
    over = {"live": False, "past": True, "overdue": True}
    for moment, expected in [
        (assignment.starts_at - INSTANT, {"live": False, "past": False, "overdue": False}),
        (assignment.starts_at, live),
        (assignment.ends_at - INSTANT, live),
        (assignment.ends_at, over),
        (assignment.ends_at + DAY, over),
    ]:
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        assert found() == expected


def test_access_without_end_stays_live():
    AssignmentFactory(ends_at=None)

    with clock.at(clock.now() + 36_000 * DAY):
        assert found() == {"live": True, "past": False, "overdue": False}


def test_ended_access_is_past_and_nothing_is_left_to_do(assignment):
    assignment.end(EndReason.REMOVED, by=assignment.target)

    assert found() == {"live": False, "past": True, "overdue": False}
    assignment.refresh_from_db()
    assert assignment.end_reason == EndReason.REMOVED
    assert assignment.ended_by == assignment.target
    assert assignment.reminder_at is None


def test_people_read_ended_before_the_workers_know(assignment):
    assert assignment.shown_state == AssignmentState.DELIVERED
    assert assignment.over_at == assignment.ends_at
    assert assignment.shown_end_reason == "time ran out"

    with clock.at(assignment.ends_at):
        assert assignment.shown_state == AssignmentState.EXPIRED
        assert assignment.state == AssignmentState.DELIVERED


@pytest.mark.parametrize(
    ("state", "left", "shown"),
    [
        (AssignmentState.DELIVERED, ENDS_SOON, "ends_soon"),
        (AssignmentState.DELIVERED, ENDS_SOON + DAY, "delivered"),
        (AssignmentState.DELIVERING, DAY, "delivering"),
        (AssignmentState.PARTIALLY_DELIVERED, DAY, "partially_delivered"),
        (AssignmentState.DELIVERY_FAILED, DAY, "delivery_failed"),
    ],
)
def test_people_read_that_access_ends_soon(state, left, shown):
    assert AssignmentFactory(state=state, ends_at=clock.now() + left).shown_state == shown


def test_an_early_end_is_shown_as_it_was(assignment):
    with clock.at(clock.now() + DAY):
        assignment.end(EndReason.GIVEN_BACK, by=assignment.target)

    assert assignment.over_at == assignment.ended_at
    assert assignment.shown_end_reason == "given back"


@pytest.mark.parametrize(
    ("left", "reminders"),
    [(30 * DAY, [16 * DAY, 29 * DAY]), (14 * DAY, [13 * DAY]), (DAY, []), (DAY / 2, [])],
)
def test_reminders_are_14_days_and_1_day_before_the_end(left, reminders):
    start, planned = clock.now(), []
    moment = start
    while moment := next_reminder(start + left, after=moment):
        planned.append(moment - start)

    assert planned == reminders


def test_what_never_ends_is_never_announced():
    assert next_reminder(None, after=clock.now()) is None


def test_assignments_are_visible_to_those_who_look_after_the_catalog(
    assignment, gita, ada, appoint
):
    AssignmentFactory()
    appoint(gita, assignment.package.catalog, "reader")

    assert Assignment.objects.visible_to(gita).get() == assignment
    assert not Assignment.objects.visible_to(ada).exists()
    assert str(assignment) == f"{assignment.package} for {assignment.target}"


def test_assignments_are_found_and_sorted_for_pages(assignment):
    ada = assignment.target
    endless = AssignmentFactory(target=ada, ends_at=None)
    soon = AssignmentFactory(target=ada, ends_at=clock.now() + DAY)
    failed = AssignmentFactory(state=AssignmentState.DELIVERY_FAILED)
    over = AssignmentFactory(ends_at=clock.now() - timedelta(hours=1))

    assert list(Assignment.objects.held_by(ada).first_end_first()) == [soon, assignment, endless]
    assert Assignment.objects.ending_soon().get() == soon
    assert Assignment.objects.troubled().get() == failed
    assert Assignment.objects.past().last_end_first().get() == over


def test_one_live_assignment_per_package_and_target(assignment):
    again = {"policy": assignment.policy, "target": assignment.target}
    with pytest.raises(IntegrityError), transaction.atomic():
        AssignmentFactory(**again)

    AssignmentFactory(policy=assignment.policy)
    assignment.end(EndReason.TIME, by=None)
    AssignmentFactory(**again)


@pytest.mark.parametrize("span", [timedelta(0), -DAY])
def test_assignment_ends_after_it_starts(span):
    moment = clock.now()

    with pytest.raises(IntegrityError, match="assignment_ends_after_it_starts"):
        AssignmentFactory(starts_at=moment, ends_at=moment + span)


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": AssignmentState.EXPIRED},
        {"end_reason": EndReason.TIME},
        {"ended_at": True},
        {"ended_at": True, "end_reason": EndReason.TIME},
        {"ended_at": True, "state": AssignmentState.EXPIRED},
    ],
)
def test_ended_assignment_says_when_and_why(wrong):
    if "ended_at" in wrong:
        wrong = {**wrong, "ended_at": clock.now()}

    with pytest.raises(IntegrityError, match="ended_assignment_says_when_and_why"):
        AssignmentFactory(target=UserFactory(), **wrong)
