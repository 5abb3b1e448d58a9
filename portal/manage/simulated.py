"""Which policy falls to whom, in the words of the pages of owners."""

from dataclasses import dataclass
from typing import Final

from entitlements.catalog.models import AccessPackage
from entitlements.directory.models import User
from entitlements.directory.ways import Way
from entitlements.policies.approvers import Approver
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.reach import Reach, reach_of
from entitlements.policies.scopes import Scope, rank_of
from entitlements.policies.standing import Standing
from entitlements.requests.simulation import Prospect, simulate
from portal import wording
from portal.manage.shown import Summary

RANKS: Final = {
    1: "1: named people or organizations",
    2: "2: all members",
    3: "3: everyone",
    4: "4: people from outside",
    None: "given directly",
}


@dataclass(frozen=True)
class Share:
    """One policy, and how many people it is for."""

    summary: Summary
    reach: Reach

    @property
    def rank(self) -> str:
        return RANKS[rank_of(self.summary.policy.scope)]


@dataclass(frozen=True)
class Outlook:
    """One policy as it would treat one person, in sentences."""

    prospect: Prospect

    @property
    def policy(self) -> AssignmentPolicy:
        return self.prospect.policy

    @property
    def rank(self) -> str:
        return RANKS[self.prospect.rank]

    @property
    def standing(self) -> list[str]:
        """How the person is in scope, or why not."""
        return standing_in_words(Scope(self.policy.scope), self.prospect.standing)

    @property
    def stages(self) -> list[str]:
        """Who would be asked in each stage."""
        prospect = self.prospect
        return [
            _said_by(decider, stage) if decider else _asked(stage)
            for stage, decider in zip(prospect.asked, prospect.deciders, strict=True)
        ]


ADMITTED: Final = {
    Scope.ALL_MEMBERS: "A member, as this policy wants.",
    Scope.ALL_USERS: "This policy is for everyone.",
    Scope.SPECIFIC_ORGANIZATIONS: "A guest of an organization that is named.",
    Scope.ALL_ORGANIZATIONS: "A guest of an organization that is configured.",
    Scope.ALL_EXTERNAL: "Somebody from outside, as this policy wants.",
}
NOT_ADMITTED: Final = {
    Scope.NOBODY: "Nobody asks under this policy: access is given directly.",
    Scope.SPECIFIC: "Neither named, nor in a group that is.",
    Scope.ALL_MEMBERS: "A guest, and this policy is for members.",
    Scope.ALL_USERS: "This policy is for everyone.",
    Scope.SPECIFIC_ORGANIZATIONS: "Not a guest of an organization that is named.",
    Scope.ALL_ORGANIZATIONS: "Not a guest of an organization that is configured.",
    Scope.ALL_EXTERNAL: "A member, and this policy is for people from outside.",
}


def standing_in_words(scope: Scope, standing: Standing) -> list[str]:
    """Say how somebody is in a scope, or why not."""
    if scope == Scope.SPECIFIC and standing.is_in_scope:
        named = ["Named in the policy."] if standing.is_named else []
        return named + [_through(way) for way in standing.ways]
    return [ADMITTED[scope] if standing.is_in_scope else NOT_ADMITTED[scope]]


def shares(package: AccessPackage) -> list[Share]:
    """Return the policies of a package, the strictest first, each with how many it is for."""
    policies = list(
        package.policies.prefetch_related(
            "allowed_users", "allowed_groups", "allowed_organizations"
        ).order_by("name")
    )
    reach = reach_of(policies)
    ranked = sorted(policies, key=lambda policy: rank_of(policy.scope) or len(RANKS))
    return [Share(Summary(policy), reach[policy.pk]) for policy in ranked]


def outlooks(package: AccessPackage, person: User) -> list[Outlook]:
    """Return how each policy would treat a person who asks now."""
    return [Outlook(prospect) for prospect in simulate(package, person)]


def verdict(outlooks: list[Outlook]) -> str:
    """Say in one sentence under which policy the person asks."""
    offered = [str(outlook.policy) for outlook in outlooks if outlook.prospect.is_offered]
    if not offered:
        return "No policy lets this person ask now."
    if len(offered) == 1:
        return f"“{offered[0]}” applies, without a question."
    names = wording.listed([f"“{name}”" for name in offered])
    return f"The person chooses between {names}."


def _through(way: Way) -> str:
    first, *rest = (str(group) for group in way)
    return f"Through {first}" + "".join(f" → {name}" for name in rest) + ", as a member."


def _said_by(decider: str, fallbacks: tuple[Approver, ...]) -> str:
    names = wording.listed([str(approver.user) for approver in fallbacks], "or")
    otherwise = f"if it gives no answer, {names}" if names else "nobody is named instead"
    return f"Decided by whomever “{decider}” names when asked; {otherwise}."


def _asked(stage: tuple[Approver, ...]) -> str:
    if not stage:
        return "Nobody could decide: no approver and nobody instead is to be had."
    names = wording.listed([str(approver.user) for approver in stage], "or")
    return f"{names}, instead of those who are not to be had" if stage[0].is_fallback else names
