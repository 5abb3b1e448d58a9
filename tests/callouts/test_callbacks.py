from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from entitlements import clock, sweep
from entitlements.callouts.models import Callout, CalloutState
from entitlements.decisions import Denied
from entitlements.models import AccessRequest, AuditEvent, Notification
from entitlements.requests import deciding, operations
from entitlements.requests.callbacks import resume, resume_by_hand, time_out
from entitlements.requests.states import RequestState
from tests.factories import AssignmentFactory, AssignmentPolicyFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def fresh(access_request):
    return AccessRequest.objects.get(pk=access_request.pk)


def codes(act):
    with pytest.raises(Denied) as denied:
        act()
    return denied.value.codes


def told(event):
    found = Notification.objects.filter(event=event)
    return sorted(found.values_list("recipient__display_name", flat=True))


def test_a_request_waits_until_the_extension_answers(waiting, receiver, run_queue, actions):
    """Checklist 90: launch and wait pauses the request until a resume call."""
    assert waiting.state == RequestState.WAITING_FOR_CALLBACK
    assert actions() == ["request.submitted", "request.waits_for_callback"]
    event = AuditEvent.objects.get(action="request.waits_for_callback")
    assert event.details["extensions"] == ["Tickets"]
    assert (event.details["source"], event.details["state"]) == (
        "submitted",
        "waiting_for_callback",
    )
    run_queue()
    callout = Callout.objects.get()
    assert (callout.state, len(receiver.calls)) == (CalloutState.WAITING, 1)
    assert fresh(waiting).state == RequestState.WAITING_FOR_CALLBACK

    resume(callout, answer_id="msg-1", detail=" Ticket 4711 ")

    callout.refresh_from_db()
    assert (callout.state, callout.detail, callout.answer_id) == ("done", "Ticket 4711", "msg-1")
    assert fresh(waiting).state == RequestState.DELIVERING
    answered = AuditEvent.objects.get(action="request.callback")
    assert answered.details["justification"] == "Ticket 4711"
    assert answered.details["state"] == "submitted"
    assert actions()[-4:] == [
        "request.callback",
        "request.approved_automatically",
        "assignment.begun",
        "request.delivery_started",
    ]


def test_after_an_answer_the_approvers_are_asked(ada, bo, approved_by_bo, attach):
    attach(approved_by_bo, "created", waits_for=DAY)
    access_request = operations.submit(approved_by_bo, by=ada)
    assert told("approval.asked") == []

    resume(Callout.objects.get(), answer_id="msg-1")

    assert fresh(access_request).state == RequestState.PENDING_APPROVAL
    assert told("approval.asked") == ["Bo Chen"]


def test_after_approval_a_request_can_wait_once_more(ada, bo, approved_by_bo, attach, actions):
    attach(approved_by_bo, "created", "approved", waits_for=DAY)
    access_request = operations.submit(approved_by_bo, by=ada)
    resume(Callout.objects.get(stage="created"), answer_id="msg-1")

    deciding.approve(access_request, by=bo)

    assert fresh(access_request).state == RequestState.WAITING_FOR_CALLBACK
    resume(Callout.objects.get(stage="approved"), answer_id="msg-2")
    assert fresh(access_request).state == RequestState.DELIVERING
    assert actions().count("request.waits_for_callback") == 2


def test_a_request_goes_on_after_the_last_of_several_answers(ada, policy, attach, actions):
    attach(policy, "created", waits_for=DAY, name="One")
    attach(policy, "created", waits_for=2 * DAY, name="Two")
    attach(policy, "created", name="Three")
    access_request = operations.submit(policy, by=ada)
    one, two = (Callout.objects.get(extension__name=name) for name in ("One", "Two"))
    event = AuditEvent.objects.get(action="request.waits_for_callback")
    assert event.details["answer_by"] == two.answer_by.isoformat()

    resume(two, answer_id="msg-1")
    assert fresh(access_request).state == RequestState.WAITING_FOR_CALLBACK
    resume(one, answer_id="msg-1")

    assert fresh(access_request).state == RequestState.DELIVERING
    assert actions().count("request.callback") == 2


@pytest.mark.parametrize("stage", ["created", "approved"])
def test_an_extension_denies_at_the_first_two_stages(ada, policy, attach, stage, run_queue):
    """Checklist 91: a resume call can deny only at the created and approved stages."""
    attach(policy, stage, waits_for=DAY, name="Tickets")
    attach(policy, stage, waits_for=DAY, name="Other")
    access_request = operations.submit(policy, by=ada)

    resume(Callout.objects.get(extension__name="Tickets"), answer_id="m", detail="No.", denies=True)

    denied = fresh(access_request)
    assert (denied.state, denied.outcome_reason) == (RequestState.DENIED, "No.")
    assert told("request.denied") == ["Ada Lovelace"]
    states = dict(Callout.objects.values_list("extension__name", "state"))
    assert states == {"Tickets": CalloutState.DENIED, "Other": CalloutState.CLOSED}
    run_queue()
    event = AuditEvent.objects.get(action="request.denied_by_callback")
    assert (event.details["extension"], event.details["justification"]) == ("Tickets", "No.")


@pytest.mark.parametrize("stage", ["granted", "removed"])
def test_later_nothing_can_be_denied_and_nothing_is_held_up(
    ada, policy, attach, stage, run_queue, actions
):
    attach(policy, stage, waits_for=DAY)
    access_request = operations.submit(policy, by=ada)
    run_queue()
    assert fresh(access_request).state == RequestState.DELIVERED
    operations.give_back(fresh(access_request).assignment, by=ada)
    run_queue()
    callout = Callout.objects.get()
    assert callout.state == CalloutState.WAITING

    assert codes(lambda: resume(callout, answer_id="m", denies=True)) == {"cannot_deny"}
    resume(callout, answer_id="m", detail="Ticket closed.")

    callout.refresh_from_db()
    assert (callout.state, callout.detail) == ("done", "Ticket closed.")
    assert actions().count("callout.answered") == 1


def test_the_same_answer_again_changes_nothing_and_another_is_refused(waiting, actions):
    callout = Callout.objects.get()
    resume(callout, answer_id="msg-1")
    before = actions()

    assert resume(callout, answer_id="msg-1", detail="Other words.").detail == ""
    refused = codes(lambda: resume(callout, answer_id="msg-2", denies=True))

    assert refused == {"answered_already"}
    assert actions() == before


def test_a_message_that_answered_one_call_answers_no_other(ada, policy, attach):
    attach(policy, "created", "approved", waits_for=DAY)
    operations.submit(policy, by=ada)
    resume(Callout.objects.get(), answer_id="msg-1")

    second = Callout.objects.get(stage="approved")
    assert codes(lambda: resume(second, answer_id="msg-1")) == {"message_used"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Callout.objects.filter(pk=second.pk).update(answer_id="msg-1")


@pytest.mark.parametrize(
    ("answer", "code"),
    [({"detail": "x" * 1001}, "detail_too_long"), ({"detail": "\x00"}, "detail_unreadable")],
)
def test_unusable_text_is_refused(waiting, answer, code):
    assert codes(lambda: resume(Callout.objects.get(), answer_id="m", **answer)) == {code}
    assert fresh(waiting).state == RequestState.WAITING_FOR_CALLBACK


def test_a_call_that_waits_for_nothing_takes_no_answer(ada, policy, attach):
    attach(policy, "created")
    operations.submit(policy, by=ada)

    refused = codes(lambda: resume(Callout.objects.get(), answer_id="m", denies=True))

    assert refused == {"not_waited_for", "cannot_deny"}


def test_an_answer_may_come_before_the_call(waiting, receiver, run_queue):
    callout = Callout.objects.get()
    resume(callout, answer_id="m")
    run_queue()

    callout.refresh_from_db()
    assert callout.state == CalloutState.DONE
    assert receiver.calls == []


OUTCOMES = [
    ("fail", RequestState.DELIVERY_FAILED, "request.callback_timed_out", "request.unanswered"),
    ("deny", RequestState.DENIED, "request.denied_without_callback", "request.denied"),
    ("continue", RequestState.DELIVERING, "request.callback_missed", None),
]


@pytest.mark.parametrize(("on_timeout", "state", "action", "mail"), OUTCOMES)
def test_no_answer_in_time_has_the_outcome_that_the_owner_chose(
    ada, policy, attach, actions, on_timeout, state, action, mail
):
    """Checklist 90: or until a timeout; what it means is chosen, not guessed."""
    attach(policy, "created", waits_for=14 * DAY, on_timeout=on_timeout, name="Tickets")
    access_request = operations.submit(policy, by=ada)
    callout = Callout.objects.get()
    assert not time_out(callout)
    with clock.at(clock.now() + 14 * DAY - timedelta(minutes=1)):
        sweep.run()
    assert fresh(access_request).state == RequestState.WAITING_FOR_CALLBACK

    with clock.at(clock.now() + 14 * DAY + timedelta(seconds=1)):
        sweep.run()
        sweep.run()

    ended = fresh(access_request)
    assert ended.state == state
    assert actions().count(action) == 1
    callout.refresh_from_db()
    assert callout.state == CalloutState.TIMED_OUT
    if mail:
        assert ended.outcome_reason == "“Tickets” gave no answer in time."
        assert told(mail) == ["Ada Lovelace"]
    assert codes(lambda: resume(callout, answer_id="late")) == {"answered_already"}


def test_an_answer_that_is_missed_after_access_was_set_up_stops_nothing(
    ada, policy, attach, run_queue, actions
):
    attach(policy, "granted", waits_for=DAY, on_timeout="deny")
    access_request = operations.submit(policy, by=ada)
    run_queue()

    with clock.at(clock.now() + 2 * DAY):
        sweep.time_out_what_nobody_answered()

    assert fresh(access_request).state == RequestState.DELIVERED
    assert Callout.objects.get().state == CalloutState.TIMED_OUT
    assert actions()[-1] == "callout.timed_out"


def test_a_call_that_could_not_be_made_times_out_too(waiting, receiver, run_queue):
    Callout.objects.update(state=CalloutState.GIVEN_UP, next_attempt_at=None)

    with clock.at(clock.now() + 4 * DAY):
        sweep.time_out_what_nobody_answered()

    assert fresh(waiting).state == RequestState.DELIVERY_FAILED


def test_a_request_that_waits_can_be_canceled_and_then_takes_no_answer(ada, waiting, run_queue):
    operations.cancel(waiting, by=ada)

    callout = Callout.objects.get()
    assert (callout.state, callout.next_attempt_at) == (CalloutState.CLOSED, None)
    assert codes(lambda: resume(callout, answer_id="m")) == {"answered_already"}
    run_queue()
    assert fresh(waiting).state == RequestState.CANCELED


def test_a_request_that_waits_is_an_open_request(ada, waiting, policy):
    other = AssignmentPolicyFactory(package=policy.package)

    assert codes(lambda: operations.submit(other, by=ada)) == {"already_requested"}


def test_when_access_cannot_begin_any_more_the_answer_calls_the_request_off(ada, policy, attach):
    attach(policy, "approved", waits_for=DAY)
    access_request = operations.submit(policy, by=ada)
    AssignmentFactory(policy=policy, target=ada)

    resume(Callout.objects.get(), answer_id="m")

    canceled = fresh(access_request)
    assert canceled.state == RequestState.CANCELED
    assert "already" in canceled.outcome_reason


def test_managers_of_assignments_answer_by_hand(waiting, bo, gita, appoint):
    catalog = waiting.package.catalog
    appoint(bo, catalog, "assignment_manager")
    appoint(gita, catalog, "reader")
    callout = Callout.objects.get()

    assert codes(lambda: resume_by_hand(callout, by=gita)) == {"not_permitted"}
    resume_by_hand(callout, by=bo, detail="I looked it up.")

    assert fresh(waiting).state == RequestState.DELIVERING
    assert AuditEvent.objects.get(action="request.callback").actor_name == "Bo Chen"
    assert codes(lambda: resume_by_hand(callout, by=bo)) == {"answered_already"}


def test_a_request_to_extend_waits_as_well(ada, policy, attach, run_queue):
    access_request = operations.submit(policy, by=ada)
    run_queue()
    assignment = fresh(access_request).assignment
    attach(policy, "created", waits_for=DAY)

    longer = operations.extend(assignment, by=ada, ends_at=assignment.ends_at + DAY)
    assert longer.state == RequestState.WAITING_FOR_CALLBACK
    resume(Callout.objects.get(), answer_id="m")

    assignment.refresh_from_db()
    assert fresh(longer).state == RequestState.DELIVERED


@pytest.mark.django_db(transaction=True)
def test_of_many_answers_at_once_one_counts(waiting, actions):
    callout = Callout.objects.get()

    outcomes = at_once(
        *[lambda n=n: resume(callout, answer_id=f"msg-{n}", denies=n % 2 == 0) for n in range(4)]
    )

    assert refusals(outcomes) == [{"answered_already"}] * 3
    assert fresh(waiting).state in (RequestState.DENIED, RequestState.DELIVERING)
    assert len({"request.callback", "request.denied_by_callback"} & set(actions())) == 1


@pytest.mark.django_db(transaction=True)
def test_an_answer_and_a_cancellation_at_once_leave_one_outcome(ada, waiting):
    callout = Callout.objects.get()

    at_once(
        lambda: resume(callout, answer_id="m", denies=True),
        lambda: operations.cancel(waiting, by=ada),
    )

    callout.refresh_from_db()
    outcome = (fresh(waiting).state, callout.state)
    assert outcome in [("denied", "denied"), ("canceled", "closed")]


def test_after_an_answer_access_still_begins_at_its_start(ada, policy, attach):
    policy.allows_custom_dates = True
    policy.save()
    attach(policy, "approved", waits_for=DAY)
    access_request = operations.submit(policy, by=ada, starts_at=clock.now() + 2 * DAY)

    resume(Callout.objects.get(), answer_id="m")

    assert fresh(access_request).state == RequestState.SCHEDULED
