"""What settings.py asks of the machine: kept secrets, databases by URL, loopback or not."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;"
        "PRAGMA synchronous=NORMAL;"
        "PRAGMA mmap_size=134217728;"
        "PRAGMA journal_size_limit=27103364;"
        "PRAGMA cache_size=2000;"
    ),
}


def is_loopback(host: str) -> bool:
    """Say whether a host name or address can only be reached from this machine."""
    name = host.strip("[]").lower()
    if name in {"", "localhost"} or name.endswith(".localhost") or name.startswith("/"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def host_of(url: str) -> str:
    """Return the host in an address, which names the organization unless it gives itself a name."""
    host = urlsplit(url).hostname or ""
    return host if host and ":" not in host else "localhost"


def database(url: str, *, directory: Path, pool_size: int) -> dict[str, Any]:
    """Return Django's settings for a database; no URL means SQLite in `directory`."""
    url = url or f"sqlite:///{directory / 'portal.sqlite3'}"
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return {**environ.Env.db_url_config(url), "OPTIONS": dict(SQLITE_OPTIONS)}
    if scheme in {"postgres", "postgresql"}:
        return _postgresql(url, pool_size)
    raise ImproperlyConfigured(
        "DATABASE_URL must look like postgresql://user:password@host:5432/name or "
        "sqlite:////absolute/path.sqlite3; leave it empty for SQLite in the data directory."
    )


def _postgresql(url: str, pool_size: int) -> dict[str, Any]:
    try:
        parsed = environ.Env.db_url_config(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}.") from error
    if not parsed["NAME"]:
        raise ImproperlyConfigured(
            "DATABASE_URL names no database: end it with the name, as in "
            "postgresql://user:password@host:5432/portal."
        )
    options = dict(parsed.get("OPTIONS", {}))
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    return {**parsed, "CONN_MAX_AGE": 0, "OPTIONS": options}


def networks(texts: list[str]) -> list[IPv4Network | IPv6Network]:
    """Return the networks of a setting, each written as 10.2.0.0/16 or fd00::/8."""
    try:
        return [ip_network(text.strip()) for text in texts]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"CALLOUT_ALLOWED_NETWORKS must list networks like 10.2.0.0/16: {error}."
        ) from error


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """Return the secret in this file, making it when it is missing; nothing if it cannot be kept.

    The file appears whole, so that of two processes that start together both read one secret.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(make())
            with suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return path.read_text().strip()
    except OSError:
        return ""


def new_secret_key() -> str:
    return secrets.token_urlsafe(50)


def new_fernet_key() -> str:
    return Fernet.generate_key().decode()
