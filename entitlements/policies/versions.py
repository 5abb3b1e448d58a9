"""Every version of a policy, as it was saved, and the draft of a next one."""

from uuid import uuid4

from django.db import models

from entitlements import clock
from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.plain import from_plain, to_plain
from entitlements.policies.terms import PolicyTerms


class PolicyVersion(models.Model):
    """A policy as somebody saved it: written once, and never changed.

    Without `by` it is how the policy read before versions of it were kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    policy = models.ForeignKey(AssignmentPolicy, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    terms = models.JSONField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
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


class PolicyDraft(models.Model):
    """What a policy may become: an earlier version that does nothing until it is saved."""

    policy = models.OneToOneField(AssignmentPolicy, models.CASCADE, related_name="draft")
    number = models.PositiveIntegerField("version that it repeats")
    terms = models.JSONField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Draft of {self.policy}"

    def read(self) -> PolicyTerms:
        """Return the terms, as owners would enter them anew."""
        return from_plain(PolicyTerms, self.terms)


def number_of(policy: AssignmentPolicy) -> int:
    """Return the number of the version in force; a policy never changed is at its first."""
    newest = policy.versions.order_by("-number").values_list("number", flat=True).first()
    return newest or 1


def not_changed_since(policy: AssignmentPolicy, number: int | None) -> Decision:
    """Say whether a version is still the newest; None asks nothing."""
    newest = policy.versions.select_related("by").order_by("-number").first()
    if newest is None or number is None or newest.number <= number:
        return ALLOWED
    return deny(
        "policy_changed_meanwhile",
        f"{newest.by} saved version {newest.number} of this policy while you were editing "
        f"version {number}.",
        "Look at what changed, and save again if yours is to replace it.",
    )


def keep_version(
    policy: AssignmentPolicy, terms: PolicyTerms, *, by: User, before: PolicyTerms | None = None
) -> int:
    """Within the caller's transaction, with the policy locked: write the next version.

    A policy of which no version was kept yet gets its first from the terms `before`.
    """
    if before and not policy.versions.exists():
        _write(policy, 1, before, by=None)
    number = number_of(policy) + 1 if before else 1
    _write(policy, number, terms, by=by)
    return number


def _write(policy: AssignmentPolicy, number: int, terms: PolicyTerms, *, by: User | None) -> None:
    at = clock.now() if by else policy.created_at
    PolicyVersion.objects.create(policy=policy, number=number, terms=to_plain(terms), by=by, at=at)
