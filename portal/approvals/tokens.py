"""The link of a mail's button: it chooses a page, and decides nothing by itself."""

from dataclasses import dataclass
from typing import Final, Literal, get_args
from uuid import UUID

from django.core import signing

SALT: Final = "approvals.mail"
Choice = Literal["approve", "deny"]
CHOICES: Final = get_args(Choice)


class BadToken(Exception):
    """The link was cut short or changed on its way, or was never ours."""


@dataclass(frozen=True)
class Ticket:
    """What a button stands for: this approver, in this stage of this request, for this choice."""

    access_request: UUID
    step: int
    approver: UUID
    choice: str


def make(*, access_request: UUID, step: int, approver: UUID, choice: str) -> str:
    """Return the signed text of a button; how long it is good for, the stage says."""
    content = {
        "request": access_request.hex,
        "step": step,
        "approver": approver.hex,
        "choice": choice,
    }
    return signing.dumps(content, salt=SALT, compress=True)


def read(token: str) -> Ticket:
    """Return what a signed text stands for, or raise BadToken."""
    try:
        content = signing.loads(token, salt=SALT)
    except signing.BadSignature as error:
        raise BadToken from error
    return Ticket(
        UUID(content["request"]), content["step"], UUID(content["approver"]), content["choice"]
    )
