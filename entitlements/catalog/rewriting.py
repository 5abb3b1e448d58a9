"""Save a package as a whole, its words and what it contains; or keep that as a draft for later."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from entitlements import clock, versions
from entitlements.audit import trail
from entitlements.catalog.models import AccessPackage, PackageRole, ResourceRole
from entitlements.catalog.package_versions import (
    PackageDraft,
    contents_of,
    not_changed_since,
    version_kept,
)
from entitlements.catalog.packages import can_contain, locked, recount_holders, write_words
from entitlements.catalog.terms import ContainedRole, PackageContents, PackageTerms
from entitlements.decisions import Reason, collect
from entitlements.directory.models import User
from entitlements.naming import one_per_name
from entitlements.plain import to_plain
from entitlements.versions import Version, earlier_version


def rewrite_package(
    package: AccessPackage,
    contents: PackageContents,
    *,
    by: User,
    based_on: int | None = None,
    is_draft: bool = False,
) -> AccessPackage:
    """Save the words of a package, its roles, their order and their words, all or nothing.

    Who holds the package gets what is added within minutes, and loses what is removed unless
    another package gives it. `based_on` is the version over which the contents were written: Denied
    when there is a newer one. Contents that come from the package's draft end it.
    """
    with one_per_name(contents.name):
        return _rewrite_package(package, contents, by, based_on, is_draft)


@transaction.atomic(durable=True)
def _rewrite_package(
    package: AccessPackage,
    contents: PackageContents,
    by: User,
    based_on: int | None,
    is_draft: bool,
) -> AccessPackage:
    package = locked(package, by=by)
    not_changed_since(package, based_on).require()
    contents = _each_once(contents)
    before = contents_of(package)
    added = _added(package, before, contents, by)
    with version_kept(package, by=by):
        write_words(package, _words_only(contents), by=by)
        _write_roles(package, before, contents, added, by)
    if is_draft:
        PackageDraft.objects.filter(package=package).delete()
    return package


@transaction.atomic(durable=True)
def keep_draft(package: AccessPackage, contents: PackageContents, *, by: User) -> PackageDraft:
    """Keep what somebody entered for later, in place of any other draft; nothing else changes.

    What could not be saved now is not kept either; it is looked at again when it is saved.
    """
    package = locked(package, by=by)
    contents = _each_once(contents)
    _added(package, contents_of(package), contents, by)
    return _keep_draft(package, contents, None, by)


@transaction.atomic(durable=True)
def restore_as_draft(package: AccessPackage, number: int, *, by: User) -> PackageDraft:
    """Make an earlier version the draft of the next, in place of any other draft."""
    package = locked(package, by=by)
    version = earlier_version(package, number, contents_of)
    return _keep_draft(package, version.terms, number, by)


@transaction.atomic(durable=True)
def throw_away_draft(package: AccessPackage, *, by: User) -> None:
    """Delete the draft of a package; without one nothing happens."""
    package = locked(package, by=by)
    deleted, _ = PackageDraft.objects.filter(package=package).delete()
    if deleted:
        trail.record("package.draft_thrown_away", package, by=by)


def versions_of(package: AccessPackage) -> list[Version]:
    """Return every version, the newest first; there is always one."""
    return versions.versions_of(package, contents_of)


def _keep_draft(
    package: AccessPackage, contents: PackageContents, number: int | None, by: User
) -> PackageDraft:
    entered = {"number": number, "terms": to_plain(contents), "by": by, "at": clock.now()}
    draft, _ = PackageDraft.objects.update_or_create(package=package, defaults=entered)
    if number is None:
        trail.record("package.draft_kept", package, by=by)
    else:
        trail.record("package.draft_made", package, by=by, version=number)
    return draft


def _each_once(contents: PackageContents) -> PackageContents:
    """Return contents in which every role stands once: where it stood first."""
    roles: dict[UUID, ContainedRole] = {}
    for role in contents.roles:
        roles.setdefault(role.role_id, replace(role, words=role.words.strip()))
    return replace(contents, roles=tuple(roles.values()))


def _added(
    package: AccessPackage, before: PackageContents, contents: PackageContents, by: User
) -> dict[UUID, ResourceRole]:
    """Return the roles that are to be added, or raise Denied with all that speaks against it."""
    added = _roles(set(contents.role_ids) - set(before.role_ids))
    collect(
        (
            *contents.check().reasons,
            *_all_exist(contents, before, added),
            *_may_be_added(package, added.values(), by),
        )
    ).require()
    return added


def _roles(keys: Iterable[UUID]) -> dict[UUID, ResourceRole]:
    return ResourceRole.objects.select_related("resource__system").in_bulk(list(keys))


def _all_exist(
    contents: PackageContents, before: PackageContents, added: dict[UUID, ResourceRole]
) -> Iterator[Reason]:
    known = {*before.role_ids, *added}
    missing = [key for key in contents.role_ids if key not in known]
    if missing:
        yield Reason(
            "role_gone",
            f"{len(missing)} of the roles {'does' if len(missing) == 1 else 'do'} not exist "
            "any more.",
            "Leave it out, or choose another one.",
        )


def _may_be_added(
    package: AccessPackage, added: Iterable[ResourceRole], by: User
) -> Iterator[Reason]:
    for role in added:
        yield from can_contain(by, package, role).reasons


def _words_only(contents: PackageContents) -> PackageTerms:
    return PackageTerms(contents.name, contents.description, contents.is_hidden)


def _write_roles(
    package: AccessPackage,
    before: PackageContents,
    contents: PackageContents,
    added: dict[UUID, ResourceRole],
    by: User,
) -> None:
    """Bring the roles of a package to what is wanted, and write down each that comes or goes."""
    removed = _roles(set(before.role_ids) - set(contents.role_ids))
    package.package_roles.filter(role__in=removed).delete()
    PackageRole.objects.bulk_create(
        PackageRole(package=package, role=role) for role in added.values()
    )
    for action, roles in (("role_added", added), ("role_removed", removed)):
        for role in sorted(roles.values(), key=str):
            trail.record(f"package.{action}", package, by=by, role=role.pk, name=str(role))
    _arrange(package, contents)
    if _stayed(before, contents) != _stayed(contents, before):
        trail.record("package.roles_arranged", package, by=by)
    if added or removed:
        recount_holders(package)


def _stayed(here: PackageContents, there: PackageContents) -> list[ContainedRole]:
    """Return the roles that are in both, in the order and with the words of the first."""
    return [role for role in here.roles if role.role_id in there.role_ids]


def _arrange(package: AccessPackage, contents: PackageContents) -> None:
    """Put the roles into their order, with their words."""
    wanted = {role.role_id: (position, role.words) for position, role in enumerate(contents.roles)}
    changed = []
    for entry in package.package_roles.all():
        place = wanted[entry.role_id]
        if (entry.position, entry.words) != place:
            entry.position, entry.words = place
            changed.append(entry)
    PackageRole.objects.bulk_update(changed, ["position", "words"])
