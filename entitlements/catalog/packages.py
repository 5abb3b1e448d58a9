"""Create and change access packages, and what is in them."""

from django.db import transaction
from django.db.models import Max

from entitlements import clock, outbox
from entitlements.audit import trail
from entitlements.catalog import operations as catalogs
from entitlements.catalog.models import (
    AccessPackage,
    Catalog,
    CatalogResource,
    PackageRole,
    PackageState,
    ResourceRole,
)
from entitlements.catalog.package_versions import keep_first_version, version_kept
from entitlements.catalog.passing_on import can_pass_on, can_pass_role_on
from entitlements.catalog.permissions import can
from entitlements.catalog.terms import PackageTerms
from entitlements.decisions import Decision, deny
from entitlements.directory.models import User
from entitlements.naming import name_taken, one_per_name


def create_package(catalog: Catalog, terms: PackageTerms, *, by: User) -> AccessPackage:
    """Create an access package as a draft, which nobody can ask for yet."""
    with one_per_name(terms.name):
        return _create_package(catalog, terms, by)


@transaction.atomic(durable=True)
def _create_package(catalog: Catalog, terms: PackageTerms, by: User) -> AccessPackage:
    package = new_package(catalogs.locked(catalog), terms, by=by)
    keep_first_version(package, by=by)
    return package


def new_package(catalog: Catalog, terms: PackageTerms, *, by: User) -> AccessPackage:
    """Within the caller's transaction, with the catalog locked: create a draft, or raise Denied."""
    can(by, "manage_packages", catalog).require()
    terms.check().require()
    package = AccessPackage(catalog=catalog)
    _refuse_twin(package, terms)
    terms.write_to(package)
    package.save(force_insert=True)
    trail.record("package.created", package, by=by, catalog=str(catalog), **terms.as_dict())
    return package


def change_package(package: AccessPackage, terms: PackageTerms, *, by: User) -> AccessPackage:
    """Change the words of a package and whether it is listed; what holders have stays."""
    with one_per_name(terms.name):
        return _change_package(package, terms, by)


@transaction.atomic(durable=True)
def _change_package(package: AccessPackage, terms: PackageTerms, by: User) -> AccessPackage:
    package = locked(package, by=by)
    terms.check().require()
    with version_kept(package, by=by):
        write_words(package, terms, by=by)
    return package


def write_words(package: AccessPackage, terms: PackageTerms, *, by: User) -> None:
    """Within the transaction of whoever may change the package, with it locked: change its words.

    Raises Denied where another package of the catalog has the name.
    """
    _refuse_twin(package, terms)
    changes = terms.since(PackageTerms.of(package))
    if changes:
        terms.write_to(package)
        package.save(update_fields=list(changes))
        trail.record("package.changed", package, by=by, changes=changes)


@transaction.atomic(durable=True)
def publish(package: AccessPackage, *, by: User) -> AccessPackage:
    """Let those whom a policy admits ask for it."""
    return move(package, PackageState.PUBLISHED, by=by)


@transaction.atomic(durable=True)
def retire(package: AccessPackage, *, by: User) -> AccessPackage:
    """Let nobody ask for it any more; whoever holds it keeps it until its end."""
    return move(package, PackageState.RETIRED, by=by)


@transaction.atomic(durable=True)
def hide(package: AccessPackage, *, by: User) -> AccessPackage:
    """List it no more; whoever has its link can still ask for it."""
    return _show(package, by, is_hidden=True)


@transaction.atomic(durable=True)
def show(package: AccessPackage, *, by: User) -> AccessPackage:
    """List it for those whom a policy admits."""
    return _show(package, by, is_hidden=False)


@transaction.atomic(durable=True)
def delete_package(package: AccessPackage, *, by: User) -> None:
    """Delete a package that nobody ever asked for or held, with its policies."""
    package = locked(package, by=by)
    if package.assignments.exists() or package.requests.exists():
        deny(
            "package_used",
            f"{package} was asked for or held, and stays in the records.",
            "Retire it instead.",
        ).require()
    trail.record("package.deleted", package, by=by, **PackageTerms.of(package).as_dict())
    package.delete()


@transaction.atomic(durable=True)
def add_role(package: AccessPackage, role: ResourceRole, *, by: User) -> None:
    """Put a role into a package; everybody who holds the package gets it within minutes."""
    package = locked(package, by=by)
    with version_kept(package, by=by):
        put_role(package, role, by=by)


def can_contain(user: User, package: AccessPackage, role: ResourceRole) -> Decision:
    """Say whether somebody may put a role into a package: its catalog has to offer it."""
    offers = CatalogResource.objects.filter(catalog=package.catalog, resource=role.resource_id)
    if not offers.exists():
        return deny(
            "not_in_catalog",
            f"The catalog {package.catalog} does not offer this resource.",
            "One of its owners can add it.",
        )
    return can_pass_role_on(user, role)


def put_role(package: AccessPackage, role: ResourceRole, *, by: User) -> None:
    """Within the transaction of whoever may change the package, with it locked: add a role."""
    can_contain(by, package, role).require()
    if package.package_roles.filter(role=role).exists():
        deny(
            "role_in_package", f"{package} contains {role} already.", "Nothing is to be done."
        ).require()
    last = package.package_roles.aggregate(last=Max("position"))["last"]
    position = 0 if last is None else last + 1
    PackageRole.objects.create(package=package, role=role, position=position)
    trail.record("package.role_added", package, by=by, role=role.pk, name=str(role))
    recount_holders(package)


@transaction.atomic(durable=True)
def remove_role(package: AccessPackage, role: ResourceRole, *, by: User) -> None:
    """Take a role out of a package, and from its holders unless another package gives it."""
    package = locked(package, by=by)
    with version_kept(package, by=by):
        take_role(package, role, by=by)


def take_role(package: AccessPackage, role: ResourceRole, *, by: User) -> None:
    """Within the transaction of whoever may change the package, with it locked: remove a role."""
    deleted, _ = package.package_roles.filter(role=role).delete()
    if not deleted:
        deny(
            "role_not_in_package",
            f"{package} does not contain {role}.",
            "Choose one of the roles that it contains.",
        ).require()
    trail.record("package.role_removed", package, by=by, role=role.pk, name=str(role))
    recount_holders(package)


def locked(package: AccessPackage, *, by: User) -> AccessPackage:
    """Within the caller's transaction: return the fresh row for whoever may change it.

    The catalog is locked first, so that its resources stay while packages come to use them.
    """
    catalog = catalogs.locked(package.catalog)
    can(by, "manage_packages", catalog).require()
    package = AccessPackage.objects.select_for_update().get(pk=package.pk)
    if package.catalog_id != catalog.pk:
        deny(
            "package_moved", f"{package} is not in {catalog} any more.", "Look where it is now."
        ).require()
    package.catalog = catalog
    return package


def _refuse_twin(package: AccessPackage, terms: PackageTerms) -> None:
    beside = package.catalog.packages.exclude(pk=package.pk)
    if beside.filter(name__iexact=terms.name).exists():
        name_taken(terms.name).require()


def move(package: AccessPackage, state: PackageState, *, by: User) -> AccessPackage:
    """Within the caller's transaction: bring a package into a state, or raise Denied."""
    package = locked(package, by=by)
    if state == PackageState.PUBLISHED:
        can_pass_on(by, package).require()
    if package.state != state:
        before, package.state = package.state, state
        package.save(update_fields=["state"])
        trail.record(f"package.{state.value}", package, by=by, before=before)
    return package


def _show(package: AccessPackage, by: User, *, is_hidden: bool) -> AccessPackage:
    package = locked(package, by=by)
    if package.is_hidden != is_hidden:
        with version_kept(package, by=by):
            package.is_hidden = is_hidden
            package.save(update_fields=["is_hidden"])
        trail.record("package.hidden" if is_hidden else "package.shown", package, by=by)
    return package


def recount_holders(package: AccessPackage) -> None:
    """Let the sweep give and take what the change means for those who hold the package."""
    if package.assignments.filter(ended_at=None).exists():
        package.recount_at = clock.now()
        package.save(update_fields=["recount_at"])
        outbox.enqueue("sweep.run")
