"""Who may do what in a catalog; catalog roles are guardian permissions on the catalog."""

from uuid import UUID

from django.db.models import Exists, OuterRef

from entitlements.catalog.models import (
    Catalog,
    CatalogGroupPermission,
    CatalogUserPermission,
    Resource,
)
from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.models import Group, GroupQuerySet, User, UserQuerySet
from entitlements.systems.models import ConnectedSystem

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


def owners_of(catalog: Catalog) -> UserQuerySet:
    """Return who was made owner of a catalog, in person or through a group, by name."""
    permission = {"content_object": catalog, "permission__codename": "change_catalog"}
    in_person = CatalogUserPermission.objects.filter(user=OuterRef("pk"), **permission)
    in_group = CatalogGroupPermission.objects.filter(group__user=OuterRef("pk"), **permission)
    people: UserQuerySet = User.objects.active().order_by("display_name", "pk")
    return people.filter(Exists(in_person) | Exists(in_group))


def can_create_catalogs(user: User) -> Decision:
    """Only administrators and catalog creators."""
    if user.is_active and user.has_perm("entitlements.add_catalog"):
        return ALLOWED
    return deny(
        "not_catalog_creator", "You may not create catalogs.", "An administrator can appoint you."
    )


def can_manage_resource(user: User, system: ConnectedSystem, external_id: str) -> Decision:
    """The second key: owning the group itself; outside the built-in directory, administrators."""
    if user.is_active and user.is_superuser:
        return ALLOWED
    if system.kind != "directory":
        return deny(
            "administrators_only",
            f"Only administrators can offer what is in {system}.",
            "Ask one of them to add it to the catalog.",
        )
    if user.is_active and group_behind(external_id).filter(owners=user).exists():
        return ALLOWED
    return deny(
        "not_resource_owner",
        "You do not own this group.",
        "One of its owners who also owns the catalog can do this, or an administrator.",
    )


def can_change_resource(user: User, resource: Resource) -> Decision:
    """Both keys: managing the resources of a catalog that offers it, and owning it."""
    catalogs = Catalog.objects.with_permission(user, "manage_resources")
    if not catalogs.filter(resources=resource).exists():
        return deny(
            "not_permitted",
            f"You may not change {resource}.",
            "Owners of a catalog that offers it can, if they own it.",
        )
    return can_manage_resource(user, resource.system, resource.external_id)


def group_behind(external_id: str) -> GroupQuerySet:
    """Return the one group of the built-in directory that a resource's id names, or none."""
    try:
        return Group.objects.filter(pk=UUID(external_id))
    except ValueError:
        return Group.objects.none()
