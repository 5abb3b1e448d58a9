"""Create, change and delete catalogs, and appoint people in them.

What is in a catalog is changed by `resources` and `packages` beside this module.
"""

from django.db import transaction

from entitlements.audit import trail
from entitlements.catalog.appointments import ROLE_NAMES, Holder, give_role, role_of, take_role
from entitlements.catalog.models import Catalog, CatalogKind
from entitlements.catalog.permissions import (
    can,
    can_admit_outsiders,
    can_create_catalogs,
    owners_of,
)
from entitlements.catalog.terms import CatalogTerms
from entitlements.decisions import Reason, collect, deny
from entitlements.directory.models import Group, User
from entitlements.naming import name_taken, one_per_name


def create_catalog(terms: CatalogTerms, *, by: User) -> Catalog:
    """Create a catalog, whose first owner is `by`; raise Denied when he may not."""
    with one_per_name(terms.name):
        return _create_catalog(terms, by)


@transaction.atomic(durable=True)
def _create_catalog(terms: CatalogTerms, by: User) -> Catalog:
    can_create_catalogs(by).require()
    terms.check().require()
    _refuse_twin(terms)
    if terms.is_external:
        can_admit_outsiders(by).require()
    catalog = Catalog()
    terms.write_to(catalog)
    catalog.save(force_insert=True)
    give_role(by, catalog, "owner")
    trail.record("catalog.created", catalog, by=by, **terms.as_dict())
    _record_given(catalog, by, "owner", by=by, before="")
    return catalog


def change_catalog(catalog: Catalog, terms: CatalogTerms, *, by: User) -> Catalog:
    """Change a catalog's words and switches; nothing happens when nothing differs."""
    with one_per_name(terms.name):
        return _change_catalog(catalog, terms, by)


@transaction.atomic(durable=True)
def _change_catalog(catalog: Catalog, terms: CatalogTerms, by: User) -> Catalog:
    catalog = locked(catalog)
    can(by, "change_catalog", catalog).require()
    terms.check().require()
    _refuse_twin(terms, catalog)
    if terms.is_external and not catalog.is_external:
        can_admit_outsiders(by).require()
    changes = terms.since(CatalogTerms.of(catalog))
    if changes:
        terms.write_to(catalog)
        catalog.save(update_fields=list(changes))
        trail.record("catalog.changed", catalog, by=by, changes=changes)
    return catalog


@transaction.atomic(durable=True)
def delete_catalog(catalog: Catalog, *, by: User) -> None:
    """Delete an empty catalog for good; its resources stay where other catalogs offer them."""
    catalog = locked(catalog)
    can(by, "change_catalog", catalog).require()
    collect((_is_not_built_in(catalog), _has_no_packages(catalog))).require()
    trail.record("catalog.deleted", catalog, by=by, **CatalogTerms.of(catalog).as_dict())
    catalog.delete()


@transaction.atomic(durable=True)
def appoint(holder: Holder, catalog: Catalog, role: str, *, by: User) -> None:
    """Let a person, a service account or a group hold one role in a catalog, and no other there.

    A role of a group is its members', through nested groups too.
    """
    catalog = locked(catalog)
    can(by, "manage_roles", catalog).require()
    collect((_role_exists(role), _is_active(holder))).require()
    before = role_of(holder, catalog)
    if before == role:
        return
    give_role(holder, catalog, role)
    if before == "owner":
        _refuse_last_owner(holder, catalog)
    _record_given(catalog, holder, role, by=by, before=before)


@transaction.atomic(durable=True)
def dismiss(holder: Holder, catalog: Catalog, role: str, *, by: User) -> None:
    """Take a role in a catalog from whoever was appointed; raise Denied for its last owner."""
    catalog = locked(catalog)
    can(by, "manage_roles", catalog).require()
    if not role or role_of(holder, catalog) != role:
        name = ROLE_NAMES.get(role, role).lower()
        deny(
            "not_appointed", f"{holder} is not {name} of {catalog}.", "Nothing is to be done."
        ).require()
    take_role(holder, catalog)
    if role == "owner":
        _refuse_last_owner(holder, catalog)
    trail.record("catalog.role_taken", catalog, by=by, target=holder, role=role, holder=str(holder))


def _record_given(catalog: Catalog, holder: Holder, role: str, *, by: User, before: str) -> None:
    facts = {"role": role, "before": before, "holder": str(holder)}
    trail.record("catalog.role_given", catalog, by=by, target=holder, **facts)


def locked(catalog: Catalog) -> Catalog:
    """Within the caller's transaction: return the fresh row, kept from other writers."""
    return Catalog.objects.select_for_update().get(pk=catalog.pk)


def _refuse_twin(terms: CatalogTerms, catalog: Catalog | None = None) -> None:
    twins = Catalog.objects.filter(name__iexact=terms.name)
    if catalog:
        twins = twins.exclude(pk=catalog.pk)
    if twins.exists():
        name_taken(terms.name).require()


def _refuse_last_owner(holder: Holder, catalog: Catalog) -> None:
    """Within the caller's transaction, after the change: raise Denied when no owner is left."""
    if owners_of(catalog).exists():
        return
    deny(
        "last_owner",
        f"{holder} is the last owner of {catalog}.",
        "Appoint another owner first: an active person, or a group with one in it.",
    ).require()


def _is_not_built_in(catalog: Catalog) -> Reason | None:
    if catalog.kind != CatalogKind.SERVICE_DEFAULT:
        return None
    return Reason("built_in", f"{catalog} is built in and always exists.", "It can be disabled.")


def _has_no_packages(catalog: Catalog) -> Reason | None:
    count = catalog.packages.count()
    if not count:
        return None
    packages = "one access package" if count == 1 else f"{count} access packages"
    return Reason("has_packages", f"{catalog} still holds {packages}.", "Delete them first.")


def _role_exists(role: str) -> Reason | None:
    if role in ROLE_NAMES:
        return None
    return Reason("unknown_role", "There is no such catalog role.", "Choose one from the list.")


def _is_active(holder: Holder) -> Reason | None:
    if isinstance(holder, Group) or holder.is_active:
        return None
    return Reason(
        "account_disabled", f"{holder}'s account is disabled.", "The directory decides this."
    )
