import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client

from entitlements import clock
from entitlements.callouts.models import Callout
from entitlements.callouts.signing import signed_headers
from entitlements.models import AccessRequest
from entitlements.requests import operations
from entitlements.requests.states import RequestState
from tests.factories import AssignmentPolicyFactory, CustomExtensionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def callout(ada):
    policy = AssignmentPolicyFactory()
    CustomExtensionFactory(policy=policy, stages=["created"], waits_for=timedelta(days=1))
    operations.submit(policy, by=ada)
    return Callout.objects.get()


def send(callout, message=None, *, body=None, keys=None, message_id="msg-1", off=0, **headers):
    """Send an answer as the receiver would, from outside and without a session."""
    body = json.dumps({"callout": str(callout.pk), **(message or {})}) if body is None else body
    body = body if isinstance(body, bytes) else body.encode()
    moment = clock.now() + timedelta(seconds=off)
    keys = callout.extension.secrets() if keys is None else keys
    signed = signed_headers(keys, message_id, body, moment=moment) | headers
    return Client(enforce_csrf_checks=True).post(
        f"/api/callouts/{callout.pk}/resume", body, content_type="application/json", headers=signed
    )


def state():
    return AccessRequest.objects.get().state


def codes(response):
    return [error["code"] for error in response.json()["errors"]]


def test_a_signed_answer_lets_the_request_go_on(callout):
    response = send(callout, {"detail": "Ticket 4711 is closed."})

    assert response.status_code == 200
    assert response.json() == {"callout": str(callout.pk), "state": "done"}
    assert state() == RequestState.DELIVERING
    callout.refresh_from_db()
    assert callout.detail == "Ticket 4711 is closed."


def test_a_signed_answer_denies(callout):
    assert send(callout, {"state": "denied", "detail": "No budget."}).json()["state"] == "denied"
    assert state() == RequestState.DENIED


def test_a_repeated_answer_gets_the_same_reply_and_another_a_conflict(callout):
    first = send(callout)
    again = send(callout, off=10)
    other = send(callout, {"state": "denied"}, message_id="msg-2")

    assert (again.status_code, again.json()) == (200, first.json())
    assert (other.status_code, codes(other)) == (409, ["answered_already"])
    assert state() == RequestState.DELIVERING


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"keys": [b"x" * 32]}, 401, "signature_wrong"),
        ({"keys": []}, 401, "signature_wrong"),
        ({"off": -301}, 401, "timestamp_stale"),
        ({"off": 310}, 401, "timestamp_stale"),
        ({"webhook-id": ""}, 401, "id_missing"),
        ({"webhook-timestamp": "now"}, 401, "timestamp_missing"),
        ({"body": ""}, 400, "not_json"),
        ({"body": "{"}, 400, "not_json"),
        ({"body": "[]"}, 400, "not_json"),
        ({"body": b"\xff\xfe"}, 400, "not_json"),
        ({"body": "[" * 10_000}, 400, "not_json"),
        ({"body": "{}"}, 400, "wrong_call"),
        ({"message": {"callout": str(uuid4())}}, 400, "wrong_call"),
        ({"message": {"callout": ["x"]}}, 400, "wrong_call"),
        ({"message": {"detail": 7}}, 400, "detail_unreadable"),
        ({"message": {"detail": "\x00"}}, 400, "detail_unreadable"),
        ({"message": {"detail": "x" * 1001}}, 400, "detail_too_long"),
        ({"message": {"state": "maybe"}}, 400, "unknown_state"),
        ({"message": {"state": {}}}, 400, "unknown_state"),
        ({"body": "x" * 20_000}, 413, "too_long"),
        ({"body": b"x" * 3_000_000}, 413, "too_long"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_code(callout, options, status, code):
    response = send(callout, **options)

    assert (response.status_code, codes(response)) == (status, [code])
    assert state() == RequestState.WAITING_FOR_CALLBACK


def test_an_unknown_call_is_not_found(callout):
    gone = Callout(pk=uuid4(), extension=callout.extension)

    assert (send(gone).status_code, codes(send(gone))) == (404, ["unknown_call"])


def test_answers_are_posted(callout):
    assert Client().get(f"/api/callouts/{callout.pk}/resume").status_code == 405


def test_an_answer_to_one_call_opens_no_other(callout, bo):
    operations.submit(AccessRequest.objects.get().policy, by=bo)
    other = Callout.objects.exclude(pk=callout.pk).get()
    body = json.dumps({"callout": str(callout.pk)})
    send(callout, body=body)

    overheard = send(other, body=body)
    renamed = send(other)

    assert (overheard.status_code, codes(overheard)) == (400, ["wrong_call"])
    assert (renamed.status_code, codes(renamed)) == (409, ["message_used"])


def test_guessing_is_slowed_down(callout, settings):
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "resume_callout": "3/m/ip"}

    statuses = [send(callout, keys=[b"x"]).status_code for _ in range(5)]

    assert statuses == [401, 401, 401, 429, 429]
