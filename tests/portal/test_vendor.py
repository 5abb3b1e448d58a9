"""Files that others wrote are kept as released."""

import hashlib
import json
from pathlib import Path

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
VENDORED = json.loads((ROOT / "static/vendor/vendor.json").read_text())


@pytest.mark.parametrize("row", VENDORED, ids=lambda row: Path(row["file"]).name)
def test_vendored_file_is_the_one_recorded(row):
    content = (ROOT / row["file"]).read_bytes()

    assert hashlib.sha256(content).hexdigest() == row["sha256"]


def test_every_vendored_file_is_recorded():
    found = {
        str(path.relative_to(ROOT))
        for folder in ("static/vendor", "tests/vendor")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.name != "vendor.json"
    }

    assert found == {row["file"] for row in VENDORED}


def test_every_vendored_package_comes_with_its_licence():
    packages = {(row["name"], row["version"]) for row in VENDORED}
    licensed = {(row["name"], row["version"]) for row in VENDORED if "LICENSE" in row["file"]}

    assert packages == licensed
