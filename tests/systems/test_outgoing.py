import socket
import time
from ipaddress import ip_address, ip_network

import pytest

from entitlements.systems import outgoing
from entitlements.systems.outgoing import OutgoingError, address_fits, judge, post
from tests.certificates import Authority
from tests.receivers import (
    LOOPBACK,
    answers,
    dies_in_mid_answer,
    drips,
    hangs_up,
    huge,
    make_receiver,
    never_answers,
    receiver,
    redirects_to,
    says,
    speaks_no_http,
)

__all__ = ["make_receiver", "receiver"]

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "2002:a00:1::",
    "2001:db8::1",
    "2001::a00:1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "0",
    "0.0.0.0",
    "localhost",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
]


def code(url, **options):
    with pytest.raises(OutgoingError) as error:
        post(url, b"{}", {}, **options)
    return error.value.code


def resolve_to(monkeypatch, *answers):
    """Let names have these addresses, one list for each time somebody looks them up."""
    asked = []
    real = socket.getaddrinfo

    def look_up(host, port, *arguments, **options):
        if host[0].isdigit() or ":" in host:
            return real(host, port, *arguments, **options)
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [entry for one in addresses for entry in real(one, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_what_is_posted_arrives_and_the_answer_comes_back(receiver):
    receiver.answer = says({"state": "fine"})

    answer = post(receiver.url, b'{"a": 1}', {"webhook-id": "one"})

    assert (answer.status, answer.body, answer.is_success) == (200, b'{"state": "fine"}', True)
    (call,) = receiver.calls
    assert (call.path, call.id, call.json) == ("/hook", "one", {"a": 1})
    assert call.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_inside_is_called(address):
    with pytest.raises(OutgoingError) as error:
        judge(ip_address(address), is_encrypted=True)

    assert error.value.code == "address_refused"


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_called_encrypted_only(address):
    judge(ip_address(address), is_encrypted=True)

    with pytest.raises(OutgoingError) as error:
        judge(ip_address(address), is_encrypted=False)

    assert error.value.code == "not_encrypted"


@pytest.mark.parametrize("host", SPELLINGS)
def test_this_machine_is_not_reached_however_its_address_is_spelled(make_receiver, host):
    listening = make_receiver()

    assert code(listening.url_at(host)) in ("address_refused", "name_unknown")
    assert listening.calls == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1"])
def test_the_same_spellings_reach_a_network_that_is_allowed(receiver, host):
    assert post(receiver.url_at(host), b"{}", {}).is_success


def test_an_allowed_network_allows_no_other(make_receiver, settings):
    settings.CALLOUT_ALLOWED_NETWORKS = [ip_network("10.0.0.0/8")]

    assert code(make_receiver().url) == "address_refused"
    judge(ip_address("::ffff:10.1.1.1"), is_encrypted=False)


def test_a_name_with_one_address_inside_is_refused_as_a_whole(monkeypatch, make_receiver):
    listening = make_receiver()
    resolve_to(monkeypatch, ["93.184.216.34", "127.0.0.1"])

    assert code(f"https://hooks.example:{listening.port}/") == "address_refused"
    assert listening.calls == []


def test_a_name_is_looked_up_once_so_that_it_cannot_change_meanwhile(monkeypatch, make_receiver):
    """The second answer of the name server, to be had after the check, leads inside."""
    listening = make_receiver()
    asked = resolve_to(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    connected = []

    def connect(self, host, port, timeout=None, **options):
        connected.append(host)
        raise outgoing.httpcore2.ConnectTimeout

    monkeypatch.setattr(outgoing.httpcore2.SyncBackend, "connect_tcp", connect)

    assert code(f"https://hooks.example:{listening.port}/") == "timeout"
    assert asked == ["hooks.example"]
    assert connected == ["93.184.216.34"]
    assert listening.calls == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(receiver, make_receiver, status):
    inside = make_receiver()
    receiver.answer = redirects_to(inside.url, status)

    answer = post(receiver.url, b"{}", {})

    assert (answer.status, answer.is_success) == (status, False)
    assert inside.calls == []


def test_the_next_address_of_a_name_is_tried_when_one_is_dead(monkeypatch, receiver, settings):
    resolve_to(monkeypatch, ["127.0.0.2", "127.0.0.1"])

    assert post(receiver.url_at("hooks.example"), b"{}", {}).is_success
    assert receiver.calls[0].headers["host"] == f"hooks.example:{receiver.port}"


@pytest.mark.parametrize(
    ("misbehaves", "expected"),
    [
        (dies_in_mid_answer, "not_http"),
        (speaks_no_http, "not_http"),
        (huge, "answer_too_long"),
        (drips, "timeout"),
    ],
)
def test_what_is_no_answer_says_why(receiver, misbehaves, expected):
    receiver.answer = misbehaves

    assert code(receiver.url, seconds=1.0) == expected


def test_who_hangs_up_has_not_answered(receiver):
    receiver.answer = hangs_up

    assert code(receiver.url) in ("not_http", "no_connection")


def test_a_slow_one_is_not_waited_for(receiver):
    receiver.answer = never_answers(receiver)
    began = time.monotonic()

    assert code(receiver.url, seconds=0.3) == "timeout"
    assert time.monotonic() - began < 5


def test_a_call_without_any_time_left_is_not_made(receiver):
    assert code(receiver.url, seconds=0) == "timeout"
    assert receiver.calls == []


def test_nobody_listens(make_receiver, settings):
    settings.CALLOUT_ALLOWED_NETWORKS = LOOPBACK
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert code(f"http://127.0.0.1:{unused.getsockname()[1]}/") == "no_connection"


def test_a_name_that_does_not_exist(settings):
    assert code("https://nobody.invalid/") == "name_unknown"
    assert code(f"https://{'a' * 64}.example/") == "name_unknown"


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """Files with certificate and key for names, signed by an authority that is trusted."""
    authority = Authority()
    trusted = tmp_path / "authority.pem"
    trusted.write_text(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    def certify(*names):
        files = [tmp_path / f"{names[0]}.{part}" for part in ("crt", "key")]
        for file, text in zip(files, authority.issue(*names), strict=True):
            file.write_text(text)
        return files

    return certify


def test_encrypted_calls_check_the_name_and_not_the_address(
    certified, make_receiver, monkeypatch, settings
):
    settings.CALLOUT_ALLOWED_NETWORKS = LOOPBACK
    resolve_to(monkeypatch, ["127.0.0.1"])
    right = make_receiver(certified("hooks.example"))
    wrong = make_receiver(certified("other.example"))
    right.answer = answers(204)

    assert post(right.url_at("hooks.example"), b"{}", {}).status == 204
    assert code(wrong.url_at("hooks.example")) == "no_connection"
    assert wrong.calls == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hooks.example/a?b=c", set()),
        ("https://hooks.example:8443/", set()),
        ("https://93.184.216.34/", set()),
        ("http://hooks.example/", {"url_not_encrypted"}),
        ("http://93.184.216.34/", {"not_encrypted"}),
        ("https://10.0.0.1/", {"address_refused"}),
        ("https://[::1]/", {"address_refused"}),
        ("ftp://hooks.example/", {"url_unusable"}),
        ("https://hooks.example:0/", {"url_unusable"}),
        ("https://hooks.example:x/", {"url_unusable"}),
        ("https://hooks .example/", {"url_unusable"}),
        ("https:///path", {"url_unusable"}),
        ("https://höoks.example/", {"url_unusable"}),
        ("https://hooks.example/" + "a" * 1000, {"url_unusable"}),
        ("https://[::1/", {"url_unusable"}),
        ("", {"url_unusable"}),
        ("https://name:word@hooks.example/", {"url_has_more"}),
        ("https://hooks.example/#part", {"url_has_more"}),
    ],
)
def test_an_address_is_judged_as_far_as_it_can_be_read(url, expected):
    assert address_fits(url).codes == expected


def test_with_a_network_of_ones_own_names_may_be_called_unencrypted(settings):
    settings.CALLOUT_ALLOWED_NETWORKS = LOOPBACK

    assert address_fits("http://tickets.internal/")
    assert address_fits("http://127.0.0.1:8080/")
