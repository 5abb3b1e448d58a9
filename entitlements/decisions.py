"""Yes, or every reason why not."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """Why not: a stable code for machines, and sentences for people.

    `remedy` says what would change the answer, and who can; it may be empty. `about` names the one
    among several equal things that it concerns, where there is more than one.
    """

    code: str
    text: str
    remedy: str = ""
    about: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}".strip()


@dataclass(frozen=True)
class Decision:
    """True when nothing speaks against it; otherwise `reasons` says what does."""

    reasons: tuple[Reason, ...] = ()

    def __bool__(self) -> bool:
        return not self.reasons

    def __add__(self, other: "Decision") -> "Decision":
        return Decision(self.reasons + other.reasons)

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(reason.code for reason in self.reasons)

    def require(self) -> None:
        """Raise Denied unless the answer is yes."""
        if self.reasons:
            raise Denied(self)


ALLOWED = Decision()


class Denied(Exception):
    """An act was refused; `decision` says every reason."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(" ".join(str(reason) for reason in decision.reasons))
        self.decision = decision

    @property
    def codes(self) -> frozenset[str]:
        return self.decision.codes


def deny(code: str, text: str, remedy: str = "") -> Decision:
    """Answer no, for one reason."""
    return Decision((Reason(code, text, remedy),))


def collect(reasons: Iterable[Reason | None]) -> Decision:
    """Answer yes when there is no reason among them, and otherwise no with all of them."""
    return Decision(tuple(reason for reason in reasons if reason))
