"""Create, change and delete policies.

Requests under way keep the policy as it read when they were made.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.catalog.models import AccessPackage
from entitlements.catalog.naming import name_taken, one_per_name
from entitlements.catalog.permissions import can
from entitlements.decisions import Reason, collect, deny
from entitlements.directory.models import Group, User
from entitlements.policies.models import ApprovalStage, AssignmentPolicy, Scope, StageApprover
from entitlements.policies.terms import ApproverTerms, PolicyTerms, StageTerms, check

COLUMNS = (
    "name",
    "description",
    "scope",
    "is_enabled",
    "accepts_requests",
    "requires_justification",
    "expiration",
    "ends_on",
    "duration",
    "allows_custom_dates",
    "allows_extension",
    "extension_requires_approval",
    "sends_notifications",
    "shows_approvers",
)


def create_policy(package: AccessPackage, terms: PolicyTerms, *, by: User) -> AssignmentPolicy:
    """Add one more way to get a package; raise Denied with all that speaks against it."""
    with one_per_name(terms.name):
        return _create_policy(package, terms, by)


@transaction.atomic(durable=True)
def _create_policy(package: AccessPackage, terms: PolicyTerms, by: User) -> AssignmentPolicy:
    package = (
        AccessPackage.objects.select_for_update(of=("self",))
        .select_related("catalog")
        .get(pk=package.pk)
    )
    can(by, "manage_packages", package.catalog).require()
    terms = _tidy(terms)
    check(terms, moment=clock.now()).require()
    policy = AssignmentPolicy(package=package)
    _refuse_twin(policy, terms)
    collect(_names_people_who_exist(terms)).require()
    _write(policy, terms)
    _write_stages(policy, terms.stages)
    trail.record("policy.created", policy, by=by, package=str(package), **terms.as_dict())
    return policy


def change_policy(policy: AssignmentPolicy, terms: PolicyTerms, *, by: User) -> AssignmentPolicy:
    """Change a policy for future requests; assignments and requests under way keep theirs."""
    with one_per_name(terms.name):
        return _change_policy(policy, terms, by)


@transaction.atomic(durable=True)
def _change_policy(policy: AssignmentPolicy, terms: PolicyTerms, by: User) -> AssignmentPolicy:
    policy = _locked(policy)
    can(by, "manage_packages", policy.package.catalog).require()
    terms = _tidy(terms)
    before = terms_of(policy)
    check(terms, moment=clock.now(), present_end=before.ends_on).require()
    _refuse_twin(policy, terms)
    collect(_names_people_who_exist(terms, before)).require()
    changes = terms.since(before)
    if changes:
        _write(policy, terms)
        if "stages" in changes:
            policy.stages.all().delete()
            _write_stages(policy, terms.stages)
        trail.record("policy.changed", policy, by=by, changes=changes)
    return policy


@transaction.atomic(durable=True)
def delete_policy(policy: AssignmentPolicy, *, by: User) -> None:
    """Delete a policy under which nobody ever asked for access or held it."""
    policy = _locked(policy)
    can(by, "manage_packages", policy.package.catalog).require()
    if policy.assignments.exists() or policy.requests.exists():
        deny(
            "policy_used",
            f"Access was asked for or given under {policy}, which stays in the records.",
            "Switch it off instead.",
        ).require()
    trail.record("policy.deleted", policy, by=by, **terms_of(policy).as_dict())
    policy.delete()


def terms_of(policy: AssignmentPolicy) -> PolicyTerms:
    """Return a policy as its owners would enter it anew."""
    stages = policy.stages.prefetch_related("approvers")
    return PolicyTerms(
        **{name: getattr(policy, name) for name in COLUMNS},
        allowed_user_ids=_sorted(policy.allowed_users.values_list("pk", flat=True)),
        allowed_group_ids=_sorted(policy.allowed_groups.values_list("pk", flat=True)),
        stages=tuple(
            StageTerms(
                approvers=tuple(
                    ApproverTerms(
                        approver.kind, approver.user_id, approver.group_id, approver.is_fallback
                    )
                    for approver in stage.approvers.all()
                ),
                decision_days=stage.decision_days,
                requires_justification=stage.requires_justification,
            )
            for stage in stages
        ),
    )


def _tidy(terms: PolicyTerms) -> PolicyTerms:
    """Return the terms without repetitions, and without people whom their scope does not name."""
    is_specific = terms.scope == Scope.SPECIFIC
    return replace(
        terms,
        allowed_user_ids=_sorted(terms.allowed_user_ids) if is_specific else (),
        allowed_group_ids=_sorted(terms.allowed_group_ids) if is_specific else (),
        stages=tuple(
            replace(stage, approvers=tuple(dict.fromkeys(stage.approvers)))
            for stage in terms.stages
        ),
    )


def _sorted(keys: Iterable[UUID]) -> tuple[UUID, ...]:
    return tuple(sorted(set(keys)))


def _locked(policy: AssignmentPolicy) -> AssignmentPolicy:
    """Within the caller's transaction: return the fresh row, kept from other writers."""
    return (
        AssignmentPolicy.objects.select_for_update(of=("self",))
        .select_related("package__catalog")
        .get(pk=policy.pk)
    )


def _refuse_twin(policy: AssignmentPolicy, terms: PolicyTerms) -> None:
    beside = policy.package.policies.exclude(pk=policy.pk)
    if beside.filter(name=terms.name).exists():
        name_taken(terms.name).require()


def _names_people_who_exist(
    terms: PolicyTerms, before: PolicyTerms | None = None
) -> Iterator[Reason]:
    """Yield what speaks against those who are named newly; who was named already may stay."""
    users, groups = _named(terms)
    if before:
        known_users, known_groups = _named(before)
        users, groups = users - known_users, groups - known_groups
    if User.objects.active().filter(pk__in=users).count() != len(users):
        yield Reason("person_unknown", "Somebody who is named here has left.", "Choose again.")
    if Group.objects.filter(pk__in=groups).count() != len(groups):
        yield Reason("group_unknown", "A group that is named here is gone.", "Choose again.")


def _named(terms: PolicyTerms) -> tuple[set[UUID], set[UUID]]:
    approvers = [approver for stage in terms.stages for approver in stage.approvers]
    users = {approver.user_id for approver in approvers if approver.user_id}
    groups = {approver.group_id for approver in approvers if approver.group_id}
    return users | set(terms.allowed_user_ids), groups | set(terms.allowed_group_ids)


def _write(policy: AssignmentPolicy, terms: PolicyTerms) -> None:
    for name in COLUMNS:
        setattr(policy, name, getattr(terms, name))
    policy.save()
    policy.allowed_users.set(User.objects.filter(pk__in=terms.allowed_user_ids))
    policy.allowed_groups.set(Group.objects.filter(pk__in=terms.allowed_group_ids))


def _write_stages(policy: AssignmentPolicy, stages: tuple[StageTerms, ...]) -> None:
    for position, terms in enumerate(stages, start=1):
        stage = ApprovalStage.objects.create(
            policy=policy,
            position=position,
            decision_days=terms.decision_days,
            requires_justification=terms.requires_justification,
        )
        StageApprover.objects.bulk_create(
            StageApprover(
                stage=stage,
                kind=approver.kind,
                is_fallback=approver.is_fallback,
                user_id=approver.user_id,
                group_id=approver.group_id,
            )
            for approver in terms.approvers
        )
