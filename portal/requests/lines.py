"""A request's story, line by line: what was done, what is so now, what is to come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from entitlements.audit.models import AuditEvent
from entitlements.directory.models import User
from entitlements.requests.models import AccessRequest, ApprovalStep, StepState, stage_terms
from entitlements.requests.states import ADDS, EXTENDS, RequestKind, RequestState
from portal import dates, wording

Mark = Literal["done", "now", "next", "failed"]


@dataclass(frozen=True)
class Line:
    """One line of the story; `quote` is somebody's own words."""

    mark: Mark
    icon: str
    text: str
    at: datetime | None = None
    quote: str = ""


WORDS: Final[dict[str, tuple[Mark, str, str]]] = {
    "request.submitted": ("done", "inbox", "{actor} asked for {package}."),
    "request.given_directly": ("done", "person", "{actor} gave it directly to {target}."),
    "request.extension_asked": ("done", "inbox", "{actor} asked to keep it {until}."),
    "request.removal_asked": ("done", "back", "{actor} {removed}."),
    "request.approved_automatically": ("done", "check-circle", "No approval was needed."),
    "request.approval_asked": ("done", "people", "{asked} asked to decide."),
    "request.stage_approved": ("done", "check-circle", "{decider} approved{stage}{shortened}."),
    "request.approved": ("done", "check-circle", "{decider} approved{stage}{shortened}."),
    "request.denied": ("failed", "ban", "{decider} denied it{stage}."),
    "request.lapsed": ("failed", "clock", "Nobody answered in time{stage}; the request lapsed."),
    "request.canceled": ("failed", "cross-circle", "{actor} canceled it."),
    "request.reminded": ("done", "bell", "{reminded}."),
    "request.scheduled": ("done", "calendar", "The start was set for {starts}."),
    "request.delivery_started": ("done", "play", "Set-up began."),
    "request.extended": ("done", "check-circle", "The end was moved {until}."),
    "request.delivered": ("done", "check-circle", "{finished}."),
    "request.partially_delivered": ("failed", "half", "Some roles could not be set up."),
    "request.delivery_failed": ("failed", "cross-circle", "It could not be set up."),
    "request.reprocessed": ("done", "refresh", "{actor} had it tried again."),
}
QUOTES_REQUEST: Final = {"request.extension_asked"}


class Teller:
    """Puts a request's events into words for one viewer."""

    def __init__(self, access_request: AccessRequest, viewer: User, *, shows_names: bool) -> None:
        self.access_request = access_request
        self.viewer = viewer
        self.shows_names = shows_names

    def line(self, event: AuditEvent) -> Line:
        """Tell one event."""
        fallback = event.action.partition(".")[2].replace("_", " ").capitalize() + "."
        mark, icon, text = WORDS.get(event.action, ("done", "circle", ""))
        words = text.format_map(self._facts(event)) if text else fallback
        quote = event.details.get("justification") or ""
        if event.action in QUOTES_REQUEST:
            quote = self.access_request.justification
        return Line(mark, icon, words, at=event.at, quote=quote)

    def _facts(self, event: AuditEvent) -> dict[str, str]:
        details, access_request = event.details, self.access_request
        actor = wording.by(event, self.viewer)
        is_hidden = event.actor_id != self.viewer.pk and not self.shows_names
        return {
            "actor": actor,
            "decider": "An approver" if is_hidden else actor,
            "package": str(access_request.package),
            "target": str(access_request.target),
            "asked": self._asked(details),
            "reminded": self._reminded(event, actor),
            "removed": self._removed(),
            "stage": self._stage(details),
            "shortened": _shortened(details),
            "starts": wording.moment(details.get("starts_at")),
            "until": self._until(),
            "finished": self._finished(),
        }

    def _asked(self, details: dict[str, Any]) -> str:
        names = [str(name) for name in details.get("asked", [])]
        if not names:
            return "No one could be"
        if not self.shows_names:
            return "The approvers were"
        return f"{wording.listed(names)} {'was' if len(names) == 1 else 'were'}"

    def _reminded(self, event: AuditEvent, actor: str) -> str:
        names = [str(name) for name in event.details.get("asked", [])]
        whom = wording.listed(names) if self.shows_names and names else "the approvers"
        if event.actor_id is None:
            return f"A reminder went to {whom}"
        return f"{actor} reminded {whom}"

    def _removed(self) -> str:
        if self.access_request.kind == RequestKind.USER_REMOVE:
            return "gave it back"
        return f"ended the access of {self.access_request.target}"

    def _stage(self, details: dict[str, Any]) -> str:
        stages = len(stage_terms(self.access_request))
        step = details.get("step")
        return f" (stage {step} of {stages})" if step and stages > 1 else ""

    def _until(self) -> str:
        ends = [
            end for end in (self.access_request.ends_at, self.access_request.shortened_to) if end
        ]
        return f"until {dates.exact(min(ends))}" if ends else "without an end"

    def _finished(self) -> str:
        if self.access_request.kind in ADDS:
            return "Everything is set up"
        return "Everything that only this package gave is gone"

    def coming(self, steps: list[ApprovalStep], roles: list[str]) -> Iterator[Line]:
        """Tell what is so now and what is to come, as far as anybody can know."""
        for step in steps:
            if step.state == StepState.WAITING:
                yield Line("now", "hourglass", self._waiting(step))
            elif step.state == StepState.COMING:
                yield Line("next", "circle", f"Then {self._deciders(step)} decides.")
        yield from self._after_approval(roles)

    def _waiting(self, step: ApprovalStep) -> str:
        asked = [str(user) for user in step.approvers.all()]
        if not asked:
            return "No one can decide this stage."
        names = wording.listed(asked, "or") if self.shows_names else "An approver"
        due = f" by {dates.exact(step.due_at)}" if step.due_at else ""
        return f"{names} decides{due}."

    def _deciders(self, step: ApprovalStep) -> str:
        target = self.access_request.target
        whose = "your" if target.pk == self.viewer.pk else f"{target}’s"
        entries = [
            wording.Asked(entry["kind"], entry["name"], entry["is_fallback"])
            for entry in step.terms
        ]
        return wording.approvers(entries, whose=whose, shows_names=self.shows_names)

    def _after_approval(self, roles: list[str]) -> Iterator[Line]:
        access_request = self.access_request
        if access_request.kind in EXTENDS:
            if access_request.is_open:
                yield Line("next", "circle", f"Then the end moves {self._until()}.")
            return
        if access_request.kind not in ADDS:
            return
        if access_request.state == RequestState.SCHEDULED and access_request.starts_at:
            starts = dates.exact(access_request.starts_at)
            yield Line("now", "calendar", f"Access starts on {starts}.")
        if access_request.is_open:
            yield Line("next", "circle", f"Set up: {wording.listed(roles)}.")
            yield Line("next", "circle", f"Access lasts {self._lasting()}.")

    def _lasting(self) -> str:
        if self.access_request.ends_at or self.access_request.shortened_to:
            return self._until()
        terms = self.access_request.terms
        ends_on = datetime.fromisoformat(terms["ends_on"]) if terms["ends_on"] else None
        return wording.lasting(terms["expiration"], terms["duration"], ends_on)


def _shortened(details: dict[str, Any]) -> str:
    ends_at = wording.moment(details.get("ends_at"))
    return f", until {ends_at} only" if ends_at else ""
