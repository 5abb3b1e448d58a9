"""The list of assignments as of a day gone by: what it shows, and that nothing is done on it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from entitlements import clock
from entitlements.assignments.models import AssignmentState
from entitlements.assignments.operations import move_end
from entitlements.directory.appointing import give_tenant_role
from entitlements.models import Assignment, AuditEvent
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    UserFactory,
)
from tests.files import Opened
from tests.portal.test_manage import grow

pytestmark = pytest.mark.django_db

LIST = reverse("manage:entitlements_assignment_changelist")
FILE = reverse("manage:entitlements_assignment_export")
NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
THEN = {"as_of": "2026-06-20"}


@pytest.fixture(autouse=True)
def now():
    cache.clear()
    with clock.at(NOON):
        yield


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def olga(appoint, sales):
    return appoint(UserFactory(display_name="Olga Owner"), sales)


@pytest.fixture
def as_olga(client, olga):
    client.force_login(olga)
    return client


@pytest.fixture
def policy(sales):
    package = AccessPackageFactory(catalog=sales, name="Sales Analyst")
    return AssignmentPolicyFactory(package=package, name="Employees")


@pytest.fixture
def holders(policy):
    """Access of four people, named after what becomes of it around the twentieth of June."""
    ended = {"state": AssignmentState.EXPIRED, "end_reason": "removed"}
    spans = {
        "Stays": {"starts_at": NOON - 20 * DAY, "ends_at": NOON + 9 * DAY},
        "Goes": {"starts_at": NOON - 20 * DAY, "ended_at": NOON - 3 * DAY, **ended},
        "Comes": {"starts_at": NOON - 2 * DAY, "ends_at": None},
        "Went": {"starts_at": NOON - 20 * DAY, "ended_at": NOON - 12 * DAY, **ended},
    }
    return {
        name: AssignmentFactory(policy=policy, target=UserFactory(display_name=name), **span)
        for name, span in spans.items()
    }


def names(response):
    return set(re.findall(r">(Stays|Goes|Comes|Went)</a>", response.text))


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))


# A day gone by


def test_the_list_shows_who_held_it_at_the_end_of_that_day(as_olga, holders):
    response = as_olga.get(LIST, THEN)

    assert names(response) == {"Stays", "Goes"}
    text = words(response)
    assert "Assignments as of Sat 20 Jun 2026" in text
    assert "You look at the past: who held what as of Sat 20 Jun 2026, 23:59" in text
    assert "Made on" in text
    assert names(as_olga.get(LIST)) == {"Stays", "Goes", "Comes", "Went"}


def test_a_print_says_how_the_list_is_narrowed(as_olga, holders):
    for query in ({"q": "goes"}, {**THEN, "q": "goes"}):
        assert "Filters: Search: “goes”." in words(as_olga.get(LIST, query))


def test_a_day_is_that_of_the_organization(as_olga, holders, settings):
    settings.ORGANIZATION_TIME_ZONE = "Pacific/Kiritimati"  # fourteen hours ahead
    gone = holders["Went"].ended_at  # noon of the eighteenth in UTC

    with clock.at(NOON):
        assert "Went" in names(as_olga.get(LIST, {"as_of": f"{gone:%Y-%m-%d}"}))
    settings.ORGANIZATION_TIME_ZONE = "UTC"
    assert "Went" not in names(as_olga.get(LIST, {"as_of": f"{gone:%Y-%m-%d}"}))


def test_nothing_is_done_in_the_past(as_olga, holders):
    page = as_olga.get(LIST, THEN)
    assert "_selected_action" not in page.text
    assert "Extend…" not in page.text
    assert "Extend…" in as_olga.get(LIST).text

    fields = {"action": "end_access", "index": "0", "_selected_action": holders["Stays"].pk}
    response = as_olga.post(f"{LIST}?as_of=2026-06-20", fields)

    assert response.status_code == 200
    assert not Assignment.objects.exclude(pk=holders["Went"].pk).filter(ended_at__gt=NOON - DAY)


def test_what_the_records_of_that_day_do_not_tell_is_left_out(as_olga, holders):
    headings = [one.label for one in as_olga.get(LIST, THEN).context_data["headings"]]

    assert headings == ["Person", "Package", "Policy", "From", "Until", "Given"]


def test_an_end_that_was_moved_since_reads_as_it_was(as_olga, holders):
    with clock.at(NOON - DAY):
        move_end(holders["Stays"], NOON + 40 * DAY, by=None)

    assert "Thu 9 Jul 2026" in words(as_olga.get(LIST, THEN))
    assert "Sun 9 Aug 2026" not in words(as_olga.get(LIST, THEN))
    assert "Sun 9 Aug 2026" in words(as_olga.get(LIST))


def test_filters_of_the_present_are_neither_offered_nor_heeded(as_olga, holders):
    response = as_olga.get(LIST, {**THEN, "state": "past", "began": "7", "ends": "7", "ended": "7"})

    assert names(response) == {"Stays", "Goes"}
    titles = [one.title for one in response.context_data["filters"]]
    assert titles == ["Catalog", "Package", "Policy", "Person", "Source"]


def test_other_filters_and_the_search_hold_for_the_past_too(as_olga, holders, policy):
    person = holders["Goes"].target

    for query in ({"q": "goes"}, {"person": person.pk}, {"package": policy.package_id}):
        response = as_olga.get(LIST, {**THEN, **query})
        assert "Goes" in names(response)
        assert "Comes" not in names(response)
    assert '<input type="hidden" name="as_of" value="2026-06-20">' in response.text


def test_the_ways_to_other_days_keep_the_filters(as_olga, holders, policy):
    query = {"package": policy.package_id, "state": "now"}
    travel = as_olga.get(LIST, {**THEN, **query}).context_data["travel"]

    kept = f"package={policy.package_id}"
    assert travel.day_before == f"?as_of=2026-06-19&{kept}"
    assert travel.day_after == f"?as_of=2026-06-21&{kept}"
    assert travel.now == f"?{kept}"
    today = as_olga.get(LIST, {"as_of": "2026-06-30"}).context_data["travel"]
    assert today.day_after == ""
    present = as_olga.get(LIST).context_data["travel"]
    assert (present.day_before, present.day_after) == ("?as_of=2026-06-29", "")
    first = as_olga.get(LIST, {"as_of": "1970-01-01"}).context_data["travel"]
    assert first.day_before == ""


def test_today_is_seen_from_now(as_olga, holders):
    response = as_olga.get(LIST, {"as_of": "2026-06-30"})

    assert names(response) == {"Stays", "Comes"}
    assert "as of Tue 30 Jun 2026, 12:00" in words(response)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rubbish", "“rubbish” is no day that can be shown"),
        ("2026-02-30", "“2026-02-30” is no day"),
        ("0001-01-01", "from 1970 on"),
        ("9999-12-31", "“9999-12-31” is no day"),
        ("2026-07-01", "Wed 1 Jul 2026 is still to come"),
        ("<b>", "“&lt;b&gt;” is no day"),
        ("9" * 500, "is no day"),
    ],
)
def test_a_day_that_cannot_be_shown_says_why(as_olga, holders, text, said):
    response = as_olga.get(LIST, {"as_of": text})

    assert response.status_code == 200
    assert said in words(response)
    assert "You look at the past" not in response.text
    again = as_olga.get(FILE, {"as_of": text}, follow=True)
    assert said in words(again)
    assert not AuditEvent.objects.filter(action__endswith="exported").exists()


def test_a_day_on_which_nobody_held_anything_says_so(as_olga, holders):
    assert "Nobody held anything on Fri 1 May 2026" in words(
        as_olga.get(LIST, {"as_of": "2026-05-01"})
    )
    response = as_olga.get(LIST, {**THEN, "q": "zeppelin"})
    assert f'href="{LIST}?as_of=2026-06-20">Clear filters</a>' in response.text


# What has changed since


def test_changes_since_are_counted_and_lead_to_lists(as_olga, holders):
    response = as_olga.get(LIST, THEN)

    assert "Changes since Sat 20 Jun 2026: +1 began , −1 ended" in words(response)
    travel = response.context_data["travel"]
    assert names(as_olga.get(LIST + travel.begun_list)) == {"Comes"}
    assert names(as_olga.get(LIST + travel.over_list)) == {"Goes"}


def test_changes_are_narrowed_as_the_list_is(as_olga, holders, policy):
    AssignmentFactory(policy=AssignmentPolicyFactory(package=policy.package))

    response = as_olga.get(LIST, {**THEN, "policy": policy.pk, "q": "comes", "state": "past"})

    travel = response.context_data["travel"]
    assert (travel.begun, travel.over) == (1, 0)
    assert names(as_olga.get(LIST + travel.begun_list)) == {"Comes"}


# The file


def test_the_file_is_that_of_the_day_and_says_so(as_olga, holders):
    with clock.at(NOON - DAY):
        move_end(holders["Stays"], NOON + 40 * DAY, by=None)

    file = Opened(as_olga.get(FILE, THEN))

    assert {row["Person"] for row in file.rows} == {"Stays", "Goes"}
    [stays] = [row for row in file.rows if row["Person"] == "Stays"]
    assert stays["Until"] == "2026-07-09T12:00:00+00:00"
    assert not {"State", "Why it ended", "Ended by"} & set(stays)
    assert file.evidence["What"].startswith("Assignments as of Sat 20 Jun 2026")
    assert file.evidence["As of"] == "2026-06-20T23:59:59+00:00"
    assert file.evidence["Made at"].startswith("2026-06-30T12:00")
    assert file.evidence["Rows without the filters"] == "2"
    assert file.evidence["Address"].endswith("/manage/assignments/?as_of=2026-06-20")
    event = AuditEvent.objects.get(action__endswith="exported")
    assert event.details["as_of"].startswith("2026-06-20T23:59:59")


def test_the_file_has_the_rows_of_the_page(as_olga, holders, policy):
    query = {**THEN, "person": holders["Goes"].target_id}

    file = Opened(as_olga.get(FILE, query))

    assert [row["Person"] for row in file.rows] == ["Goes"]
    assert file.evidence["Filters"] == "Person: Goes"


# Who sees it, and what it costs


def test_auditors_see_the_past_of_every_catalog(client, holders):
    uma = UserFactory(display_name="Uma Lund")
    give_tenant_role(uma, "auditor", by=UserFactory(is_superuser=True))
    client.force_login(uma)

    assert names(client.get(LIST, THEN)) == {"Stays", "Goes"}
    assert len(Opened(client.get(FILE, THEN)).rows) == 2


def test_owners_of_other_catalogs_see_nothing_of_it(client, appoint, holders):
    client.force_login(appoint(UserFactory(), CatalogFactory()))

    response = client.get(LIST, THEN)

    assert not names(response)
    travel = response.context_data["travel"]
    assert (travel.begun, travel.over) == (0, 0)


def test_strangers_find_no_list(client, ada):
    client.force_login(ada)

    assert client.get(LIST, THEN).status_code == 404
    assert client.get(FILE, THEN).status_code == 404


def test_the_past_costs_the_same_with_10_and_with_300_rows(
    as_olga, sales, holders, django_assert_max_num_queries
):
    query = {
        **THEN,
        "package": holders["Stays"].package_id,
        "policy": holders["Stays"].policy_id,
        "person": holders["Stays"].target_id,
        "source": "asked",
    }

    def count(address):
        with django_assert_max_num_queries(15) as queries:
            assert "Stays" in names(as_olga.get(LIST, address))
        return len(queries)

    grow(sales, 10)
    count(THEN)
    few = count(THEN), count(query)
    grow(sales, 290)
    assert (count(THEN), count(query)) == few
