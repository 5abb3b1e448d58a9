"""Stand before every mass change: a feed that is empty or cut short takes nothing away."""

from dataclasses import dataclass
from typing import Final, Self

from entitlements.decisions import Decision, Reason, collect
from entitlements.directory.sync.plan import Plan
from entitlements.systems.models import ConnectedSystem

DEFAULTS: Final = {
    "max_disabled_share": 5,
    "max_disabled_count": 100,
    "max_removed_share": 20,
    "max_removed_count": 1000,
}


class BadLimit(Exception):
    """A limit in a system's settings that is no whole number from 0 on."""


@dataclass(frozen=True)
class Limits:
    """How many people a sync may disable, or take out of groups, without being asked.

    A share is in percent of the source's active people; the smaller of share and count holds.
    `allow_disable` and `allow_remove` stand in place of both.
    """

    max_disabled_share: int
    max_disabled_count: int
    max_removed_share: int
    max_removed_count: int
    allow_disable: int | None = None
    allow_remove: int | None = None

    @classmethod
    def of(
        cls,
        system: ConnectedSystem,
        *,
        allow_disable: int | None = None,
        allow_remove: int | None = None,
    ) -> Self:
        """Return a system's limits; raises BadLimit."""
        limits = {name: system.setting(name, default) for name, default in DEFAULTS.items()}
        for name, limit in limits.items():
            if type(limit) is not int or limit < 0:
                raise BadLimit(f"The setting {name} of {system} must be a whole number from 0 on.")
        return cls(**limits, allow_disable=allow_disable, allow_remove=allow_remove)

    def judge(self, plan: Plan) -> Decision:
        """Say whether a plan may be carried out."""
        return collect([self._disables_few(plan), self._removes_few(plan)])

    def _disables_few(self, plan: Plan) -> Reason | None:
        count, share = len(plan.disabled), plan.active_before * self.max_disabled_share
        allowed = self.allow_disable
        if allowed is None:
            allowed = min(self.max_disabled_count, share // 100)
        if count <= allowed:
            return None
        return Reason(
            "too_many_disabled",
            f"This would disable {count} of {plan.active_before} people; {allowed} are allowed.",
            f"If that is right, allow it: --allow-disable {count}.",
        )

    def _removes_few(self, plan: Plan) -> Reason | None:
        count, share = len(plan.who_loses_a_group), plan.active_before * self.max_removed_share
        allowed = self.allow_remove
        if allowed is None:
            allowed = min(self.max_removed_count, share // 100)
        if count <= allowed:
            return None
        return Reason(
            "too_many_removed",
            f"This would take {count} of {plan.active_before} people out of groups; "
            f"{allowed} are allowed.",
            f"If that is right, allow it: --allow-remove {count}.",
        )
