"""How large a tenant is; knows nothing of Django, so that sessions can be started with it."""

from dataclasses import dataclass

ROLES_EACH = 3
TERMS = {
    "policy": "Employees",
    "requires_justification": True,
    "expiration": "after_days",
    "ends_on": None,
    "duration": 90,
    "allows_custom_dates": False,
    "allows_extension": True,
    "extension_requires_approval": False,
    "sends_notifications": True,
    "shows_approvers": True,
    "stages": [],
}


@dataclass(frozen=True)
class Size:
    """How large the tenant is; assignments are spread evenly over people."""

    people: int
    packages: int
    assignments: int

    @property
    def each(self) -> int:
        """How many assignments one person has."""
        return max(1, self.assignments // self.people)
