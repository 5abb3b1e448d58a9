"""Who may manage connected organizations: administrators, and a tenant role of its own."""

from django.db.models import Q

from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.models import User
from entitlements.directory.tenant_roles import MANAGE_ORGANIZATIONS, has_right, was_given


def can_manage_organizations(user: User) -> Decision:
    """Only administrators and connected organization administrators."""
    if has_right(user, MANAGE_ORGANIZATIONS):
        return ALLOWED
    return deny(
        "not_organization_administrator",
        "You may not manage connected organizations.",
        "An administrator can appoint you.",
    )


def manages_organizations(user: User) -> Q:
    """Return the condition that somebody may manage connected organizations."""
    return Q(Q(is_superuser=True) | was_given(user, MANAGE_ORGANIZATIONS), is_active=True)
