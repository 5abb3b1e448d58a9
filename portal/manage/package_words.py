"""What differs between two versions of a package, in words."""

from entitlements.catalog.models import ResourceRole
from entitlements.catalog.terms import PackageContents
from entitlements.comparing import differences
from portal.manage.policy_words import Line, lines


def changes(before: PackageContents, after: PackageContents) -> list[Line]:
    """Return what differs between two versions, by one query for the names of the roles."""
    keys = {*before.role_ids, *after.role_ids}
    roles = ResourceRole.objects.filter(pk__in=keys).select_related("resource")
    names = {str(role.pk): str(role) for role in roles}
    return lines(differences(before, after), names)
