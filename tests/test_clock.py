from datetime import UTC, date, datetime, timedelta
from threading import Thread
from zoneinfo import ZoneInfo

import pytest

from entitlements import clock


def moment(text):
    return datetime.fromisoformat(text)


@pytest.mark.usefixtures("real_time")
def test_the_clock_runs_in_utc():
    assert clock.now().tzinfo == UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_moved_clock_runs_on():
    with clock.at(moment("2030-01-01T12:00Z")):
        first, second = clock.now(), clock.now()

    assert moment("2030-01-01T12:00Z") <= first <= second < moment("2030-01-01T12:01Z")


def test_a_moved_clock_comes_back_even_after_an_error():
    with pytest.raises(ZeroDivisionError), clock.at(moment("2030-01-01T12:00Z")):
        1 / 0  # noqa: B018

    assert clock.now().year < 2030


def test_a_clock_can_be_moved_within_a_moved_one():
    with clock.at(moment("2030-01-01T00:00Z")):
        with clock.at(clock.now() + timedelta(days=365)):
            assert clock.now().year == 2031
        assert clock.now().year == 2030


def test_a_moved_clock_is_moved_for_all_threads():
    seen = []
    with clock.at(moment("2030-01-01T00:00Z")):
        thread = Thread(target=lambda: seen.append(clock.now().year))
        thread.start()
        thread.join()

    assert seen == [2030]


@pytest.mark.parametrize(
    ("zone", "now", "begins"),
    [
        ("UTC", "2026-05-05T23:59:59+00:00", "2026-05-05T00:00:00+00:00"),
        ("Pacific/Kiritimati", "2026-05-05T11:00:00+00:00", "2026-05-05T10:00:00+00:00"),
        ("Etc/GMT+12", "2026-05-05T11:00:00+00:00", "2026-05-04T12:00:00+00:00"),
        ("Europe/Berlin", "2026-03-29T12:00:00+00:00", "2026-03-28T23:00:00+00:00"),
        ("Europe/Berlin", "2026-10-25T12:00:00+00:00", "2026-10-24T22:00:00+00:00"),
        # In Havana the clock goes back from 1:00 to 0:00: midnight comes twice, a day begins once.
        ("America/Havana", "2026-11-01T04:30:00+00:00", "2026-11-01T04:00:00+00:00"),
        ("America/Havana", "2026-11-01T05:30:00+00:00", "2026-11-01T04:00:00+00:00"),
        # In Beirut it goes forward at midnight: the day begins at 1:00.
        ("Asia/Beirut", "2026-03-29T12:00:00+00:00", "2026-03-28T22:00:00+00:00"),
    ],
)
def test_a_day_begins_at_midnight_of_the_organization(settings, zone, now, begins):
    settings.ORGANIZATION_TIME_ZONE = zone

    with clock.at(moment(now)):
        assert clock.today_begins().astimezone(UTC) == moment(begins)
        assert clock.zone() == ZoneInfo(zone)


def test_a_chosen_day_begins_and_ends_in_the_zone_of_the_organization(settings):
    settings.ORGANIZATION_TIME_ZONE = "America/New_York"

    assert clock.day_begins(date(2026, 3, 8)) == moment("2026-03-08T05:00:00+00:00")
    assert clock.day_ends(date(2026, 3, 8)) == moment("2026-03-09T03:59:59+00:00")
