import json
from datetime import timedelta
from unittest.mock import ANY

import pytest

from entitlements import clock, sweep
from entitlements.assignments.operations import remind_holder
from entitlements.callouts import sending
from entitlements.callouts.models import Callout, CalloutState
from entitlements.callouts.operations import call_for_test, send_again
from entitlements.callouts.signing import is_genuine
from entitlements.catalog.extensions import change_secret
from entitlements.decisions import Denied
from entitlements.delivery.expiry import end_overdue
from entitlements.models import AuditEvent
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestState
from tests.factories import AssignmentFactory, CustomExtensionFactory
from tests.receivers import answers, dies_in_mid_answer, huge, redirects_to
from tests.threads import at_once

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def called(receiver):
    return [call.json["type"] for call in receiver.calls]


def test_a_request_tells_the_extension_of_each_stage(
    ada, bo, approved_by_bo, attach, receiver, run_queue
):
    """Checklist 89: created, approved, granted and removed."""
    attach(approved_by_bo, "created", "approved", "granted", "removed")

    access_request = operations.submit(approved_by_bo, by=ada)
    run_queue()
    assert called(receiver) == ["access.created"]
    deciding.approve(access_request, by=bo)
    run_queue()
    assert called(receiver) == ["access.created", "access.approved", "access.granted"]
    access_request.refresh_from_db()
    operations.give_back(access_request.assignment, by=ada)
    run_queue()

    assert called(receiver)[3:] == ["access.removed"]
    assert set(Callout.objects.values_list("state", flat=True)) == {CalloutState.DONE}
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED


def test_the_message_says_who_what_and_until_when_and_no_secret(
    ada, policy, attach, receiver, run_queue
):
    extension = attach(policy, "created", waits_for=DAY)

    access_request = operations.submit(policy, by=ada, justification="Year-end close")
    run_queue()

    (call,) = receiver.calls
    callout = Callout.objects.get()
    assert call.id == str(callout.pk)
    assert call.json == {
        "type": "access.created",
        "timestamp": callout.created_at.isoformat(),
        "data": {
            "request": str(access_request.pk),
            "reference": access_request.reference,
            "kind": "user_add",
            "justification": "Year-end close",
            "answers": [],
            "assignment": None,
            "requestor": {"id": str(ada.pk), "name": "Ada Lovelace", "email": ada.email},
            "target": {"id": str(ada.pk), "name": "Ada Lovelace", "email": ada.email},
            "package": {"id": str(policy.package.pk), "name": policy.package.name},
            "catalog": {"id": ANY, "name": policy.package.catalog.name},
            "policy": {"id": str(policy.pk), "name": policy.name},
            "starts_at": None,
            "ends_at": None,
            "stage": "created",
            "callout": str(callout.pk),
            "resume_url": f"http://localhost:8000/api/callouts/{callout.pk}/resume",
            "answer_by": callout.answer_by.isoformat(),
        },
    }
    assert extension.sealed_secret not in call.body.decode()


def test_what_is_sent_is_signed_with_both_secrets_while_both_count(
    gita, appoint, policy, attach, receiver, run_queue, ada
):
    extension = attach(policy, "created")
    appoint(gita, extension.catalog)
    old = extension.secrets()[0]
    change_secret(extension, by=gita, overlap_hours=2)
    extension.refresh_from_db()
    new = extension.secrets()[0]

    operations.submit(policy, by=ada)
    run_queue()

    (call,) = receiver.calls
    assert len(call.headers["webhook-signature"].split()) == 2
    for key in (old, new):
        assert is_genuine(call.headers, call.body, [key], moment=clock.now())
    wrong = is_genuine(call.headers, call.body + b" ", [new], moment=clock.now())
    assert wrong.codes == {"signature_wrong"}
    with clock.at(clock.now() + timedelta(hours=3)):
        assert extension.secrets() == [new]


def test_before_access_ends_extensions_are_told_twice(ada, policy, attach, receiver, run_queue):
    """Checklist 89: 14 days and 1 day before access ends."""
    attach(
        policy, "fourteen_days_before", "one_day_before", kind="pre_expiration", name="Reminders"
    )
    access_request = operations.submit(policy, by=ada)
    run_queue()
    ends_at = access_request.assignment.ends_at

    for before in (15 * DAY, 13.9 * DAY, 13 * DAY, 0.9 * DAY, 0.5 * DAY):
        with clock.at(ends_at - before):
            sweep.run()
            run_queue()

    assert called(receiver) == ["access.fourteen_days_before", "access.one_day_before"]
    assert receiver.calls[0].json["data"]["ends_at"] == ends_at.isoformat()
    assert receiver.calls[0].json["data"]["resume_url"] is None


def test_access_that_runs_out_tells_extensions_in_the_batch(ada, bo, policy, attach, queued):
    attach(policy, "removed")
    past = clock.now() - DAY
    ended = AssignmentFactory(policy=policy, target=ada, ends_at=past, starts_at=past - DAY)
    AssignmentFactory(target=bo, ends_at=past, starts_at=past - DAY)

    assert end_overdue() == 2

    callout = Callout.objects.get()
    assert (callout.about_id, callout.stage) == (ended.pk, "removed")
    assert callout.payload["reason"] == "time ran out"
    assert "callouts.sending.send_due" in queued()


def test_a_stage_calls_each_extension_once_however_often_it_is_reached(
    ada, gita, appoint, policy, attach, receiver, run_queue
):
    attach(policy, "granted")
    access_request = operations.submit(policy, by=ada)
    run_queue()
    access_request.refresh_from_db()
    access_request.state = RequestState.DELIVERING
    access_request.save()

    sweep.run()
    run_queue()

    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED
    assert len(receiver.calls) == 1


def test_extensions_that_are_off_or_gone_are_passed_over(ada, policy, attach, receiver, run_queue):
    attach(policy, "created", is_enabled=False, waits_for=DAY)

    access_request = operations.submit(policy, by=ada)
    run_queue()

    assert receiver.calls == []
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED


def test_nothing_is_called_where_the_act_was_refused(ada, policy, attach, queued):
    attach(policy, "created")
    AssignmentFactory(policy=policy, target=ada)

    with pytest.raises(Denied):
        operations.submit(policy, by=ada)

    assert not Callout.objects.exists()
    assert queued() == []


FAILURES = [
    (answers(500), "It answered with status 500."),
    (answers(404), "It answered with status 404."),
    (redirects_to("http://127.0.0.1:1/"), "It answered with status 307."),
    (dies_in_mid_answer, "It did not answer as a web server does"),
    (huge, "The answer is longer than 65,536 bytes."),
]


@pytest.mark.parametrize(("misbehaves", "error"), FAILURES)
def test_what_failed_is_tried_again_after_growing_pauses_and_given_up_in_the_end(
    ada, policy, attach, receiver, run_queue, actions, misbehaves, error
):
    receiver.answer = misbehaves
    attach(policy, "created")
    began = clock.now()
    operations.submit(policy, by=ada)
    run_queue()
    callout = Callout.objects.get()
    assert callout.last_error.startswith(error)
    assert (callout.state, callout.shown_state, callout.attempts) == ("planned", "retried", 1)

    pauses = []
    while callout.next_attempt_at:
        pauses.append(callout.next_attempt_at - began)
        began = callout.next_attempt_at
        with clock.at(began + timedelta(seconds=1)):
            began = clock.now()
            assert sending.sweep_callouts() == 1
            run_queue()
        callout.refresh_from_db()

    assert len(receiver.calls) == 7
    assert len({call.id for call in receiver.calls}) == 1
    assert len({call.body for call in receiver.calls}) == 1
    assert pauses == sorted(pauses)
    assert pauses[-1] > timedelta(hours=5)
    assert callout.state == CalloutState.GIVEN_UP
    assert actions().count("callout.given_up") == 1
    assert sending.sweep_callouts() == 0


def test_while_one_cannot_be_reached_its_other_calls_wait_too(ada, bo, policy, attach, run_queue):
    attach(policy, "created", url="https://nobody.invalid/")

    operations.submit(policy, by=ada)
    operations.submit(policy, by=bo)
    run_queue()

    first, second = Callout.objects.order_by("next_attempt_at")
    assert sorted([first.attempts, second.attempts]) == [0, 1]
    assert not Callout.objects.due().exists()


def test_an_unreadable_secret_is_a_failure_that_says_so(
    ada, policy, attach, run_queue, settings, receiver
):
    attach(policy, "created")
    settings.SECRETS_KEYS = ["Zm9yIHRlc3RzIG9ubHksIDMyIGJ5dGVzIGxvbmchISE="]

    operations.submit(policy, by=ada)
    run_queue()

    assert "SECRETS_KEYS" in Callout.objects.get().last_error
    assert receiver.calls == []


def given_up(extension, **fields):
    return Callout.objects.create(
        extension=extension,
        stage="created",
        about_type="accessrequest",
        about_id=extension.pk,
        about_name="Something",
        state=CalloutState.GIVEN_UP,
        attempts=7,
        created_at=clock.now(),
        **fields,
    )


def test_owners_send_again_what_was_given_up(gita, appoint, receiver, attach, policy, run_queue):
    extension = attach(policy)
    appoint(gita, extension.catalog)
    callouts = [given_up(extension), given_up(extension, occasion="other")]

    assert send_again(callouts, by=gita) == 2
    run_queue()

    assert {call.id for call in receiver.calls} == {str(one.pk) for one in callouts}
    assert set(Callout.objects.values_list("state", "attempts")) == {("done", 1)}
    again = AuditEvent.objects.filter(action="callout.sent_again")
    assert [event.actor_name for event in again] == ["Gita Rao"] * 2


def test_what_was_not_given_up_is_not_sent_again(gita, bo, appoint, queued):
    extension = CustomExtensionFactory()
    appoint(gita, extension.catalog)
    appoint(bo, extension.catalog, "package_manager")
    lost, done = given_up(extension), given_up(extension, occasion="2")
    Callout.objects.filter(pk=done.pk).update(state=CalloutState.DONE)

    for callouts, by, code in (
        ([lost, done], gita, "not_given_up"),
        ([], gita, "not_given_up"),
        ([lost], bo, "not_permitted"),
    ):
        with pytest.raises(Denied) as denied:
            send_again(callouts, by=by)
        assert denied.value.codes == {code}
    lost.refresh_from_db()
    assert lost.state == CalloutState.GIVEN_UP
    assert queued() == []


def test_a_test_call_is_about_nothing_but_the_extension(
    gita, bo, appoint, attach, receiver, policy, run_queue
):
    extension = attach(policy, is_enabled=False, waits_for=DAY)
    appoint(gita, extension.catalog)
    appoint(bo, extension.catalog, "package_manager")

    call_for_test(extension, by=gita)
    call_for_test(extension, by=gita)
    with pytest.raises(Denied):
        call_for_test(extension, by=bo)
    run_queue()

    assert called(receiver) == ["access.test"] * 2
    assert receiver.calls[0].json["data"] == {
        "stage": "test",
        "callout": receiver.calls[0].id,
        "resume_url": None,
        "answer_by": None,
    }
    assert not Callout.objects.for_access().exists()


def test_an_extension_that_another_worker_calls_is_left_to_him(ada, policy, attach, receiver):
    extension = attach(policy, "created")
    operations.submit(policy, by=ada)
    first = Callout.objects.get()
    assert Callout.objects.filter(pk=first.pk).claim()
    Callout.objects.filter(pk=given_up(extension, next_attempt_at=clock.now()).pk).update(
        state=CalloutState.PLANNED
    )

    sending.send_due(extension_id=str(extension.pk))

    assert receiver.calls == []


def test_a_worker_stops_in_time(ada, bo, policy, attach, receiver, monkeypatch):
    extension = attach(policy, "created")
    for person in (ada, bo):
        operations.submit(policy, by=person)
    monkeypatch.setattr(sending, "LONGEST_RUN", 0.0)

    sending.send_due(extension_id=str(extension.pk))

    assert receiver.calls == []


def test_what_failed_after_it_was_answered_stays_answered(waiting):
    callout = Callout.objects.get()
    Callout.objects.update(state=CalloutState.DONE, attempts=1)

    sending.note_failure(callout.pk, "It broke.")
    callout.refresh_from_db()
    assert (callout.state, callout.next_attempt_at) == ("done", None)
    sending.note_success(callout.pk)

    callout.refresh_from_db()
    assert (callout.state, callout.last_error) == ("done", "")


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_a_call_once(ada, policy, attach, receiver):
    extension = attach(policy, "created")
    operations.submit(policy, by=ada)

    at_once(*[lambda: sending.send_due(extension_id=str(extension.pk))] * 3)

    assert len(receiver.calls) == 1
    assert Callout.objects.get().state == CalloutState.DONE


def test_a_name_with_umlauts_goes_out_as_it_is(ada, policy, attach, receiver, run_queue):
    policy.package.name = "Büro"
    policy.package.save()
    attach(policy, "created")

    operations.submit(policy, by=ada)
    run_queue()

    assert json.loads(receiver.calls[0].body.decode())["data"]["package"]["name"] == "Büro"
    assert str(Callout.objects.get()).endswith("about Büro for Ada Lovelace")


def test_access_without_an_end_announces_none(ada, policy, attach):
    attach(policy, "one_day_before", kind="pre_expiration")
    assignment = AssignmentFactory(
        policy=policy, target=ada, ends_at=None, reminder_at=clock.now() - DAY
    )

    remind_holder(assignment)

    assert not Callout.objects.exists()
