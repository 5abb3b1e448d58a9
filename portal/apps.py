from django.apps import AppConfig
from django.core.checks import register

from portal import checks


class PortalConfig(AppConfig):
    """The surface: pages, sign-in, admin sites, and how everything is started."""

    name = "portal"

    def ready(self) -> None:
        register(checks.settings_fit_together)
