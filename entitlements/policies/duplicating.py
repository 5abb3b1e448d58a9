"""Make another package like one that exists."""

from dataclasses import dataclass

from django.db import transaction

from entitlements.audit import trail
from entitlements.catalog.incompatibilities import Incompatibility
from entitlements.catalog.models import AccessPackage
from entitlements.catalog.package_versions import contents_of, keep_first_version
from entitlements.catalog.packages import locked, new_package, put_role
from entitlements.catalog.terms import PackageTerms
from entitlements.decisions import Denied, Reason
from entitlements.directory.models import User
from entitlements.naming import one_per_name
from entitlements.policies.clashes import keep_apart, require_first
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.operations import new_policy, terms_of


@dataclass(frozen=True)
class LeftOut:
    """A policy that could not be made anew, and why."""

    policy: AssignmentPolicy
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Duplicate:
    """The new package, and the policies that it does not have."""

    package: AccessPackage
    left_out: tuple[LeftOut, ...]


def duplicate_package(package: AccessPackage, name: str, *, by: User) -> Duplicate:
    """Create a draft in the same catalog with the same words, roles, policies and prerequisites.

    It is kept apart from everything that the first is kept apart from, on whichever side that was
    said. Nobody holds it, and exceptions from clashes do not count for it. A policy that could not
    be created today, such as one whose last day is over, is left out and told.
    """
    with one_per_name(name):
        return _duplicate_package(package, name, by)


@transaction.atomic(durable=True)
def _duplicate_package(package: AccessPackage, name: str, by: User) -> Duplicate:
    package = locked(package, by=by)
    terms = PackageTerms(name, package.description, package.is_hidden)
    copy = new_package(package.catalog, terms, by=by)
    _copy_roles(package, copy, by)
    keep_first_version(copy, by=by)
    _copy_clashes(package, copy, by)
    for entry in package.prerequisites.select_related("required").order_by("pk"):
        require_first(copy, entry.required, by=by, is_alternative=entry.is_alternative)
    left_out = _copy_policies(package, copy, by)
    trail.record("package.duplicated", package, by=by, copy=copy.pk, name=str(copy))
    return Duplicate(copy, left_out)


def _copy_roles(package: AccessPackage, copy: AccessPackage, by: User) -> None:
    words = {role.role_id: role.words for role in contents_of(package).roles}
    for entry in package.package_roles.select_related("role__resource__system"):
        put_role(copy, entry.role, by=by)
    for entry in copy.package_roles.all():
        entry.words = words[entry.role_id]
        entry.save(update_fields=["words"])


def _copy_clashes(package: AccessPackage, copy: AccessPackage, by: User) -> None:
    named = ("package", "other_package", "other_group", "other_role")
    own = package.incompatibilities.select_related(*named).order_by("pk")
    for clash in own:
        other = clash.other_package or clash.other_group or clash.other_role
        assert other is not None  # noqa: S101  # the table allows none without
        keep_apart(copy, other, by=by, is_symmetric=clash.is_symmetric)
    for clash in Incompatibility.objects.naming(package).select_related(*named).order_by("pk"):
        keep_apart(clash.package, copy, by=by, is_symmetric=clash.is_symmetric)


def _copy_policies(package: AccessPackage, copy: AccessPackage, by: User) -> tuple[LeftOut, ...]:
    left_out = []
    for policy in package.policies.order_by("created_at", "pk"):
        try:
            new_policy(copy, terms_of(policy), by=by)
        except Denied as denied:
            left_out.append(LeftOut(policy, denied.decision.reasons))
    return tuple(left_out)
