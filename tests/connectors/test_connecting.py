import json
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from entitlements.audit.models import AuditEvent
from entitlements.connectors import connecting
from entitlements.decisions import Denied
from entitlements.management.commands import connect_ldap
from entitlements.models import ConnectedSystem
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

GOOD = {"url": "ldaps://ldap.example.test", "base_dn": "dc=example,dc=test"}


def test_a_system_is_connected_and_changed(actions):
    system = connecting.connect("LDAP", kind="ldap", settings=GOOD, secret="first", by=None)
    assert (system.settings, system.secret) == (GOOD, "first")

    connecting.connect(
        "ldap", kind="ldap", settings={"page_size": 50, "base_dn": None}, secret=None, by=None
    )

    system = ConnectedSystem.objects.get(kind="ldap")
    assert system.settings == {"url": GOOD["url"], "page_size": 50}
    assert system.secret == "first"
    assert actions() == ["system.connected", "system.changed"]
    events = AuditEvent.objects.order_by("pk")
    assert [event.details for event in events] == [
        {"settings": ["base_dn", "url"], "has_new_secret": True},
        {"settings": ["base_dn", "page_size"], "has_new_secret": False},
    ]
    assert "first" not in json.dumps([event.details for event in events])


def test_only_administrators_connect_systems(ada):
    with pytest.raises(Denied) as denied:
        connecting.connect("LDAP", kind="ldap", settings=GOOD, secret=None, by=ada)

    assert denied.value.codes == {"administrators_only"}
    root = UserFactory(is_superuser=True)
    connecting.connect("LDAP", kind="ldap", settings=GOOD, secret=None, by=root)


def test_a_system_keeps_its_kind():
    with pytest.raises(Denied) as denied:
        connecting.draft("Built-in directory", "ldap", GOOD, None)

    assert denied.value.codes == {"other_kind"}


@pytest.fixture
def connect(monkeypatch):
    """Run the command with a password in the environment; return what was printed."""

    def connect(*arguments, password="admin-secret"):
        if password is not None:
            monkeypatch.setenv("LDAP_PASSWORD", password)
        out = StringIO()
        call_command("connect_ldap", "Company LDAP", *arguments, stdout=out)
        return out.getvalue()

    return connect


def system():
    return ConnectedSystem.objects.get(kind="ldap")


@pytest.mark.slapd
def test_an_ldap_server_is_tried_out_and_connected(ldap_server, connect, tmp_path):
    authority = tmp_path / "ca.pem"
    authority.write_text(ldap_server.authority.pem)

    printed = connect(
        f"--url={ldap_server.ldaps_url}",
        f"--base-dn={ldap_server.base_dn}",
        f"--bind-dn={ldap_server.admin_dn}",
        f"--ca-file={authority}",
        "--map=active_directory",
        "--set=max_disabled_count=50",
        "--set=owner_attribute=owner",
        '--set=attributes={"city": "l"}',
    )

    assert printed == "Company LDAP is connected.\n"
    assert system().secret == ldap_server.password
    assert system().settings == {
        "url": ldap_server.ldaps_url,
        "base_dn": ldap_server.base_dn,
        "bind_dn": ldap_server.admin_dn,
        "ca_certificates": ldap_server.authority.pem,
        "map": "active_directory",
        "max_disabled_count": 50,
        "owner_attribute": "owner",
        "attributes": {"city": "l"},
    }


@pytest.mark.slapd
def test_what_does_not_work_is_not_saved(ldap_server, connect):
    arguments = [
        f"--url={ldap_server.url}",
        f"--base-dn={ldap_server.base_dn}",
        f"--bind-dn={ldap_server.admin_dn}",
    ]

    with pytest.raises(CommandError, match=r"Nothing was saved\. .* name and password"):
        connect(*arguments, password="wrong")
    assert not ConnectedSystem.objects.filter(kind="ldap").exists()

    connect(*arguments)
    with pytest.raises(CommandError, match="Nothing was saved"):
        connect("--base-dn=ou=nowhere,dc=example,dc=test")
    assert system().settings["base_dn"] == ldap_server.base_dn
    connect("--base-dn=ou=nowhere,dc=example,dc=test", "--without-check")
    assert system().settings["base_dn"] == "ou=nowhere,dc=example,dc=test"


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("salary=1", "There is no setting salary"),
        ("map=7", "There is no LDAP map"),
        ("max_disabled_share=-1", "whole number"),
    ],
)
def test_settings_that_nobody_reads_or_understands_are_refused(connect, setting, reason):
    with pytest.raises(CommandError, match=reason):
        connect("--url=ldaps://x", "--base-dn=dc=x", f"--set={setting}", "--without-check")

    assert not ConnectedSystem.objects.filter(kind="ldap").exists()


def test_an_authority_that_cannot_be_read_is_named(connect, tmp_path):
    with pytest.raises(CommandError, match=r"none\.pem cannot be read"):
        connect(f"--ca-file={tmp_path / 'none.pem'}")


class Terminal(StringIO):
    def isatty(self):
        return True


def test_the_password_comes_from_the_environment_or_standard_input(connect, monkeypatch):
    arguments = ["--url=ldaps://x", "--base-dn=dc=x", "--without-check"]
    connect(*arguments)
    assert system().secret == "admin-secret"

    monkeypatch.setattr(sys, "stdin", StringIO("from a pipe\n"))
    connect(*arguments, "--password-stdin")
    assert system().secret == "from a pipe"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(connect_ldap, "getpass", lambda prompt: "typed")
    connect(*arguments, "--password-stdin")
    assert system().secret == "typed"

    monkeypatch.delenv("LDAP_PASSWORD")
    connect(*arguments, password=None)
    assert system().secret == "typed"
