"""Who may manage connected organizations: administrators, and a tenant role of its own."""

from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.directory.models import User
from entitlements.directory.tenant_roles import MANAGE_ORGANIZATIONS, has_right


def can_manage_organizations(user: User) -> Decision:
    """Only administrators and connected organization administrators."""
    if has_right(user, MANAGE_ORGANIZATIONS):
        return ALLOWED
    return deny(
        "not_organization_administrator",
        "You may not manage connected organizations.",
        "An administrator can appoint you.",
    )
