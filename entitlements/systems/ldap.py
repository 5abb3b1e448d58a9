"""An LDAP server: sign in safely, read in pages, change entries."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from ldap3 import BASE, DEREF_NEVER, MODIFY_ADD, MODIFY_DELETE, NONE, SUBTREE, Connection, Server
from ldap3.core import results
from ldap3.core.exceptions import LDAPException, LDAPOperationResult
from ldap3.core.tls import Tls
from pyasn1.error import PyAsn1Error

from entitlements.systems import ldap_errors
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.ldap_settings import LdapSettings
from entitlements.systems.models import ConnectedSystem

PAGED_RESULTS: Final = "1.2.840.113556.1.4.319"
ANYTHING: Final = "(objectClass=*)"
NO_ATTRIBUTES: Final = ("1.1",)

Change = tuple[str, str, str]
"""What to do, with which attribute, and which value: (ADD or DELETE, "member", "uid=…")."""
ADD: Final = MODIFY_ADD
DELETE: Final = MODIFY_DELETE

FAILURES: Final = (LDAPException, LookupError, TypeError, ValueError, AttributeError, PyAsn1Error)
"""What ldap3 raises: its own, and whatever comes of an answer that is not LDAP at all."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its name, and its values by attribute name in lower case."""

    dn: str
    values: Mapping[str, Sequence[bytes]]

    def raw(self, attribute: str) -> bytes:
        """Return the first value, or nothing."""
        values = self.values.get(attribute.lower())
        return values[0] if values else b""

    def text(self, attribute: str) -> str:
        """Return the first value as text, or nothing; what is no UTF-8 is replaced."""
        return self.raw(attribute).decode(errors="replace")

    def texts(self, attribute: str) -> list[str]:
        """Return all values as text."""
        values = self.values.get(attribute.lower(), ())
        return [value.decode(errors="replace") for value in values]


class LdapClient:
    """One connection, opened at first use and again after it broke; not for several threads.

    Every call raises LdapFailed and nothing else.
    """

    def __init__(self, settings: LdapSettings) -> None:
        self.settings = settings
        self._connection: Connection | None = None

    @classmethod
    def of(cls, system: ConnectedSystem) -> Self:
        return cls(LdapSettings.of(system))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def connect(self) -> None:
        """Connect and sign in, unless that is done already."""
        self._connected()

    def close(self) -> None:
        """Let go of the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(LDAPException, OSError):
                connection.unbind()
            _close_socket(connection)

    def search(
        self, search_filter: str, attributes: Sequence[str], *, base_dn: str = ""
    ) -> Iterator[Entry]:
        """Yield every entry that the filter finds; raises rather than ending early."""
        cookie: bytes | None = None
        while True:
            response, cookie = self._page(
                base_dn or self.settings.base_dn, search_filter, attributes, cookie
            )
            for found in response:
                if found["type"] == "searchResEntry":
                    yield _entry(found)
            if not cookie:
                return

    def read(
        self, dn: str, attributes: Sequence[str] = NO_ATTRIBUTES, search_filter: str = ANYTHING
    ) -> Entry | None:
        """Return one entry, or None when it is not there or the filter does not find it."""
        with self._speaking() as connection:
            try:
                connection.search(dn, search_filter, BASE, DEREF_NEVER, attributes=list(attributes))
            except LDAPOperationResult as error:
                if error.result == results.RESULT_NO_SUCH_OBJECT:
                    return None
                raise
            result, response = connection.result, connection.response
        _require_success(result)
        found = [item for item in response if item["type"] == "searchResEntry"]
        return _entry(found[0]) if found else None

    def modify(self, dn: str, *changes: Change) -> None:
        """Carry out all changes of one entry in their order, or none."""
        by_attribute: dict[str, list[tuple[str, list[str]]]] = {}
        for act, attribute, value in changes:
            by_attribute.setdefault(attribute, []).append((act, [value]))
        with self._speaking() as connection:
            connection.modify(dn, by_attribute)
            result = connection.result
        _require_success(result)

    def _page(
        self, base_dn: str, search_filter: str, attributes: Sequence[str], cookie: bytes | None
    ) -> tuple[list[dict[str, Any]], bytes | None]:
        page_size = self.settings.page_size or None
        with self._speaking() as connection:
            connection.search(
                base_dn,
                search_filter,
                SUBTREE,
                DEREF_NEVER,
                attributes=list(attributes),
                paged_size=page_size,
                paged_criticality=True,
                paged_cookie=cookie,
            )
            result, response = connection.result, connection.response
        _require_success(result)
        paging = result.get("controls", {}).get(PAGED_RESULTS)
        return response, paging["value"]["cookie"] if paging else None

    @contextmanager
    def _speaking(self) -> Iterator[Connection]:
        """Lend the connection, and say what went wrong in our own words."""
        connection = self._connected()
        try:
            yield connection
        except FAILURES as error:
            failed = ldap_errors.of_exception(error, self.settings.url)
            if failed.concerns_server:
                self.close()
            raise failed from error

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = _sign_in(self.settings)
        return self._connection


class VerifyingTls(Tls):
    """TLS by the standard library's own checks, that remembers why a handshake failed."""

    def __init__(self, settings: LdapSettings) -> None:
        super().__init__()
        self.settings = settings
        self.problem = ""

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:
        """Encrypt the connection's socket, checking the certificate and its host name."""
        try:
            connection.socket = self._context().wrap_socket(
                connection.socket, server_hostname=self.settings.host
            )
        except (OSError, ValueError) as error:
            self.problem = str(error)
            raise OSError(self.problem) from error

    def _context(self) -> ssl.SSLContext:
        trusted = self.settings.ca_certificates
        if "-----BEGIN" in trusted:
            context = ssl.create_default_context(cadata=trusted)
        elif trusted:
            context = ssl.create_default_context(cadata=Path(trusted).read_text())
        else:
            context = ssl.create_default_context()
        if not self.settings.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _sign_in(settings: LdapSettings) -> Connection:
    """Open a connection, encrypt it, and only then send the password."""
    tls = VerifyingTls(settings)
    server = Server(
        settings.host,
        settings.port,
        use_ssl=settings.is_ldaps,
        tls=tls,
        get_info=NONE,
        connect_timeout=settings.connect_timeout,
    )
    connection = Connection(
        server,
        settings.bind_dn or None,
        settings.password or None,
        auto_referrals=False,
        check_names=False,
        raise_exceptions=True,
        receive_timeout=settings.receive_timeout,
        return_empty_attributes=False,
    )
    try:
        connection.open(read_server_info=False)
        if settings.start_tls and not settings.is_ldaps:
            _start_tls(connection)
        connection.bind(read_server_info=False)
    except FAILURES as error:
        _close_socket(connection)
        if tls.problem:
            raise _tls_failed(settings, tls.problem) from error
        raise ldap_errors.of_exception(error, settings.url) from error
    return connection


def _start_tls(connection: Connection) -> None:
    try:
        connection.start_tls(read_server_info=False)
    except LDAPOperationResult as error:
        connection.server.tls.problem = f"the server does not offer StartTLS ({error.description})"
        raise


def _close_socket(connection: Connection) -> None:
    """Close what ldap3 leaves open when connecting failed or the server went away."""
    if connection.socket is not None:
        connection.socket.close()


def _tls_failed(settings: LdapSettings, problem: str) -> LdapFailed:
    return LdapFailed(
        "tls_failed",
        f"No safe connection to {settings.url} could be made: {problem}.",
        concerns_server=True,
    )


def _require_success(result: Mapping[str, Any]) -> None:
    """Raise what ldap3 does not: a limit that cut the answer short, and a referral."""
    if result["result"] != results.RESULT_SUCCESS:
        raise ldap_errors.of_result(result["result"], str(result["message"]))


def _entry(found: Mapping[str, Any]) -> Entry:
    raw = found["raw_attributes"]
    return Entry(found["dn"], {name.lower(): values for name, values in raw.items()})
