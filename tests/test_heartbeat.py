from datetime import timedelta

import pytest
from django_q.models import OrmQ

from entitlements import clock, heartbeat
from entitlements.models import Heartbeat
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def test_the_first_tick_asks_for_a_sweep(queued):
    assert heartbeat.last_beat() is None

    assert heartbeat.tick()

    assert queued() == ["sweep.run"]
    assert str(Heartbeat.objects.get()) == "sweep"


def test_a_sweep_is_asked_for_where_revocations_wait(settings, queued):
    settings.REVOCATION_QUEUE = "revocations"

    heartbeat.tick()

    assert queued() == ["sweep.run"]
    assert OrmQ.objects.get().key == "revocations"


def test_while_a_sweep_waits_another_is_asked_for_only_after_a_minute(queued):
    moment = clock.now()
    heartbeat.tick()

    with clock.at(moment + timedelta(seconds=50)):
        assert not heartbeat.tick()
    with clock.at(moment + timedelta(seconds=61)):
        assert heartbeat.tick()

    assert queued() == ["sweep.run", "sweep.run"]


def test_after_a_sweep_the_next_is_asked_for_when_the_interval_is_over(queued):
    moment = clock.now()
    heartbeat.tick()
    heartbeat.beat()

    with clock.at(moment + timedelta(seconds=3)):
        assert not heartbeat.tick()
    with clock.at(moment + timedelta(seconds=6)):
        assert heartbeat.tick()
        assert not heartbeat.tick()

    assert queued() == ["sweep.run", "sweep.run"]


def test_a_clock_that_was_set_back_does_not_stop_the_work():
    with clock.at(clock.now() + timedelta(days=365)):
        heartbeat.tick()
        heartbeat.beat()

    assert heartbeat.tick()


def test_a_beat_is_written_down():
    heartbeat.beat()
    first = heartbeat.last_beat()
    heartbeat.beat()

    assert clock.now() - timedelta(seconds=5) < first < heartbeat.last_beat()
    assert Heartbeat.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_clusters_that_tick_at_once_one_gets_through(queued):
    asked = at_once(*[heartbeat.tick] * 8)

    assert sorted(asked) == [False] * 7 + [True]
    assert queued() == ["sweep.run"]


def test_a_cluster_that_starts_asks_for_a_sweep_whatever_was_asked_before(queued):
    heartbeat.tick()

    heartbeat.start()

    assert queued() == ["sweep.run", "sweep.run"]
    assert not heartbeat.tick()
