"""Administrators delete records of requests; every page that led to one says so afterwards."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements.models import AccessRequest, Assignment, AuditEvent, BulkAssignment, Notification
from entitlements.notifications.rendering import render
from entitlements.requests import deciding, giving, operations, records
from entitlements.requests.judging import Entry
from tests.factories import (
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CustomExtensionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

DELETE = reverse("manage:requests_delete")


@pytest.fixture
def ivo(db):
    return UserFactory(display_name="Ivo Okoro", is_superuser=True)


@pytest.fixture
def as_ivo(client, ivo):
    client.force_login(ivo)
    return client


@pytest.fixture
def access_request(ada, bo, run_queue):
    """Ada's request, which Bo approved and which is set up."""
    policy = AssignmentPolicyFactory(package__name="Sales Analyst")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    found = operations.submit(policy, by=ada, justification="My surgery")
    deciding.approve(found, by=bo)
    run_queue()
    found.refresh_from_db()
    return found


@pytest.fixture
def deleted(access_request, ivo):
    records.delete_record(access_request, by=ivo, justification="Asked by law")
    return access_request


def page(client, user, name, *arguments):
    client.force_login(user)
    return client.get(reverse(name, args=arguments))


def test_an_administrator_is_asked_first_and_then_deletes(as_ivo, access_request):
    chosen = {"action": "delete_records", "index": "0", "_selected_action": access_request.pk}
    listed = reverse("manage:entitlements_accessrequest_changelist")
    assert "Delete records…" in as_ivo.get(listed).text
    address = as_ivo.post(listed, chosen)["Location"]
    assert address == f"{DELETE}?id={access_request.pk}"

    asked = as_ivo.get(address).text
    assert "Delete the record of this request?" in asked
    assert access_request.reference in asked
    assert "those who approved it cannot end it any more" in asked
    assert AccessRequest.objects.exists()

    done = as_ivo.post(DELETE, {"id": access_request.pk, "justification": "Asked by law"}).text
    assert "1 of 1 deleted" in done
    assert not AccessRequest.objects.exists()
    assert Assignment.objects.live().exists()


def test_each_row_says_what_became_of_it(as_ivo, access_request):
    waiting = AccessRequestFactory()
    ids = [access_request.pk, waiting.pk]

    done = as_ivo.post(DELETE, {"id": ids, "justification": "Asked by law"}).text

    assert "1 of 2 deleted" in done
    assert "not_completed" in done
    assert list(AccessRequest.objects.all()) == [waiting]


def test_without_a_reason_nothing_is_deleted(as_ivo, access_request):
    response = as_ivo.post(DELETE, {"id": access_request.pk, "justification": " "})

    assert response.status_code == 422
    assert "Say why." in response.text
    assert AccessRequest.objects.exists()


@pytest.mark.parametrize("sent", [{}, {"id": "x"}, {"id": "00000000-0000-4000-8000-000000000000"}])
def test_what_does_not_exist_is_not_found(as_ivo, sent):
    assert as_ivo.get(DELETE, sent).status_code == 404
    assert as_ivo.post(DELETE, {**sent, "justification": "Why"}).status_code == 404


@pytest.mark.parametrize("role", ["owner", "assignment_manager"])
def test_managers_of_a_catalog_are_refused(client, access_request, appoint, role):
    client.force_login(appoint(UserFactory(), access_request.package.catalog, role))

    for response in (
        client.get(DELETE, {"id": access_request.pk}),
        client.post(DELETE, {"id": access_request.pk, "justification": "Why"}),
    ):
        assert response.status_code == 403
        assert "administrators_only" in response.text
    assert AccessRequest.objects.exists()


def test_strangers_find_nothing(client, access_request, ada):
    client.force_login(ada)

    assert client.get(DELETE, {"id": access_request.pk}).status_code == 404


def test_whoever_could_read_it_learns_who_deleted_it_when(client, deleted, ada, bo, ivo):
    for viewer, name in (
        (ada, "requests:detail"),
        (bo, "approvals:detail"),
        (ivo, "requests:detail"),
    ):
        response = page(client, viewer, name, deleted.pk)
        assert response.status_code == 410
        assert "The record of this request was deleted" in response.text
        assert "Ivo Okoro deleted it on <time" in response.text
        assert deleted.reference in response.text
        assert "Sales Analyst for Ada Lovelace" in response.text
        assert "surgery" not in response.text
        assert "Asked by law" not in response.text


def test_a_stranger_learns_nothing(client, deleted):
    for name in ("requests:detail", "requests:cancel", "approvals:detail"):
        assert page(client, UserFactory(), name, deleted.pk).status_code == 404


def test_the_holder_is_led_to_his_access_and_the_approver_is_not(client, deleted, ada, bo):
    address = reverse("access:detail", args=[deleted.assignment_id])

    assert address in page(client, ada, "requests:detail", deleted.pk).text
    assert address not in page(client, bo, "requests:detail", deleted.pk).text


def test_without_access_there_is_nothing_to_be_led_to(client, ada, ivo):
    denied = AccessRequestFactory(requestor=ada, state="denied")
    records.delete_record(denied, by=ivo, justification="Asked by law")

    assert "See the access" not in page(client, ada, "requests:detail", denied.pk).text


@pytest.mark.parametrize("name", ["cancel", "remind", "again", "try_again"])
def test_acts_on_it_say_the_same(client, deleted, ada, name):
    client.force_login(ada)

    response = client.post(reverse(f"requests:{name}", args=[deleted.pk]))

    assert response.status_code == 410


def test_a_part_of_a_page_says_so_in_the_message_area(client, deleted, ada):
    client.force_login(ada)

    response = client.get(
        reverse("requests:detail", args=[deleted.pk]), headers={"HX-Request": "true"}
    )

    assert response.headers["HX-Retarget"] == "#messages"
    assert "Ivo Okoro deleted the record of this request on" in response.text


def test_approvers_pages_say_so_too(client, deleted, bo):
    for name, arguments in (
        ("approvals:confirm", [deleted.pk]),
        ("approvals:hand_over", [deleted.pk]),
        ("approvals:correct", [deleted.pk, deleted.pk]),
    ):
        assert page(client, bo, name, *arguments).status_code == 410


def test_the_buttons_of_an_old_mail_lead_to_the_truth(client, ada, bo, ivo):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    canceled = operations.submit(policy, by=ada)
    notification = Notification.objects.get(event="approval.asked")
    button = re.search(r"(/approvals/mail/\S+/)", render(notification).text)[1]
    operations.cancel(canceled, by=ada)
    records.delete_record(canceled, by=ivo, justification="Asked by law")
    client.force_login(bo)

    response = client.get(button)

    assert response.status_code == 409
    assert "Ivo Okoro deleted the record of this request on" in response.text


def test_notifications_stay_and_their_mails_can_still_be_made(client, deleted, ada):
    client.force_login(ada)
    given = Notification.objects.get(event="access.given", recipient=ada)

    assert "You have access: Sales Analyst" in client.get(reverse("notifications:index")).text
    assert "surgery" not in render(given).text
    for notification in Notification.objects.all():
        assert render(notification).subject


def test_the_access_says_that_the_record_was_deleted(client, deleted, ada, appoint):
    reader = appoint(UserFactory(), deleted.package.catalog, "reader")

    for viewer, name, beginning in (
        (ada, "access:detail", "Access began."),
        (reader, "manage:assignment", "let access begin."),
    ):
        text = page(client, viewer, name, deleted.assignment_id).text
        assert f"{deleted.reference} · Ivo Okoro deleted the record on" in text
        assert "It was not asked for in this portal." not in text
        assert beginning in text


def test_many_deletions_cost_no_more_queries(client, ada, ivo, access_request, run_queue):
    """The page of access that was extended often reads all of them at once."""
    assignment = access_request.assignment
    address = reverse("access:detail", args=[assignment.pk])
    client.force_login(ada)
    client.get(address)
    with CaptureQueriesContext(connection) as before:
        client.get(address)
    for _ in range(5):
        AccessRequestFactory(
            policy=assignment.policy,
            requestor=ada,
            kind="user_extend",
            state="delivered",
            assignment=assignment,
        )
    for one in AccessRequest.objects.all():
        records.delete_record(one, by=ivo, justification="Asked by law")

    with CaptureQueriesContext(connection) as after:
        text = client.get(address).text

    assert text.count("Ivo Okoro deleted the record") == 6
    assert len(after) <= len(before)


def test_lists_of_calls_and_of_people_still_open(as_ivo, ada, ivo, run_queue):
    policy = AssignmentPolicyFactory()
    extension = CustomExtensionFactory(policy=policy, stages=["created"])
    bulk = giving.plan(policy, [Entry(str(ada.pk))], by=ivo, source="1 person")
    giving.give_all(bulk, by=ivo)
    extension.callouts.update(state="given_up", next_attempt_at=None)
    run_queue()
    records.delete_record(AccessRequest.objects.get(), by=ivo, justification="Asked by law")

    assert "for Ada Lovelace" in page(as_ivo, ivo, "manage:extension", extension.pk).text
    text = page(as_ivo, ivo, "manage:give_list", BulkAssignment.objects.get().pk).text
    assert "record deleted" in text


def test_the_audit_trail_shows_it_to_administrators(as_ivo, deleted):
    event = AuditEvent.objects.get(action="request.record_deleted")

    text = as_ivo.get(reverse("admin:entitlements_auditevent_change", args=[event.pk])).text

    assert "Asked by law" in text
    assert deleted.reference in text


def test_old_access_without_any_request_still_says_so(client, ada):
    assignment = Assignment.objects.create(
        policy=(policy := AssignmentPolicyFactory()),
        package=policy.package,
        target=ada,
        starts_at=policy.created_at - timedelta(days=1),
    )

    assert "It was not asked for" in page(client, ada, "access:detail", assignment.pk).text
