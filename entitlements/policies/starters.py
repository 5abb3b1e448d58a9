"""Terms to begin a new policy with: templates, and copies of policies that exist."""

from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.operations import terms_of
from entitlements.policies.stage_terms import (
    CATALOG_OWNERS,
    MANAGER,
    SPONSORS,
    ApproverTerms,
    StageTerms,
)
from entitlements.policies.terms import PolicyTerms
from entitlements.terms import LONGEST_NAME


@dataclass(frozen=True)
class Starter:
    """A template: its key in addresses, what it is for, and its terms."""

    key: str
    about: str
    terms: PolicyTerms

    @property
    def name(self) -> str:
        return self.terms.name


def _asks(*relations: str, days: int) -> StageTerms:
    """Return a stage in which any of these decides, and where there is none a catalog owner."""
    owners = ApproverTerms(CATALOG_OWNERS, is_fallback=True)
    asked = (ApproverTerms(relation) for relation in relations)
    return StageTerms((*asked, owners), decision_days=days)


STARTERS: Final = (
    Starter(
        "team",
        "What everybody in a team needs from the first day: no approval, no end.",
        PolicyTerms(
            "Team starter",
            description="For the people of the team, at once.",
            scope="specific",
            requires_justification=False,
            expiration="never",
            duration=None,
        ),
    ),
    Starter(
        "project",
        "For as long as a project lasts: the manager approves, half a year that can be extended.",
        PolicyTerms(
            "Project",
            description="For members of the company who work on the project.",
            scope="all_members",
            duration=180,
            allows_custom_dates=True,
            stages=(_asks(MANAGER, days=7),),
        ),
    ),
    Starter(
        "contractor",
        "For named people from elsewhere: manager and sponsors approve, 90 days, with a reason.",
        PolicyTerms(
            "Contractor",
            description="For contractors, for 90 days at a time.",
            scope="specific",
            duration=90,
            stages=(_asks(MANAGER, days=7), _asks(SPONSORS, days=7)),
        ),
    ),
    Starter(
        "break-glass",
        "For emergencies: four hours, with a reason, one person approves, cannot be extended.",
        PolicyTerms(
            "Break-glass",
            description="For emergencies only. Everything is looked at afterwards.",
            scope="specific",
            expiration="after_hours",
            duration=4,
            allows_extension=False,
            stages=(_asks(MANAGER, CATALOG_OWNERS, days=1),),
        ),
    ),
)


def copy_of(policy: AssignmentPolicy) -> PolicyTerms:
    """Return the terms of a policy for another beside it, with a name that is free."""
    taken = set(policy.package.policies.values_list("name", flat=True))
    names = (_called(policy.name, number) for number in count(1))
    return replace(terms_of(policy), name=next(name for name in names if name not in taken))


def _called(name: str, number: int) -> str:
    end = f" ({number})" if number > 1 else ""
    return f"Copy of {name}"[: LONGEST_NAME - len(end)].rstrip() + end
