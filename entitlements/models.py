"""Every model of the domain, so that Django finds them."""

from entitlements.assignments.attributes import WrittenAttribute
from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.audit.models import AuditEvent, AuditSeal
from entitlements.callouts.models import Callout
from entitlements.catalog.attributes import ResourceAttribute
from entitlements.catalog.extension_models import CustomExtension
from entitlements.catalog.incompatibilities import (
    ClashException,
    Incompatibility,
    Prerequisite,
    RoleClash,
)
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
from entitlements.catalog.package_versions import PackageDraft, PackageVersion
from entitlements.delivery.acts import BulkAct, BulkActRow
from entitlements.directory.models import Account, Group, GroupNesting, Membership, User
from entitlements.directory.organizations.models import ConnectedOrganization, OrganizationDomain
from entitlements.directory.tenant_roles import TenantRoleGroup
from entitlements.heartbeat import Heartbeat
from entitlements.imports.models import ImportedRole, ImportFinding, RoleImport
from entitlements.notifications.models import Notification
from entitlements.policies.callouts import PolicyCallout
from entitlements.policies.models import ApprovalStage, AssignmentPolicy, StageApprover
from entitlements.policies.questions import Question
from entitlements.policies.risk import RiskSignal, RiskStage
from entitlements.policies.versions import PolicyDraft, PolicyVersion
from entitlements.requests.bulk import BulkAssignment, BulkRow
from entitlements.requests.delegations import ApprovalDelegation
from entitlements.requests.dialogue import Inquiry
from entitlements.requests.models import AccessRequest, ApprovalStep, StepApprover
from entitlements.systems.models import ConnectedSystem

__all__ = [
    "AccessPackage",
    "AccessRequest",
    "Account",
    "ApprovalDelegation",
    "ApprovalStage",
    "ApprovalStep",
    "Assignment",
    "AssignmentPolicy",
    "AuditEvent",
    "AuditSeal",
    "BulkAct",
    "BulkActRow",
    "BulkAssignment",
    "BulkRow",
    "Callout",
    "Catalog",
    "CatalogGroupPermission",
    "CatalogResource",
    "CatalogUserPermission",
    "ClashException",
    "ConnectedOrganization",
    "ConnectedSystem",
    "CustomExtension",
    "Grant",
    "Group",
    "GroupNesting",
    "Heartbeat",
    "ImportFinding",
    "ImportedRole",
    "Incompatibility",
    "Inquiry",
    "Membership",
    "Notification",
    "OrganizationDomain",
    "PackageDraft",
    "PackageRole",
    "PackageVersion",
    "PolicyCallout",
    "PolicyDraft",
    "PolicyVersion",
    "Prerequisite",
    "Question",
    "Resource",
    "ResourceAttribute",
    "ResourceRole",
    "RiskSignal",
    "RiskStage",
    "RoleClash",
    "RoleImport",
    "StageApprover",
    "StepApprover",
    "TenantRoleGroup",
    "User",
    "WrittenAttribute",
]
