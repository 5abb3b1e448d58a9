"""Acts on many rows in /manage/: chosen by filter, confirmed, followed, stopped, taken away."""

import csv
import re
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements import clock, models
from entitlements.delivery import acting
from entitlements.delivery.acting import Wanted
from entitlements.delivery.acts import ActKind
from entitlements.requests import row_by_row
from portal.forms import day_of
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
LISTED = "/manage/assignments/"
HOUR = timedelta(hours=1)


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def policy(sales):
    package = AccessPackageFactory(catalog=sales, name="Analyst", roles=[])
    return AssignmentPolicyFactory(package=package)


@pytest.fixture
def few(monkeypatch):
    """Let two rows be too many to wait for, and a page of a list show three."""
    monkeypatch.setattr(acting, "AT_ONCE", 1)
    monkeypatch.setattr("portal.manage.views.chosen.AT_ONCE", 1)
    monkeypatch.setattr("portal.admin.scoped.CatalogScopedAdmin.list_per_page", 3)


@pytest.fixture
def held(few, policy):
    """Access of five people, on two pages of the list."""
    people = [UserFactory(display_name=f"Person {letter}") for letter in "ABCDE"]
    return [AssignmentFactory(policy=policy, target=person) for person in people]


@pytest.fixture
def olga(sales, appoint):
    return appoint(UserFactory(display_name="Olga Owner"), sales, "assignment_manager")


@pytest.fixture
def as_olga(client, olga):
    client.force_login(olga)
    return client


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def choose(client, chosen, *, action="end_access", query="", **more):
    fields = {"action": action, "index": "0", "_selected_action": [one.pk for one in chosen]}
    return client.post(f"{LISTED}{query}", {**fields, **more})


def address(act, step=""):
    return f"/manage/acts/{act.pk}/{step}"


def the_act():
    return models.BulkAct.objects.get()


def planned(held, *, by, kind=ActKind.END):
    return acting.plan(kind, [one.pk for one in held], by=by, source="5 chosen in the list")


def started(held, *, by, kind=ActKind.END):
    return acting.start(planned(held, by=by, kind=kind), Wanted("Over"), by=by)


# Choosing


def test_all_that_fit_are_offered_where_there_is_more_than_one_page(as_olga, held):
    assert "All 5 that fit" in words(as_olga.get(LISTED))
    assert "that fit" not in words(as_olga.get(f"{LISTED}?q={held[0].target.email}"))


def test_all_that_fit_the_filters_are_chosen_and_no_others(as_olga, held, policy):
    other = UserFactory(display_name="Somebody else", email="else@kestrel.example")
    AssignmentFactory(policy=policy, target=other)
    gone = UserFactory(display_name="Person F")
    AssignmentFactory(policy=policy, target=gone, ends_at=clock.now() - HOUR)
    query = "?q=Person&state=now"

    response = choose(as_olga, held[:3], query=query, select_across="1")

    act = the_act()
    assert response["Location"] == address(act)
    assert [row.assignment for row in act.rows.all()] == held
    assert act.source == "all that fit State: Held now; Search: “Person”"
    assert models.Assignment.objects.live().count() == 6


def test_without_filters_all_are_chosen(as_olga, held):
    choose(as_olga, held[:1], select_across="1")

    assert the_act().source == "all in the list"
    assert the_act().rows.count() == 5


def test_only_those_that_are_ticked_are_chosen_unless_all_are(as_olga, held):
    response = choose(as_olga, held[:2])

    assert response["Location"] == address(the_act())
    assert [row.assignment for row in the_act().rows.all()] == held[:2]
    assert the_act().source == "2 chosen in the list"


def test_a_few_are_named_in_the_address_and_nothing_is_written(as_olga, held):
    response = choose(as_olga, held[:1])

    assert response["Location"] == f"/manage/assignments/end/?id={held[0].pk}"
    assert not models.BulkAct.objects.exists()


def test_too_many_are_refused_beside_the_list(as_olga, held, monkeypatch):
    monkeypatch.setattr(acting, "MOST_ROWS", 4)

    response = choose(as_olga, held[:1], query="?q=Person", select_across="1")

    assert response["Location"] == f"{LISTED}?q=Person"
    assert "Narrow the list by a filter" in words(as_olga.get(response["Location"]))
    assert not models.BulkAct.objects.exists()


def test_what_others_manage_never_fits(as_olga, held):
    AssignmentFactory(target__display_name="Person F")

    choose(as_olga, held[:1], select_across="1")

    assert the_act().rows.count() == 5


# Asking


def test_the_page_says_how_many_and_names_the_first(as_olga, held, olga, monkeypatch):
    monkeypatch.setattr("portal.manage.views.acts.NAMED", 2)
    act = planned(held, by=olga)

    text = words(as_olga.get(address(act)))

    assert "End this access?" in text
    assert "5 assignments : 5 chosen in the list." in text
    assert "Person A : Analyst" in text
    assert "Person C" not in text
    assert "and 3 more" in text
    assert "End access: 5" in text


def test_what_was_confirmed_is_done_and_nothing_that_came_later(as_olga, held, olga, policy):
    act = planned(held, by=olga)
    late = AssignmentFactory(policy=policy, target__display_name="Person F")

    response = as_olga.post(address(act, "start/"), {"justification": "The project is over"})
    assert response["Location"] == address(act)
    acting.carry_on(act_id=act.pk)

    assert list(models.Assignment.objects.live()) == [late]
    assert set(models.AccessRequest.objects.values_list("justification", flat=True)) == {
        "The project is over"
    }
    assert "5 of 5 ended." in words(as_olga.get(address(act)))


def test_nothing_is_changed_when_one_thinks_better_of_it(as_olga, held, olga):
    response = as_olga.post(address(planned(held, by=olga), "drop/"), follow=True)

    assert "Nothing was changed." in words(response)
    assert response.redirect_chain[-1][0] == LISTED
    assert not models.BulkAct.objects.exists()


@pytest.mark.parametrize("day", ["", "soon", "0001-01-01"])
def test_without_a_day_nothing_is_extended(as_olga, held, olga, day):
    act = planned(held, by=olga, kind=ActKind.EXTEND)

    response = as_olga.post(address(act, "start/"), {"ends_on": day})

    assert response.status_code == 422
    assert "Extend this access?" in words(response)
    act.refresh_from_db()
    assert act.started_at is None


def test_all_are_extended_to_one_day(as_olga, held, olga, run_queue):
    day = day_of(clock.now() + timedelta(days=100))
    act = planned(held, by=olga, kind=ActKind.EXTEND)

    as_olga.post(address(act, "start/"), {"ends_on": f"{day}", "justification": "The fair"})
    run_queue()

    assert set(models.Assignment.objects.values_list("ends_at", flat=True)) == {clock.day_ends(day)}
    assert "5 of 5 extended." in words(as_olga.get(address(act)))


def test_too_long_a_reason_is_said_at_its_field(as_olga, held, olga):
    act = planned(held, by=olga)

    response = as_olga.post(address(act, "start/"), {"justification": "x" * 10_001})

    assert response.status_code == 422
    assert "at most 10,000 are kept" in words(response)


def test_it_is_started_once(as_olga, held, olga):
    act = started(held, by=olga)

    response = as_olga.post(address(act, "start/"))

    assert response.status_code == 403
    assert "started_already" in words(response)


def test_a_long_choice_by_address_is_left_to_the_workers_too(as_olga, held):
    sent = {"id": [one.pk for one in held], "justification": "Over"}

    response = as_olga.post(reverse("manage:assignments_end"), sent)

    assert response["Location"] == address(the_act())
    assert the_act().is_running
    assert models.Assignment.objects.live().count() == 5
    too_long = as_olga.post(
        reverse("manage:assignments_end"), {**sent, "justification": "x" * 10_001}
    )
    assert too_long.status_code == 422
    assert "at most 10,000 are kept" in words(too_long)
    assert the_act().is_running, "nothing is left of what was refused"


# Following


def test_the_page_loads_itself_again_until_all_is_done(as_olga, held, olga, monkeypatch):
    act = started(held, by=olga)
    monkeypatch.setattr(row_by_row, "LONGEST_RUN", -1.0)
    acting.carry_on(act_id=act.pk)

    page = as_olga.get(f"{address(act)}?show=waiting")
    assert "1 of 5 are done. You may leave this page; it goes on." in words(page)
    assert f'hx-get="{address(act)}?show=waiting"' in page.content.decode()
    part = as_olga.get(address(act), headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    monkeypatch.undo()
    acting.carry_on(act_id=act.pk)
    part = as_olga.get(address(act), headers={"HX-Request": "true"})
    assert "hx-get" not in part.content.decode()
    assert "5 of 5 ended" in words(part)


def test_each_row_says_what_became_of_it(as_olga, held, olga):
    models.Assignment.objects.filter(pk=held[1].pk).update(ends_at=clock.now() - HOUR)
    act = started(held, by=olga)
    acting.carry_on(act_id=act.pk)

    text = words(as_olga.get(address(act)))
    assert "4 of 5 ended" in text
    assert "1 refused; the reasons are below." in text
    refused = words(as_olga.get(f"{address(act)}?show=refused"))
    assert "Person B" in refused
    assert "access_ended" in refused
    assert "Person A" not in refused
    assert "Person A" in words(as_olga.get(f"{address(act)}?show=nonsense"))
    made = act.rows.first().access_request
    assert made.reference in text


def test_the_result_is_a_file_in_which_nothing_runs_as_a_formula(as_olga, held, olga):
    held[0].target.display_name = "=1+1"
    held[0].target.save()
    models.Assignment.objects.filter(pk=held[1].pk).update(ends_at=clock.now() - HOUR)
    act = started(held, by=olga)
    acting.carry_on(act_id=act.pk)

    response = as_olga.get(address(act, "result.csv"))

    assert response["Content-Disposition"] == f'attachment; filename="end-{act.pk.hex[:8]}.csv"'
    text = response.getvalue().decode("utf-8-sig")
    first, second, *others = csv.DictReader(StringIO(text))
    assert (first["person"], first["state"], first["codes"]) == ("'=1+1", "Done", "")
    assert first["request"] == act.rows.first().access_request.reference
    assert (second["person"], second["codes"]) == ("Person B", "access_ended")
    assert "It can be asked for again." in second["why"]
    assert len(others) == 3


def test_it_is_stopped_halfway_and_says_so(as_olga, held, olga, monkeypatch):
    act = started(held, by=olga)
    monkeypatch.setattr(row_by_row, "LONGEST_RUN", -1.0)
    acting.carry_on(act_id=act.pk)
    assert "Stop" in words(as_olga.get(address(act)))

    response = as_olga.post(address(act, "stop/"), follow=True)

    assert "Stopped by Olga Owner" in words(response)
    assert "1 of 5 ended; 4 left as they were" in words(response)
    assert "Left as it was" in words(response)
    assert models.Assignment.objects.live().count() == 4
    assert as_olga.post(address(act, "stop/")).status_code == 403


def test_all_that_was_done_in_bulk_is_listed(as_olga, held, olga, sales, appoint):
    done, going = started(held[:2], by=olga), started(held[2:4], by=olga)
    acting.carry_on(act_id=done.pk)
    acting.stop(going, by=olga)
    started(held[4:], by=olga)
    planned(held, by=olga)

    text = words(as_olga.get("/manage/acts/"))

    for state in ("Not started", "Going on", "Stopped", "Done"):
        assert state in text
    assert "5 chosen in the list" in text
    assert "Changes in bulk" in words(as_olga.get(LISTED))


def test_where_nothing_was_done_the_list_says_how(as_olga):
    assert "Nothing was changed in bulk yet" in words(as_olga.get("/manage/acts/"))


def test_requests_are_chosen_in_the_same_way(as_olga, few, policy):
    waiting = AccessRequestFactory.create_batch(4, policy=policy)
    fields = {"action": "cancel", "index": "0", "_selected_action": waiting[0].pk}

    response = as_olga.post("/manage/requests/", {**fields, "select_across": "1"})

    text = words(as_olga.get(response["Location"]))
    assert "Cancel these requests?" in text
    assert "4 requests : all in the list." in text
    act = the_act()
    as_olga.post(address(act, "start/"))
    acting.carry_on(act_id=act.pk)
    page = words(as_olga.get(address(act)))
    assert "4 of 4 canceled" in page
    assert "Cancel requests: 4 requests" in page


def test_a_page_costs_the_same_however_long_the_list(as_olga, policy, olga):
    def cost(count):
        act = started(AssignmentFactory.create_batch(count, policy=policy), by=olga)
        acting.carry_on(act_id=act.pk)
        addresses = ("/manage/acts/", address(act), address(act, "result.csv"))
        with CaptureQueriesContext(connection) as captured:
            for one in addresses:
                response = as_olga.get(one)
                response.getvalue()
        return len(captured)

    cost(1)
    assert cost(3) == cost(30)


# Who


def test_another_owner_sees_the_rows_of_his_catalogs_and_starts_nothing(
    client, held, olga, bo, appoint, sales
):
    finance = AssignmentFactory(target__display_name="Fay Finance")
    appoint(olga, finance.package.catalog, "assignment_manager")
    client.force_login(appoint(bo, sales, "owner"))
    act = planned([*held, finance], by=olga)

    text = words(client.get(address(act)))
    assert "Nothing was changed yet: Olga Owner has chosen these, and not started." in text
    assert "End access: 5 assignments" in text
    for step in ("start/", "drop/", "stop/"):
        assert client.post(address(act, step)).status_code == 403
    acting.start(act, Wanted(), by=olga)
    page = client.get(address(act))
    assert "Stop</button>" not in page.content.decode()
    assert client.post(address(act, "stop/")).status_code == 403
    for response in (client.get(f"{address(act)}?page=2"), page):
        assert "Fay Finance" not in words(response)
    assert "Fay Finance" not in client.get(address(act, "result.csv")).getvalue().decode()
    assert "5 chosen in the list" in words(client.get("/manage/acts/"))


@pytest.mark.parametrize("is_manager", [True, False])
def test_strangers_find_nothing(client, held, olga, ada, appoint, is_manager):
    act = planned(held, by=olga)
    if is_manager:
        appoint(ada, CatalogFactory(), "owner")
    client.force_login(ada)

    for step in ("", "result.csv"):
        assert client.get(address(act, step)).status_code == 404
    for step in ("start/", "stop/", "drop/"):
        assert client.post(address(act, step)).status_code == 404
    assert client.get("/manage/acts/").status_code == (200 if is_manager else 404)


def test_what_does_not_exist_is_not_found(as_olga):
    assert as_olga.get(f"/manage/acts/{uuid4()}/").status_code == 404
    assert as_olga.post(f"/manage/acts/{uuid4()}/start/").status_code == 404


def test_whoever_may_only_read_is_told_so_row_by_row(client, held, bo, appoint, sales):
    client.force_login(appoint(bo, sales, "reader"))
    choose(client, held[:1], select_across="1")
    act = the_act()

    client.post(address(act, "start/"))
    acting.carry_on(act_id=act.pk)

    assert "0 of 5 ended" in words(client.get(address(act)))
    assert models.Assignment.objects.live().count() == 5
