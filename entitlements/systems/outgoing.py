"""Calls to addresses that owners enter: public addresses only, within a time and a size.

The check stands where the connection is made: a name is looked up once, each of its addresses is
judged, and one of those is connected to. So it cannot be passed by a name that changes its
address between two look-ups. Redirects are not followed.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore2
from django.conf import settings

from entitlements.decisions import Decision, Reason, collect

SECONDS: Final = 20.0
"""How long one call may take as a whole: looking up aside, from connecting to the last byte."""
LONGEST_ANSWER: Final = 64 * 1024
LONGEST_ADDRESS: Final = 1000

Address = IPv4Address | IPv6Address

GLOBAL_IPV6: Final = IPv6Network("2000::/3")
NAT64: Final = IPv6Network("64:ff9b::/96")

ERRORS: Final[dict[type[Exception], tuple[str, str]]] = {
    httpcore2.TimeoutException: ("timeout", "It did not answer in time."),
    httpcore2.NetworkError: ("no_connection", "It could not be reached"),
    httpcore2.ProtocolError: ("not_http", "It did not answer as a web server does"),
}


class OutgoingError(Exception):
    """A call brought no answer; `code` and the text say why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    seconds: float = SECONDS,
    longest: int = LONGEST_ANSWER,
) -> Answer:
    """Send `body` and return the whole answer; raises OutgoingError when none is to be had."""
    backend = _Backend(is_encrypted=url.startswith("https:"), ends_at=time.monotonic() + seconds)
    context = ssl.create_default_context()
    try:
        with (
            httpcore2.ConnectionPool(ssl_context=context, network_backend=backend) as pool,
            pool.stream("POST", url, headers=[*headers.items()], content=body) as response,
        ):
            return Answer(response.status, _read(response.iter_stream(), longest))
    except tuple(ERRORS) as error:
        code, text = next(words for kind, words in ERRORS.items() if isinstance(error, kind))
        detail = f": {error}." if str(error) and not text.endswith(".") else ""
        raise OutgoingError(code, f"{text}{detail}"[:300]) from error


def address_fits(url: str) -> Decision:
    """Say what speaks against an address without looking its name up; a call says the rest."""
    return collect((_address_reason(url),))


def _address_reason(url: str) -> Reason | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not host or not is_plain or port == 0 or len(url) > LONGEST_ADDRESS:
        return Reason(
            "url_unusable",
            "This is not the address of a web server.",
            "Give one that begins with https://.",
        )
    if parts.scheme not in ("https", "http"):
        return Reason(
            "url_unusable",
            "The address must begin with https://.",
            "Give one that begins with https://.",
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        return Reason(
            "url_has_more",
            "The address must hold no user name, password or # part.",
            "The calls are signed instead.",
        )
    try:
        judge(ip_address(host), is_encrypted=parts.scheme == "https")
    except OutgoingError as error:
        return Reason(error.code, str(error), "An administrator decides which networks are.")
    except ValueError:
        return None if parts.scheme == "https" or settings.CALLOUT_ALLOWED_NETWORKS else _PLAIN
    return None


_PLAIN: Final = Reason(
    "url_not_encrypted", "The address must begin with https://.", "Give one that does."
)


def judge(address: Address, *, is_encrypted: bool) -> None:
    """Raise OutgoingError unless an address may be called.

    The networks in the setting CALLOUT_ALLOWED_NETWORKS may be, and without encryption too;
    of all others only public addresses, encrypted.
    """
    address = _plain(address)
    if any(address in network for network in settings.CALLOUT_ALLOWED_NETWORKS):
        return
    if not _is_public(address):
        raise OutgoingError("address_refused", f"{address} is not a public address.")
    if not is_encrypted:
        raise OutgoingError("not_encrypted", "Public addresses are called by https:// only.")


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, if it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in GLOBAL_IPV6:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class _Backend(httpcore2.NetworkBackend):
    """Connects to addresses that were judged, and keeps a call within its time."""

    def __init__(self, *, is_encrypted: bool, ends_at: float) -> None:
        self._is_encrypted = is_encrypted
        self._ends_at = ends_at
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = look_up(host, port)
        for address in addresses:
            judge(address, is_encrypted=self._is_encrypted)
        *others, last = addresses
        for address in others:
            try:
                return self._connect(address, port)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self._connect(last, port)

    def _connect(self, address: Address, port: int) -> httpcore2.NetworkStream:
        left = seconds_left(self._ends_at)
        return _Stream(self._plain.connect_tcp(str(address), port, left), self._ends_at)


class _Stream(httpcore2.NetworkStream):
    """A connection of which every step ends when the time of the whole call is over."""

    def __init__(self, stream: httpcore2.NetworkStream, ends_at: float) -> None:
        self._stream = stream
        self._ends_at = ends_at

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, seconds_left(self._ends_at))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, seconds_left(self._ends_at))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = seconds_left(self._ends_at)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._ends_at)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def look_up(host: str, port: int) -> list[Address]:
    """Return every address of a name, each once; raises OutgoingError when it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OutgoingError("name_unknown", f"There is no such name: {host}.") from error
    texts = dict.fromkeys(str(entry[4][0]) for entry in found)
    return [ip_address(text.partition("%")[0]) for text in texts]


def seconds_left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout
    return left


def _read(chunks: Iterable[bytes], longest: int) -> bytes:
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) > longest:
            raise OutgoingError("answer_too_long", f"The answer is longer than {longest:,} bytes.")
    return body
