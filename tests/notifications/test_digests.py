"""When mails come that ask for nothing: at once, in the morning, or on Monday."""

from datetime import UTC, datetime

import pytest

from entitlements.notifications.digests import digest_at
from tests.factories import NotificationFactory, UserFactory

TUESDAY_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def told(preference, *, event="access.given", zone="Europe/Berlin", at=TUESDAY_NOON):
    recipient = UserFactory.build(mail_preference=preference, time_zone=zone)
    return NotificationFactory.build(recipient=recipient, event=event, created_at=at)


@pytest.mark.parametrize(
    ("preference", "zone", "at", "expected"),
    [
        ("daily", "Europe/Berlin", TUESDAY_NOON, datetime(2026, 11, 25, 6, tzinfo=UTC)),
        ("daily", "America/Lima", TUESDAY_NOON, datetime(2026, 11, 25, 12, tzinfo=UTC)),
        (
            "daily",
            "Europe/Berlin",
            datetime(2026, 11, 24, 5, 59, tzinfo=UTC),
            datetime(2026, 11, 24, 6, tzinfo=UTC),
        ),
        ("weekly", "Europe/Berlin", TUESDAY_NOON, datetime(2026, 11, 30, 6, tzinfo=UTC)),
        (
            "weekly",
            "Europe/Berlin",
            datetime(2026, 11, 30, 5, tzinfo=UTC),
            datetime(2026, 11, 30, 6, tzinfo=UTC),
        ),
        (
            "weekly",
            "Europe/Berlin",
            datetime(2026, 11, 30, 6, tzinfo=UTC),
            datetime(2026, 12, 7, 6, tzinfo=UTC),
        ),
        (
            "daily",
            "Europe/Berlin",
            datetime(2027, 3, 27, 12, tzinfo=UTC),
            datetime(2027, 3, 28, 5, tzinfo=UTC),
        ),
    ],
)
def test_a_digest_comes_at_seven_on_its_readers_clock(preference, zone, at, expected):
    assert digest_at(told(preference, zone=zone, at=at)) == expected


def test_who_wants_mails_at_once_gets_them_at_once():
    assert digest_at(told("immediately")) is None


@pytest.mark.parametrize("event", ["approval.asked", "approval.reminder", "access.ends_soon"])
def test_what_asks_somebody_to_act_never_waits(event):
    assert digest_at(told("weekly", event=event)) is None
