"""A request's story, line by line: what was done, what is so now, what is to come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django.utils.text import Truncator

from entitlements.audit.models import AuditEvent
from entitlements.catalog.extension_models import CalloutStage
from entitlements.directory.models import User
from entitlements.requests.models import AccessRequest, ApprovalStep, StepState, stage_terms
from entitlements.requests.states import ADDS, RequestKind, RequestState
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
    "request.submitted": ("done", "inbox", "{actor} asked for {package}{whom}."),
    "request.given_directly": (
        "done",
        "person",
        "{actor} gave it directly to {target}{invited}{skipped}{taken_over}.",
    ),
    "request.extension_asked": ("done", "inbox", "{actor} asked to keep it {until}."),
    "request.extension_given": ("done", "inbox", "{actor} asked that {target} keeps it {until}."),
    "request.correction_asked": ("done", "pencil", "{actor} asked to correct {corrections}."),
    "request.correction_given": (
        "done",
        "pencil",
        "{actor} asked to correct {corrections} for {target}.",
    ),
    "request.corrected": ("done", "check-circle", "The answers were corrected."),
    "request.removal_asked": ("done", "back", "{actor} {removed}."),
    "request.approved_automatically": ("done", "check-circle", "No approval was needed."),
    "request.approval_asked": ("done", "people", "{asked} asked to decide{stage}."),
    "request.approval_given": (
        "done",
        "check-circle",
        "{decider} approved{stage}{shortened}; {tally}.",
    ),
    "request.escalated": ("done", "right", "{passed_on}{stage}."),
    "request.waits_for_callback": ("done", "system", "{extensions} {was} asked {what}{stage}."),
    "request.callback": ("done", "check-circle", "{answerer} {answered}{stage}{instead}."),
    "request.callback_missed": ("done", "clock", "{extension} gave no answer; {without}{stage}."),
    "request.decided_by_fallbacks": (
        "done",
        "clock",
        "{extension} is off, so those decide who are named instead{stage}.",
    ),
    "request.undeterminable": (
        "failed",
        "cross-circle",
        "{extension} is off, and nobody is named who decides instead{stage}, so it failed.",
    ),
    "request.denied_by_callback": ("failed", "ban", "{answerer} denied it{instead}."),
    "request.denied_without_callback": (
        "failed",
        "ban",
        "{extension} gave no answer in time, so it was denied.",
    ),
    "request.callback_timed_out": (
        "failed",
        "cross-circle",
        "{extension} gave no answer in time, so it failed.",
    ),
    "request.stage_approved": (
        "done",
        "check-circle",
        "{decider} approved{for_whom}{stage}{shortened}.",
    ),
    "request.approved": ("done", "check-circle", "{decider} approved{for_whom}{stage}{shortened}."),
    "request.denied": ("failed", "ban", "{decider} denied it{for_whom}{stage}."),
    "request.lapsed": ("failed", "clock", "Nobody answered in time{stage}; the request lapsed."),
    "request.canceled": ("failed", "cross-circle", "{actor} canceled it."),
    "request.policy_applied": ("done", "pencil", "{actor} gave it the policy as it reads now."),
    "request.reminded": ("done", "bell", "{reminded}."),
    "request.handed_over": ("done", "right", "{handed_over}."),
    "request.stand_in_asked": ("done", "people", "{stand_in}."),
    "request.question_asked": ("done", "help", "{decider} asked {asker}:"),
    "request.question_answered": ("done", "pencil", "{actor} answered:"),
    "request.scheduled": ("done", "calendar", "The start was set for {starts}."),
    "request.delivery_started": ("done", "play", "{account}Set-up began."),
    "request.extended": ("done", "check-circle", "The end was moved {until}."),
    "request.delivered": ("done", "check-circle", "{finished}."),
    "request.partially_delivered": ("failed", "half", "Some roles could not be set up."),
    "request.delivery_failed": ("failed", "cross-circle", "It could not be set up."),
    "request.answer_corrected": ("done", "pencil", "{decider} corrected {corrected}."),
    "request.reprocessed": ("done", "refresh", "{actor} had it tried again."),
}
LONGEST_QUOTE: Final = 200
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
        quote = event.details.get("justification") or event.details.get("words") or ""
        if event.action in QUOTES_REQUEST:
            quote = self.access_request.justification
        return Line(mark, icon, words, at=event.at, quote=quote)

    def _facts(self, event: AuditEvent) -> dict[str, str]:
        details, access_request = event.details, self.access_request
        actor = wording.by(event, self.viewer)
        is_hidden = event.actor_id != self.viewer.pk and not self.shows_names
        decider = "Everybody who still could" if event.actor_id is None else actor
        return {
            "actor": actor,
            "decider": "An approver" if is_hidden else decider,
            "package": str(access_request.package),
            "target": str(access_request.target),
            "whom": self._whom(),
            "asker": self._asker(),
            "for_whom": self._for_whom(details),
            "stand_in": self._stand_in(details),
            "handed_over": self._handed_over(details, actor),
            "skipped": ", without approval" if details.get("approval_skipped") else "",
            "taken_over": "; what was held already ends with it"
            if details.get("takes_over")
            else "",
            "invited": ", who had no account" if details.get("invites") else "",
            "account": "An account was made. " if details.get("account_made") else "",
            "asked": self._asked(details),
            "reminded": self._reminded(event, actor),
            "removed": self._removed(),
            "stage": self._stage(details),
            "tally": wording.tally(details.get("approvals", 0), details.get("needed", 0)),
            "passed_on": self._passed_on(details),
            "shortened": _shortened(details),
            "starts": wording.moment(details.get("starts_at")),
            "until": self._until(),
            "finished": self._finished(),
            "corrected": _corrected(details),
            "corrections": _corrections(details),
            **_systems(event, actor),
        }

    def _for_whom(self, details: dict[str, Any]) -> str:
        delegator = details.get("stands_in_for")
        if not delegator:
            return ""
        return f" for {delegator} (stand-in)" if self.shows_names else " (stand-in)"

    def _handed_over(self, details: dict[str, Any], decider: str) -> str:
        names = [str(name) for name in details.get("asked", [])]
        whose = f"the turn of {details['giver']}" if details.get("giver") else "it"
        if not self.shows_names:
            return "It was handed over to another approver"
        return f"{decider} handed {whose} over to {wording.listed(names)}"

    def _stand_in(self, details: dict[str, Any]) -> str:
        if not self.shows_names:
            return "A stand-in was asked too"
        return f"{self._asked(details)} asked too, standing in for {details.get('stands_in_for')}"

    def _asker(self) -> str:
        requestor = self.access_request.requestor
        return "you" if requestor.pk == self.viewer.pk else str(requestor)

    def _whom(self) -> str:
        access_request = self.access_request
        if access_request.requestor_id == access_request.target_id:
            return ""
        is_viewer = access_request.target_id == self.viewer.pk
        return " for you" if is_viewer else f" for {access_request.target}"

    def _asked(self, details: dict[str, Any]) -> str:
        names = [str(name) for name in details.get("asked", [])]
        if not names:
            return "No one could be"
        if not self.shows_names:
            return "The approvers were"
        return f"{wording.listed(names)} {_was(names)}"

    def _passed_on(self, details: dict[str, Any]) -> str:
        names = [str(name) for name in details.get("asked", [])]
        if not names:
            return "It was to be passed on, but no one else could be asked"
        whom = f"{wording.listed(names)} {_was(names)}" if self.shows_names else "others were"
        return f"Nobody had decided, so {whom} asked as well"

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
                yield Line("next", "circle", f"Then {self._deciders(step)} decides{_needs(step)}.")
        yield from self._after_approval(roles)

    def _waiting(self, step: ApprovalStep) -> str:
        asked = [str(user) for user in step.waited_for]
        if not asked:
            return "No one can decide this stage."
        names = wording.listed(asked, "or") if self.shows_names else "An approver"
        due = f" by {dates.exact(step.due_at)}" if step.due_at else ""
        more = f" {wording.tally(step.approvals, step.needed)}." if step.needed > 1 else ""
        return f"{names} decides{due}.{more}"

    def _deciders(self, step: ApprovalStep) -> str:
        target = self.access_request.target
        whose = "your" if target.pk == self.viewer.pk else f"{target}’s"
        entries = wording.asked_by_terms(stage_terms(self.access_request)[step.position - 1])
        return wording.approvers(entries, whose=whose, shows_names=self.shows_names)

    def _after_approval(self, roles: list[str]) -> Iterator[Line]:
        access_request = self.access_request
        if access_request.corrects:
            if access_request.is_open:
                yield Line("next", "circle", "Then the new answers count.")
            return
        if access_request.extends:
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


def _systems(event: AuditEvent, actor: str) -> dict[str, str]:
    """Return the words about systems that were called, and who answered in their place."""
    details = event.details
    names = [str(name) for name in details.get("extensions", [])]
    extension = str(details.get("extension", ""))
    asks_who = details.get("stage") == CalloutStage.DETERMINING_APPROVAL
    is_by_hand = event.actor_id is not None
    return {
        "extensions": wording.listed(names),
        "was": "was" if len(names) == 1 else "were",
        "what": "who approves" if asks_who else "for information",
        "answered": "said who approves" if "approvers" in details else "answered",
        "without": "those decide who are named instead" if asks_who else "it goes on without",
        "extension": extension,
        "answerer": actor if is_by_hand else extension,
        "instead": f" in the place of {extension}" if is_by_hand else "",
    }


def _corrected(details: dict[str, Any]) -> str:
    old, new = (
        Truncator(details.get(name) or "no answer").chars(LONGEST_QUOTE) for name in ("old", "new")
    )
    return f"the answer to “{details.get('question', '')}” from “{old}” to “{new}”"


def _corrections(details: dict[str, Any]) -> str:
    changes = (change for change in details.get("changes", []) if "question" in change)
    return wording.listed([_corrected(change) for change in changes])


def _was(names: list[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _needs(step: ApprovalStep) -> str:
    return wording.needs(step.rule, step.quorum)


def _shortened(details: dict[str, Any]) -> str:
    ends_at = wording.moment(details.get("ends_at"))
    return f", until {ends_at} only" if ends_at else ""
