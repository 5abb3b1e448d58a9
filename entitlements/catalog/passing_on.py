"""What comes with being in a group: nobody lets others into one unless he could give that himself.

Whoever is in a group of the directory holds its roles in catalogs and in the tenant. To offer the
group, to put it into a package, to say who gets that package and to give it, one must be able to
appoint to each of these roles. Creating catalogs is left out: it gives nobody what is another's.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

from entitlements.catalog.models import AccessPackage, Catalog, CatalogGroupPermission, ResourceRole
from entitlements.decisions import Decision, Reason, collect
from entitlements.directory.models import Group, User
from entitlements.directory.tenant_roles import TENANT_ROLES, TenantRoleGroup, can_appoint_to

LEFT_OUT = "catalog_creator"


def can_pass_on(user: User, package: AccessPackage) -> Decision:
    """Say whether somebody could give himself what a package brings beside its roles."""
    behind = package.roles.filter(resource__system__kind="directory")
    ids = behind.values_list("resource__external_id", flat=True).distinct()
    return _could_give(user, ids)


def can_pass_role_on(user: User, role: ResourceRole) -> Decision:
    """Say whether somebody could give himself what a role brings with it."""
    is_group = role.resource.system.kind == "directory"
    return _could_give(user, [role.resource.external_id] if is_group else [])


def can_pass_group_on(user: User, group: Group | None) -> Decision:
    """Say whether somebody could give himself what being in a group, if there is one, brings."""
    return _could_give(user, [str(group.pk)] if group else [])


def _could_give(user: User, group_ids: Iterable[str]) -> Decision:
    groups = [Group(pk=key) for key in map(_as_id, group_ids) if key]
    if not groups:
        return Decision()
    above = Group.objects.above(*groups)
    held = CatalogGroupPermission.objects.filter(group__in=above)
    catalogs = set(held.values_list("content_object", flat=True))
    roles = TenantRoleGroup.objects.filter(group__in=above).values_list("role__name", flat=True)
    return collect((*_of_catalogs(user, catalogs), *_of_tenant(user, set(roles))))


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _of_catalogs(user: User, catalogs: set[UUID]) -> Iterator[Reason]:
    """Yield one reason for all catalogs: which these are is not for everybody to know."""
    if not catalogs:
        return
    own = Catalog.objects.with_permission(user, "manage_roles").filter(pk__in=catalogs)
    if own.count() < len(catalogs):
        yield Reason(
            "carries_catalog_role",
            "Whoever is in this group has a role in a catalog in which you cannot appoint anybody.",
            "An owner of that catalog who also owns this one can do it, or an administrator.",
        )


def _of_tenant(user: User, names: set[str]) -> Iterator[Reason]:
    for key, terms in TENANT_ROLES.items():
        if key != LEFT_OUT and terms.name in names and not can_appoint_to(user, key):
            yield Reason(
                "carries_tenant_role",
                f"Whoever is in this group is {terms.name.lower()}, "
                "to which you cannot appoint anybody.",
                "An administrator can do it.",
            )
