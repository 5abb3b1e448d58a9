"""What must be right before anything starts; each message says what to do."""

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from portal.environment import is_loopback

HINT = re.compile(r"[\w.-]+", re.ASCII)
RESOURCES_SHOWN_TO = ("everyone", "members", "nobody")


def settings_fit_together(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report settings that are missing, or that must not meet."""
    return [*_data_directory(), *_secrets(), *_demo(), *_debug(), *_jobs(), *_contents(), *_hints()]


def refuse_wrong_settings() -> None:
    """Raise ImproperlyConfigured with every sentence, for a start without a management command."""
    wrong = settings_fit_together()
    if wrong:
        raise ImproperlyConfigured(" ".join(f"{error.msg} {error.hint}" for error in wrong))


def _data_directory() -> Iterator[Error]:
    directory = settings.DATA_DIR
    try:
        directory.mkdir(parents=True, exist_ok=True)
        writable = os.access(directory, os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if not writable:
        yield Error(
            f"The data directory {directory} cannot be written.",
            hint="Make it writable for the user that runs the portal, or set DATA_DIR to another.",
            id="portal.E001",
        )


def _secrets() -> Iterator[Error]:
    for name in settings.MISSING_SECRETS:
        yield Error(
            f"{name} is not set.",
            hint=f"Production needs {name}, the same on every machine; .env.example says how "
            "to make one.",
            id="portal.E002",
        )


def _demo() -> Iterator[Error]:
    if not settings.DEMO:
        return
    database_host = str(settings.DATABASES["default"].get("HOST", ""))
    if not is_loopback(database_host):
        yield _demo_refused(f"the database is on {database_host}", "DATABASE_URL")
    reachable = [host for host in settings.ALLOWED_HOSTS if not is_loopback(host)]
    if reachable and settings.PRODUCTION:
        yield _demo_refused(f"the portal answers to {', '.join(reachable)}", "ALLOWED_HOSTS")
    mail_host = str(settings.EMAIL_HOST or "")
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend") and not is_loopback(mail_host):
        yield _demo_refused(f"mail would go out through {mail_host}", "EMAIL_URL")


def _demo_refused(what: str, setting: str) -> Error:
    return Error(
        f"Demo mode is refused: {what}.",
        hint="In demo mode anybody may act as anybody. Turn DEMO off, or keep "
        f"{setting} on this machine.",
        id="portal.E003",
    )


def _debug() -> Iterator[Error]:
    if settings.DEBUG and settings.PRODUCTION:
        yield Error(
            "DEBUG shows the program's insides, and this portal can be reached from elsewhere.",
            hint="Turn DEBUG off, or keep ALLOWED_HOSTS and DATABASE_URL on this machine.",
            id="portal.E004",
        )


def _jobs() -> Iterator[Error]:
    if settings.WORK_LEASE_SECONDS <= settings.JOBS_TIMEOUT:
        yield Error(
            f"Work would be begun again after {settings.WORK_LEASE_SECONDS:g} s, while a job may "
            f"still run for {settings.JOBS_TIMEOUT} s.",
            hint="Make WORK_LEASE_SECONDS more than JOBS_TIMEOUT, or leave it out.",
            id="portal.E005",
        )


def _contents() -> Iterator[Error]:
    if settings.RESOURCES_SHOWN_TO not in RESOURCES_SHOWN_TO:
        yield Error(
            f"RESOURCES_SHOWN_TO cannot be {settings.RESOURCES_SHOWN_TO}.",
            hint="Set it to everyone, members or nobody.",
            id="portal.E006",
        )


def _hints() -> Iterator[Error]:
    hints = settings.ORGANIZATION_HINTS
    wrong = [hint for hint in hints if not HINT.fullmatch(hint)]
    if wrong or not hints:
        yield Error(
            f"ORGANIZATION_HINTS cannot be {', '.join(wrong) or 'empty'}.",
            hint="Name the organization by letters, digits, dots and hyphens, as in example.com.",
            id="portal.E007",
        )
