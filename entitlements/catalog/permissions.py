"""Who may do what in a catalog; catalog roles are guardian permissions on the catalog."""

from uuid import UUID

from entitlements.catalog.models import Catalog
from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.models import User

CATALOG_ROLES: dict[str, tuple[str, ...]] = {
    "owner": (
        "view_catalog",
        "change_catalog",
        "manage_resources",
        "manage_roles",
        "manage_packages",
        "manage_assignments",
    ),
    "package_manager": ("view_catalog", "manage_packages", "manage_assignments"),
    "assignment_manager": ("view_catalog", "manage_assignments"),
    "reader": ("view_catalog",),
}

REFUSALS = {
    "view_catalog": "look into",
    "change_catalog": "change",
    "manage_resources": "add or remove resources in",
    "manage_roles": "appoint people in",
    "manage_packages": "change packages and policies of",
    "manage_assignments": "give or end access in",
}


def holds(user: User, permission: str, catalog_id: UUID) -> bool:
    """Say whether a person was given a permission on a catalog; the disabled hold none."""
    return Catalog.objects.with_permission(user, permission).filter(pk=catalog_id).exists()


def can(user: User, permission: str, catalog: Catalog) -> Decision:
    """Only people who were given the permission on this catalog, and administrators."""
    if holds(user, permission, catalog.pk):
        return ALLOWED
    return deny(
        "not_permitted",
        f"You may not {REFUSALS[permission]} the catalog {catalog}.",
        "Its owners can appoint you.",
    )


def can_create_catalogs(user: User) -> Decision:
    """Only administrators and catalog creators."""
    if user.is_active and user.has_perm("entitlements.add_catalog"):
        return ALLOWED
    return deny(
        "not_catalog_creator", "You may not create catalogs.", "An administrator can appoint you."
    )
