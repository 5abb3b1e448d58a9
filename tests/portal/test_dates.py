from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone

from entitlements import clock
from portal import dates

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def noon_in_berlin(settings):
    settings.ORGANIZATION_TIME_ZONE = "Europe/Berlin"
    with clock.at(NOON), timezone.override(BERLIN):
        yield


def render(text, **values):
    return Template("{% load portal %}" + text).render(Context(values))


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(seconds=20), "in a moment"),
        (timedelta(seconds=-20), "just now"),
        (timedelta(minutes=1, seconds=10), "in 1 minute"),
        (timedelta(hours=1, minutes=50), "in 2 hours"),
        (timedelta(minutes=-45), "45 minutes ago"),
        (timedelta(hours=3, minutes=5), "in 3 hours"),
        (timedelta(hours=-1, minutes=-5), "1 hour ago"),
        (timedelta(hours=11), "tomorrow"),
        (timedelta(hours=-14), "yesterday"),
        (timedelta(days=1), "tomorrow"),
        (timedelta(days=3), "in 3 days"),
        (timedelta(days=-60), "60 days ago"),
        (timedelta(days=60), "in 60 days"),
        (timedelta(days=61), ""),
        (timedelta(days=-400), ""),
    ],
)
def test_distance_is_told_in_one_unit_by_calendar_day(distance, words):
    assert dates.relative(NOON + distance) == words


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(minutes=10), "in 10 minutes"),
        (timedelta(minutes=59), "in 59 minutes"),
        (timedelta(minutes=66), "tomorrow"),
    ],
)
def test_minutes_stay_minutes_across_midnight(distance, words):
    with clock.at(NOON.replace(hour=22, minute=55)):
        assert dates.relative(clock.now() + distance) == words


def test_both_forms_stand_beside_each_other():
    assert dates.both(NOON + timedelta(days=3)) == "in 3 days · Thu 26 Nov 2026, 13:00"
    assert dates.both(NOON + timedelta(hours=4)) == "in 4 hours · today, 17:00"
    assert dates.both(NOON + timedelta(days=90)) == "Sun 21 Feb 2027"


def test_zone_is_named_only_where_it_is_not_the_organizations():
    assert dates.exact(NOON) == "Mon 23 Nov 2026, 13:00"

    with timezone.override(ZoneInfo("America/New_York")):
        assert dates.exact(NOON) == "Mon 23 Nov 2026, 07:00 EST"
        assert dates.both(NOON + timedelta(hours=2)) == "in 2 hours · today, 09:00 EST"


def test_zone_without_letters_is_told_as_distance_from_utc():
    with timezone.override(ZoneInfo("America/Sao_Paulo")):
        assert dates.exact(NOON).endswith(" UTC-03")


def test_full_form_names_zone_and_utc():
    assert dates.full(NOON) == "Monday 23 November 2026, 13:00 CET (12:00 UTC)"

    with timezone.override(ZoneInfo("Pacific/Auckland")):
        assert dates.full(NOON) == ("Tuesday 24 November 2026, 01:00 NZDT (Mon 23, 12:00 UTC)")


def test_calendar_days_count_in_the_viewers_zone_across_the_change_of_the_clock():
    before = datetime(2027, 3, 27, 22, 30, tzinfo=UTC)
    with clock.at(before):
        assert dates.relative(datetime(2027, 3, 28, 21, 30, tzinfo=UTC)) == "tomorrow"
        assert dates.relative(datetime(2027, 3, 28, 22, 30, tzinfo=UTC)) == "in 2 days"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (date(2026, 11, 23), "today · Mon 23 Nov 2026"),
        (date(2026, 11, 22), "yesterday · Sun 22 Nov 2026"),
        (date(2026, 12, 2), "in 9 days · Wed 2 Dec 2026"),
        (date(2027, 6, 1), "Tue 1 Jun 2027"),
    ],
)
def test_days_are_told_with_their_distance(value, words):
    assert dates.day_with_distance(value) == words


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (None, "since 23 Nov 2026, no end"),
        (NOON + timedelta(hours=2), "23 Nov 2026"),
        (NOON + timedelta(days=20), "23 Nov – 13 Dec 2026"),
        (NOON + timedelta(days=90), "23 Nov 2026 – 21 Feb 2027"),
    ],
)
def test_a_period_does_not_repeat_what_its_ends_share(ends, words):
    assert dates.period(NOON, ends) == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(days=90), "90 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(0), "0 minutes"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_whole_unit(length, words):
    assert dates.duration(length) == words


def test_unknown_zone_falls_back_to_the_organizations():
    assert dates.zone_of("") == BERLIN
    assert dates.zone_of("Mars/Olympus") == BERLIN
    assert dates.zone_of("../etc/passwd") == BERLIN
    assert dates.zone_of("Asia/Tokyo") == ZoneInfo("Asia/Tokyo")


def test_the_tag_writes_a_time_element_with_the_instant_in_utc():
    html = render("{% moment at %}", at=NOON + timedelta(days=3))

    assert html == (
        '<time datetime="2026-11-26T12:00:00Z" '
        'title="Thursday 26 November 2026, 13:00 CET (12:00 UTC)">'
        "in 3 days · Thu 26 Nov 2026, 13:00</time>"
    )


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("relative", "in 3 days"),
        ("exact", "Thu 26 Nov 2026, 13:00"),
        ("day", "Thu 26 Nov 2026"),
    ],
)
def test_the_tag_has_shorter_forms(style, words):
    html = render("{% moment at style %}", at=NOON + timedelta(days=3), style=style)

    assert f">{words}</time>" in html


def test_no_moment_is_no_end():
    assert render("{% moment at %}", at=None) == "no end"
    assert render("{% day at empty='not set' %}", at=None) == "not set"
    assert render("{{ at|exact }}{{ at|relative }}{{ at|duration }}", at=None) == ""


def test_filters_write_plain_text():
    html = render(
        "{{ at|exact }}; {{ at|relative }}; {{ far|relative }}; {{ length|duration }}",
        at=NOON,
        far=NOON + timedelta(days=100),
        length=timedelta(days=2),
    )

    assert html == "Mon 23 Nov 2026, 13:00; just now; Wed 3 Mar 2027; 2 days"


def test_people_are_listed_as_a_sentence_does():
    assert render("{{ names|listed }}", names=[]) == ""
    assert render("{{ names|listed }}", names=["Ana"]) == "Ana"
    assert render("{{ names|listed }}", names=["Ana", "Bo", "Gita"]) == "Ana, Bo and Gita"


def test_initials_are_at_most_two_letters():
    assert render("{{ name|initials }}", name="Ana Maria Diaz") == "AD"
    assert render("{{ name|initials }}", name="Plato") == "PL"
    assert render("{{ name|initials }}", name="") == ""
