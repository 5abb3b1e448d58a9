"""What needs one person today, each part cut to a few lines."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from entitlements.assignments.models import Assignment
from entitlements.catalog.models import Catalog
from entitlements.directory.models import User
from entitlements.requests.models import AccessRequest, AccessRequestQuerySet

SHOWN: Final = 5


@dataclass(frozen=True)
class Needs:
    """Everything that the home page tells one person."""

    viewer: User

    @cached_property
    def to_decide(self) -> list[AccessRequest]:
        """Requests that wait for the viewer's decision, the first deadline first."""
        waiting = AccessRequest.objects.waiting_for(self.viewer).first_due_first()
        return _shown(waiting)

    @cached_property
    def on_the_way(self) -> list[AccessRequest]:
        mine = AccessRequest.objects.made_by_or_for(self.viewer)
        return _shown(mine.moving().with_waiting_step().order_by("-created_at"))

    @cached_property
    def ending(self) -> list[Assignment]:
        soon = Assignment.objects.held_by(self.viewer).ending_soon().first_end_first()
        return list(soon.select_related("package", "policy")[:SHOWN])

    @cached_property
    def troubled(self) -> list[Assignment]:
        """Access that the viewer manages, and that could not be set up as a whole."""
        managed = Catalog.objects.with_permission(self.viewer, "manage_assignments")
        seen = Assignment.objects.filter(package__catalog__in=managed)
        return list(
            seen.troubled()
            .select_related("package__catalog", "target")
            .order_by("-starts_at")[:SHOWN]
        )

    @cached_property
    def recent(self) -> list[AccessRequest]:
        """What became of the viewer's last requests."""
        mine = AccessRequest.objects.made_by_or_for(self.viewer)
        return _shown(mine.closed().order_by("-completed_at", "-created_at"))

    @property
    def is_urgent(self) -> bool:
        """Whether something waits for the viewer himself."""
        return bool(self.to_decide or self.troubled or self.ending)

    @property
    def is_nothing(self) -> bool:
        return not (self.is_urgent or self.on_the_way)

    @cached_property
    def is_new(self) -> bool:
        """Whether nothing needs the viewer, who never had access or asked for it."""
        if not self.is_nothing or self.recent:
            return False
        return not Assignment.objects.held_by(self.viewer).exists()


def _shown(requests: AccessRequestQuerySet) -> list[AccessRequest]:
    related = requests.select_related("package__catalog", "requestor", "target")
    return list(related[:SHOWN])
