"""Say what nobody may hold together, and what must be held first."""

from django.db import transaction
from django.db.models import Q

from entitlements import clock
from entitlements.audit import trail
from entitlements.catalog.incompatibilities import Incompatibility, Prerequisite, RoleClash
from entitlements.catalog.models import AccessPackage, Catalog, Resource, ResourceRole
from entitlements.catalog.permissions import can, owners_of
from entitlements.decisions import Reason, collect
from entitlements.directory.models import Group, User
from entitlements.locks import lock_table
from entitlements.notifications.operations import notify
from entitlements.policies.naming import nameable_by

Other = AccessPackage | Group | ResourceRole


@transaction.atomic(durable=True)
def add_clash(
    package: AccessPackage, other: Other, *, by: User, is_symmetric: bool = False
) -> Incompatibility:
    """Let nobody get a package who holds, or is in, the other; symmetric, nor the other way round.

    Whoever holds both already keeps both until they end. Owners of another catalog whose package is
    named are told. Raises Denied when `by` may not change the package or cannot see the other, and
    when the two clash already.
    """
    can(by, "manage_packages", package.catalog).require()
    lock_table(Incompatibility)
    names_group = isinstance(other, Group)
    reasons = (
        _is_visible(other, by),
        _is_another(package, other),
        _goes_one_way(other) if names_group and is_symmetric else None,
        _is_new(package, other, is_symmetric=is_symmetric),
    )
    collect(reasons).require()
    return keep_apart(package, other, by=by, is_symmetric=is_symmetric)


def keep_apart(
    package: AccessPackage, other: Other, *, by: User, is_symmetric: bool
) -> Incompatibility:
    """Within the transaction of whoever asked whether it may be: make the entry of a clash."""
    clash = Incompatibility.objects.create(
        package=package,
        other_package=other if isinstance(other, AccessPackage) else None,
        other_group=other if isinstance(other, Group) else None,
        other_role=other if isinstance(other, ResourceRole) else None,
        is_symmetric=is_symmetric,
        made_by=by,
        made_at=clock.now(),
    )
    _record("package.clash_added", clash, by)
    _tell_the_other_side(clash, by)
    return clash


@transaction.atomic(durable=True)
def remove_clash(clash: Incompatibility, *, by: User) -> None:
    """Let a package and what it clashed with be held together again."""
    can(by, "manage_packages", clash.package.catalog).require()
    deleted, _ = Incompatibility.objects.filter(pk=clash.pk).delete()
    if deleted:
        _record("package.clash_removed", clash, by)


@transaction.atomic(durable=True)
def add_role_clash(
    catalog: Catalog, first: ResourceRole, second: ResourceRole, *, by: User
) -> RoleClash:
    """Let nobody hold two roles together, through whatever packages; `catalog` keeps the entry.

    One of the two is offered by the catalog. Raises Denied when `by` may not change its packages
    or cannot see the other role, and when the two clash already.
    """
    can(by, "manage_packages", catalog).require()
    lock_table(RoleClash)
    reasons = (
        _is_visible(first, by),
        _is_visible(second, by),
        _is_offered(catalog, first, second),
        Reason("clashes_with_itself", f"{first} cannot clash with itself.", "Choose another role.")
        if first == second
        else None,
        _already(str(first), str(second))
        if RoleClash.objects.filter(Q(first=first, second=second) | Q(first=second, second=first))
        else None,
    )
    collect(reasons).require()
    first, second = sorted((first, second), key=lambda role: role.pk)
    clash = RoleClash.objects.create(catalog=catalog, first=first, second=second)
    _record_roles("catalog.role_clash_added", clash, by)
    return clash


@transaction.atomic(durable=True)
def remove_role_clash(clash: RoleClash, *, by: User) -> None:
    """Let two roles be held together again."""
    can(by, "manage_packages", clash.catalog).require()
    deleted, _ = RoleClash.objects.filter(pk=clash.pk).delete()
    if deleted:
        _record_roles("catalog.role_clash_removed", clash, by)


@transaction.atomic(durable=True)
def add_prerequisite(
    package: AccessPackage, required: AccessPackage, *, by: User, is_alternative: bool = False
) -> Prerequisite:
    """Let a package be got only by whoever holds another: always, or as one of several.

    Raises Denied when the other requires this one, directly or not, and so nobody could get either.
    """
    can(by, "manage_packages", package.catalog).require()
    lock_table(Prerequisite)
    reasons = (
        _is_visible(required, by),
        _closes_no_circle(package, required),
        Reason(
            "prerequisite_exists",
            f"{package} requires {required} already.",
            "Nothing is to be done.",
        )
        if package.prerequisites.filter(required=required).exists()
        else None,
    )
    collect(reasons).require()
    return require_first(package, required, by=by, is_alternative=is_alternative)


def require_first(
    package: AccessPackage, required: AccessPackage, *, by: User, is_alternative: bool
) -> Prerequisite:
    """Within the transaction of whoever asked whether it may be: make the entry."""
    prerequisite = Prerequisite.objects.create(
        package=package, required=required, is_alternative=is_alternative
    )
    _record_required("package.prerequisite_added", prerequisite, by)
    return prerequisite


@transaction.atomic(durable=True)
def remove_prerequisite(prerequisite: Prerequisite, *, by: User) -> None:
    """Require a package no more."""
    can(by, "manage_packages", prerequisite.package.catalog).require()
    deleted, _ = Prerequisite.objects.filter(pk=prerequisite.pk).delete()
    if deleted:
        _record_required("package.prerequisite_removed", prerequisite, by)


def _tell_the_other_side(clash: Incompatibility, by: User) -> None:
    """Tell whose package is named, where it binds them or was named by somebody else."""
    package, other = clash.package, clash.other_package
    if other is None or other.catalog_id == package.catalog_id:
        return
    if not clash.is_symmetric and can(by, "manage_packages", other.catalog):
        return
    notify(
        "clash.named",
        owners_of(other.catalog).exclude(pk=by.pk),
        clash,
        package=str(package),
        catalog=str(package.catalog),
        other=str(other),
        other_id=other.pk,
        by=str(by),
        is_symmetric=clash.is_symmetric,
    )


def _record(action: str, clash: Incompatibility, by: User) -> None:
    trail.record(
        action,
        clash.package,
        by=by,
        other=clash.other,
        other_package=clash.other_package_id,
        is_symmetric=clash.is_symmetric,
    )


def _record_roles(action: str, clash: RoleClash, by: User) -> None:
    trail.record(action, clash.catalog, by=by, role=str(clash.first), other=str(clash.second))


def _record_required(action: str, prerequisite: Prerequisite, by: User) -> None:
    trail.record(
        action,
        prerequisite.package,
        by=by,
        other=str(prerequisite.required),
        other_package=prerequisite.required_id,
        is_alternative=prerequisite.is_alternative,
    )


def _is_visible(other: Other, by: User) -> Reason | None:
    """Return what speaks against naming something: groups of the directory are known to all."""
    if isinstance(other, Group):
        return None
    if isinstance(other, AccessPackage):
        is_visible = nameable_by(by).filter(pk=other.pk).exists()
    else:
        is_visible = Resource.objects.visible_to(by).filter(pk=other.resource_id).exists()
    if is_visible:
        return None
    return Reason(
        "not_visible",
        "That is in a catalog that you cannot look into, and not offered to you either.",
        "The owners of that catalog can appoint you as a reader.",
    )


def _is_another(package: AccessPackage, other: Other) -> Reason | None:
    if package != other:
        return None
    text = f"{package} cannot clash with itself."
    return Reason("clashes_with_itself", text, "Choose another package.")


def _goes_one_way(other: Other) -> Reason:
    text = f"Nobody asks for being in the group {other}, so that the clash goes one way only."
    return Reason("group_is_one_way", text, "Leave “both ways” out.")


def _is_new(package: AccessPackage, other: Other, *, is_symmetric: bool) -> Reason | None:
    """Return what speaks against a second entry, also when the other package made the first."""
    own = package.incompatibilities.filter(
        Q(other_package=other.pk) | Q(other_group=other.pk) | Q(other_role=other.pk)
    )
    theirs = Incompatibility.objects.filter(package=other.pk, other_package=package)
    if not is_symmetric:
        theirs = theirs.filter(is_symmetric=True)
    if own.exists() or theirs.exists():
        return _already(str(package), str(other))
    return None


def _already(one: str, other: str) -> Reason:
    text = f"{one} and {other} are set to clash already."
    return Reason("clash_exists", text, "Remove that entry first to change its direction.")


def _is_offered(catalog: Catalog, first: ResourceRole, second: ResourceRole) -> Reason | None:
    resources = [first.resource_id, second.resource_id]
    if catalog.catalog_resources.filter(resource__in=resources).exists():
        return None
    return Reason(
        "not_in_catalog",
        f"{catalog} offers neither of the two.",
        "Choose a role of the catalog's own resources as one of them.",
    )


def _closes_no_circle(package: AccessPackage, required: AccessPackage) -> Reason | None:
    if package.pk not in Prerequisite.objects.needed_for(required):
        return None
    return Reason(
        "prerequisite_circle",
        f"{required} requires {package} already, directly or not, or is the same.",
        "Nobody could get either. Choose another package.",
    )
