"""One assignment as its holder, or a manager of its catalog, sees it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from entitlements.assignments.grants import HeldRole, also_given, roles_of
from entitlements.assignments.models import Assignment
from entitlements.audit.models import AuditEvent
from entitlements.decisions import Decision
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests import candidates
from entitlements.requests.correcting import answers_of
from entitlements.requests.models import AccessRequest
from entitlements.requests.records import Deletion, deletions_about
from entitlements.requests.states import OPEN
from portal import wording
from portal.badges import badge_for

BEFORE_THE_FORM = frozenset({"justification_missing"})


@dataclass(frozen=True)
class RoleLine:
    """One role, how far it has come, and through which other packages its holder has it."""

    held: HeldRole
    also_through: list[str]
    keeps_earlier: bool

    @property
    def was_held_before(self) -> bool:
        """Whether the person had the role by other means, which the catalog lets him keep."""
        grant = self.held.grant
        if grant is None or grant.is_taken_over:
            return False
        return self.keeps_earlier and bool(grant.held_before)

    @property
    def stays(self) -> bool:
        return bool(self.also_through) or self.was_held_before


def role_lines(assignment: Assignment) -> list[RoleLine]:
    """Return the roles of an assignment and what else gives them, by three queries."""
    others = also_given(assignment)
    keeps = assignment.package.catalog.keeps_access_held_before
    return [RoleLine(held, others.get(held.role.pk, []), keeps) for held in roles_of(assignment)]


@dataclass(frozen=True)
class Holding:
    """An assignment and what its page tells of it."""

    assignment: Assignment
    viewer: User

    @property
    def is_own(self) -> bool:
        return self.viewer.pk == self.assignment.target_id

    @property
    def tone(self) -> str:
        return badge_for("assignment", self.assignment.shown_state).tone

    @property
    def can_change(self) -> bool:
        return self.is_own and self.assignment.is_live

    @cached_property
    def held(self) -> list[HeldRole]:
        return roles_of(self.assignment)

    @property
    def may_ask(self) -> bool:
        """Whether the viewer may ask for the package, now that this access has ended."""
        open_ways = AssignmentPolicy.objects.open_to(self.viewer)
        return open_ways.filter(package=self.assignment.package_id).exists()

    @cached_property
    def requests(self) -> list[AccessRequest]:
        """The requests that made, extended or ended it, oldest first."""
        found = AccessRequest.objects.filter(assignment=self.assignment)
        return list(found.select_related("requestor").order_by("created_at", "pk"))

    @cached_property
    def deletions(self) -> list[Deletion]:
        """The records of such requests that were deleted."""
        return deletions_about(self.assignment)

    @property
    def extension_asked(self) -> AccessRequest | None:
        """The request to extend it that is still on its way."""
        waiting = (one for one in self.requests if one.extends and one.state in OPEN)
        return next(waiting, None)

    @cached_property
    def extension(self) -> Decision:
        """Whether it can be extended, before anything was filled in."""
        decision = candidates.can_extend(self.assignment)
        left = tuple(one for one in decision.reasons if one.code not in BEFORE_THE_FORM)
        return Decision(left)

    @cached_property
    def extension_needs_approval(self) -> bool:
        policy = self.assignment.policy
        return policy.extension_requires_approval and policy.stages.exists()

    @cached_property
    def answers(self) -> list[dict[str, Any]]:
        """What was answered for it, as it counts now."""
        return answers_of(self.assignment)

    @property
    def can_correct(self) -> bool:
        """Whether the viewer is led to where he corrects his answers."""
        return self.can_change and self.assignment.policy.allows_correction

    @property
    def events(self) -> list[tuple[AuditEvent, str]]:
        """What happened to it, oldest first, in words."""
        told = AuditEvent.objects.about(self.assignment)
        return [(event, wording.of_assignment(event, self.viewer)) for event in told]
