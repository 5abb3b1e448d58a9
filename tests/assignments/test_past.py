"""Who held what at a moment gone by, and what was planned then."""

from datetime import UTC, datetime, timedelta

import pytest

from entitlements import clock, sweep
from entitlements.assignments.models import Assignment, AssignmentState
from entitlements.assignments.operations import move_end
from entitlements.assignments.past import ends_as_of
from entitlements.delivery.expiry import end_overdue
from entitlements.policies import moving
from entitlements.policies.models import Expiration
from entitlements.requests import operations
from entitlements.requests.states import RequestKind
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def now():
    with clock.at(NOON):
        yield


@pytest.fixture
def policy():
    return AssignmentPolicyFactory(
        allows_custom_dates=True, expiration=Expiration.AFTER_DAYS, duration=30
    )


def held_at(moment):
    return list(Assignment.objects.held_at(moment))


def over(reason, **span):
    return AssignmentFactory(state=AssignmentState.EXPIRED, end_reason=reason, **span)


SPAN = {"starts_at": NOON - 10 * DAY, "ends_at": NOON - 5 * DAY}
EARLY = {**SPAN, "ends_at": NOON + 9 * DAY, "ended_at": NOON - 5 * DAY}
ENDLESS = {"starts_at": NOON - 10 * DAY, "ends_at": None}


@pytest.mark.parametrize(
    ("reason", "span", "moment", "is_held"),
    [
        ("", SPAN, NOON - 10 * DAY - TICK, False),  # before it began
        ("", SPAN, NOON - 10 * DAY, True),  # as it began
        ("", SPAN, NOON - 5 * DAY - TICK, True),
        ("", SPAN, NOON - 5 * DAY, False),  # as it ended, which nobody has carried out
        ("time", {**SPAN, "ended_at": NOON - 4 * DAY}, NOON - 5 * DAY - TICK, True),
        ("time", {**SPAN, "ended_at": NOON - 4 * DAY}, NOON - 5 * DAY, False),  # carried out later
        ("time", {**SPAN, "ended_at": NOON - 4 * DAY}, NOON - 4 * DAY - HOUR, False),
        ("removed", EARLY, NOON - 5 * DAY - TICK, True),  # ended early
        ("removed", EARLY, NOON - 5 * DAY, False),
        ("given_back", {**ENDLESS, "ended_at": NOON - DAY}, NOON - 2 * DAY, True),
        ("given_back", {**ENDLESS, "ended_at": NOON - DAY}, NOON - DAY, False),
        ("", ENDLESS, NOON - 11 * DAY, False),
        ("", ENDLESS, NOON, True),
        ("", {"starts_at": NOON + DAY, "ends_at": None}, NOON, False),  # to come
    ],
)
def test_access_was_held_from_its_beginning_until_its_end(reason, span, moment, is_held):
    AssignmentFactory(**span) if not reason else over(reason, **span)

    assert bool(held_at(moment)) is is_held


def test_who_holds_it_now_held_it_now():
    AssignmentFactory()
    AssignmentFactory(**SPAN)

    assert held_at(clock.now()) == list(Assignment.objects.live())


def test_access_that_was_extended_was_held_without_a_gap(policy, ada):
    with clock.at(NOON - 40 * DAY):
        assignment = operations.submit(policy, by=ada, ends_at=NOON - 20 * DAY).assignment
    with clock.at(NOON - 25 * DAY):
        operations.extend(assignment, by=ada, ends_at=NOON - 15 * DAY)
    with clock.at(NOON - 14 * DAY):
        end_overdue()

    for days, is_held in ((41, False), (39, True), (21, True), (19, True), (16, True), (14, False)):
        assert bool(held_at(NOON - days * DAY)) is is_held, days


def test_an_end_that_was_moved_reads_as_it_was_planned_then(policy, ada, bo):
    first, second, third = NOON - 20 * DAY, NOON - 15 * DAY, NOON - 12 * DAY
    with clock.at(NOON - 40 * DAY):
        moved = operations.submit(policy, by=ada, ends_at=first).assignment
        kept = operations.submit(policy, by=bo, ends_at=first).assignment
    for days, end in ((25, second), (17, third)):
        with clock.at(NOON - days * DAY):
            moved = operations.extend(moved, by=ada, ends_at=end).assignment
    both = list(Assignment.objects.all())

    for days, planned in ((30, first), (24, second), (16, third)):
        assert ends_as_of(both, NOON - days * DAY) == {moved.pk: planned, kept.pk: first}


def test_planned_ends_cost_one_query(policy, django_assert_num_queries):
    rows = [AssignmentFactory(policy=policy, ends_at=None) for _ in range(3)]

    with django_assert_num_queries(1):
        assert ends_as_of(rows, NOON) == dict.fromkeys([one.pk for one in rows])


def test_an_end_where_there_was_none_reads_as_none(ada):
    assignment = AssignmentFactory(target=ada, ends_at=None)

    move_end(assignment, NOON + DAY, by=None)

    assert ends_as_of([assignment], NOON - HOUR) == {assignment.pk: None}


def test_a_request_that_starts_later_counts_from_its_start(policy, ada, run_queue):
    with clock.at(NOON - 10 * DAY):
        operations.submit(policy, by=ada, starts_at=NOON - 5 * DAY)
        assert not held_at(clock.now())
    with clock.at(NOON - 5 * DAY + HOUR):
        for part in sweep.PARTS:
            part()

    assert not held_at(NOON - 6 * DAY)
    assert held_at(NOON - 5 * DAY + 2 * HOUR)


def test_what_changed_since_leads_from_then_to_now():
    """What was held then, with what began since and without what ended, is what is held."""
    then = NOON - 7 * DAY
    stays = AssignmentFactory(starts_at=then - DAY)
    ends = over("removed", starts_at=then - DAY, ended_at=then + DAY)
    runs_out = AssignmentFactory(starts_at=then - DAY, ends_at=NOON - HOUR)
    comes = AssignmentFactory(starts_at=then + DAY)
    comes_and_goes = over("given_back", starts_at=then + DAY, ended_at=then + 2 * DAY)
    over("removed", starts_at=then - 2 * DAY, ended_at=then)
    AssignmentFactory(starts_at=NOON + DAY)

    assert set(held_at(then)) == {stays, ends, runs_out}
    assert set(Assignment.objects.begun_since(then)) == {comes, comes_and_goes}
    assert set(Assignment.objects.ended_since(then)) == {ends, runs_out, comes_and_goes}
    assert set(Assignment.objects.live()) == {stays, comes}


def test_what_ended_lately_is_told_by_when_it_ended():
    lately = over("removed", starts_at=NOON - 9 * DAY, ended_at=NOON - 2 * DAY)
    over("time", **{**SPAN, "ends_at": NOON - 4 * DAY}, ended_at=NOON - DAY)
    AssignmentFactory()

    assert list(Assignment.objects.ended_within(3 * DAY)) == [lately]


def test_what_ends_before_a_day_is_live_and_ends_earlier():
    soon = AssignmentFactory(ends_at=NOON + DAY)
    AssignmentFactory(ends_at=NOON + 2 * DAY)
    AssignmentFactory(ends_at=None)
    AssignmentFactory(**SPAN)

    assert list(Assignment.objects.ending_before(NOON + 2 * DAY)) == [soon]


def test_a_package_that_moved_is_seen_where_it_is_now(appoint, ada):
    here, there = CatalogFactory(), CatalogFactory()
    package = AccessPackageFactory(catalog=here, roles=[])
    AssignmentFactory(policy__package=package, starts_at=NOON - 9 * DAY)
    before, after = appoint(UserFactory(), here), appoint(UserFactory(), there)

    moving.move_package(package, there, by=UserFactory(is_superuser=True))

    then = Assignment.objects.held_at(NOON - DAY)
    assert not then.visible_to(before)
    assert then.visible_to(after).count() == 1


def test_access_is_told_apart_by_how_it_came_about(bo):
    asked, for_another = AssignmentFactory(), AssignmentFactory()
    given, unknown = AssignmentFactory(is_direct=True), AssignmentFactory()
    for assignment, kind in (
        (asked, RequestKind.USER_ADD),
        (for_another, RequestKind.ON_BEHALF_ADD),
        (given, RequestKind.ADMIN_ADD),
        (asked, RequestKind.USER_EXTEND),
    ):
        AccessRequestFactory(
            policy=assignment.policy, assignment=assignment, kind=kind, state="delivered"
        )

    assert set(Assignment.objects.asked_for()) == {asked, unknown}
    assert list(Assignment.objects.asked_for_others()) == [for_another]
    assert list(Assignment.objects.given_directly()) == [given]
