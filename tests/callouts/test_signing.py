import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from entitlements.callouts.signing import is_genuine, signed_headers

MOMENT = datetime(2026, 11, 24, 9, tzinfo=UTC)
KEY, OLD = b"k" * 32, b"o" * 32


def signed(**changes):
    return signed_headers([KEY], "msg-1", b"{}", moment=MOMENT) | changes


def test_the_signature_is_that_of_the_convention():
    signature = signed()["webhook-signature"]

    digest = hmac.new(KEY, b"msg-1.1795510800.{}", hashlib.sha256).digest()
    assert signature == f"v1,{base64.b64encode(digest).decode()}"
    assert signed()["webhook-timestamp"] == "1795510800"


def test_a_message_is_genuine_with_any_of_the_keys():
    assert is_genuine(signed(), b"{}", [OLD, KEY], moment=MOMENT)
    twice = signed_headers([OLD, KEY], "msg-1", b"{}", moment=MOMENT)
    assert is_genuine(twice, b"{}", [KEY], moment=MOMENT)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"webhook-id": ""}, "id_missing"),
        ({"webhook-id": "x" * 101}, "id_missing"),
        ({"webhook-id": "é"}, "id_missing"),
        ({"webhook-id": "msg-2"}, "signature_wrong"),
        ({"webhook-timestamp": ""}, "timestamp_missing"),
        ({"webhook-timestamp": "soon"}, "timestamp_missing"),
        ({"webhook-timestamp": "-5"}, "timestamp_missing"),
        ({"webhook-timestamp": "²"}, "timestamp_missing"),
        ({"webhook-timestamp": "1" * 12}, "timestamp_missing"),
        ({"webhook-timestamp": "1795510801"}, "signature_wrong"),
        ({"webhook-signature": ""}, "signature_wrong"),
        ({"webhook-signature": "v1,"}, "signature_wrong"),
        ({"webhook-signature": "v1,é"}, "signature_wrong"),
        ({"webhook-signature": "v2,abc"}, "signature_wrong"),
    ],
)
def test_what_is_not_genuine_says_why(changes, code):
    assert is_genuine(signed(**changes), b"{}", [KEY], moment=MOMENT).codes == {code}


def test_a_changed_body_or_key_is_noticed():
    assert is_genuine(signed(), b"{ }", [KEY], moment=MOMENT).codes == {"signature_wrong"}
    assert is_genuine(signed(), b"{}", [OLD], moment=MOMENT).codes == {"signature_wrong"}
    assert is_genuine(signed(), b"{}", [], moment=MOMENT).codes == {"signature_wrong"}


@pytest.mark.parametrize("off", [timedelta(minutes=5, seconds=1), -timedelta(minutes=5, seconds=1)])
def test_an_old_message_is_not_taken_and_one_from_the_future_neither(off):
    assert is_genuine(signed(), b"{}", [KEY], moment=MOMENT + off).codes == {"timestamp_stale"}
    assert is_genuine(signed(), b"{}", [KEY], moment=MOMENT + off * 0.9)
