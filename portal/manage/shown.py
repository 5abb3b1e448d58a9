"""Packages, policies and what happened to them, in the words of the pages of owners."""

from collections.abc import Iterable
from dataclasses import dataclass

from entitlements.audit.models import AuditEvent
from entitlements.catalog.appointments import ROLE_NAMES
from entitlements.catalog.models import AccessPackage, PackageState
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy, Scope
from portal import wording

SENTENCES = {
    "catalog.created": "created the catalog.",
    "catalog.changed": "changed {changed}.",
    "catalog.resource_added": "added the resource {name}.",
    "catalog.resource_removed": "removed the resource {name}.",
    "resource.changed": "changed {changed}.",
    "resource.role_added": "added the role {name}.",
    "resource.role_changed": "changed the words of a role.",
    "resource.role_removed": "removed the role {name}.",
    "package.created": "created the package as a draft.",
    "package.changed": "changed {changed}.",
    "package.published": "published the package.",
    "package.retired": "retired the package.",
    "package.hidden": "hid the package.",
    "package.shown": "listed the package again.",
    "package.role_added": "added the role {name}.",
    "package.role_removed": "removed the role {name}.",
    "package.recounted": "gave {holders} what the package contains now.",
    "policy.created": "created the policy.",
    "policy.changed": "changed {changed}.",
    "assignment.begun": "let access begin.",
    "assignment.extended": "moved the end.",
    "assignment.ended": "ended the access.",
    "assignment.end_announced": "sent a reminder of the end.",
    "assignment.reprocessed": "had every role set up again.",
}


def package_state(package: AccessPackage) -> str:
    """Return the state that the badge of a package shows: hidden is one of them."""
    is_hidden = package.is_hidden and package.state == PackageState.PUBLISHED
    return "hidden" if is_hidden else package.state


def policy_state(policy: AssignmentPolicy) -> str:
    """Return the state that the badge of a policy shows."""
    if not policy.is_enabled:
        return "off"
    return "on" if policy.accepts_requests else "new_requests_off"


@dataclass(frozen=True)
class Summary:
    """A policy in four lines; the policy must come with its stages and targets."""

    policy: AssignmentPolicy

    @property
    def state(self) -> str:
        return policy_state(self.policy)

    @property
    def who(self) -> str:
        if self.policy.scope != Scope.SPECIFIC:
            return self.policy.get_scope_display()
        named = [*self.policy.allowed_users.all(), *self.policy.allowed_groups.all()]
        return wording.listed([str(one) for one in named[:5]]) + _and_more(len(named) - 5)

    @property
    def stages(self) -> list[str]:
        return [
            wording.approvers(
                [
                    wording.Asked(approver.kind, str(approver), approver.is_fallback)
                    for approver in stage.approvers.all()
                ],
                whose="their",
                shows_names=True,
            )
            for stage in self.policy.stages.all()
        ]

    @property
    def lasts(self) -> str:
        return wording.lasting(self.policy.expiration, self.policy.duration, self.policy.ends_on)


def _and_more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def summaries(package: AccessPackage) -> list[Summary]:
    """Return the policies of a package by name, in a constant number of queries."""
    policies = package.policies.prefetch_related(
        "allowed_users",
        "allowed_groups",
        "stages__approvers__user",
        "stages__approvers__group",
    )
    return [Summary(policy) for policy in policies.order_by("name")]


@dataclass(frozen=True)
class Happened:
    """One event as a list of changes tells it."""

    event: AuditEvent
    words: str


def history(events: Iterable[AuditEvent], viewer: User) -> list[Happened]:
    """Return events in words."""
    people = _names({event.target_id for event in events if event.target_id})
    return [Happened(event, _sentence(event, viewer, people)) for event in events]


def _sentence(event: AuditEvent, viewer: User, people: dict[object, str]) -> str:
    who = wording.by(event, viewer)
    details = event.details
    if event.action in ("catalog.role_given", "catalog.role_taken"):
        target = people.get(event.target_id, "somebody")
        role = ROLE_NAMES.get(details["role"], details["role"]).lower()
        act = "made {} {}" if event.action == "catalog.role_given" else "dismissed {} as {}"
        return f"{who} {act.format(target, role)}."
    words = SENTENCES.get(event.action)
    if words is None:
        return f"{who}: {event.action.partition('.')[2].replace('_', ' ')}."
    changed = wording.listed([name.replace("_", " ") for name in details.get("changes", {})])
    holders = wording.people(int(details.get("holders", 0)))
    return f"{who} {words.format(changed=changed, name=details.get('name', ''), holders=holders)}"


def _names(keys: set[object]) -> dict[object, str]:
    return {user.pk: str(user) for user in User.objects.filter(pk__in=list(keys))} if keys else {}
