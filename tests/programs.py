"""Programs that some tests need and a machine may lack."""

import os
import shutil

import pytest

PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])


def program(name, package=None):
    """Return the path of a program; without it skip the test, or fail it if REQUIRE_ALL is set."""
    path = shutil.which(name, path=PATH)
    if path is None:
        missing(f"{name} is not installed (Debian: apt-get install {package or name})")
    return path


def missing(reason):
    if os.environ.get("REQUIRE_ALL"):
        pytest.fail(f"REQUIRE_ALL is set, and {reason}", pytrace=False)
    pytest.skip(f"NOT TESTED: {reason}")
