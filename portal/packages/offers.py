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
from entitlements.policies.models import ApprovalStage, AssignmentPolicy
from entitlements.requests import candidates
from entitlements.requests.models import AccessRequest
from portal import dates, wording

CHECKS: Final = {
    ("package_closed", "policy_off", "not_in_scope"): "You may ask for this.",
    ("already_held",): "You do not hold it.",
    ("already_requested",): "No request of yours is on its way.",
    ("policy_ended",): "",
}


@dataclass(frozen=True)
class Check:
    """One thing that must hold before somebody asks; with a way on where it does not."""

    is_met: bool
    text: str
    remedy: str = ""
    url: str = ""
    action: str = ""


@dataclass(frozen=True)
class Way:
    """One policy in words: who decides, how long it lasts, what can be done then."""

    policy: AssignmentPolicy

    @property
    def deciders(self) -> list[tuple[str, int]]:
        """Who decides each stage, and within how many days."""
        return [(_deciders(self.policy, stage), stage.decision_days) for stage in self._stages]

    @property
    def summary(self) -> str:
        """What differs from other ways, in one line."""
        count = len(self._stages)
        approval = (
            "no approval" if count == 0 else "1 approval" if count == 1 else f"{count} approvals"
        )
        return f"{self.lasting[:1].upper()}{self.lasting[1:]}, {approval}"

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


def _deciders(policy: AssignmentPolicy, stage: ApprovalStage) -> str:
    entries = [
        wording.Asked(entry.kind, str(entry), entry.is_fallback) for entry in stage.approvers.all()
    ]
    words = wording.approvers(entries, whose="your", shows_names=policy.shows_approvers)
    return f"{words[:1].upper()}{words[1:]}"


@dataclass(frozen=True)
class Offer:
    """A package, the ways in which the viewer may ask for it, and what speaks against it now."""

    package: AccessPackage
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


def offer_for(viewer: User, package_id: UUID) -> Offer | None:
    """Return a package as the viewer may ask for it; None when he may neither ask nor manage it."""
    policies = list(
        AssignmentPolicy.objects.open_to(viewer)
        .filter(package=package_id)
        .select_related("package__catalog")
        .with_stages()
        .order_by("created_at", "pk")
    )
    if policies:
        package = policies[0].package
    else:
        managed = AccessPackage.objects.visible_to(viewer).select_related("catalog")
        found = managed.filter(pk=package_id).first()
        if found is None:
            return None
        package = found
    policies = [policy for policy in policies if not _is_over(policy)] or policies[:1]
    return Offer(
        package,
        list(PackageRole.objects.filter(package=package).select_related("role__resource")),
        list(owners_of(package.catalog)),
        [Way(policy) for policy in policies],
        _checks(policies[0], viewer) if policies else [],
    )


def _is_over(policy: AssignmentPolicy) -> bool:
    return policy.ends_on is not None and policy.ends_on <= clock.now()


def _checks(policy: AssignmentPolicy, viewer: User) -> list[Check]:
    decision = candidates.can_request(policy, viewer)
    return [
        check
        for codes, held in CHECKS.items()
        if (check := _check(decision, codes, held, policy.package, viewer)).text
    ]


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
            False, f"You hold it already{_until(assignment)}.", "", url, "Open your access"
        )
    if reason.code == "already_requested":
        access_request = AccessRequest.objects.open().filter(**mine).first()
        url = reverse("requests:detail", args=[access_request.pk]) if access_request else ""
        text = "Your request is on its way already."
        return Check(False, text, url=url, action="See your request")
    return Check(False, reason.text, reason.remedy)


def _until(assignment: Assignment | None) -> str:
    ends_at = assignment.ends_at if assignment else None
    return f", until {dates.exact(ends_at)}" if ends_at else ""
