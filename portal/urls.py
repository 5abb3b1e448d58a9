from django.urls import include, path

from portal import accounts, health
from portal.admin.registry import administration, manage
from portal.packages import shared

urlpatterns = [
    path("", include("portal.home.urls")),
    path("packages/", include("portal.packages.urls")),
    path("@<str:hint>/packages/<uuid:package_id>/", shared.follow, name="package_link"),
    path("access/", include("portal.access.urls")),
    path("requests/", include("portal.requests.urls")),
    path("approvals/", include("portal.approvals.urls")),
    path("team/", include("portal.team.urls")),
    path("organizations/", include("portal.organizations.urls")),
    path("notifications/", include("portal.notifications.urls")),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("accounts/email/", accounts.address),
    path("accounts/", include("allauth.urls")),
    path("settings/roles/", include("portal.roles.urls")),
    path("settings/", include("portal.preferences.urls")),
    path("help/", include("portal.help.urls")),
    path("demo/", include("portal.demo.urls")),
    path("api/callouts/", include("portal.callbacks.urls")),
    path("manage/", manage.urls),
    path("admin/", administration.urls),
]

handler500 = "portal.errors.server_error"
