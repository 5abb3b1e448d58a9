"""What tests of mails begin with: somebody who is asked, and a real mail server."""

import socket
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from entitlements.models import Notification
from entitlements.requests import operations
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory


class Sink:
    """A mail server that keeps what it is sent, and can be stopped and started again."""

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.letters = []
        self.refused = set()
        self.controller = None

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.refused:
            return "550 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.letters.append((envelope.rcpt_tos, message))
        return "250 Kept"

    def start(self):
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def stop(self):
        if self.controller:
            self.controller.stop()
            self.controller = None

    @property
    def ids(self):
        return sorted(message["Message-ID"] for _, message in self.letters)


@pytest.fixture
def sink(settings):
    """A mail server on loopback, to which the portal sends."""
    sink = Sink()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture
def asked(ada, bo):
    """Bo's notification that Ada asks for Sales Analyst."""
    policy = AssignmentPolicyFactory(package__name="Sales Analyst")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    operations.submit(policy, by=ada, justification="Year-end close")
    return Notification.objects.select_related("recipient").get()
