from datetime import timedelta

import pytest

from entitlements import clock, sweep
from entitlements.models import AccessRequest, Assignment
from entitlements.requests import operations
from entitlements.requests.states import RequestState
from tests.factories import AssignmentFactory
from tests.threads import at_once

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_scheduled_access_begins_at_its_start(scheduled, actions, queued):
    assert not AccessRequest.objects.start_due().exists()

    with clock.at(scheduled.starts_at):
        assert AccessRequest.objects.start_due().get() == scheduled
        before = len(actions())
        started = operations.start_scheduled(scheduled)

        assert started.state == RequestState.DELIVERING
        assert started.assignment.is_live
        assert started.assignment.starts_at - scheduled.starts_at < timedelta(seconds=10)
    assert actions()[before:] == ["assignment.begun", "request.delivery_started"]
    assert queued() == ["delivery.tasks.deliver"]


def test_it_begins_once(scheduled, actions):
    with clock.at(scheduled.starts_at):
        operations.start_scheduled(scheduled)
        operations.start_scheduled(scheduled)

    assert actions().count("assignment.begun") == 1


def test_access_that_starts_late_ends_by_the_policy(scheduled):
    with clock.at(scheduled.starts_at + 2 * DAY):
        started = operations.start_scheduled(scheduled)

    assert started.assignment.ends_at == started.assignment.starts_at + 90 * DAY


def test_the_sweep_starts_what_is_due(ada, scheduled, run_queue, holds):
    with clock.at(scheduled.starts_at):
        sweep.run()
        run_queue()

    scheduled.refresh_from_db()
    assert scheduled.state == RequestState.DELIVERED
    assert holds(ada, scheduled.package.roles.get())


def test_a_person_disabled_meanwhile_gets_nothing(ada, scheduled, actions):
    ada.is_active = False
    ada.save()

    with clock.at(scheduled.starts_at):
        canceled = operations.start_scheduled(scheduled)

    assert canceled.state == RequestState.CANCELED
    assert "disabled" in canceled.outcome_reason
    assert actions()[-1] == "request.canceled"
    assert not Assignment.objects.exists()


def test_a_package_held_meanwhile_is_not_given_twice(ada, scheduled):
    AssignmentFactory(policy=scheduled.policy, target=ada)

    with clock.at(scheduled.starts_at):
        canceled = operations.start_scheduled(scheduled)

    assert canceled.state == RequestState.CANCELED
    assert "holds" in canceled.outcome_reason


def test_a_period_that_is_over_gives_nothing(ada, policy):
    policy.allows_custom_dates = True
    policy.save()
    moment = clock.now()
    access_request = operations.submit(
        policy, by=ada, starts_at=moment + DAY, ends_at=moment + 2 * DAY
    )

    with clock.at(moment + 2 * DAY + timedelta(seconds=1)):
        canceled = operations.start_scheduled(access_request)

    assert canceled.state == RequestState.CANCELED
    assert "over" in canceled.outcome_reason


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_start_it_once(scheduled, actions):
    with clock.at(scheduled.starts_at):
        at_once(*[lambda: operations.start_scheduled(scheduled)] * 6)

    assert actions().count("assignment.begun") == 1
    assert Assignment.objects.count() == 1
