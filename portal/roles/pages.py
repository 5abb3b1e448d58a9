"""What the pages about roles share: who may look, and the words."""

from dataclasses import dataclass
from typing import Final

from django.http import Http404

from entitlements.catalog.effective import CatalogRights, EffectiveRights, Grounds
from entitlements.catalog.permissions import CATALOG_ROLES
from entitlements.directory.tenant_roles import TENANT_ROLES, RoleTerms
from portal import wording
from portal.http import PortalRequest
from portal.places import oversees

MAY: Final = {
    "view_catalog": "look at everything",
    "change_catalog": "change and delete the catalog",
    "manage_resources": "add and remove resources",
    "manage_roles": "appoint people",
    "manage_packages": "make and change packages and policies",
    "manage_assignments": "give and end access",
}
SECTIONS: Final = (
    ("Roles", "roles:index"),
    ("Rights of a person", "roles:person"),
    ("Service accounts", "roles:services"),
)


def for_overseers(request: PortalRequest) -> None:
    """Let the pages exist only for administrators of either kind and auditors."""
    if not oversees(request.user):
        raise Http404


def terms_or_404(key: str) -> RoleTerms:
    """Return what is to be said of a role."""
    terms = TENANT_ROLES.get(key)
    if terms is None:
        raise Http404
    return terms


def may(permissions: frozenset[str]) -> str:
    """Say what somebody may do in a catalog."""
    if permissions >= frozenset(CATALOG_ROLES["owner"]):
        return "everything"
    return wording.listed([words for name, words in MAY.items() if name in permissions])


def way_of(grounds: Grounds, *, itself: str) -> str:
    """Say how somebody came to a role: himself, or through groups."""
    if not grounds.groups:
        return itself
    return "Through " + " → ".join(str(group) for group in grounds.groups)


@dataclass(frozen=True)
class Line:
    """One role of somebody, what it lets him do, and how he came to it."""

    role: str
    may: str
    way: str


@dataclass(frozen=True)
class CatalogLines:
    """What somebody may do in one catalog, altogether and by which roles."""

    rights: CatalogRights

    @property
    def may(self) -> str:
        return may(self.rights.permissions)

    @property
    def lines(self) -> list[Line]:
        return [
            Line(one.role, may(one.permissions), way_of(one, itself="Appointed by name"))
            for one in self.rights.grounds
        ]


def tenant_lines(rights: EffectiveRights) -> list[Line]:
    """Return the roles in the tenant, each with how it was come by."""
    return [
        Line(one.role, one.effect, way_of(one, itself="Appointed by name"))
        for one in rights.in_tenant
    ]
