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
from entitlements.catalog.passing_on import can_pass_on
from entitlements.catalog.permissions import can
from entitlements.decisions import Decision, Reason, collect, deny
from entitlements.directory.models import Group, User
from entitlements.directory.organizations.models import ConnectedOrganization
from entitlements.naming import name_taken, one_per_name
from entitlements.policies.approvers import unknown_among
from entitlements.policies.callouts import (
    callouts_fit,
    deciders_fit,
    terms_of_callouts,
    write_callouts,
)
from entitlements.policies.models import ApprovalStage, AssignmentPolicy, StageApprover
from entitlements.policies.questions import terms_of_questions, tidied, write_questions
from entitlements.policies.scopes import Scope
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import PolicyTerms, check
from entitlements.policies.versions import PolicyDraft, not_changed_since
from entitlements.versions import keep_version

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
    "allows_on_behalf",
    "allows_extension",
    "extension_requires_approval",
    "allows_correction",
    "sends_notifications",
    "shows_approvers",
    "approver_can_remove",
)
STAGE_COLUMNS = (
    "decision_days",
    "requires_justification",
    "rule",
    "quorum",
    "escalation_days",
    "extension_id",
)
APPROVER_COLUMNS = ("kind", "user_id", "group_id", "is_fallback", "is_alternate")


def create_policy(package: AccessPackage, terms: PolicyTerms, *, by: User) -> AssignmentPolicy:
    """Add one more way to get a package; raise Denied with all that speaks against it."""
    with one_per_name(terms.name):
        return _create_policy(package, terms, by)


@transaction.atomic(durable=True)
def _create_policy(package: AccessPackage, terms: PolicyTerms, by: User) -> AssignmentPolicy:
    return new_policy(package, terms, by=by)


def new_policy(package: AccessPackage, terms: PolicyTerms, *, by: User) -> AssignmentPolicy:
    """Within the caller's transaction: add one more way to get a package, or raise Denied."""
    _lock_package(package.pk)
    package = AccessPackage.objects.select_related("catalog").get(pk=package.pk)
    can(by, "manage_packages", package.catalog).require()
    can_pass_on(by, package).require()
    terms = _tidy(terms)
    check(terms, moment=clock.now()).require()
    policy = AssignmentPolicy(package=package)
    _refuse_twin(policy, terms)
    collect((*_names_people_who_exist(terms), *_extensions_fit(policy, terms))).require()
    _write(policy, terms)
    _write_stages(policy, terms.stages)
    write_questions(policy, terms.questions)
    write_callouts(policy, terms.callouts)
    keep_version(policy, terms_of(policy), by=by)
    trail.record("policy.created", policy, by=by, package=str(package), **terms.as_dict())
    return policy


def change_policy(
    policy: AssignmentPolicy,
    terms: PolicyTerms,
    *,
    by: User,
    based_on: int | None = None,
    is_draft: bool = False,
) -> AssignmentPolicy:
    """Change a policy for future requests; assignments and requests under way keep theirs.

    `based_on` is the version that the terms were written over: Denied when there is a newer one.
    Terms that come from the policy's draft end it.
    """
    with one_per_name(terms.name):
        return _change_policy(policy, terms, by, based_on, is_draft)


@transaction.atomic(durable=True)
def _change_policy(
    policy: AssignmentPolicy, terms: PolicyTerms, by: User, based_on: int | None, is_draft: bool
) -> AssignmentPolicy:
    policy = locked(policy)
    may_change(policy, by=by).require()
    not_changed_since(policy, based_on).require()
    terms, before = asked_of(policy, terms)
    changes = terms.since(before)
    if changes:
        _write(policy, terms)
        if "stages" in changes:
            policy.stages.all().delete()
            _write_stages(policy, terms.stages)
        if "questions" in changes:
            write_questions(policy, terms.questions)
        if "callouts" in changes:
            write_callouts(policy, terms.callouts)
        number = keep_version(policy, terms_of(policy), by=by, before=before)
        trail.record("policy.changed", policy, by=by, version=number, changes=changes)
    if is_draft:
        PolicyDraft.objects.filter(policy=policy).delete()
    return policy


def may_change(policy: AssignmentPolicy, *, by: User) -> Decision:
    """Say whether somebody may change a policy: he has to be able to give its package too."""
    decision = can(by, "manage_packages", policy.package.catalog)
    return decision + can_pass_on(by, policy.package) if decision else decision


def asked_of(policy: AssignmentPolicy, terms: PolicyTerms) -> tuple[PolicyTerms, PolicyTerms]:
    """Within the caller's transaction: return new terms in order, and those in force.

    Raises Denied with all that speaks against the new ones.
    """
    terms = _tidy(terms)
    before = terms_of(policy)
    check(terms, moment=clock.now(), present_end=before.ends_on).require()
    _refuse_twin(policy, terms)
    named = _names_people_who_exist(terms, before)
    collect((*named, *_extensions_fit(policy, terms))).require()
    return terms, before


@transaction.atomic(durable=True)
def delete_policy(policy: AssignmentPolicy, *, by: User) -> None:
    """Delete a policy under which nobody ever asked for access or held it."""
    policy = locked(policy)
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
        allowed_organization_ids=_sorted(policy.allowed_organizations.values_list("pk", flat=True)),
        stages=tuple(
            StageTerms(
                approvers=tuple(
                    ApproverTerms(**{name: getattr(approver, name) for name in APPROVER_COLUMNS})
                    for approver in stage.approvers.all()
                ),
                reminder_days=_days(stage.reminder_days),
                **{name: getattr(stage, name) for name in STAGE_COLUMNS},
            )
            for stage in stages
        ),
        questions=terms_of_questions(policy),
        callouts=terms_of_callouts(policy),
    )


def _tidy(terms: PolicyTerms) -> PolicyTerms:
    """Return the terms without repetitions, and without those whom their scope does not name.

    A policy that names organizations names no people besides, and the other way round.
    """
    is_specific = terms.scope == Scope.SPECIFIC
    names_organizations = terms.scope == Scope.SPECIFIC_ORGANIZATIONS
    return replace(
        terms,
        allowed_user_ids=_sorted(terms.allowed_user_ids) if is_specific else (),
        allowed_group_ids=_sorted(terms.allowed_group_ids) if is_specific else (),
        allowed_organization_ids=(
            _sorted(terms.allowed_organization_ids) if names_organizations else ()
        ),
        stages=tuple(
            replace(
                stage,
                approvers=tuple(dict.fromkeys(stage.approvers)),
                reminder_days=_days(stage.reminder_days),
            )
            for stage in terms.stages
        ),
        questions=tidied(terms.questions),
        callouts=tuple(dict.fromkeys(terms.callouts)),
    )


def _days(days: Iterable[int] | None) -> tuple[int, ...] | None:
    return None if days is None else tuple(sorted(set(days), reverse=True))


def _sorted(keys: Iterable[UUID]) -> tuple[UUID, ...]:
    return tuple(sorted(set(keys)))


def locked(policy: AssignmentPolicy) -> AssignmentPolicy:
    """Within the caller's transaction: return the fresh row, kept from other writers.

    Its package is locked first, so that it stays in its catalog meanwhile.
    """
    _lock_package(policy.package_id)
    return (
        AssignmentPolicy.objects.select_for_update(of=("self",))
        .select_related("package__catalog")
        .get(pk=policy.pk)
    )


def _lock_package(package_id: UUID) -> None:
    """Let nobody change the package; what refers to it may go on being made."""
    AccessPackage.objects.select_for_update(no_key=True).get(pk=package_id)


def _refuse_twin(policy: AssignmentPolicy, terms: PolicyTerms) -> None:
    beside = policy.package.policies.exclude(pk=policy.pk)
    if beside.filter(name=terms.name).exists():
        name_taken(terms.name).require()


def _extensions_fit(policy: AssignmentPolicy, terms: PolicyTerms) -> Iterator[Reason]:
    yield from callouts_fit(policy, terms.callouts)
    yield from deciders_fit(policy, terms.stages)


def _names_people_who_exist(
    terms: PolicyTerms, before: PolicyTerms | None = None
) -> Iterator[Reason]:
    """Yield what speaks against those who are named newly; who was named already may stay."""
    users, groups = _named(terms)
    if before:
        known_users, known_groups = _named(before)
        users, groups = users - known_users, groups - known_groups
    yield from unknown_among(users, groups)
    keys = terms.allowed_organization_ids
    named = ConnectedOrganization.objects.filter(pk__in=keys).select_for_update(of=("self",))
    if len(named.order_by("pk")) != len(keys):
        yield Reason(
            "organization_unknown", "An organization that is named here is gone.", "Choose again."
        )


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
    policy.allowed_organizations.set(
        ConnectedOrganization.objects.filter(pk__in=terms.allowed_organization_ids)
    )


def _write_stages(policy: AssignmentPolicy, stages: tuple[StageTerms, ...]) -> None:
    for position, terms in enumerate(stages, start=1):
        stage = ApprovalStage.objects.create(
            policy=policy,
            position=position,
            reminder_days=terms.reminder_days,
            **{name: getattr(terms, name) for name in STAGE_COLUMNS},
        )
        StageApprover.objects.bulk_create(
            StageApprover(
                stage=stage, **{name: getattr(approver, name) for name in APPROVER_COLUMNS}
            )
            for approver in terms.approvers
        )
