"""One package as one person may ask for it: the ways, what happens next, what speaks against it."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.urls import reverse

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage, PackageRole
from entitlements.catalog.permissions import owners_of
from entitlements.decisions import Decision
from entitlements.directory.models import User
from entitlements.policies import rules
from entitlements.policies.models import ApprovalStage, AssignmentPolicy
from entitlements.requests import candidates
from entitlements.requests.models import AccessRequest
from portal import dates, wording
from portal.packages.checks import Check, separation_checks
from portal.people import askable_people, ways_for

CHECKS: Final = {
    ("package_closed", "policy_off", "not_in_scope"): "You may ask for this.",
    ("already_held",): "You do not hold it.",
    ("already_requested",): "No request of yours is on its way.",
    ("policy_ended",): "",
}
FOR_OTHERS: Final = {
    ("package_closed", "policy_off", "not_in_scope"): "You may ask for this for {target}.",
    ("already_held",): "{target} does not hold it.",
    ("already_requested",): "No request for {target} is on its way.",
}


@dataclass(frozen=True)
class Way:
    """One policy in words: who decides, how long it lasts, what can be done then."""

    policy: AssignmentPolicy
    whose: str = "your"

    @property
    def deciders(self) -> list[tuple[str, int]]:
        """Who decides each stage, and within how many days."""
        return [
            (_deciders(self.policy, stage, self.whose), stage.decision_days)
            for stage in self._stages
        ]

    @property
    def lasting(self) -> str:
        policy = self.policy
        return wording.lasting(policy.expiration, policy.duration, policy.ends_on)

    @property
    def extension(self) -> str:
        return wording.extension(self.policy)

    @property
    def _stages(self) -> list[ApprovalStage]:
        return list(self.policy.stages.all())


def _deciders(policy: AssignmentPolicy, stage: ApprovalStage, whose: str) -> str:
    entries = wording.asked_by(stage)
    words = wording.approvers(entries, whose=whose, shows_names=policy.names_approvers)
    return f"{words[:1].upper()}{words[1:]}{wording.needs(stage.rule, stage.quorum)}"


@dataclass(frozen=True)
class Offer:
    """A package, the ways in which the viewer may ask for it, and what speaks against it now.

    `target` is who would get it: the viewer, or one of `people`, for whom he may ask.
    """

    package: AccessPackage
    target: User
    is_own: bool
    people: list[User]
    roles: list[PackageRole]
    owners: list[User]
    ways: list[Way]
    checks: list[Check]

    @property
    def is_open(self) -> bool:
        return bool(self.ways) and all(check.is_met for check in self.checks)

    @property
    def policies(self) -> list[AssignmentPolicy]:
        return [way.policy for way in self.ways]


def offer_for(viewer: User, package_id: UUID, target: User) -> Offer | None:
    """Return a package as the viewer may ask for it, for himself or for one of his people.

    None when he may neither ask for it nor manage it.
    """
    is_own = target.pk == viewer.pk
    policies = list(
        ways_for(viewer, target)
        .filter(package=package_id)
        .select_related("package__catalog")
        .with_stages()
        .prefetch_related("questions")
        .order_by("created_at", "pk")
    )
    people = askable_people(viewer, package_id)
    package = policies[0].package if policies else _seen(viewer, package_id, people)
    if package is None:
        return None
    policies = [policy for policy in policies if not _is_over(policy)] or policies[:1]
    return Offer(
        package,
        target,
        is_own,
        people,
        list(PackageRole.objects.filter(package=package).select_related("role__resource")),
        list(owners_of(package.catalog)),
        [Way(policy, "your" if is_own else f"{target}’s") for policy in policies],
        _checks(policies[0], target, is_own=is_own) if policies else [],
    )


def offer_as_seen_by(person: User, package: AccessPackage) -> Offer:
    """Return a package as a person will find it once it is published, without what he holds.

    What speaks against a request of his is left out: it is about other packages of his too.
    """
    policies = package.policies.offered_to(person).lasting().select_related("package__catalog")
    asked = policies.with_stages().prefetch_related("questions").order_by("created_at", "pk")
    return Offer(
        package,
        person,
        is_own=True,
        people=[],
        roles=list(package.package_roles.select_related("role__resource")),
        owners=list(owners_of(package.catalog)),
        ways=[Way(policy) for policy in asked],
        checks=[],
    )


def _seen(viewer: User, package_id: UUID, people: list[User]) -> AccessPackage | None:
    """Return a package that the viewer may read about, though not ask for it for this person."""
    packages = AccessPackage.objects.select_related("catalog").filter(pk=package_id)
    if people:
        return packages.first()
    offered = AssignmentPolicy.objects.open_to(viewer).packages()
    return (packages.visible_to(viewer) | packages.filter(pk__in=offered.values("pk"))).first()


def _is_over(policy: AssignmentPolicy) -> bool:
    return policy.ends_on is not None and policy.ends_on <= clock.now()


def _checks(policy: AssignmentPolicy, target: User, *, is_own: bool) -> list[Check]:
    facts = candidates.candidate(policy, target)
    decision = rules.can_request(facts)
    apart = separation_checks(facts.separation, target, is_own=is_own)
    if not is_own:
        checks = [
            _check_other(decision, codes, held.format(target=target), policy.package, target)
            for codes, held in FOR_OTHERS.items()
        ]
        return [*checks, *apart]
    checks = [
        check
        for codes, held in CHECKS.items()
        if (check := _check(decision, codes, held, policy.package, target)).text
    ]
    return [*checks, *apart]


def _check(
    decision: Decision, codes: tuple[str, ...], held: str, package: AccessPackage, viewer: User
) -> Check:
    reason = next((reason for reason in decision.reasons if reason.code in codes), None)
    if reason is None:
        return Check(is_met=True, text=held)
    mine = {"target": viewer, "package": package}
    if reason.code == "already_held":
        assignment = Assignment.objects.live().filter(**mine).first()
        url = reverse("access:detail", args=[assignment.pk]) if assignment else ""
        return Check(
            False,
            f"You hold it already{_until(assignment)}.",
            "",
            url,
            "Open your access",
            reason.code,
        )
    if reason.code == "already_requested":
        access_request = AccessRequest.objects.open().filter(**mine).first()
        url = reverse("requests:detail", args=[access_request.pk]) if access_request else ""
        text = "Your request is on its way already."
        return Check(False, text, "", url, "See your request", reason.code)
    return Check(False, reason.text, reason.remedy, code=reason.code)


def _check_other(
    decision: Decision, codes: tuple[str, ...], held: str, package: AccessPackage, target: User
) -> Check:
    reason = next((reason for reason in decision.reasons if reason.code in codes), None)
    if reason is None:
        return Check(is_met=True, text=held)
    url = reverse("team:person", args=[target.pk])
    if reason.code == "already_held":
        assignment = Assignment.objects.live().filter(target=target, package=package).first()
        text = f"{target} holds it already{_until(assignment)}."
        return Check(False, text, "", url, "See what they hold", reason.code)
    if reason.code == "already_requested":
        text = f"A request for {target} is on its way already."
        return Check(False, text, reason.remedy, code=reason.code)
    return Check(False, reason.text, reason.remedy, code=reason.code)


def _until(assignment: Assignment | None) -> str:
    ends_at = assignment.ends_at if assignment else None
    return f", until {dates.exact(ends_at)}" if ends_at else ""
