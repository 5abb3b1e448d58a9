"""Every version of a policy, as it was saved, and the draft of a next one."""

from django.db import models

from entitlements import versions
from entitlements.decisions import Decision
from entitlements.plain import from_plain
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.terms import PolicyTerms


class PolicyVersion(versions.KeptVersion):
    """A policy as somebody saved it."""

    policy = models.ForeignKey(AssignmentPolicy, models.CASCADE, related_name="versions")

    class Meta(versions.KeptVersion.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "number"], name="policy_version_is_numbered_once"
            ),
        ]

    def __str__(self) -> str:
        return f"Version {self.number} of {self.policy}"

    def read(self) -> PolicyTerms:
        """Return the terms, as owners would enter them anew."""
        return from_plain(PolicyTerms, self.terms)


class PolicyDraft(versions.Draft):
    """What somebody wants a policy to become, entered anew or restored from a version."""

    policy = models.OneToOneField(AssignmentPolicy, models.CASCADE, related_name="draft")
    number = models.PositiveIntegerField("version that it repeats", null=True)

    def __str__(self) -> str:
        return f"Draft of {self.policy}"

    def read(self) -> PolicyTerms:
        """Return the terms, as owners would enter them anew."""
        return from_plain(PolicyTerms, self.terms)


def not_changed_since(policy: AssignmentPolicy, number: int | None) -> Decision:
    """Say whether a version is still the newest; None asks nothing."""
    return versions.not_changed_since(
        policy, number, code="policy_changed_meanwhile", called="policy"
    )
