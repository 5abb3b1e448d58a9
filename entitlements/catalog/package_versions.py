"""Every version of a package, as it was saved, and what the next one may become."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import models

from entitlements import versions
from entitlements.catalog.models import AccessPackage
from entitlements.catalog.terms import ContainedRole, PackageContents
from entitlements.decisions import Decision
from entitlements.directory.models import User
from entitlements.plain import from_plain


class PackageVersion(versions.KeptVersion):
    """A package as somebody saved it: its words, and what it contained."""

    package = models.ForeignKey(AccessPackage, models.CASCADE, related_name="versions")

    class Meta(versions.KeptVersion.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["package", "number"], name="package_version_is_numbered_once"
            ),
        ]

    def __str__(self) -> str:
        return f"Version {self.number} of {self.package}"

    def read(self) -> PackageContents:
        """Return what the package said and contained."""
        return from_plain(PackageContents, self.terms)


class PackageDraft(versions.Draft):
    """What somebody wants a package to become, entered anew or restored from a version."""

    package = models.OneToOneField(AccessPackage, models.CASCADE, related_name="draft")
    number = models.PositiveIntegerField("version that it repeats", null=True)

    def __str__(self) -> str:
        return f"Draft of {self.package}"

    def read(self) -> PackageContents:
        """Return what the package is to say and to contain."""
        return from_plain(PackageContents, self.terms)


def contents_of(package: AccessPackage) -> PackageContents:
    """Return a package as its owners would enter it anew."""
    entries = package.package_roles.order_by("position", "pk").values_list("role", "words")
    return PackageContents(
        package.name,
        package.description,
        package.is_hidden,
        tuple(ContainedRole(role_id, words) for role_id, words in entries),
    )


def not_changed_since(package: AccessPackage, number: int | None) -> Decision:
    """Say whether a version is still the newest; None asks nothing."""
    return versions.not_changed_since(
        package, number, code="package_changed_meanwhile", called="package"
    )


def keep_first_version(package: AccessPackage, *, by: User) -> None:
    """Within the caller's transaction: write the first version of a package just made."""
    versions.keep_version(package, contents_of(package), by=by)


@contextmanager
def version_kept(package: AccessPackage, *, by: User) -> Iterator[None]:
    """Around a change, with the package locked: write the next version, if anything changed."""
    before = contents_of(package)
    yield
    after = contents_of(package)
    if after != before:
        versions.keep_version(package, after, by=by, before=before)
