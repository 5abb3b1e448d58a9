"""Settings come from the environment; the wrong ones end the start with a sentence."""

import json
import os
import re
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from portal import checks, environment

PRODUCTION = {
    "ALLOWED_HOSTS": "access.example.com",
    "SECRET_KEY": "for-this-test-only-" + "x" * 50,
    "SECRETS_KEYS": Fernet.generate_key().decode(),
}


def manage(directory, *arguments, **values):
    """Run manage.py with these settings and no others."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={"PATH": os.defpath, "ENV_FILE": "", "DATA_DIR": str(directory), **values},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def values_of(directory, *names, **values):
    script = (
        "import json; from django.conf import settings;"
        f"print(json.dumps({{name: getattr(settings, name) for name in {names!r}}}, default=str))"
    )
    done = manage(directory, "shell", "-v0", "-c", script, **values)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_example_names_every_setting_and_no_other():
    source = (settings.BASE_DIR / "portal/settings.py").read_text()
    example = (settings.BASE_DIR / ".env.example").read_text()

    read = re.findall(r'\benv\.\w+\(\s*"(\w+)"', source)

    assert sorted(re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE)) == sorted(read)


def test_without_any_setting_it_runs_on_sqlite_on_this_machine_alone(tmp_path):
    found = values_of(tmp_path, "DATABASES", "PRODUCTION", "DEBUG", "DEMO", "BIND")

    assert found.pop("DATABASES")["default"]["NAME"] == str(tmp_path / "portal.sqlite3")
    assert found == {"PRODUCTION": False, "DEBUG": False, "DEMO": False, "BIND": "127.0.0.1"}


def test_secrets_are_made_once_and_kept_for_the_owner_alone(tmp_path):
    first = values_of(tmp_path, "SECRET_KEY", "SECRETS_KEYS")
    second = values_of(tmp_path, "SECRET_KEY", "SECRETS_KEYS")

    assert first == second
    assert len(first["SECRET_KEY"]) >= 50
    for name in ("secret_key", "secrets_key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"secret_key", "secrets_key"}


def test_postgresql_gets_a_pool_and_no_lasting_connections(tmp_path):
    url = "postgresql://portal:pass@127.0.0.1:5432/portal?sslmode=prefer"

    found = environment.database(url, directory=tmp_path, pool_size=7)

    assert found["OPTIONS"] == {
        "sslmode": "prefer",
        "pool": {"min_size": 1, "max_size": 7, "timeout": 10},
    }
    assert found["CONN_MAX_AGE"] == 0


def test_database_elsewhere_means_production(tmp_path):
    url = "postgresql://portal:pass@db.example.com/portal"

    done = manage(tmp_path, "check", DATABASE_URL=url)

    assert done.returncode == 1
    assert "SECRET_KEY is not set" in done.stderr
    assert "SECRETS_KEYS is not set" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_production_insists_on_https(tmp_path):
    names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")

    found = values_of(tmp_path, *names, "SECURE_HSTS_SECONDS", "STORAGES", **PRODUCTION)

    assert all(found[name] is True for name in names)
    assert found["SECURE_HSTS_SECONDS"] == 31_536_000
    assert "Manifest" in found["STORAGES"]["staticfiles"]["BACKEND"]


def test_production_passes_the_deployment_checks(tmp_path):
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", ["SECRET_KEY", "SECRETS_KEYS"])
def test_production_without_a_secret_is_refused(tmp_path, missing):
    given = {name: value for name, value in PRODUCTION.items() if name != missing}

    done = manage(tmp_path, "check", **given)

    assert done.returncode == 1
    assert f"{missing} is not set" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"DATABASE_URL": "postgresql://p:p@db.example.com/p"}, "the database is on db.example"),
        ({"ALLOWED_HOSTS": "localhost,access.example.com"}, "answers to access.example.com"),
        ({"ALLOWED_HOSTS": "*"}, "answers to *"),
        ({"EMAIL_URL": "smtp://mail.example.com:25"}, "through mail.example.com"),
    ],
)
def test_demo_mode_is_refused_with_a_production_setting(tmp_path, values, reason):
    done = manage(tmp_path, "check", DEMO="1", **values)

    assert done.returncode == 1
    assert "Demo mode is refused" in done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_mode_is_fine_on_this_machine(tmp_path):
    done = manage(
        tmp_path,
        "check",
        DEMO="1",
        ALLOWED_HOSTS="localhost,127.0.0.1",
        EMAIL_URL="smtp://127.0.0.1:1025",
    )

    assert done.returncode == 0, done.stderr


def test_debug_pages_are_refused_in_production(tmp_path):
    done = manage(tmp_path, "check", DEBUG="1", **PRODUCTION)

    assert done.returncode == 1
    assert "DEBUG shows the program's insides" in done.stderr


def test_work_is_not_begun_again_while_its_job_may_still_run(tmp_path):
    values = {"JOBS_TIMEOUT": "120", "WORK_LEASE_SECONDS": "120"}

    done = manage(tmp_path, "check", **values)

    assert done.returncode == 1
    assert "Make WORK_LEASE_SECONDS more than JOBS_TIMEOUT" in done.stderr
    assert manage(tmp_path, "check", **values | {"WORK_LEASE_SECONDS": "121"}).returncode == 0


def test_data_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    done = manage(tmp_path / "file" / "var", "check")

    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "set DATA_DIR to another" in done.stderr
    assert "Traceback" not in done.stderr


def test_web_server_refuses_wrong_settings_too(settings):
    settings.MISSING_SECRETS = ["SECRET_KEY"]

    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set"):
        checks.refuse_wrong_settings()


def test_tests_run_with_settings_that_fit_together():
    checks.refuse_wrong_settings()


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("localhost", True),
        ("portal.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("::1", True),
        ("/var/run/postgresql", True),
        ("", True),
        ("0.0.0.0", False),
        ("*", False),
        (".example.com", False),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback_is_told_from_the_rest(host, answer):
    assert environment.is_loopback(host) is answer


def test_two_processes_that_start_together_keep_one_secret(tmp_path, monkeypatch):
    path = tmp_path / "secret"

    def slower_than_another():
        path.write_text("the other's")
        return "mine"

    assert environment.kept_secret(path, slower_than_another) == "the other's"
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]
