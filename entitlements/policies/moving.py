"""Move a package to another catalog, with everything that hangs on it."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from entitlements.audit import trail
from entitlements.catalog.extension_models import CustomExtension
from entitlements.catalog.models import AccessPackage, Catalog, CatalogResource, Resource
from entitlements.catalog.passing_on import can_pass_on
from entitlements.catalog.permissions import can
from entitlements.decisions import Decision, Reason, collect, deny
from entitlements.directory.models import User
from entitlements.naming import one_per_name
from entitlements.policies.callouts import PolicyCallout
from entitlements.policies.models import ApprovalStage
from entitlements.policies.scopes import EXTERNAL


def move_package(package: AccessPackage, catalog: Catalog, *, by: User) -> AccessPackage:
    """Put a package into another catalog; its policies, access, requests and clashes stay with it.

    Raises Denied when `by` may not change the packages of both catalogs, and otherwise with
    everything that speaks against it at once.
    """
    with one_per_name(package.name):
        return _move_package(package, catalog, by)


@transaction.atomic(durable=True)
def _move_package(package: AccessPackage, catalog: Catalog, by: User) -> AccessPackage:
    before, catalog = _locked_catalogs(package.catalog, catalog)
    (can(by, "manage_packages", before) + can(by, "manage_packages", catalog)).require()
    package = AccessPackage.objects.select_for_update().get(pk=package.pk)
    if package.catalog_id != before.pk:
        deny(
            "package_moved", f"{package} is not in {before} any more.", "Look where it is now."
        ).require()
    (can_be_moved(package, catalog) + can_pass_on(by, package)).require()
    package.catalog = catalog
    package.save(update_fields=["catalog"])
    _record(package, before, catalog, by)
    return package


def _record(package: AccessPackage, before: Catalog, catalog: Catalog, by: User) -> None:
    """Write it down where the owners of both sides read it."""
    facts: dict[str, Any] = {"name": str(package), "before": str(before), "catalog": str(catalog)}
    trail.record("package.moved", package, by=by, **facts)
    trail.record("catalog.package_moved_away", before, by=by, package=package.pk, **facts)
    trail.record("catalog.package_moved_in", catalog, by=by, package=package.pk, **facts)


def _locked_catalogs(before: Catalog, after: Catalog) -> tuple[Catalog, Catalog]:
    """Within the caller's transaction: return both fresh rows, locked in the order of their keys.

    So nothing that the package needs leaves the one, and no twin comes into it. Raises Denied when
    the second was deleted; the first cannot be, while it has a package.
    """
    both = Catalog.objects.filter(pk__in=[before.pk, after.pk]).order_by("pk")
    found = {catalog.pk: catalog for catalog in both.select_for_update()}
    if after.pk not in found:
        deny("catalog_gone", f"The catalog {after} was deleted.", "Choose another one.").require()
    return found[before.pk], found[after.pk]


def can_be_moved(package: AccessPackage, catalog: Catalog) -> Decision:
    """Say whether a catalog can take a package in, with every reason why not."""
    if package.catalog_id == catalog.pk:
        return deny("same_catalog", f"{package} is in {catalog} already.", "Choose another one.")
    return collect(
        (
            _has_no_twin(package, catalog),
            *_resources_are_offered(package, catalog),
            *_extensions_stay_behind(package),
            _requests_wait_for_none(package),
            *_outsiders_are_admitted(package, catalog),
        )
    )


def _has_no_twin(package: AccessPackage, catalog: Catalog) -> Reason | None:
    twin = catalog.packages.filter(name__iexact=package.name).first()
    if twin is None:
        return None
    return Reason(
        "name_taken", f"{catalog} has a package “{twin}” already.", "Rename one of the two first."
    )


def _resources_are_offered(package: AccessPackage, catalog: Catalog) -> Iterator[Reason]:
    offered = CatalogResource.objects.filter(catalog=catalog, resource=OuterRef("pk"))
    needed = Resource.objects.filter(roles__packages=package).exclude(Exists(offered))
    for resource in needed.distinct().order_by("name", "pk"):
        yield Reason(
            "not_in_catalog",
            f"{catalog} does not offer {resource}, of which {package} gives a role.",
            f"An owner of {catalog} who owns {resource} can add it, or an administrator; or take "
            "the role out of the package.",
        )


def _extensions_stay_behind(package: AccessPackage) -> Iterator[Reason]:
    """Yield the extensions that policies call, or that decide in them: each is of one catalog."""
    called = PolicyCallout.objects.filter(policy__package=package, extension=OuterRef("pk"))
    deciding = ApprovalStage.objects.filter(policy__package=package, extension=OuterRef("pk"))
    used = CustomExtension.objects.filter(Q(Exists(called)) | Q(Exists(deciding)))
    for extension in used.order_by("name", "pk"):
        yield Reason(
            "extension_used",
            f"A policy of {package} uses the extension “{extension}”, which stays where it is.",
            "Take it out of the policy first.",
        )


def _requests_wait_for_none(package: AccessPackage) -> Reason | None:
    """Requests keep the policy as it was, and with it the extensions that it called then."""
    under_way = package.requests.moving().values_list("terms", flat=True)
    if not any(map(_names_an_extension, under_way)):
        return None
    return Reason(
        "extension_awaited",
        f"Requests for {package} are under way that still call an extension of its catalog.",
        "Wait until they are finished, or cancel them.",
    )


def _names_an_extension(terms: dict[str, Any]) -> bool:
    stages = terms.get("stages", [])
    return bool(terms.get("callouts")) or any(stage.get("extension") for stage in stages)


def _outsiders_are_admitted(package: AccessPackage, catalog: Catalog) -> Iterator[Reason]:
    if catalog.is_external:
        return
    for policy in package.policies.filter(scope__in=EXTERNAL).order_by("name"):
        yield Reason(
            "catalog_not_external",
            f"The policy “{policy}” is for people from outside, and {catalog} is not open to them.",
            f"An owner of {catalog} can open it, or the policy be changed first.",
        )
