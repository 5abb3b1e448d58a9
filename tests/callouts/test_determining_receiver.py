"""A real receiver is asked who approves: slow, dying, babbling, twice, and as it should be."""

import json
from datetime import timedelta
from functools import partial
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.core.cache import cache

from entitlements import clock, sweep
from entitlements.callouts import sending
from entitlements.callouts.models import Callout, CalloutState
from entitlements.callouts.signing import signed_headers
from entitlements.models import AccessRequest, ApprovalStep, AuditEvent
from entitlements.requests import operations
from entitlements.requests.states import RequestState
from tests.factories import AssignmentPolicyFactory
from tests.receivers import (
    answers,
    dies_in_mid_answer,
    drips,
    hangs_up,
    huge,
    never_answers,
    ok,
    says,
    speaks_no_http,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def portal(live_server, settings):
    """The portal as the receiver reaches it."""
    settings.PORTAL_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]
    cache.clear()
    yield live_server
    cache.clear()


@pytest.fixture
def policy(db):
    return AssignmentPolicyFactory()


@pytest.fixture
def asked(ada, policy, decide):
    """Ada's request, for which the receiver is asked who approves."""
    decide(policy)
    return operations.submit(policy, by=ada)


def state():
    return AccessRequest.objects.get().state


def stage(*people):
    named = [{"@odata.type": "#microsoft.graph.singleUser", "id": str(one.pk)} for one in people]
    return {"durationBeforeAutomaticDenial": "P2D", "primaryApprovers": named}


def reply(call, *people, keys=None, message_id="msg-1", body=None, off=0, **words):
    """Answer a call over the network; return the status, and what came back."""
    data = call.json["data"]
    message = {"callout": data["callout"], "approvalStage": stage(*people), **words}
    body = json.dumps(message).encode() if body is None else body
    keys = Callout.objects.get(pk=data["callout"]).extension.secrets() if keys is None else keys
    moment = clock.now() + timedelta(seconds=off)
    headers = signed_headers(keys, message_id, body, moment=moment)
    headers["content-type"] = "application/json"
    request = Request(data["resume_url"], body, headers)
    try:
        with urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except HTTPError as refused:
        with refused:
            return refused.code, [error["code"] for error in json.load(refused)["errors"]]


def call_again():
    """Let the pause of a call that failed be over, and make it once more."""
    Callout.objects.update(next_attempt_at=clock.now())
    sending.sweep_callouts()


def test_a_receiver_that_answers_lets_the_stage_open(asked, receiver, run_queue, bo):
    run_queue()
    (call,) = receiver.calls

    assert reply(call, bo) == (200, {"callout": call.id, "state": "done"})

    assert state() == RequestState.PENDING_APPROVAL
    assert [str(one) for one in ApprovalStep.objects.get().approvers.all()] == ["Bo Chen"]


MISBEHAVES = {
    "is slow": lambda receiver: never_answers(receiver),
    "drips": lambda receiver: drips,
    "dies": lambda receiver: dies_in_mid_answer,
    "hangs up": lambda receiver: hangs_up,
    "babbles": lambda receiver: speaks_no_http,
    "overflows": lambda receiver: huge,
    "fails": lambda receiver: answers(500),
}


@pytest.mark.parametrize("how", MISBEHAVES)
def test_one_that_misbehaves_is_asked_again_and_its_answer_counts_then(
    asked, receiver, run_queue, bo, how, monkeypatch
):
    monkeypatch.setattr(sending, "post", partial(sending.post, seconds=1.0))
    receiver.answer = MISBEHAVES[how](receiver)
    run_queue()
    callout = Callout.objects.get()
    assert (callout.state, callout.attempts) == (CalloutState.PLANNED, 1)
    assert callout.last_error
    assert state() == RequestState.WAITING_FOR_CALLBACK

    receiver.answer = ok
    call_again()
    run_queue()

    assert len({call.id for call in receiver.calls}) == 1
    assert reply(receiver.calls[-1], bo)[0] == 200
    assert state() == RequestState.PENDING_APPROVAL


def test_one_that_never_answers_lets_the_request_fail(asked, receiver, run_queue):
    run_queue()
    assert Callout.objects.get().state == CalloutState.WAITING

    with clock.at(clock.now() + 3.1 * DAY):
        sweep.time_out_what_nobody_answered()

    assert state() == RequestState.DELIVERY_FAILED


def test_what_it_says_in_its_reply_to_the_call_counts_for_nothing(asked, receiver, run_queue, bo):
    """Only a signed answer says who approves, not the body of the reply."""
    receiver.answer = says({"approvalStage": stage(bo)})

    run_queue()

    assert Callout.objects.get().state == CalloutState.WAITING
    assert state() == RequestState.WAITING_FOR_CALLBACK


GARBAGE = [
    ({"body": b""}, 400, ["not_json"]),
    ({"body": b"\x00\xff{"}, 400, ["not_json"]),
    ({"body": b'{"approvalStage": {}}'}, 400, ["wrong_call"]),
    ({"body": b"x" * 20_000}, 413, ["too_long"]),
    ({"approvalStage": None}, 400, ["approval_stage_missing"]),
    ({"approvalStage": "everybody"}, 400, ["stage_unreadable"]),
    ({"approvalStage": {"primaryApprovers": [1, 2]}}, 400, ["approver_unreadable"] * 2
     + ["duration_missing"]),
    ({"approvalStage": stage()}, 400, ["stage_without_approver"]),
    ({"state": "denied"}, 400, ["cannot_deny"]),
    ({"detail": "\ud800"}, 400, ["detail_unreadable"]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "status", "codes"), GARBAGE)
def test_garbage_is_refused_with_every_reason_and_changes_nothing(
    asked, receiver, run_queue, bo, words, status, codes
):
    run_queue()
    (call,) = receiver.calls
    before = AuditEvent.objects.count()

    assert reply(call, bo, **words) == (status, codes)

    assert (state(), AuditEvent.objects.count()) == (RequestState.WAITING_FOR_CALLBACK, before)
    assert reply(call, bo)[0] == 200


def test_a_wrong_or_old_signature_opens_nothing(asked, receiver, run_queue, bo):
    run_queue()
    (call,) = receiver.calls

    assert reply(call, bo, keys=[b"x" * 32]) == (401, ["signature_wrong"])
    assert reply(call, bo, off=-400) == (401, ["timestamp_stale"])
    assert state() == RequestState.WAITING_FOR_CALLBACK


def test_a_replay_changes_nothing_and_another_answer_is_a_conflict(
    asked, receiver, run_queue, bo, gita
):
    run_queue()
    (call,) = receiver.calls

    first = reply(call, bo)
    again = reply(call, gita)
    other = reply(call, gita, message_id="msg-2")

    assert again == first
    assert other == (409, ["answered_already"])
    assert [str(one) for one in ApprovalStep.objects.get().approvers.all()] == ["Bo Chen"]


def test_a_message_that_was_overheard_opens_no_other_request(
    asked, policy, receiver, run_queue, ada, bo, gita
):
    operations.submit(policy, by=gita)
    run_queue()
    first, second = receiver.calls

    assert reply(first, bo)[0] == 200
    assert reply(second, bo) == (409, ["message_used"])
    assert AccessRequest.objects.filter(state="waiting_for_callback").count() == 1


def test_of_two_answers_at_once_one_counts(asked, receiver, run_queue, bo, gita):
    run_queue()
    (call,) = receiver.calls

    replies = at_once(
        lambda: reply(call, bo, message_id="one"), lambda: reply(call, gita, message_id="two")
    )

    assert sorted(status for status, _ in replies) == [200, 409]
    assert ApprovalStep.objects.get().approvers.count() == 1
    assert AuditEvent.objects.filter(action="request.callback").count() == 1


def test_an_answer_after_the_request_was_canceled_is_a_conflict(
    asked, receiver, run_queue, ada, bo
):
    run_queue()
    operations.cancel(asked, by=ada)

    assert reply(receiver.calls[0], bo) == (409, ["answered_already"])
    assert state() == RequestState.CANCELED
