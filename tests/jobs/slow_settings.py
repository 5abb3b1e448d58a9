"""The portal's settings, and one more target system; what a killed worker held is free at once."""

from portal.settings import *  # noqa: F403
from portal.settings import INSTALLED_APPS, SILENCED_SYSTEM_CHECKS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.jobs.slow_target.SlowTargetConfig"]
SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "portal.E005"]
