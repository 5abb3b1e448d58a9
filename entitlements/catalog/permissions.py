"""Who may do what in a catalog; catalog roles are guardian permissions on the catalog.

Tenant roles count in every catalog: `CatalogQuerySet.with_permission` answers for both.
"""

from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from entitlements.catalog.models import (
    OWNING,
    Catalog,
    CatalogUserPermission,
    Resource,
    ResourceKind,
)
from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.models import Group, GroupQuerySet, User, UserQuerySet, inside
from entitlements.directory.tenant_roles import CREATE_CATALOGS, GOVERN, has_right, is_administrator
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
    """Say whether somebody has a permission on a catalog; the disabled have none."""
    return Catalog.objects.with_permission(user, permission).filter(pk=catalog_id).exists()


def can(user: User, permission: str, catalog: Catalog) -> Decision:
    """Only who was given the permission on this catalog or on all, and administrators."""
    if holds(user, permission, catalog.pk):
        return ALLOWED
    return deny(
        "not_permitted",
        f"You may not {REFUSALS[permission]} the catalog {catalog}.",
        "Its owners can appoint you.",
    )


def owners_of(catalog: Catalog) -> UserQuerySet:
    """Return the people who own a catalog, in person or in a group, by name; in one query."""
    given = {"content_object": catalog, "permission__codename": OWNING}
    in_person = CatalogUserPermission.objects.filter(user=OuterRef("pk"), **given)
    groups = Group.objects.filter(
        cataloggrouppermission__content_object=catalog,
        cataloggrouppermission__permission__codename=OWNING,
    )
    people: UserQuerySet = User.objects.active().order_by("display_name", "pk")
    return people.filter(Q(Exists(in_person)) | Q(pk__in=inside(groups)))


def can_create_catalogs(user: User) -> Decision:
    """Only administrators and catalog creators."""
    if has_right(user, CREATE_CATALOGS):
        return ALLOWED
    return deny(
        "not_catalog_creator", "You may not create catalogs.", "An administrator can appoint you."
    )


def can_admit_outsiders(user: User) -> Decision:
    """Whoever may change the catalog, unless the organization leaves it to administrators."""
    if settings.OWNERS_ADMIT_OUTSIDERS or has_right(user, GOVERN):
        return ALLOWED
    return deny(
        "outsiders_admitted_by_administrators",
        "Only administrators open a catalog to people from outside.",
        "Ask one of them.",
    )


def can_manage_resource(user: User, system: ConnectedSystem, external_id: str) -> Decision:
    """The second key: owning the group itself; outside the built-in directory, administrators.

    To governance administrators known applications are open too, and no groups.
    """
    if is_administrator(user):
        return ALLOWED
    if system.kind != "directory":
        if _is_application(system, external_id) and has_right(user, GOVERN):
            return ALLOWED
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


def may_offer_from_systems(user: User) -> bool:
    """Say whether somebody may offer anything at all of what is in other systems."""
    return has_right(user, GOVERN)


def _is_application(system: ConnectedSystem, external_id: str) -> bool:
    """Say whether an administrator has offered something as an application before."""
    known = Resource.objects.filter(system=system, external_id=external_id.strip())
    return known.filter(kind=ResourceKind.APPLICATION).exists()


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


def can_ask_for_attributes(user: User, resource: Resource) -> Decision:
    """Both keys, or none of them: governance administrators ask with every resource."""
    if has_right(user, GOVERN):
        return ALLOWED
    return can_change_resource(user, resource)


def group_behind(external_id: str) -> GroupQuerySet:
    """Return the one group of the built-in directory that a resource's id names, or none."""
    try:
        return Group.objects.filter(pk=UUID(external_id))
    except ValueError:
        return Group.objects.none()
