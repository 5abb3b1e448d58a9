"""Packages, policies and what happened to them, in the words of the pages of owners."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from entitlements.audit.models import AuditEvent
from entitlements.catalog.appointments import ROLE_NAMES
from entitlements.catalog.models import AccessPackage, PackageState
from entitlements.directory.models import User
from entitlements.policies.models import ApprovalStage, AssignmentPolicy
from entitlements.policies.scopes import Scope
from portal import wording
from portal.manage.naming import Names

SENTENCES = {
    "catalog.created": "created the catalog.",
    "catalog.changed": "changed {changed}.",
    "catalog.role_clash_added": "let {role} clash with {other}.",
    "catalog.role_clash_removed": "let {role} clash with {other} no more.",
    "catalog.resource_added": "added the resource {name}.",
    "catalog.resource_removed": "removed the resource {name}.",
    "catalog.package_moved_away": "moved the package {name} to {catalog}.",
    "catalog.package_moved_in": "moved the package {name} here from {before}.",
    "catalog.roles_checked": "tried out the import of {source}.",
    "catalog.roles_imported": "imported {source}.",
    "catalog.roles_dropped": "dropped the import of {source}.",
    "resource.changed": "changed {changed}.",
    "resource.role_added": "added the role {name}.",
    "resource.role_changed": "changed the words of a role.",
    "resource.role_removed": "removed the role {name}.",
    "resource.attribute_added": "asked for {name} from then on.",
    "resource.attribute_changed": "changed how {name} is asked for.",
    "resource.attribute_removed": "stopped asking for {name}.",
    "package.created": "created the package as a draft.",
    "package.changed": "changed {changed}.",
    "package.moved": "moved the package from {before} to {catalog}.",
    "package.published": "published the package.",
    "package.retired": "retired the package.",
    "package.hidden": "hid the package.",
    "package.shown": "listed the package again.",
    "package.role_added": "added the role {name}.",
    "package.role_removed": "removed the role {name}.",
    "package.duplicated": "made {name} like it.",
    "package.roles_arranged": "arranged its roles, or the words beside them.",
    "package.draft_kept": "kept a draft of the package.",
    "package.draft_made": "restored version {version} as a draft.",
    "package.draft_thrown_away": "threw the draft away.",
    "package.clash_added": "let it clash with {other}.",
    "package.clash_removed": "let it clash with {other} no more.",
    "package.prerequisite_added": "required {other} first.",
    "package.prerequisite_removed": "required {other} no more.",
    "package.clash_exception_asked": "asked for an exception from the clash with {other}.",
    "package.clash_exception_allowed": "allowed an exception from the clash with {other}.",
    "package.clash_exception_refused": "refused an exception from the clash with {other}.",
    "package.clash_exception_ended": "ended an exception from the clash with {other}.",
    "clashes.exported": "took a list of who holds what clashes.",
    "package.recounted": "gave {holders} what the package contains now.",
    "extension.created": "created the extension.",
    "extension.changed": "changed {changed}.",
    "extension.secret_changed": "made a new secret.",
    "extension.tested": "made a test call.",
    "organization.created": "connected the organization.",
    "organization.proposed": "proposed the organization, when somebody from it was let in.",
    "organization.changed": "changed {changed}.",
    "organization.promoted": "configured the organization.",
    "organization.sponsor_added": "made {person} an {kind} sponsor.",
    "organization.sponsor_removed": "removed {person} as an {kind} sponsor.",
    "policy.created": "created the policy.",
    "policy.changed": "changed {changed}.",
    "policy.draft_kept": "kept a draft of the policy.",
    "policy.draft_made": "restored version {version} as a draft.",
    "policy.draft_thrown_away": "threw the draft away.",
    "assignment.begun": "let access begin.",
    "assignment.extended": "moved the end.",
    "assignment.ended": "ended the access.",
    "assignment.end_announced": "sent a reminder of the end.",
    "assignment.reprocessed": "had every role set up again.",
}

FACTS = ("name", "version", "other", "role", "source", "kind", "before", "catalog")


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
        policy = self.policy
        if policy.scope == Scope.SPECIFIC_ORGANIZATIONS:
            named: list[Any] = list(policy.allowed_organizations.all())
        elif policy.scope == Scope.SPECIFIC:
            named = [*policy.allowed_users.all(), *policy.allowed_groups.all()]
        else:
            return policy.get_scope_display()
        return wording.listed([str(one) for one in named[:5]]) + _and_more(len(named) - 5)

    @property
    def stages(self) -> list[str]:
        return [
            wording.approvers(wording.asked_by(stage), whose="their", shows_names=True)
            + wording.needs(stage.rule, stage.quorum)
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
        "allowed_organizations",
        Prefetch("stages", ApprovalStage.objects.select_related("extension")),
        "stages__approvers__user",
        "stages__approvers__group",
    )
    return [Summary(policy) for policy in policies.order_by("name")]


@dataclass(frozen=True)
class Happened:
    """One event as a list of changes tells it."""

    event: AuditEvent
    words: str


def history(
    events: Iterable[AuditEvent], viewer: User, *, named: Names | None = None
) -> list[Happened]:
    """Return events in words; `named` says which other packages they may name, if not all."""
    people = _names({event.target_id for event in events if event.target_id})
    named = named or Names()
    return [Happened(event, _sentence(event, viewer, people, named)) for event in events]


def _sentence(event: AuditEvent, viewer: User, people: dict[object, str], named: Names) -> str:
    who = wording.by(event, viewer)
    details = event.details
    if event.action in ("catalog.role_given", "catalog.role_taken"):
        target = people.get(event.target_id) or details.get("holder", "somebody")
        role = ROLE_NAMES.get(details["role"], details["role"]).lower()
        act = "made {} {}" if event.action == "catalog.role_given" else "dismissed {} as {}"
        return f"{who} {act.format(target, role)}."
    words = SENTENCES.get(event.action)
    if words is None:
        return f"{who}: {event.action.partition('.')[2].replace('_', ' ')}."
    changed = wording.listed([name.replace("_", " ") for name in details.get("changes", {})])
    holders = wording.people(int(details.get("holders", 0)))
    facts = {name: details.get(name, "") for name in FACTS}
    key = details.get("other_package")
    facts["other"] = named.of(UUID(key) if key else None, facts["other"])
    facts["person"] = people.get(event.target_id, "somebody")
    return f"{who} {words.format(changed=changed, holders=holders, **facts)}"


def _names(keys: set[object]) -> dict[object, str]:
    return {user.pk: str(user) for user in User.objects.filter(pk__in=list(keys))} if keys else {}
