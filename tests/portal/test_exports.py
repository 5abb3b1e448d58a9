"""Lists as files: exactly what is filtered, with evidence beside it, and nothing that runs."""

import tracemalloc
from datetime import timedelta
from hashlib import sha256

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements import clock
from entitlements.models import AccessRequest, Assignment, AuditEvent
from portal import exports
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    UserFactory,
)
from tests.files import Opened

pytestmark = pytest.mark.django_db

ASSIGNMENTS = reverse("manage:entitlements_assignment_export")
REQUESTS = reverse("manage:entitlements_accessrequest_export")
LIST = reverse("manage:entitlements_assignment_changelist")
DAY = timedelta(days=1)


@pytest.fixture
def sales(db):
    return CatalogFactory(name="Sales")


@pytest.fixture
def olga(appoint, sales):
    person = UserFactory(display_name="Olga Owner", email="olga@kestrel.example")
    return appoint(person, sales)


@pytest.fixture
def as_olga(client, olga):
    client.force_login(olga)
    return client


@pytest.fixture
def policy(sales):
    package = AccessPackageFactory(catalog=sales, name="Sales Analyst")
    return AssignmentPolicyFactory(package=package, name="Employees")


@pytest.fixture
def held(policy, ada):
    return AssignmentFactory(policy=policy, target=ada)


@pytest.fixture
def ended(policy, bo, olga):
    return AssignmentFactory(
        policy=policy,
        target=bo,
        state="expired",
        ended_at=clock.now(),
        end_reason="removed",
        ended_by=olga,
    )


def test_the_file_holds_the_list_with_ids_beside_names(as_olga, held, policy, sales, ada):
    file = Opened(as_olga.get(ASSIGNMENTS))

    [row] = file.rows
    assert row == {
        "Assignment id": str(held.pk),
        "Person": "Ada Lovelace",
        "Person id": str(ada.pk),
        "Address": "ada@kestrel.example",
        "Package": "Sales Analyst",
        "Package id": str(policy.package_id),
        "Catalog": "Sales",
        "Catalog id": str(sales.pk),
        "Policy": "Employees",
        "Policy id": str(policy.pk),
        "State": "Active",
        "From": held.starts_at.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "Until": held.ends_at.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "Why it ended": "",
        "Ended by": "",
        "Ended by id": "",
        "Given": "on request",
    }
    assert file.response["Content-Type"] == "application/zip"
    disposition = file.response["Content-Disposition"]
    assert disposition.startswith('attachment; filename="assignments-20')
    assert list(file.contents) == ["assignments.csv", "evidence.txt"]
    assert file.data.startswith(b"\xef\xbb\xbfAssignment id,")


def test_moments_are_in_the_readers_zone_with_its_offset(as_olga, olga, held):
    olga.time_zone = "Asia/Kolkata"
    olga.save()

    file = Opened(as_olga.get(ASSIGNMENTS))

    assert file.rows[0]["From"].endswith("+05:30")
    assert file.evidence["As of"].endswith("+05:30")
    assert file.evidence["Made at"].endswith("(Asia/Kolkata)")


def test_ended_access_is_in_the_file_under_its_filter(as_olga, held, ended, olga):
    [row] = Opened(as_olga.get(ASSIGNMENTS, {"state": "past"})).rows

    assert (row["Assignment id"], row["State"]) == (str(ended.pk), "Ended")
    assert row["Why it ended"] == "ended by a manager of the catalog"
    assert (row["Ended by"], row["Ended by id"]) == ("Olga Owner", str(olga.pk))
    assert len(Opened(as_olga.get(ASSIGNMENTS)).rows) == 2


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"state": "now"},
        {"state": "past"},
        {"q": "bo"},
        {"q": "sales analyst", "state": "past"},
        {"o": "-1"},
        {"p": "2"},
    ],
)
def test_the_file_is_exactly_the_filtered_list(as_olga, policy, held, ended, query):
    for number in range(60):
        AssignmentFactory(policy=policy, target=UserFactory(display_name=f"Zoe {number:02}"))
    listed = as_olga.get(LIST, query).context_data["cl"]

    rows = Opened(as_olga.get(ASSIGNMENTS, query)).rows

    assert [row["Assignment id"] for row in rows] == [str(one.pk) for one in listed.queryset]


def test_the_page_leads_to_the_file_of_what_it_shows(as_olga, held, ended):
    text = as_olga.get(LIST, {"state": "past", "q": "bo", "p": "1"}).text

    assert "/manage/assignments/export/?q=bo&amp;state=past" in text
    assert "Export (CSV)" in text
    assert "/export/" not in as_olga.get(reverse("manage:entitlements_catalog_changelist")).text


def test_evidence_says_what_of_what_when_by_whom_and_how_much(as_olga, olga, held, ended, settings):
    settings.PORTAL_URL = "https://access.kestrel.example"

    file = Opened(as_olga.get(ASSIGNMENTS, {"state": "past", "q": "bo"}))

    found = file.evidence
    assert found["What"] == "Assignments: Who holds what, since when and until when."
    assert found["Filters"] == "State: Ended; Search: “bo”"
    assert found["Made by"] == f"Olga Owner <olga@kestrel.example>, {olga.pk}"
    assert found["Rows in the file"] == "1, all that the filters leave"
    assert found["Rows without the filters"] == "2"
    assert found["Address"] == (
        "https://access.kestrel.example/manage/assignments/?q=bo&state=past"
    )
    assert found["Version"].startswith("Access Hub ")
    assert found["As of"] <= found["Made at"]
    assert found["SHA-256 of assignments.csv"] == sha256(file.data).hexdigest()


def test_without_filters_evidence_says_so(as_olga, held):
    found = Opened(as_olga.get(ASSIGNMENTS)).evidence

    assert found["Filters"] == "none"
    assert (found["Rows in the file"][0], found["Rows without the filters"]) == ("1", "1")


def test_nobody_writes_lines_of_his_own_into_the_evidence(as_olga, held):
    file = Opened(as_olga.get(ASSIGNMENTS, {"q": "x\r\nSHA-256 of assignments.csv: 00"}))

    assert len(file.lines) == 10
    assert file.lines[1] == "Filters: Search: “x SHA-256 of assignments.csv: 00”"


def test_the_export_is_an_event_with_the_digest_of_the_file(as_olga, olga, held, ended):
    file = Opened(as_olga.get(ASSIGNMENTS, {"state": "now"}))

    event = AuditEvent.objects.get(action="assignments.exported")
    assert (event.actor_id, event.subject_id) == (olga.pk, olga.pk)
    assert event.details["rows"] == 1
    assert event.details["filters"] == "State: Held now"
    assert event.details["sha256"] == file.evidence["SHA-256 of assignments.csv"]
    assert event.details["as_of"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_runs_as_a_formula(as_olga, policy, name):
    AssignmentFactory(policy=policy, target=UserFactory(display_name=name))

    assert Opened(as_olga.get(ASSIGNMENTS)).rows[0]["Person"] == f"'{name}"


def test_requests_are_exported_too(as_olga, policy, ada, held):
    asked = AccessRequestFactory(
        policy=policy, requestor=ada, state="delivered", assignment=held, completed_at=clock.now()
    )
    AccessRequestFactory(policy=policy, state="denied", justification="Private words")

    file = Opened(as_olga.get(REQUESTS, {"q": "ada"}))

    [row] = file.rows
    assert (row["Request"], row["Request id"]) == (asked.reference, str(asked.pk))
    assert (row["Kind"], row["State"]) == ("Asked for", "Done")
    assert (row["For"], row["By id"]) == ("Ada Lovelace", str(ada.pk))
    assert row["Assignment id"] == str(held.pk)
    assert row["Finished"].endswith("+00:00")
    assert file.evidence["Rows without the filters"] == "2"
    assert AuditEvent.objects.get(action="requests.exported").details["rows"] == 1
    assert "Private words" not in str(Opened(as_olga.get(REQUESTS)).table)


def test_more_than_one_file_holds_is_refused_with_words(as_olga, policy, held, monkeypatch):
    monkeypatch.setattr(exports, "MOST_ROWS", 2)
    AssignmentFactory(policy=policy)
    assert len(Opened(as_olga.get(ASSIGNMENTS)).rows) == 2
    AssignmentFactory(policy=policy)

    response = as_olga.get(ASSIGNMENTS, {"state": "now"})

    assert response["Location"] == "/manage/assignments/?state=now"
    text = as_olga.get(response["Location"]).text
    assert "This list has more than 5,000 rows, the most that one file holds." in text
    assert AuditEvent.objects.filter(action="assignments.exported").count() == 1


def test_a_list_that_is_too_long_says_so_instead_of_offering_a_file(as_olga, held, monkeypatch):
    monkeypatch.setattr("portal.admin.exported.MOST_ROWS", 0)

    text = as_olga.get(LIST).text

    assert "rows: filter first." in text
    assert "Export (CSV)" not in text


def test_what_others_manage_is_not_in_the_file(as_olga, held):
    elsewhere = AssignmentFactory(policy__package__name="Secret plans")
    foreign = str(elsewhere.package.catalog_id)
    AccessRequestFactory(policy=elsewhere.policy)

    file = Opened(as_olga.get(ASSIGNMENTS))
    assert len(file.rows) == 1
    assert file.evidence["Rows without the filters"] == "1"
    assert Opened(as_olga.get(REQUESTS)).rows == []
    file = Opened(as_olga.get(ASSIGNMENTS, {"catalog": foreign}))
    assert file.rows == []
    assert file.evidence["Filters"] == "Catalog: ?"


def test_filters_that_do_not_exist_open_nothing(as_olga, held):
    response = as_olga.get(ASSIGNMENTS, {"target__password__startswith": "a"})

    assert response.status_code in (302, 400)
    assert not AuditEvent.objects.filter(action="assignments.exported").exists()


@pytest.mark.parametrize("address", [ASSIGNMENTS, REQUESTS])
def test_nobody_else_exports(client, ada, held, address):
    assert client.get(address).status_code == 302
    client.force_login(ada)
    assert client.get(address).status_code == 404
    assert not AuditEvent.objects.filter(action__endswith=".exported").exists()


def test_it_is_only_read(as_olga, held):
    assert as_olga.post(ASSIGNMENTS).status_code == 405
    assert as_olga.head(ASSIGNMENTS).status_code == 405


def ended_rows(policy, number):
    """Rows that are quickly made: many spans of one person, one after the other."""
    person, moment = UserFactory(), clock.now()
    Assignment.objects.bulk_create(
        Assignment(
            policy=policy,
            package=policy.package,
            target=person,
            state="expired",
            starts_at=moment - 9 * DAY,
            ended_at=moment,
            end_reason="time",
        )
        for _ in range(number)
    )


def test_a_longer_list_costs_no_more_queries_and_no_more_memory(as_olga, policy):
    found = []
    for number in (1000, 3500):
        ended_rows(policy, number)
        tracemalloc.start()
        with CaptureQueriesContext(connection) as queries:
            response = as_olga.get(ASSIGNMENTS)
        found.append((len(queries), tracemalloc.get_traced_memory()[1]))
        tracemalloc.stop()
        rows = Opened(response).table

    (queries, memory), (more_queries, more_memory) = found
    assert len(rows) == 4501
    assert more_queries == queries
    assert more_memory < memory * 1.5


def test_a_record_that_is_deleted_is_not_in_the_file(as_olga, policy):
    AccessRequestFactory(policy=policy, state="denied").delete()

    assert AccessRequest.objects.count() == len(Opened(as_olga.get(REQUESTS)).rows) == 0
