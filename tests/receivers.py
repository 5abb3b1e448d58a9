"""A real web server on this machine that receives calls, and can be told to misbehave."""

import json
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import pytest

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict
    body: bytes

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def json(self):
        return json.loads(self.body)


class Receiver:
    """Notes down every call; `answer` is called with the handler and sends the answer."""

    def __init__(self, context=None):
        self.calls = []
        self.answer = ok
        self.released = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.scheme = "https" if context else "http"
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.server.server_address[1]

    @property
    def url(self):
        return self.url_at("127.0.0.1")

    def url_at(self, host):
        return f"{self.scheme}://{host}:{self.port}/hook"

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.calls.append(Received(self.path, headers, body))
                self.close_connection = True
                with suppress(OSError):  # whoever called may have hung up
                    receiver.answer(self)

            def log_message(self, *arguments):
                pass

        return Handler


def send(handler, status, body=b"", **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def ok(handler):
    send(handler, 200, b"{}")


def answers(status, body=b"", **headers):
    return lambda handler: send(handler, status, body, **headers)


def redirects_to(url, status=307):
    return lambda handler: send(handler, status, location=url)


def says(document):
    return answers(200, json.dumps(document).encode())


def huge(handler):
    send(handler, 200, b"x" * 1_000_000)


def dies_in_mid_answer(handler):
    handler.send_response(200)
    handler.send_header("content-length", "100")
    handler.end_headers()
    handler.wfile.write(b"{")


def hangs_up(handler):
    handler.connection.close()


def speaks_no_http(handler):
    handler.wfile.write(b"220 mail.kestrel.example ESMTP\r\n")


def drips(handler):
    """Send a byte now and then, so that no single read takes long."""
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def never_answers(receiver):
    return lambda handler: receiver.released.wait(30)


@pytest.fixture
def make_receiver():
    receivers = []

    def make(certificate=None):
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        receivers.append(Receiver(context))
        return receivers[-1]

    yield make
    for receiver in receivers:
        receiver.stop()


@pytest.fixture
def receiver(make_receiver, settings):
    """A receiver that may be called, as an administrator would allow it."""
    settings.CALLOUT_ALLOWED_NETWORKS = LOOPBACK
    return make_receiver()
