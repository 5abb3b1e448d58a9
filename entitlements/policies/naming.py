"""Which packages somebody may name in his own, as what clashes or must be held first."""

from django.db.models import Q

from entitlements.catalog.models import AccessPackage, AccessPackageQuerySet, Catalog
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy


def nameable_by(user: User) -> AccessPackageQuerySet:
    """Packages of the catalogs that a person looks into, and those that are offered to himself."""
    offered = AssignmentPolicy.objects.open_to(user).packages().listed()
    managed = Q(catalog__in=Catalog.objects.visible_to(user))
    return AccessPackage.objects.filter(managed | Q(pk__in=offered.values("pk")))
