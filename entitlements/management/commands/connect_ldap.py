import json
import os
import sys
from dataclasses import fields
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from entitlements.connectors import connecting
from entitlements.connectors.base import ConnectorRefused
from entitlements.decisions import Denied
from entitlements.directory.sync.guard import DEFAULTS, BadLimit, Limits
from entitlements.directory.sync.ldap_maps import ADAPTABLE, MAPS, map_of
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.ldap_settings import LdapSettings
from entitlements.systems.models import ConnectedSystem

PASSWORD = "LDAP_PASSWORD"  # noqa: S105  # the name of a variable
TEXTS = ("url", "base_dn", "bind_dn", "people_base", "groups_base", "placeholder_dn")

KNOWN = {
    *(setting.name for setting in fields(LdapSettings) if setting.name != "password"),
    *ADAPTABLE,
    *DEFAULTS,
    *("map", "attributes", "placeholder_dn", "member_attribute", "owner_attribute"),
}


class Command(BaseCommand):
    """Connect an LDAP server, or change how it is connected."""

    help = (
        "Connect an LDAP server, or change how it is connected; settings that are not given stay "
        "as they are. The connection is tried out first, and nothing is saved when it does not "
        f"work. The password is read from {PASSWORD} or from standard input, never from the "
        "command line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The name that the portal shows.")
        for name in TEXTS:
            parser.add_argument(f"--{name.replace('_', '-')}")
        parser.add_argument("--map", choices=sorted(MAPS))
        parser.add_argument("--start-tls", action="store_const", const=True)
        parser.add_argument(
            "--ca-file", type=Path, help="PEM file of the authority; its text is stored."
        )
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="Any other setting; the value is JSON or plain text, null takes it away.",
        )
        parser.add_argument(
            "--password-stdin", action="store_true", help="Read the password from standard input."
        )
        parser.add_argument(
            "--without-check", action="store_true", help="Save without trying it out."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        settings = _settings(options)
        secret = _password(reads_input=options["password_stdin"])
        try:
            system = connecting.draft(options["name"], "ldap", settings, secret)
            _check_settings(system)
            if not options["without_check"]:
                connecting.try_out(system)
            system = connecting.connect(
                options["name"], kind="ldap", settings=settings, secret=secret, by=None
            )
        except (ConnectorRefused, LdapFailed, BadLimit, Denied) as refused:
            raise CommandError(f"Nothing was saved. {refused}") from refused
        self.stdout.write(f"{system} is connected.")


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    given = {name: options[name] for name in (*TEXTS, "map", "start_tls")}
    settings = {name: value for name, value in given.items() if value is not None}
    if options["ca_file"]:
        try:
            settings["ca_certificates"] = options["ca_file"].read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['ca_file']} cannot be read: {error}") from error
    for setting in options["set"]:
        name, _, value = setting.partition("=")
        settings[name] = _json(value)
    return settings


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _password(*, reads_input: bool) -> str | None:
    """Return the password, or None when none was given and the present one stays."""
    if not reads_input:
        return os.environ.get(PASSWORD)
    if sys.stdin.isatty():
        return getpass("Password: ")
    return sys.stdin.readline().rstrip("\r\n")


def _check_settings(system: ConnectedSystem) -> None:
    """Refuse what the connection itself would not notice; raises LdapFailed or BadLimit."""
    if unknown := system.settings.keys() - KNOWN:
        raise CommandError(
            f"There is no setting {', '.join(sorted(unknown))}. "
            f"There are: {', '.join(sorted(KNOWN))}."
        )
    map_of(system)
    Limits.of(system)
