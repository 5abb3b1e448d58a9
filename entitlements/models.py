"""Every model of the domain, so that Django finds them."""

from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.audit.models import AuditEvent, AuditSeal
from entitlements.catalog.models import (
    AccessPackage,
    Catalog,
    CatalogGroupPermission,
    CatalogResource,
    CatalogUserPermission,
    PackageRole,
    Resource,
    ResourceRole,
)
from entitlements.directory.models import Account, Group, GroupNesting, Membership, User
from entitlements.heartbeat import Heartbeat
from entitlements.notifications.models import Notification
from entitlements.policies.models import ApprovalStage, AssignmentPolicy, StageApprover
from entitlements.requests.models import AccessRequest, ApprovalStep, StepApprover
from entitlements.systems.models import ConnectedSystem

__all__ = [
    "AccessPackage",
    "AccessRequest",
    "Account",
    "ApprovalStage",
    "ApprovalStep",
    "Assignment",
    "AssignmentPolicy",
    "AuditEvent",
    "AuditSeal",
    "Catalog",
    "CatalogGroupPermission",
    "CatalogResource",
    "CatalogUserPermission",
    "ConnectedSystem",
    "Grant",
    "Group",
    "GroupNesting",
    "Heartbeat",
    "Membership",
    "Notification",
    "PackageRole",
    "Resource",
    "ResourceRole",
    "StageApprover",
    "StepApprover",
    "User",
]
