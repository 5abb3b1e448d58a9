"""Read the versions of a policy, and keep a draft of the next, which does nothing until saved."""

from django.db import transaction

from entitlements import clock, versions
from entitlements.audit import trail
from entitlements.catalog.permissions import can
from entitlements.directory.models import User
from entitlements.plain import to_plain
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.operations import asked_of, locked, may_change, terms_of
from entitlements.policies.terms import PolicyTerms
from entitlements.policies.versions import PolicyDraft
from entitlements.versions import Version, earlier_version


def versions_of(policy: AssignmentPolicy) -> list[Version]:
    """Return every version, the newest first; there is always one."""
    return versions.versions_of(policy, terms_of)


@transaction.atomic(durable=True)
def restore_as_draft(policy: AssignmentPolicy, number: int, *, by: User) -> PolicyDraft:
    """Make an earlier version the draft of the next, in place of any other draft."""
    policy = locked(policy)
    can(by, "manage_packages", policy.package.catalog).require()
    version = earlier_version(policy, number, terms_of)
    draft = _write_draft(policy, version.terms, number, by)
    trail.record("policy.draft_made", policy, by=by, version=number)
    return draft


@transaction.atomic(durable=True)
def keep_draft(policy: AssignmentPolicy, terms: PolicyTerms, *, by: User) -> PolicyDraft:
    """Keep what somebody entered for later, in place of any other draft; nothing else changes.

    What could not be saved now is not kept either; it is looked at again when it is saved.
    """
    policy = locked(policy)
    may_change(policy, by=by).require()
    terms, _ = asked_of(policy, terms)
    draft = _write_draft(policy, terms, None, by)
    trail.record("policy.draft_kept", policy, by=by)
    return draft


@transaction.atomic(durable=True)
def throw_away_draft(policy: AssignmentPolicy, *, by: User) -> None:
    """Delete the draft of a policy; without one nothing happens."""
    policy = locked(policy)
    can(by, "manage_packages", policy.package.catalog).require()
    deleted, _ = PolicyDraft.objects.filter(policy=policy).delete()
    if deleted:
        trail.record("policy.draft_thrown_away", policy, by=by)


def _write_draft(
    policy: AssignmentPolicy, terms: PolicyTerms, number: int | None, by: User
) -> PolicyDraft:
    entered = {"number": number, "terms": to_plain(terms), "by": by, "at": clock.now()}
    draft, _ = PolicyDraft.objects.update_or_create(policy=policy, defaults=entered)
    return draft
