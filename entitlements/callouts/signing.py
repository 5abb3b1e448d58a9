"""Signed messages, outward and inward, by the Standard Webhooks convention.

The signature is HMAC-SHA256 over the id, the time and the body of a message, joined by dots.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from entitlements.decisions import Decision, deny

TOLERANCE: Final = timedelta(minutes=5)
LONGEST_ID: Final = 100
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def signed_headers(
    keys: Iterable[bytes], message_id: str, body: bytes, *, moment: datetime
) -> dict[str, str]:
    """Return the headers of a message, with one signature for each key."""
    timestamp = str(int(moment.timestamp()))
    signatures = (_signature(key, message_id, timestamp, body) for key in keys)
    return {ID: message_id, TIMESTAMP: timestamp, SIGNATURE: " ".join(signatures)}


def is_genuine(
    headers: Mapping[str, str], body: bytes, keys: Iterable[bytes], *, moment: datetime
) -> Decision:
    """Say whether a message was signed with one of the keys within the last five minutes."""
    message_id, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    if not 0 < len(message_id) <= LONGEST_ID or not message_id.isascii():
        return deny(
            "id_missing",
            f"The header {ID} must name the message.",
            "Whoever runs the other system can add it.",
        )
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        return deny(
            "timestamp_missing",
            f"The header {TIMESTAMP} must be a Unix time in seconds.",
            "Whoever runs the other system can add it.",
        )
    if abs(int(timestamp) - moment.timestamp()) > TOLERANCE.total_seconds():
        return deny(
            "timestamp_stale",
            "The message is older than five minutes, or ahead of us.",
            "Send it anew, with the time of now.",
        )
    given = [one.encode() for one in headers.get(SIGNATURE, "").split()]
    wanted = [_signature(key, message_id, timestamp, body).encode() for key in keys]
    matches = [hmac.compare_digest(one, right) for one in given for right in wanted]
    if any(matches):
        return Decision()
    return deny("signature_wrong", "The signature does not match.", "Sign with the present secret.")


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
