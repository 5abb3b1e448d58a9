"""Bring resources into catalogs and take them out, and name their roles.

Two keys each time: a right on the catalog, and owning the thing itself.
"""

from collections.abc import Iterable, Iterator, Mapping

from django.db import transaction

from entitlements.audit import trail
from entitlements.catalog.models import (
    Catalog,
    CatalogResource,
    PackageRole,
    Resource,
    ResourceKind,
    ResourceRole,
)
from entitlements.catalog.operations import locked
from entitlements.catalog.passing_on import can_pass_group_on
from entitlements.catalog.permissions import (
    can,
    can_change_resource,
    can_manage_resource,
    group_behind,
)
from entitlements.catalog.terms import ResourceTerms, RoleTerms, external_id_fits
from entitlements.connectors.directory import MEMBER, OWNER
from entitlements.decisions import Decision, Reason, collect, deny
from entitlements.directory.models import Group, User
from entitlements.systems.models import ConnectedSystem

LONGEST_EXTERNAL_ID = 1024
LONGEST_ROLE_ID = 255

STANDARD_ROLES: Mapping[str, Mapping[str, RoleTerms]] = {
    ResourceKind.SECURITY_GROUP: {MEMBER: RoleTerms("Member")},
    ResourceKind.COLLABORATION_GROUP: {MEMBER: RoleTerms("Member")},
    ResourceKind.APPLICATION: {"default": RoleTerms("Default access")},
    ResourceKind.SITE: {
        "visitor": RoleTerms("Visitor", "Read."),
        "member": RoleTerms("Member", "Read and write."),
        "owner": RoleTerms("Owner", "Read, write, and decide who may.", is_privileged=True),
    },
}
DIRECTORY_ROLES: Mapping[str, RoleTerms] = {
    MEMBER: RoleTerms("Member"),
    OWNER: RoleTerms("Owner", "Decides who is in the group.", is_privileged=True),
}


@transaction.atomic(durable=True)
def add_resource(
    catalog: Catalog,
    terms: ResourceTerms,
    *,
    system: ConnectedSystem,
    external_id: str,
    kind: str,
    by: User,
) -> Resource:
    """Offer something of a connected system in a catalog, with the standard roles of its kind.

    What another catalog offers already keeps the words and roles that it has there.
    """
    catalog = locked(catalog)
    can(by, "manage_resources", catalog).require()
    can_manage_resource(by, system, external_id).require()
    terms.check().require()
    collect(external_id_fits(external_id, longest=LONGEST_EXTERNAL_ID)).require()
    group = _group(system, external_id)
    fits = collect((*_kind_fits(kind, group), *_may_be_offered(system, group)))
    (fits + can_pass_group_on(by, group)).require()
    resource, is_new = Resource.objects.get_or_create(
        system=system,
        external_id=str(group.pk) if group else external_id.strip(),
        defaults={"kind": kind, **terms.as_dict()},
    )
    if CatalogResource.objects.filter(catalog=catalog, resource=resource).exists():
        deny(
            "already_in_catalog", f"{catalog} offers {resource} already.", "Nothing is to be done."
        ).require()
    CatalogResource.objects.create(catalog=catalog, resource=resource)
    trail.record(
        "catalog.resource_added",
        catalog,
        by=by,
        resource=resource.pk,
        name=resource.name,
        system=str(system),
        external_id=resource.external_id,
        kind=resource.kind,
    )
    if is_new:
        _create_roles(resource, _standard_roles(kind, group), by)
    return resource


@transaction.atomic(durable=True)
def remove_resource(catalog: Catalog, resource: Resource, *, by: User) -> None:
    """Offer a resource no more in a catalog whose packages do not use it."""
    catalog = locked(catalog)
    can(by, "manage_resources", catalog).require()
    can_manage_resource(by, resource.system, resource.external_id).require()
    entries = CatalogResource.objects.filter(catalog=catalog, resource=resource)
    if not entries.exists():
        deny(
            "not_in_catalog",
            f"{catalog} does not offer {resource}.",
            "The catalog's owners can add it.",
        ).require()
    using = PackageRole.objects.filter(package__catalog=catalog, role__resource=resource)
    names = using.order_by("package__name").values_list("package__name", flat=True).distinct()
    if names:
        deny(
            "resource_used",
            f"{resource} is used by {', '.join(names)}.",
            "Take its roles out of these packages first.",
        ).require()
    entries.delete()
    trail.record(
        "catalog.resource_removed", catalog, by=by, resource=resource.pk, name=resource.name
    )


@transaction.atomic(durable=True)
def change_resource(resource: Resource, terms: ResourceTerms, *, by: User) -> Resource:
    """Change the words of a resource, in every catalog that offers it."""
    resource = _locked(resource)
    can_change_resource(by, resource).require()
    terms.check().require()
    changes = terms.since(ResourceTerms.of(resource))
    if changes:
        terms.write_to(resource)
        resource.save(update_fields=list(changes))
        trail.record("resource.changed", resource, by=by, changes=changes)
    return resource


@transaction.atomic(durable=True)
def add_resource_role(
    resource: Resource, external_id: str, terms: RoleTerms, *, by: User
) -> ResourceRole:
    """Name one more role of a resource, by the id that its system has for it."""
    resource = _locked(resource)
    can_change_resource(by, resource).require()
    terms.check().require()
    external_id = external_id.strip()
    group = _group(resource.system, resource.external_id)
    collect(
        (
            *external_id_fits(external_id, longest=LONGEST_ROLE_ID),
            *_may_be_offered(resource.system, group),
            *_role_fits(external_id, group),
        )
    ).require()
    if resource.roles.filter(external_id=external_id).exists():
        deny(
            "role_taken", f"{resource} has the role “{external_id}” already.", "Choose another id."
        ).require()
    return _create_roles(resource, {external_id: terms}, by)[0]


@transaction.atomic(durable=True)
def change_resource_role(role: ResourceRole, terms: RoleTerms, *, by: User) -> ResourceRole:
    """Change the words of a role, in every package that contains it; its id stays."""
    resource = _locked(role.resource)
    can_change_resource(by, resource).require()
    terms.check().require()
    role = resource.roles.select_related("resource").get(pk=role.pk)
    changes = terms.since(RoleTerms.of(role))
    if changes:
        terms.write_to(role)
        role.save(update_fields=list(changes))
        trail.record("resource.role_changed", resource, by=by, role=role.pk, changes=changes)
    return role


@transaction.atomic(durable=True)
def remove_resource_role(role: ResourceRole, *, by: User) -> None:
    """Forget a role that no package contains and nobody was ever given."""
    resource = _locked(role.resource)
    can_change_resource(by, resource).require()
    _is_unused(role).require()
    trail.record("resource.role_removed", resource, by=by, role=role.pk, name=role.name)
    role.delete()


def _locked(resource: Resource) -> Resource:
    """Within the caller's transaction: return the fresh row, kept from other writers."""
    return (
        Resource.objects.select_for_update(of=("self",))
        .select_related("system")
        .get(pk=resource.pk)
    )


def _create_roles(
    resource: Resource, roles: Mapping[str, RoleTerms], by: User
) -> list[ResourceRole]:
    created = []
    for external_id, terms in roles.items():
        role = ResourceRole(resource=resource, external_id=external_id)
        terms.write_to(role)
        role.save(force_insert=True)
        trail.record(
            "resource.role_added",
            resource,
            by=by,
            role=role.pk,
            external_id=external_id,
            **terms.as_dict(),
        )
        created.append(role)
    return created


def _group(system: ConnectedSystem, external_id: str) -> Group | None:
    """Return the group behind a resource of the built-in directory; raise Denied without one."""
    if system.kind != "directory":
        return None
    group = group_behind(external_id).first()
    if group is None:
        deny("group_unknown", "There is no such group.", "Choose one from the list.").require()
    return group


def _standard_roles(kind: str, group: Group | None) -> Mapping[str, RoleTerms]:
    if group is None:
        return STANDARD_ROLES[kind]
    return {
        external_id: terms
        for external_id, terms in DIRECTORY_ROLES.items()
        if not list(_role_fits(external_id, group))
    }


def _kind_fits(kind: str, group: Group | None) -> Iterator[Reason]:
    if kind not in ResourceKind.values:
        yield Reason(
            "unknown_kind", "There is no such kind of resource.", "Choose one of those listed."
        )
    elif group and kind != f"{group.kind}_group":
        yield Reason(
            "kind_differs",
            f"{group} is a {group.get_kind_display().lower()}.",
            "Offer it as what it is.",
        )


def _may_be_offered(system: ConnectedSystem, group: Group | None) -> Iterator[Reason]:
    if group and group.source_id:
        yield Reason(
            "managed_elsewhere",
            f"The members of {group} are managed in {group.source}.",
            f"Connect {group.source} and offer the group from there.",
        )
    if not system.is_enabled:
        yield Reason("system_off", f"{system} is switched off.", "An administrator can change it.")


def _role_fits(external_id: str, group: Group | None) -> Iterable[Reason]:
    if group is None:
        return
    if external_id not in DIRECTORY_ROLES:
        yield Reason(
            "unknown_role",
            "A group has the roles member and owner, and no others.",
            "Choose one of the two.",
        )
    if external_id == MEMBER and group.is_dynamic:
        yield Reason(
            "dynamic_members",
            f"A rule decides who is in {group}; membership cannot be given.",
            "Offer the role owner instead.",
        )


def _is_unused(role: ResourceRole) -> Decision:
    if not (role.package_roles.exists() or role.grants.exists()):
        return Decision()
    return deny(
        "role_used",
        f"{role} is or was part of an access package.",
        "Take it out of the packages; people who had it stay in the records.",
    )
