import pytest

from entitlements.models import ConnectedSystem
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.ldap_settings import LdapSettings

GOOD = {"url": "ldaps://ldap.example.test", "base_dn": "dc=example,dc=test"}


def system(secret="secret", **settings):
    system = ConnectedSystem(name="LDAP", kind="ldap", settings={**GOOD, **settings})
    system.secret = secret
    return system


def test_settings_say_where_the_server_is():
    plain = LdapSettings.of(system(url="ldap://127.0.0.1", bind_dn="cn=admin,dc=example,dc=test"))
    encrypted = LdapSettings.of(system(url="ldaps://ldap.example.test:1636"))

    assert (plain.host, plain.port, plain.is_encrypted) == ("127.0.0.1", 389, False)
    assert (encrypted.host, encrypted.port) == ("ldap.example.test", 1636)
    assert encrypted.is_encrypted


def test_the_password_is_not_shown_with_the_settings():
    assert "secret" not in repr(LdapSettings.of(system()))


def test_settings_of_others_are_left_to_them():
    assert LdapSettings.of(system(placeholder_dn="cn=nobody", map="openldap")).page_size == 500


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": ""},
        {"url": "http://example.test"},
        {"url": "ldap://"},
        {"url": "ldap://example.test:99999"},
        {"url": 389},
        {"base_dn": "example"},
        {"base_dn": ""},
        {"bind_dn": "cn=admin,dc=example,dc=test", "secret": ""},
        {"start_tls": "yes"},
        {"page_size": 6000},
        {"page_size": True},
        {"connect_timeout": 0},
        {"receive_timeout": 61},
        {"url": "ldap://ldap.example.test"},
        {"url": "ldap://192.0.2.1"},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(LdapFailed) as failed:
        LdapSettings.of(system(**wrong))

    assert failed.value.code == "bad_settings"
    assert failed.value.concerns_server


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ldap://ldap.example.test", "start_tls": True},
        {"url": "ldap://ldap.example.test", "allow_plain_text": True},
        {"url": "ldap://ldap.example.test", "secret": ""},
        {"url": "ldap://localhost"},
        {"url": "ldap://[::1]"},
        {"url": "ldaps://ldap.example.test", "bind_dn": "reader@example.test"},
    ],
)
def test_a_password_may_cross_the_network_encrypted_or_when_that_is_chosen(settings):
    assert LdapSettings.of(system(**settings)).url == settings["url"]


def test_a_secret_whose_key_is_gone_is_said_to_be_so():
    unreadable = system()
    unreadable.sealed_secret = "gAAAAA"

    with pytest.raises(LdapFailed) as failed:
        LdapSettings.of(unreadable)

    assert failed.value.code == "secret_unreadable"
