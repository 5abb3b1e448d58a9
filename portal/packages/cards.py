"""Packages as a list shows them to one person: what is in them, and how he stands to them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage, Resource
from entitlements.directory.models import User
from entitlements.requests.models import AccessRequest, StepApprover, StepState
from portal.wording import listed


@dataclass
class Card:
    """One package; `held` and `wanted` are the viewer's own access and request, if any."""

    package: AccessPackage
    held: Assignment | None = None
    wanted: AccessRequest | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def resources(self) -> list[Resource]:
        """The resources behind the roles, each once, in the package's order."""
        entries = self.package.package_roles.all()
        return list({entry.role.resource_id: entry.role.resource for entry in entries}.values())

    @property
    def is_privileged(self) -> bool:
        return any(entry.role.is_privileged for entry in self.package.package_roles.all())

    @property
    def waiting_for(self) -> str:
        """Who decides the viewer's request, where its policy shows that."""
        shows = self.wanted is not None and self.wanted.terms.get("shows_approvers", True)
        return listed(self.asked, "or") if shows and len(self.asked) < 4 else ""


def cards(packages: Iterable[AccessPackage], viewer: User) -> list[Card]:
    """Return a card for each package (read `with_roles`), by three queries."""
    by_package = {package.pk: Card(package) for package in packages}
    mine = {"target": viewer, "package__in": by_package}
    for assignment in Assignment.objects.live().filter(**mine):
        by_package[assignment.package_id].held = assignment
    for access_request in AccessRequest.objects.moving().filter(**mine):
        by_package[access_request.package_id].wanted = access_request
    asked = StepApprover.objects.filter(
        step__state=StepState.WAITING,
        step__access_request__target=viewer,
        step__access_request__package__in=by_package,
    )
    for entry in asked.select_related("user", "step__access_request").order_by(
        "user__display_name"
    ):
        by_package[entry.step.access_request.package_id].asked.append(str(entry.user))
    return list(by_package.values())
