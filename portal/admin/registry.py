"""Both sites with everything that they show; `portal.urls` opens them."""

from django_q.models import Failure, OrmQ

from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.audit.models import AuditEvent
from entitlements.catalog.models import AccessPackage, Catalog, Resource
from entitlements.directory.models import Group, User
from entitlements.directory.tenant_roles import is_administrator
from entitlements.heartbeat import Heartbeat
from entitlements.notifications.models import Notification
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.risk import RiskSignal, RiskStage
from entitlements.requests.models import AccessRequest
from entitlements.systems.models import ConnectedSystem
from portal.admin import administration as of_administrators
from portal.admin import lists
from portal.admin.sites import AdministrationSite, ManageSite
from portal.manage import urls
from portal.navigation import NavEntry, register

manage = ManageSite("manage", lambda: urls.urlpatterns)
manage.register(Catalog, lists.CatalogList)
manage.register(AccessPackage, lists.PackageList)
manage.register(AssignmentPolicy, lists.PolicyList)
manage.register(Resource, lists.ResourceList)
manage.register(Assignment, lists.AssignmentList)
manage.register(AccessRequest, lists.RequestList)

administration = AdministrationSite("admin")
administration.disable_action("delete_selected")
administration.register(User, of_administrators.UserAdmin)
administration.register(Group, of_administrators.GroupAdmin)
administration.register(ConnectedSystem, of_administrators.SystemAdmin)
administration.register(RiskStage, of_administrators.RiskStageAdmin)
administration.register(RiskSignal, of_administrators.RiskSignalAdmin)
administration.register(AccessRequest, of_administrators.RequestAdmin)
administration.register(Assignment, of_administrators.AssignmentAdmin)
administration.register(Grant, of_administrators.GrantAdmin)
administration.register(AuditEvent, of_administrators.AuditEventAdmin)
administration.register(Notification, of_administrators.NotificationAdmin)
administration.register(OrmQ, of_administrators.QueueAdmin)
administration.register(Failure, of_administrators.FailureAdmin)
administration.register(Heartbeat, of_administrators.HeartbeatAdmin)


register(
    NavEntry(
        "Administration",
        "admin:index",
        place="menu",
        icon="system",
        order=70,
        visible=is_administrator,
    )
)
