from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from entitlements import clock, work
from entitlements.models import Notification
from tests.factories import NotificationFactory

LATER = timedelta(seconds=1)


@pytest.fixture
def row(db):
    return NotificationFactory(next_attempt_at=clock.now())


def rows():
    return Notification.objects.all()


def test_a_row_is_due_when_its_moment_has_come(row):
    assert rows().due().get() == row

    row.next_attempt_at = clock.now() + LATER
    row.save()
    assert not rows().due().exists()

    row.next_attempt_at = None
    row.save()
    assert not rows().due().exists()


def test_a_claimed_row_is_nobody_elses_until_its_lease_is_over(row):
    assert rows().claim()
    assert not rows().claim()
    assert not rows().due().exists()

    row.refresh_from_db()
    assert row.attempts == 1
    assert row.lease_until - clock.now() <= work.LEASE
    with clock.at(row.lease_until):
        assert rows().claim()
    row.refresh_from_db()
    assert row.attempts == 2


def test_a_lease_outlasts_a_job(settings):
    assert timedelta(seconds=settings.JOBS_TIMEOUT) < work.LEASE


def test_a_row_that_is_not_due_cannot_be_claimed(row):
    row.next_attempt_at = None
    row.save()

    assert not rows().claim()
    row.refresh_from_db()
    assert row.attempts == 0


PAUSES = (timedelta(seconds=10), timedelta(seconds=60))


@pytest.mark.parametrize(("attempts", "pause"), [(1, PAUSES[0]), (2, PAUSES[1]), (3, None)])
def test_pauses_grow_until_no_more_is_planned(attempts, pause):
    assert work.pause_after(attempts, PAUSES) == pause

    with clock.at(clock.now()):
        before, moment = clock.now(), work.moment_after(attempts, PAUSES)
        if pause is None:
            assert moment is None
        else:
            assert before + pause <= moment <= clock.now() + pause


def test_each_is_done_and_one_that_fails_stops_no_other():
    done = []

    def halve(number):
        done.append(10 // number)

    with capture_logs() as logs:
        assert work.each(halve, [1, 0, 5]) == 3

    assert done == [10, 2]
    (entry,) = logs
    assert (entry["act"], entry["thing"]) == ("halve", "0")
    assert work.each(halve, []) == 0
