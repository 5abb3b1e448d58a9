from django.contrib import admin
from django.urls import include, path

from portal import accounts, health

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("accounts/email/", accounts.address),
    path("accounts/", include("allauth.urls")),
    path("settings/", include("portal.preferences.urls")),
    path("help/", include("portal.help.urls")),
    path("demo/", include("portal.demo.urls")),
    path("admin/", admin.site.urls),
]

handler500 = "portal.errors.server_error"
