"""Direct assignment in /manage/: one, many, a group, a file; and what managers extend."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from entitlements import clock
from entitlements.directory.sync.csv_tables import BadFile
from entitlements.models import AccessRequest, Assignment, AuditEvent, BulkAssignment, Question
from entitlements.policies.models import Expiration
from entitlements.requests import bulk_files, giving
from portal.csv_files import csv_response
from tests.factories import (
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def policy(client, gita, appoint):
    """A policy in a catalog whose assignments Gita manages, who has signed in."""
    policy = AssignmentPolicyFactory(package__name="Sales Analyst", name="Employees")
    appoint(gita, policy.package.catalog, "assignment_manager")
    client.force_login(gita)
    return policy


def text(response):
    return " ".join(response.content.decode().split())


def send(client, policy, *keys, file=None, follow=True, **fields):
    sent = {"person": keys, "policy": policy.pk, **fields}
    if file is not None:
        sent["file"] = SimpleUploadedFile("people.csv", file)
    return client.post(f"/manage/packages/{policy.package_id}/give/", sent, follow=follow)


def states(bulk):
    return list(bulk.rows.values_list("state", flat=True))


def the_list():
    return BulkAssignment.objects.get()


def test_one_person_gets_it_at_once(client, ada, policy):
    response = send(client, policy, f"user:{ada.pk}", follow=False)

    assert response.url == f"/requests/{AccessRequest.objects.get(target=ada).pk}/"
    assert not BulkAssignment.objects.exists()


def test_a_reason_may_be_given_and_is_read_with_the_request(client, ada, bo, policy):
    said = send(client, policy, f"user:{ada.pk}", justification="Covers for Bo in June.")
    unsaid = send(client, policy, f"user:{bo.pk}")

    assert "Covers for Bo in June." in text(said)
    assert AccessRequest.objects.get(target=ada).justification == "Covers for Bo in June."
    event = AuditEvent.objects.get(action="request.given_directly", target_id=ada.pk)
    assert event.details["justification"] == "Covers for Bo in June."
    assert ">Why<" not in text(unsaid)
    assert AccessRequest.objects.get(target=bo).justification == ""


def test_several_people_are_checked_first_and_then_given(client, ada, bo, policy):
    AssignmentFactory(policy=policy, target=bo)

    page = text(send(client, policy, f"user:{ada.pk}", f"user:{bo.pk}"))

    bulk = the_list()
    assert "Give Sales Analyst to 2 people" in page
    assert "Nothing was given yet. 1 of 2 can be given; 1 will be left out" in page
    assert "already_held" in page
    assert "Give to 1 person" in page
    assert not AccessRequest.objects.exists()
    response = client.post(f"/manage/give/{bulk.pk}/start/", follow=True)
    assert "1 of 2 given" in text(response)
    assert AccessRequest.objects.get().target == ada
    assert AccessRequest.objects.get().reference in text(response)


def test_members_of_a_group_and_of_groups_in_it_get_it_once(client, ada, bo, policy):
    inner = GroupFactory(members=[ada, bo])
    outer = GroupFactory(name="Sales team", members=[ada])
    outer.nestings.create(child=inner)

    page = text(send(client, policy, f"user:{ada.pk}", f"group:{outer.pk}"))

    assert "Give Sales Analyst to 1 person and the members of Sales team" in page
    assert {row.target for row in the_list().rows.all()} == {ada, bo}
    assert states(the_list()) == ["ready", "ready"]
    newcomer = UserFactory()
    inner.memberships.create(user=newcomer)
    client.post(f"/manage/give/{the_list().pk}/start/")
    assert not Assignment.objects.filter(target=newcomer).exists()


def test_nobody_named_is_said_at_the_field(client, policy):
    response = send(client, policy)

    assert response.status_code == 422
    assert "Find somebody by name and choose, enter an address, or choose a file." in text(response)


def test_an_empty_group_is_said(client, policy):
    response = send(client, policy, f"group:{GroupFactory().pk}")

    assert response.status_code == 422
    assert "list_empty" in text(response)


def test_a_file_says_dates_words_and_answers(client, ada, bo, policy):
    question = Question.objects.create(
        policy=policy, position=1, kind="short_text", text="Which cost center?", is_required=False
    )
    end = (clock.now() + 9 * DAY).date()
    file = (
        "\ufeffE-mail;Start;End;Justification;Which cost center?\r\n"
        f"ada@kestrel.example;;{end};Project;4711\r\n"
        "bo@kestrel.example;;;;\r\n"
    ).replace("E-mail", "Email")

    page = text(send(client, policy, file=file.encode(), justification="For all"))

    assert "people.csv line 2" in page
    client.post(f"/manage/give/{the_list().pk}/start/")
    for_ada = AccessRequest.objects.get(target=ada)
    assert for_ada.justification == "Project"
    assert for_ada.assignment.ends_at == clock.day_ends(end)
    assert [answer["value"] for answer in for_ada.answers] == ["4711"]
    assert for_ada.answers[0]["question"] == str(question.key)
    for_bo = AccessRequest.objects.get(target=bo)
    assert (for_bo.justification, for_bo.answers) == ("For all", [])


def test_whoever_gives_answers_the_questions(client, ada, bo, policy):
    question = Question.objects.create(
        policy=policy, position=1, kind="short_text", text="Which cost center?"
    )
    other = AssignmentPolicyFactory(package=policy.package, name="Without questions")
    address = f"/manage/packages/{policy.package_id}/give/"
    page = text(client.get(address))
    assert "Questions of the policy Employees" in page
    assert "Questions of the policy Without questions" not in page
    name = f"answer-{policy.pk.hex[:8]}-{question.key}"

    refused = send(client, policy, f"user:{ada.pk}")
    assert refused.status_code == 422
    assert "An answer is needed." in text(refused)

    send(client, policy, f"user:{ada.pk}", **{name: "4711"})
    assert [one["value"] for one in AccessRequest.objects.get(target=ada).answers] == ["4711"]
    people = UserFactory.create_batch(2)
    send(client, policy, *(f"user:{one.pk}" for one in people), **{name: "4712"})
    assert states(the_list()) == ["ready", "ready"]
    client.post(f"/manage/give/{the_list().pk}/start/")
    given = AccessRequest.objects.filter(target__in=people)
    assert [[one["value"] for one in made.answers] for made in given] == [["4712"]] * 2
    send(client, other, f"user:{bo.pk}")
    assert AccessRequest.objects.get(target=bo).answers == []


BAD_FILES = [
    (b"", "The submitted file is empty."),
    (b" ", "unknown: (no name)"),
    (b"nickname\nAda\n", "unknown: nickname"),
    (b"name\nAda\n", "a column “email” or “id” is missing"),
    (b"start\n2026-01-01\n", "a column “email” or “id” is missing"),
    (b"email,email\na,b\n", "twice: email"),
    ("email\nada@kestrel.example\n".encode("utf-16"), "UTF-16"),
    ("email,justification\na@b.c,Müller\n".encode("latin-1"), "line 2: this is not UTF-8"),
    (b'email\n"ada@kestrel.example\n', "line 2"),
    (b"email\n", "list_empty"),
]


@pytest.mark.parametrize(("data", "words"), BAD_FILES)
def test_a_file_that_cannot_be_read_says_why_and_where(client, policy, data, words):
    sent = {"policy": policy.pk, "file": SimpleUploadedFile("people.csv", data)}
    response = client.post(f"/manage/packages/{policy.package_id}/give/", sent)

    assert response.status_code == 422
    assert words in text(response)
    assert not BulkAssignment.objects.exists()


def test_a_file_that_is_too_large_is_not_read(policy):
    with pytest.raises(BadFile, match="larger than"):
        bulk_files.read(b"x" * (bulk_files.MOST_BYTES + 1), "people.csv", policy)


BAD_ROWS = [
    ("nobody@kestrel.example,,,", {"person_unknown"}),
    (",,,", {"person_missing"}),
    ("ada@kestrel.example,31.12.2026,,", {"date_unreadable"}),
    ("ada@kestrel.example,,tomorrow,", {"date_unreadable"}),
    ("ada@kestrel.example,soon,later,", {"date_unreadable"}),
    ("ada@kestrel.example,2001-01-01,,", {"starts_in_the_past"}),
    ("ada@kestrel.example,,2001-01-01,", {"ends_in_the_past"}),
    ("ada@kestrel.example,,2099-01-01,", {"ends_after_limit"}),
    ("ada@kestrel.example", {"row_unreadable"}),
    ("ada@kestrel.example,,,x,y", {"row_unreadable"}),
    ("ada@kestrel.example,nonsense,,a\x00b", {"date_unreadable", "justification_unreadable"}),
]


@pytest.mark.parametrize(("row", "codes"), BAD_ROWS)
def test_a_bad_row_is_named_with_its_line_and_every_reason(ada, gita, policy, row, codes):
    data = f"email,start,end,justification\n{row}\n".encode()

    bulk = giving.plan(
        policy, bulk_files.read(data, "people.csv", policy), by=gita, source="people.csv"
    )

    (kept,) = bulk.rows.all()
    assert kept.state == "refused"
    assert kept.place == "people.csv line 2"
    assert {reason["code"] for reason in kept.reasons} == codes


def test_moments_days_and_choices_are_read(ada, policy, settings):
    settings.ORGANIZATION_TIME_ZONE = "Pacific/Auckland"
    Question.objects.create(
        policy=policy,
        position=1,
        kind="choices",
        text="Which sites?",
        choices=[{"value": "Bonn", "texts": {}}, {"value": "Oslo", "texts": {}}],
    )
    today = clock.today_begins().date()
    data = (
        "id;start;end;which_sites?\n"
        f"{ada.pk};{today};2030-01-01T12:00;Oslo | Bonn\n"
        f"x;{today + DAY};2030-01-01T12:00+00:00;\n"
    )

    first, second = bulk_files.read(data.encode(), "people.csv", policy)

    assert first.starts_at is None
    assert first.ends_at.isoformat() == "2030-01-01T12:00:00+13:00"
    assert list(first.answers.values()) == [["Oslo", "Bonn"]]
    assert second.starts_at == clock.day_begins(today + DAY)
    assert second.ends_at.isoformat() == "2030-01-01T12:00:00+00:00"
    assert second.answers == {}


def test_the_last_day_of_the_policy_is_its_last_moment(ada, policy):
    policy.expiration, policy.duration = Expiration.ON_DATE, None
    policy.ends_on = clock.day_begins((clock.now() + 30 * DAY).date()) + timedelta(hours=9)
    policy.save()

    data = f"email,end\nada@kestrel.example,{policy.ends_on.date()}\n".encode()

    assert bulk_files.read(data, "people.csv", policy)[0].ends_at == policy.ends_on


def test_a_long_list_shows_its_progress(client, gita, policy, monkeypatch, run_queue):
    monkeypatch.setattr(giving, "MOST_AT_ONCE", 2)
    people = UserFactory.create_batch(3)
    send(client, policy, *(f"user:{person.pk}" for person in people))
    address = f"/manage/give/{the_list().pk}/"

    page = text(client.post(f"{address}start/", follow=True))
    assert "0 of 3 rows are done" in page
    assert "hx-trigger" in page
    fragment = text(client.get(address, headers={"HX-Request": "true"}))
    assert "0 of 3 rows are done" in fragment
    assert "<h1" not in fragment
    run_queue()
    page = text(client.get(address))
    assert "3 of 3 given" in page
    assert "every 3s" not in page


def test_a_list_is_filtered_and_downloaded(client, ada, gita, policy):
    ada.display_name = "=cmd()"
    ada.save()
    bulk = giving.plan(
        policy,
        bulk_files.read(b"email\nada@kestrel.example\n@nobody\n", "people.csv", policy),
        by=gita,
        source="people.csv",
    )
    address = f"/manage/give/{bulk.pk}/"

    refused = text(client.get(f"{address}?show=refused"))
    assert "person_unknown" in refused
    assert "=cmd()" not in refused
    assert "No row is in this state." in text(client.get(f"{address}?show=given"))

    response = client.get(f"{address}result.csv")
    content = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(StringIO(content)))
    assert [row["codes"] for row in rows] == ["", "person_unknown"]
    assert rows[0]["email"] == "ada@kestrel.example"
    assert rows[1]["named"] == "'@nobody"
    assert rows[1]["line"] == "people.csv line 3"


def test_no_cell_runs_as_a_formula():
    cells = ["=1", "+1", "-1", "@x", "\tx", "\rx", "x=1", None, 5]
    response = csv_response("x.csv", ["a"], [cells])

    content = b"".join(response.streaming_content).decode("utf-8-sig")

    assert content.splitlines()[1].startswith("'=1,'+1,'-1,'@x,'\tx")
    assert "x=1,,5" in content


def test_the_example_names_the_questions(client, policy):
    Question.objects.create(policy=policy, position=1, kind="short_text", text="Which cost center?")

    response = client.get(f"/manage/packages/{policy.package_id}/give/example.csv")

    header = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()[0]
    assert header == "email,name,start,end,justification,Which cost center?"


def test_a_list_is_dropped(client, ada, bo, policy):
    send(client, policy, f"user:{ada.pk}", f"user:{bo.pk}")

    response = client.post(f"/manage/give/{the_list().pk}/drop/", follow=True)

    assert "Nothing was given." in text(response)
    assert not BulkAssignment.objects.exists()


@pytest.mark.parametrize("role", [None, "reader"])
def test_lists_are_for_managers_of_assignments(client, ada, bo, gita, policy, appoint, role):
    send(client, policy, f"user:{ada.pk}", f"user:{bo.pk}")
    bulk = the_list()
    if role:
        appoint(bo, policy.package.catalog, role)
    client.force_login(bo)
    status = 403 if role else 404

    for path in ("", "result.csv"):
        assert client.get(f"/manage/give/{bulk.pk}/{path}").status_code == status
    for act in ("start", "drop"):
        assert client.post(f"/manage/give/{bulk.pk}/{act}/").status_code == status
    sample = f"/manage/packages/{policy.package_id}/give/example.csv"
    assert client.get(sample).status_code == status
    assert not AccessRequest.objects.exists()


def test_another_manager_sees_a_list_and_does_not_give_it(client, ada, bo, policy, appoint):
    send(client, policy, f"user:{ada.pk}", f"user:{bo.pk}")
    client.force_login(appoint(UserFactory(), policy.package.catalog))

    assert "Give to 2 people" not in text(client.get(f"/manage/give/{the_list().pk}/"))
    assert client.post(f"/manage/give/{the_list().pk}/start/").status_code == 403
    assert not AccessRequest.objects.exists()


def test_a_list_costs_the_same_with_few_and_with_many_rows(client, gita, policy):
    def cost(count):
        people = UserFactory.create_batch(count)
        entries = [giving.Entry(str(person.pk)) for person in people]
        bulk = giving.plan(policy, entries, by=gita, source="many")
        giving.give_all(bulk, by=gita)
        client.get(f"/manage/give/{bulk.pk}/")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/manage/give/{bulk.pk}/").status_code == 200
        return len(captured)

    assert cost(3) == cost(30) <= 16


def test_approval_is_skipped_by_owners_where_it_is_allowed(
    client, ada, bo, gita, policy, appoint, settings
):
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    address = f"/manage/packages/{policy.package_id}/give/"
    assert "Without approval" not in text(client.get(address))
    settings.DIRECT_ASSIGNMENT_SKIPS_APPROVAL = True
    assert "Without approval" not in text(client.get(address))
    send(client, policy, f"user:{bo.pk}", skips_approval="on")
    assert AccessRequest.objects.get(target=bo).state == "pending_approval"

    appoint(gita, policy.package.catalog, "owner")
    assert "Without approval" in text(client.get(address))
    page = text(send(client, policy, f"user:{ada.pk}", skips_approval="on"))
    assert "You gave it directly to Ada Lovelace, without approval." in page
    assert AccessRequest.objects.get(target=ada).state == "delivering"
    people = UserFactory.create_batch(2)
    keys = [f"user:{person.pk}" for person in people]
    assert "without approval" in text(send(client, policy, *keys, skips_approval="on"))
    client.post(f"/manage/give/{the_list().pk}/start/")
    assert Assignment.objects.filter(target__in=people).count() == 2


# Extending


def test_a_manager_of_assignments_extends(client, ada, gita, policy):
    assignment = AssignmentFactory(policy=policy, target=ada, ends_at=clock.now() + 5 * DAY)
    address = f"/manage/assignments/{assignment.pk}/extend/"
    assert address in text(client.get(f"/manage/assignments/{assignment.pk}/"))
    assert "At most until" in text(client.get(address))
    day = (clock.now() + 20 * DAY).date()

    page = text(client.post(address, {"ends_on": day, "justification": "Project"}, follow=True))

    assignment.refresh_from_db()
    assert assignment.ends_at == clock.day_ends(day)
    assert "You asked that Ada Lovelace keeps it until" in page
    assert AuditEvent.objects.filter(action="request.extension_given").exists()


def test_what_speaks_against_extending_is_said_at_the_field(client, ada, policy):
    assignment = AssignmentFactory(policy=policy, target=ada, ends_at=clock.now() + 5 * DAY)
    address = f"/manage/assignments/{assignment.pk}/extend/"

    response = client.post(address, {"ends_on": (clock.now() + 200 * DAY).date()})

    assert response.status_code == 422
    assert "The end is later than the policy allows" in text(response)


def test_readers_and_strangers_extend_nothing(client, ada, bo, policy, appoint):
    assignment = AssignmentFactory(policy=policy, target=ada)
    address = f"/manage/assignments/{assignment.pk}/extend/"
    client.force_login(bo)
    assert client.get(address).status_code == 404
    appoint(bo, policy.package.catalog, "reader")
    assert client.get(address).status_code == 403
    assert client.post(address, {}).status_code == 403
    assert not AccessRequest.objects.exists()
