"""One line of JSON for each request in production, with an id that all its lines share."""

import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client


def lines_of(tmp_path, script, **values):
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", script],
        cwd=settings.BASE_DIR,
        env={"ENV_FILE": "", "DATA_DIR": str(tmp_path), "LOG_LEVEL": "INFO", **values},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.strip().splitlines()


ASK = (
    "from django.test import Client;"
    "Client(headers={'host': 'localhost'}).get('/healthz?secret=word')"
)


def test_request_is_one_line_of_json_without_its_query(tmp_path):
    (line,) = lines_of(tmp_path, ASK, LOG_FORMAT="json")

    logged = json.loads(line)

    assert "secret" not in line
    assert logged["event"] == "request"
    assert (logged["method"], logged["path"], logged["status"]) == ("GET", "/healthz", 200)
    assert logged["level"] == "info"
    assert len(logged["request_id"]) == 36


def test_people_get_text(tmp_path):
    (line,) = lines_of(tmp_path, ASK, LOG_FORMAT="text")

    assert "[info" in line
    assert "path=/healthz" in line


def test_lines_logged_by_others_have_the_same_form(tmp_path):
    script = "import logging; logging.getLogger('ldap3').error('refused by %s', 'dc1')"

    (line,) = lines_of(tmp_path, script, LOG_FORMAT="json")

    logged = json.loads(line)
    assert (logged["logger"], logged["event"]) == ("ldap3", "refused by dc1")


def test_exception_is_in_its_line(tmp_path):
    script = (
        "import structlog\n"
        "try:\n    1 / 0\n"
        "except ZeroDivisionError:\n    structlog.get_logger('x').exception('failed')"
    )

    (line,) = lines_of(tmp_path, script, LOG_FORMAT="json")

    assert "ZeroDivisionError" in json.loads(line)["exception"]


@pytest.mark.django_db
def test_answer_carries_the_id_of_its_request():
    first = Client().get("/healthz")
    second = Client().get("/healthz")

    assert first["X-Request-ID"] != second["X-Request-ID"]
