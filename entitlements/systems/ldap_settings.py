"""How to reach an LDAP server, and as whom to sign in."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final, Self
from urllib.parse import urlsplit

from entitlements.systems.distinguished_names import is_distinguished_name
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.models import ConnectedSystem
from entitlements.vault import SecretUnreadable

SCHEMES: Final = {"ldap": 389, "ldaps": 636}
LONGEST_TIMEOUT: Final = 60
LARGEST_PAGE: Final = 5000


@dataclass(frozen=True)
class LdapSettings:
    """Checked settings of one LDAP server; timeouts are whole seconds.

    `ca_certificates` is PEM text, or the path of a PEM file; empty trusts the machine's own list.
    """

    url: str
    base_dn: str
    bind_dn: str = ""
    password: str = field(default="", repr=False)
    start_tls: bool = False
    ca_certificates: str = ""
    verify: bool = True
    connect_timeout: int = 5
    receive_timeout: int = 20
    page_size: int = 500
    allow_plain_text: bool = False

    @classmethod
    def of(cls, system: ConnectedSystem) -> Self:
        """Check and return a system's settings; raises LdapFailed with code bad_settings."""
        known = cls.__dataclass_fields__.keys() - {"password"}
        given = {name: value for name, value in system.settings.items() if name in known}
        missing = [name for name in ("url", "base_dn") if not given.get(name)]
        if missing:
            raise _wrong(f"The LDAP settings lack {' and '.join(missing)}.")
        try:
            password = system.secret
        except SecretUnreadable as error:
            raise LdapFailed("secret_unreadable", str(error), concerns_server=True) from error
        settings = cls(**given, password=password)
        settings._check()
        return settings

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or SCHEMES[parts.scheme]

    @property
    def is_ldaps(self) -> bool:
        return urlsplit(self.url).scheme == "ldaps"

    @property
    def is_encrypted(self) -> bool:
        return self.is_ldaps or self.start_tls

    def _check(self) -> None:
        _check_types(self)
        _check_url(self.url)
        for name in (self.base_dn, self.bind_dn):
            if name and name != self.bind_dn and not is_distinguished_name(name):
                raise _wrong(f"“{name}” is not a distinguished name.")
        if self.bind_dn and not self.password:
            raise _wrong("A password is missing: without one the server would take us for nobody.")
        if self.password and not (self.is_encrypted or self.allow_plain_text or self._is_here()):
            raise _wrong(
                "The password would cross the network unencrypted: use ldaps:// or StartTLS, "
                "or set allow_plain_text."
            )

    def _is_here(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def _check_types(settings: LdapSettings) -> None:
    for name, kind in LdapSettings.__annotations__.items():
        value: Any = getattr(settings, name)
        if type(value) is not kind:
            raise _wrong(f"The LDAP setting {name} must be of type {kind.__name__}.")
    for name in ("connect_timeout", "receive_timeout"):
        if not 1 <= getattr(settings, name) <= LONGEST_TIMEOUT:
            raise _wrong(f"The LDAP setting {name} must be between 1 and {LONGEST_TIMEOUT}.")
    if not 0 <= settings.page_size <= LARGEST_PAGE:
        raise _wrong(f"The LDAP setting page_size must be between 0 and {LARGEST_PAGE}.")


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    try:
        is_sound = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound:
        raise _wrong(f"“{url}” is not an address such as ldaps://ldap.example.com.")


def _wrong(text: str) -> LdapFailed:
    return LdapFailed("bad_settings", text, concerns_server=True)
