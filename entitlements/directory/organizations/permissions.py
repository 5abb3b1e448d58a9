"""Who may manage connected organizations: administrators, and a tenant role of its own."""

from django.contrib.auth.models import Permission
from django.db.models import Exists, OuterRef, Q

from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.models import User

RIGHT = "manage_organizations"


def can_manage_organizations(user: User) -> Decision:
    """Only administrators and connected organization administrators."""
    if user.is_active and user.has_perm(f"entitlements.{RIGHT}"):
        return ALLOWED
    return deny(
        "not_organization_administrator",
        "You may not manage connected organizations.",
        "An administrator can appoint you.",
    )


def manages_organizations() -> Q:
    """Return the condition on people that they may manage connected organizations."""
    right = Permission.objects.filter(content_type__app_label="entitlements", codename=RIGHT)
    in_person = right.filter(user=OuterRef("pk"))
    in_group = right.filter(group__user=OuterRef("pk"))
    return Q(Q(is_superuser=True) | Exists(in_person) | Exists(in_group), is_active=True)
