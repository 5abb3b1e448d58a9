"""One request as its page tells it: where it stands, how it came there, what the viewer can do."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final

from django.db.models import Prefetch

from entitlements import clock
from entitlements.assignments.grants import HeldRole, roles_of
from entitlements.audit.models import AuditEvent
from entitlements.callouts.models import Callout
from entitlements.catalog.models import PackageRole
from entitlements.catalog.permissions import holds, owners_of
from entitlements.directory.models import User
from entitlements.requests import permissions
from entitlements.requests.dialogue import Inquiry
from entitlements.requests.models import (
    AccessRequest,
    ApprovalStep,
    StepApprover,
    StepState,
    calls_systems,
)
from entitlements.requests.operations import REMIND_AGAIN
from entitlements.requests.states import ADDS, REMOVES, WISHED, Event, RequestState
from portal import wording
from portal.badges import badge_for
from portal.requests.lines import Line, Teller
from portal.requests.sentences import sentence

QUICK: Final = 5
SLOW: Final = 30
QUICK_FOR: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Story:
    """A request for one viewer; its approvers and managers may read every name."""

    access_request: AccessRequest
    viewer: User

    @cached_property
    def steps(self) -> list[ApprovalStep]:
        turns = StepApprover.objects.select_related("user").order_by("user__display_name", "pk")
        steps = self.access_request.steps.prefetch_related(Prefetch("asked", turns))
        return list(steps.order_by("position"))

    @cached_property
    def step(self) -> ApprovalStep | None:
        """The stage that waits."""
        return next((step for step in self.steps if step.state == StepState.WAITING), None)

    @cached_property
    def roles(self) -> list[HeldRole]:
        """The roles, with their grants once access has begun."""
        assignment = self.access_request.assignment
        if assignment:
            return roles_of(assignment)
        entries = PackageRole.objects.filter(package=self.access_request.package_id)
        return [
            HeldRole(entry.role, None, entry.described)
            for entry in entries.select_related("role__resource")
        ]

    @property
    def shows_delivery(self) -> bool:
        """Whether roles are being set up or taken away on account of this request."""
        kind = self.access_request.kind
        return self.access_request.assignment is not None and kind in (*ADDS, *REMOVES)

    @cached_property
    def is_manager(self) -> bool:
        package = self.access_request.package
        return holds(self.viewer, "view_catalog", package.catalog_id)

    @property
    def is_approver(self) -> bool:
        return any(turn.user == self.viewer for step in self.steps for turn in step.asked.all())

    @cached_property
    def shows_names(self) -> bool:
        if self.access_request.terms.get("shows_approvers", True):
            return True
        return self.is_approver or self.is_manager

    @cached_property
    def events(self) -> list[AuditEvent]:
        return list(AuditEvent.objects.about(self.access_request))

    @cached_property
    def told(self) -> list[Line]:
        """What was done, oldest first."""
        return [self._teller.line(event) for event in self.events]

    @cached_property
    def coming(self) -> list[Line]:
        """What is so now, and what is to come."""
        return list(self._teller.coming(self.steps, [str(held.role) for held in self.roles]))

    @cached_property
    def callouts(self) -> list[Callout]:
        """The systems that were called, or will be, on account of this request."""
        if not calls_systems(self.access_request):
            return []
        called = Callout.objects.about(self.access_request)
        return list(called.select_related("extension"))

    @cached_property
    def can_answer(self) -> bool:
        """Whether the viewer may answer in the place of a system."""
        return permissions.manages(self.viewer, self.access_request)

    @property
    def tone(self) -> str:
        return badge_for("request", self.shown_state).tone

    @property
    def heading(self) -> str:
        return wording.heading(self.access_request, self.viewer)

    @cached_property
    def sentence(self) -> str:
        """Where it stands: who has it, since when, until when, what happens then."""
        return sentence(self)

    @property
    def reason(self) -> str:
        """What somebody said who denied or canceled it."""
        access_request = self.access_request
        is_told = access_request.was_not_granted and access_request.state != RequestState.EXPIRED
        return access_request.outcome_reason if is_told else ""

    @cached_property
    def owners(self) -> list[User]:
        """Whom to tell when no one can decide."""
        return list(owners_of(self.access_request.package.catalog)) if self.is_stuck else []

    @property
    def is_stuck(self) -> bool:
        return self.step is not None and not self.waited_for

    @property
    def waited_for(self) -> list[User]:
        """Who is asked in the stage that waits, and has not decided."""
        return self.step.waited_for if self.step else []

    @property
    def shown_state(self) -> str:
        """The state that people read: whether it was passed on, too."""
        if self.step is not None and self.step.escalated_at:
            return "pending_approval_escalated"
        return self.access_request.shown_state

    @property
    def is_moving(self) -> bool:
        return self.access_request.is_moving

    @property
    def seconds(self) -> int:
        """How long the page waits before it asks again."""
        fresh = self.events and self.events[-1].at > clock.now() - QUICK_FOR
        return QUICK if fresh else SLOW

    @property
    def stamp(self) -> str:
        """What changes when the page has something new to show."""
        grants = [
            (held.shown_state, held.grant.attempts if held.grant else 0) for held in self.roles
        ]
        calls = [callout.shown_state for callout in self.callouts]
        seen = (self.access_request.state, len(self.events), grants, calls, self.seconds)
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]

    @cached_property
    def inquiries(self) -> list[Inquiry]:
        """What the viewer is asked about his request, and has not answered."""
        if not self.is_mine:
            return []
        asked = Inquiry.objects.open_to(self.viewer).filter(access_request=self.access_request)
        return list(asked.select_related("asker").order_by("asked_at"))

    @property
    def can_cancel(self) -> bool:
        access_request = self.access_request
        is_possible = access_request.can_see(Event.CANCEL)
        return is_possible and bool(permissions.can_cancel(self.viewer, access_request))

    @property
    def can_try_again(self) -> bool:
        return bool(permissions.can_reprocess(self.viewer, self.access_request))

    @property
    def is_mine(self) -> bool:
        return self.viewer.pk in (self.access_request.requestor_id, self.access_request.target_id)

    @property
    def can_remind(self) -> bool:
        return self.is_mine and self.step is not None and not self.is_stuck

    @property
    def reminded_lately(self) -> bool:
        last = self.access_request.reminded_at
        return last is not None and last > clock.now() - REMIND_AGAIN

    @property
    def can_decide(self) -> bool:
        return not self.is_mine and self.step is not None and self.viewer in self.waited_for

    @property
    def can_hand_over(self) -> bool:
        """Whether a manager of the catalog may say who decides instead."""
        is_waiting = self.step is not None and not self.is_mine
        return is_waiting and permissions.manages(self.viewer, self.access_request)

    @property
    def can_ask_again(self) -> bool:
        access_request = self.access_request
        is_lost = access_request.was_not_granted and access_request.kind in WISHED
        return is_lost and access_request.requestor_id == self.viewer.pk

    @cached_property
    def _teller(self) -> Teller:
        return Teller(self.access_request, self.viewer, shows_names=self.shows_names)
