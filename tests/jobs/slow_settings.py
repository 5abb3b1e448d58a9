"""The portal's settings, and one more target system."""

from portal.settings import *  # noqa: F403
from portal.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.jobs.slow_target.SlowTargetConfig"]
