from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from entitlements import clock, heartbeat, sweep
from entitlements.models import AccessRequest, Assignment
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestState
from tests.factories import (
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def approved_by_bo(bo):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    return policy


def test_a_sweep_beats(queued):
    sweep.run()

    assert clock.now() - heartbeat.last_beat() < timedelta(seconds=5)
    assert queued() == []


@pytest.mark.parametrize("failing", range(len(sweep.PARTS)))
def test_one_part_that_fails_does_not_stop_the_others(monkeypatch, failing):
    ran = []

    def part(number):
        def run():
            ran.append(number)
            if number == failing:
                raise ZeroDivisionError

        return run

    monkeypatch.setattr(sweep, "PARTS", tuple(part(n) for n in range(len(sweep.PARTS))))

    with capture_logs() as logs:
        sweep.run()

    assert ran == list(range(len(sweep.PARTS)))
    assert [entry["event"] for entry in logs] == ["sweep_part_failed"]
    assert heartbeat.last_beat() is not None


def test_one_row_that_fails_does_not_stop_the_others(monkeypatch, approved_by_bo):
    requests = [operations.submit(approved_by_bo, by=UserFactory()) for _ in range(3)]

    def lapse(step):
        if step.access_request == requests[0]:
            raise ZeroDivisionError
        return deciding.lapse(step)

    monkeypatch.setattr(sweep, "lapse", lapse)
    with clock.at(clock.now() + 15 * DAY), capture_logs() as logs:
        assert sweep.lapse_what_nobody_decided() == 3

    assert AccessRequest.objects.filter(state=RequestState.EXPIRED).count() == 2
    (entry,) = logs
    assert (entry["event"], entry["act"]) == ("failed", "lapse")
    assert entry["thing"] == str(requests[0].steps.get().pk)


def test_a_sweep_takes_only_so_many_rows_at_once(monkeypatch, approved_by_bo):
    monkeypatch.setattr(sweep, "MOST_ROWS", 2)
    for _ in range(3):
        operations.submit(approved_by_bo, by=UserFactory())

    with clock.at(clock.now() + 15 * DAY):
        assert sweep.lapse_what_nobody_decided() == 2
        assert sweep.lapse_what_nobody_decided() == 1
        assert sweep.lapse_what_nobody_decided() == 0


def test_what_is_due_is_done_and_a_second_sweep_finds_nothing(
    ada, bo, approved_by_bo, actions, run_queue
):
    moment = clock.now()
    custom = AssignmentPolicyFactory(allows_custom_dates=True)
    operations.submit(approved_by_bo, by=ada)
    scheduled = operations.submit(custom, by=ada, starts_at=moment + DAY)
    AssignmentFactory(target=ada, ends_at=moment + 2 * DAY)
    AssignmentFactory(target=ada, ends_at=moment + 20 * DAY, reminder_at=moment + 3 * DAY)

    with clock.at(moment + 16 * DAY):
        sweep.run()
        run_queue()
        first = actions()
        sweep.run()
        run_queue()

        assert actions() == first
    assert first.count("request.lapsed") == 1
    assert first.count("assignment.begun") == 1
    assert first.count("assignment.ended") == 1
    assert first.count("assignment.end_announced") == 1
    scheduled.refresh_from_db()
    assert scheduled.state == RequestState.DELIVERED


def test_requests_to_extend_what_ended_are_called_off(ada, approved_by_bo):
    approved_by_bo.extension_requires_approval = True
    approved_by_bo.save()
    assignment = AssignmentFactory(policy=approved_by_bo, target=ada, ends_at=clock.now() + DAY)
    extension = operations.extend(assignment, by=ada)

    with clock.at(assignment.ends_at):
        sweep.run()

    extension.refresh_from_db()
    assert extension.state == RequestState.CANCELED
    assert not Assignment.objects.live().exists()


def test_workers_that_stood_still_for_long_catch_up(ada, run_queue, holds):
    policy = AssignmentPolicyFactory(duration=1)
    operations.submit(policy, by=ada)

    with clock.at(clock.now() + 30 * DAY):
        sweep.run()
        run_queue()

    assert not holds(ada, policy.package.roles.get())
    assert Assignment.objects.get().end_reason == "time"
