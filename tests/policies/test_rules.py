"""Tables of facts: no database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from entitlements.policies import rules
from entitlements.policies.extension_rules import Extension, can_extend
from entitlements.policies.rules import Candidate

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FITS = Candidate(
    package="Sales tools",
    is_active=True,
    is_package_open=True,
    is_policy_enabled=True,
    accepts_requests=True,
    is_in_scope=True,
    is_direct=False,
    has_open_request=False,
    holds_package=False,
    requires_justification=True,
    justification="Year-end close",
    allows_custom_dates=True,
    moment=NOON,
    earliest_start=NOON.replace(hour=0),
    wanted_start=None,
    wanted_end=None,
    limit=NOON + 90 * DAY,
)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"requires_justification": False, "justification": ""},
        {"justification": "x" * rules.LONGEST_TEXT},
        {"is_direct": True, "accepts_requests": False},
        {"is_direct": True, "allows_custom_dates": False, "wanted_end": NOON + DAY},
        {"allows_custom_dates": False},
        {"limit": None},
        {"wanted_start": NOON.replace(hour=0)},
        {"wanted_start": NOON + DAY},
        {"wanted_end": NOON + timedelta(microseconds=1)},
        {"wanted_end": NOON + 90 * DAY},
        {"wanted_start": NOON + DAY, "wanted_end": NOON + 2 * DAY},
        {"wanted_end": NOON + rules.LONGEST_AHEAD, "limit": None},
    ],
)
def test_who_fits_may_ask(facts):
    assert rules.can_request(replace(FITS, **facts))


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        ({"is_active": False}, {"account_disabled"}),
        ({"is_package_open": False}, {"package_closed"}),
        ({"is_kept_out": True}, {"members_only"}),
        ({"is_kept_out": True, "is_direct": True}, {"members_only"}),
        ({"is_policy_enabled": False}, {"policy_off"}),
        ({"is_policy_enabled": False, "is_direct": True}, {"policy_off"}),
        ({"accepts_requests": False}, {"policy_off"}),
        ({"is_in_scope": False}, {"not_in_scope"}),
        ({"has_open_request": True}, {"already_requested"}),
        ({"holds_package": True}, {"already_held"}),
        ({"justification": ""}, {"justification_missing"}),
        ({"justification": " \t\n"}, {"justification_missing"}),
        ({"justification": "x" * (rules.LONGEST_TEXT + 1)}, {"justification_too_long"}),
        ({"justification": "a\x00"}, {"justification_unreadable"}),
        ({"allows_custom_dates": False, "wanted_end": NOON + DAY}, {"dates_not_allowed"}),
        ({"allows_custom_dates": False, "wanted_start": NOON}, {"dates_not_allowed"}),
        ({"wanted_start": NOON - DAY}, {"starts_in_the_past"}),
        ({"wanted_end": NOON}, {"ends_in_the_past"}),
        ({"wanted_start": NOON + DAY, "wanted_end": NOON + DAY}, {"ends_before_start"}),
        ({"wanted_end": NOON + 90 * DAY + timedelta(seconds=1)}, {"ends_after_limit"}),
        ({"limit": NOON}, {"policy_ended"}),
        ({"limit": NOON + DAY, "wanted_start": NOON + DAY}, {"policy_ended"}),
        ({"limit": NOON, "wanted_end": NOON + DAY}, {"policy_ended"}),
        (
            {"limit": None, "wanted_start": NOON + rules.LONGEST_AHEAD + DAY},
            {"too_far_ahead"},
        ),
        ({"limit": None, "wanted_end": NOON + rules.LONGEST_AHEAD + DAY}, {"too_far_ahead"}),
        (
            {"is_active": False, "is_in_scope": False, "holds_package": True},
            {"account_disabled", "not_in_scope", "already_held"},
        ),
    ],
)
def test_who_does_not_fit_learns_every_reason(facts, codes):
    decision = rules.can_request(replace(FITS, **facts))

    assert decision.codes == codes
    for reason in decision.reasons:
        assert reason.text.endswith(".")


FITS_LONGER = Extension(
    package="Sales tools",
    allows_extension=True,
    is_by_manager=False,
    is_policy_enabled=True,
    is_retired=False,
    is_in_scope=True,
    has_open_request=False,
    requires_justification=False,
    justification="",
    moment=NOON,
    present_end=NOON + DAY,
    wanted_end=None,
    limit=NOON + 91 * DAY,
)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"wanted_end": NOON + 2 * DAY},
        {"wanted_end": NOON + 91 * DAY},
        {"limit": None},
        {"limit": None, "wanted_end": NOON + 1000 * DAY},
        {"requires_justification": True, "justification": "Still here"},
        {"allows_extension": False, "is_by_manager": True},
    ],
)
def test_who_fits_may_stay_longer(facts):
    assert can_extend(replace(FITS_LONGER, **facts))


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        ({"allows_extension": False}, {"extension_not_allowed"}),
        ({"is_policy_enabled": False}, {"extension_not_allowed"}),
        ({"is_policy_enabled": False, "is_by_manager": True}, {"extension_not_allowed"}),
        ({"is_retired": True}, {"package_retired"}),
        ({"is_in_scope": False}, {"not_in_scope"}),
        ({"has_open_request": True}, {"already_requested"}),
        ({"present_end": None, "limit": None}, {"never_ends"}),
        ({"requires_justification": True}, {"justification_missing"}),
        ({"wanted_end": NOON + DAY}, {"not_later"}),
        ({"limit": NOON + DAY}, {"not_later"}),
        ({"wanted_end": NOON + 92 * DAY}, {"ends_after_limit"}),
        ({"limit": NOON + rules.LONGEST_AHEAD + DAY}, {"too_far_ahead"}),
        (
            {"limit": None, "wanted_end": NOON + rules.LONGEST_AHEAD + DAY},
            {"too_far_ahead"},
        ),
    ],
)
def test_who_may_not_stay_longer_learns_every_reason(facts, codes):
    assert can_extend(replace(FITS_LONGER, **facts)).codes == codes


def end_of(expiration, starts_at, zone="UTC", **terms):
    terms = {"ends_on": None, "duration": None, **terms}
    end = rules.end_of(expiration, starts_at=starts_at, zone=ZoneInfo(zone), **terms)
    return end and end.astimezone(UTC)


def test_access_may_never_end():
    assert end_of("never", NOON) is None


def test_access_may_end_on_a_date_wherever_it_starts():
    assert end_of("on_date", NOON, ends_on=NOON + DAY) == NOON + DAY
    assert end_of("on_date", NOON + 9 * DAY, ends_on=NOON + DAY) == NOON + DAY


def at(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "starts_at", "days", "ends_at"),
    [
        ("UTC", "2026-05-05T12:00+00:00", 1, "2026-05-06T12:00+00:00"),
        # Leap days, ends of months and of years.
        ("UTC", "2028-02-28T12:00+00:00", 1, "2028-02-29T12:00+00:00"),
        ("UTC", "2028-02-29T12:00+00:00", 365, "2029-02-28T12:00+00:00"),
        ("UTC", "2026-01-31T23:59+00:00", 1, "2026-02-01T23:59+00:00"),
        ("UTC", "2026-12-31T12:00+00:00", 1, "2027-01-01T12:00+00:00"),
        # Ten on the clock stays ten on the clock, though the day has 23 or 25 hours.
        ("Europe/Berlin", "2026-03-28T09:00+00:00", 1, "2026-03-29T08:00+00:00"),
        ("Europe/Berlin", "2026-10-24T08:00+00:00", 1, "2026-10-25T09:00+00:00"),
        ("America/New_York", "2026-03-07T17:00+00:00", 1, "2026-03-08T16:00+00:00"),
        # Half past two does not exist on that day: nobody loses his access before it would.
        ("Europe/Berlin", "2026-03-28T01:30+00:00", 1, "2026-03-29T01:30+00:00"),
        # Half past two exists twice; the first counts.
        ("Europe/Berlin", "2026-10-24T00:30+00:00", 1, "2026-10-25T00:30+00:00"),
        # A start in the second half past two is as long as any other.
        ("Europe/Berlin", "2026-10-25T01:30+00:00", 1, "2026-10-26T01:30+00:00"),
        ("Pacific/Kiritimati", "2026-05-05T12:00+00:00", 7, "2026-05-12T12:00+00:00"),
        ("Etc/GMT+12", "2026-05-05T12:00+00:00", 7, "2026-05-12T12:00+00:00"),
    ],
)
def test_days_are_days_on_the_calendar_of_the_organization(zone, starts_at, days, ends_at):
    assert end_of("after_days", at(starts_at), zone, duration=days) == at(ends_at)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_hours_are_exact(zone):
    starts_at = at("2026-03-28T12:00+00:00")

    assert end_of("after_hours", starts_at, zone, duration=48) == starts_at + timedelta(hours=48)


def test_a_reason_is_read_once_for_all_its_faults():
    assert rules.text_fits("", is_required=False) is None
    assert rules.text_fits("x" * 10_001, is_required=False).code == "justification_too_long"
    assert "10,001" in rules.text_fits("x" * 10_001, is_required=False).text
