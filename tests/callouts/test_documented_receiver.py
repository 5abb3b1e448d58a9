"""The receiver in the documents is run as it stands there."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from datetime import timedelta

import pytest
from django.conf import settings

from entitlements.callouts.models import Callout
from entitlements.catalog.extensions import change_secret
from entitlements.models import AccessRequest, ApprovalStep
from entitlements.policies.answered_stages import read_stage
from entitlements.policies.stage_terms import answer_fits
from entitlements.requests import operations
from portal.manage.views.extensions import APPROVAL_STAGE
from tests.factories import (
    AssignmentPolicyFactory,
    CustomExtensionFactory,
    GroupFactory,
    UserFactory,
)
from tests.receivers import LOOPBACK

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("real_time")]


@pytest.fixture
def documented(tmp_path):
    """Start the documented receiver with a secret, and return its address."""
    text = (settings.BASE_DIR / "docs" / "custom-extensions.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    script = tmp_path / "receiver.py"
    script.write_text(program)
    running = []

    def start(secret):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**os.environ, "EXTENSION_SECRET": secret, "PORT": str(port)}
        process = subprocess.Popen(
            [sys.executable, str(script)], env=environment, stderr=subprocess.DEVNULL
        )
        running.append(process)
        for _ in range(100):
            with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port))):
                return f"http://127.0.0.1:{port}/"
            time.sleep(0.1)
        raise AssertionError("The receiver does not listen.")

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_the_documented_receiver_checks_messages_and_answers(
    ada, gita, appoint, documented, live_server, settings, run_queue
):
    settings.CALLOUT_ALLOWED_NETWORKS = LOOPBACK
    settings.PORTAL_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]
    policy = AssignmentPolicyFactory()
    appoint(gita, policy.package.catalog)
    extension = CustomExtensionFactory(
        policy=policy, stages=["created"], waits_for=timedelta(days=1)
    )
    secret = change_secret(extension, by=gita, overlap_hours=1)
    extension.refresh_from_db()
    extension.url = documented(secret)
    extension.save()

    operations.submit(policy, by=ada)
    run_queue()

    for _ in range(100):
        if Callout.objects.get().state == "done":
            break
        time.sleep(0.1)
    callout = Callout.objects.get()
    assert (callout.state, callout.detail) == ("done", "Ticket for Ada Lovelace is closed.")
    run_queue()
    assert AccessRequest.objects.get().state == "delivered"


def test_the_documented_receiver_says_who_approves(
    ada, gita, appoint, documented, live_server, settings, run_queue, decide
):
    settings.CALLOUT_ALLOWED_NETWORKS = LOOPBACK
    settings.PORTAL_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]
    UserFactory(display_name="Hugo Weiss", email="duty@example.com")
    policy = AssignmentPolicyFactory()
    appoint(gita, policy.package.catalog)
    extension = decide(policy)
    secret = change_secret(extension, by=gita, overlap_hours=1)
    extension.refresh_from_db()
    extension.url = documented(secret)
    extension.save()

    operations.submit(policy, by=ada)
    run_queue()

    for _ in range(100):
        if Callout.objects.get().state == "done":
            break
        time.sleep(0.1)
    step = ApprovalStep.objects.get(state="waiting")
    assert [str(user) for user in step.approvers.all()] == ["Hugo Weiss"]
    assert (step.decision_days, step.requires_justification) == (2, True)


@pytest.mark.parametrize("where", ["docs", "page"])
def test_the_documented_stage_is_one_that_can_be_read(where, gita):
    text = (settings.BASE_DIR / "docs" / "custom-extensions.md").read_text()
    examples = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (example,) = (
        [one for one in examples if "approvalStage" in one] if where == "docs" else [APPROVAL_STAGE]
    )
    team = GroupFactory(members=[gita])
    known = example.replace("5e0c…", str(team.pk)).replace('"id": "…"', f'"id": "{team.pk}"')
    known = known.replace("gita@example.com", gita.email).replace(
        '"email": "…"', f'"email": "{gita.email}"'
    )

    terms, reasons = read_stage(json.loads(known)["approvalStage"])

    assert reasons == []
    assert list(answer_fits(terms, "The stage")) == []


def test_the_documented_receiver_takes_nothing_that_is_signed_otherwise(
    ada, documented, settings, run_queue
):
    settings.CALLOUT_ALLOWED_NETWORKS = LOOPBACK
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    policy = AssignmentPolicyFactory()
    CustomExtensionFactory(policy=policy, stages=["created"], url=documented(other))

    operations.submit(policy, by=ada)
    run_queue()

    assert Callout.objects.get().last_error == "It answered with status 401."
