"""An owner connects a system, a request waits for it, and goes on when it answers."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from entitlements import clock, models
from entitlements.callouts.models import Callout, CalloutState
from entitlements.callouts.signing import signed_headers
from entitlements.catalog.operations import create_catalog
from entitlements.catalog.terms import CatalogTerms
from entitlements.requests import operations
from entitlements.requests.callbacks import resume
from tests.browser.scene import run_queue
from tests.browser.sights import look
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CustomExtensionFactory,
    UserFactory,
)
from tests.receivers import make_receiver, receiver

__all__ = ["make_receiver", "receiver"]

WIDE = {"width": 1366, "height": 900}
DAY = timedelta(days=1)


@pytest.fixture
def olga(site):
    return UserFactory(display_name="Olga Owner", is_superuser=True, department="Sales")


@pytest.fixture
def package(olga):
    catalog = create_catalog(CatalogTerms("Sales", "What sales uses."), by=olga)
    return AccessPackageFactory(catalog=catalog, name="Sales Analyst")


def test_a_system_is_connected_waited_for_and_answers(
    open_context, sign_in, axe, site, olga, ada, package, receiver, settings
):
    settings.PORTAL_URL = site
    policy = AssignmentPolicyFactory(package=package, name="Employees")
    page = sign_in(open_context(viewport=WIDE).new_page(), olga)

    page.goto(reverse("manage:catalog", args=[package.catalog.pk]))
    page.get_by_role("link", name="Add extension").click()
    page.get_by_label("Name").fill("Ticket system")
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_label("Call it and wait for its answer").check()
    page.get_by_label("How long we wait for its answer").fill("2")
    page.get_by_label("The request is denied").check()
    assert axe(page) == []
    page.get_by_role("button", name="Create extension").click()
    assert page.locator("#secret").inner_text().startswith("whsec_")
    assert axe(page) == []
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("button", name="Make a test call").click()
    run_queue()
    page.reload()
    assert page.get_by_role("row", name="Ticket system").get_by_text("Done").is_visible()
    assert axe(page) == []

    page.goto(reverse("manage:policy", args=[policy.pk]))
    group = page.get_by_role("group", name="Ticket system")
    group.get_by_label("Access is asked for").check()
    assert axe(page) == []
    page.get_by_role("button", name="Save policy").click()
    page.get_by_text("Saved.").wait_for()

    access_request = operations.submit(policy, by=ada)
    run_queue()
    mine = sign_in(open_context(viewport=WIDE).new_page(), ada)
    mine.goto(reverse("requests:detail", args=[access_request.pk]))
    assert mine.get_by_text("It waits for information from Ticket system.").is_visible()
    assert axe(mine) == []

    call = receiver.calls[-1].json["data"]
    body = json.dumps({"callout": call["callout"], "detail": "Ticket 4711 is closed."}).encode()
    keys = models.CustomExtension.objects.get().secrets()
    headers = signed_headers(keys, "msg-1", body, moment=clock.now())
    answer = mine.request.post(call["resume_url"], data=body, headers=headers)
    assert (answer.status, answer.json()["state"]) == (200, "done")
    run_queue()
    mine.reload()
    assert mine.get_by_text("Ticket system answered.").is_visible()
    assert mine.get_by_text("Ticket 4711 is closed.").first.is_visible()
    assert mine.get_by_text("Everything is set up.").first.is_visible()
    assert axe(mine) == []


def test_every_page_about_extensions_is_fit_to_be_seen(
    open_context, sign_in, axe, shot, olga, ada, bo, gita, package
):
    policy = AssignmentPolicyFactory(package=package, name="Employees")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    stages = ["created", "approved", "granted"]
    tickets = CustomExtensionFactory(
        policy=policy, stages=stages, name="Ticket system", waits_for=3 * DAY, on_timeout="deny",
        description="Opens a ticket for everything that is set up by hand.",
    )  # fmt: skip
    CustomExtensionFactory(policy=policy, stages=["created"], name="Training records")
    CustomExtensionFactory(catalog=package.catalog, kind="pre_expiration", name="Reminders")
    waiting = operations.submit(policy, by=ada)
    answered = operations.submit(policy, by=gita, justification="Year-end close")
    operations.submit(policy, by=UserFactory(display_name="Nia New"))
    calls = Callout.objects.filter(extension=tickets).order_by("created_at")
    resume(calls[1], answer_id="m", detail="Gita has passed the training of last spring.")
    Callout.objects.filter(pk=calls[2].pk).update(
        state=CalloutState.GIVEN_UP, attempts=7, next_attempt_at=None,
        last_error="It answered with status 500.",
    )  # fmt: skip
    page = sign_in(open_context().new_page(), olga)
    addresses = {
        "catalog": reverse("manage:catalog", args=[package.catalog.pk]),
        "extension": reverse("manage:extension", args=[tickets.pk]),
        "edit": reverse("manage:extension_edit", args=[tickets.pk]),
        "secret": reverse("manage:extension_secret", args=[tickets.pk]),
        "delete": reverse("manage:extension_delete", args=[tickets.pk]),
        "policy": reverse("manage:policy", args=[policy.pk]),
        "calls": reverse("manage:calls"),
        "answer": reverse("manage:callout_answer", args=[calls[0].pk]),
        "waiting": reverse("requests:detail", args=[waiting.pk]),
    }
    found = []
    for title, address in addresses.items():
        page.goto(address)
        found += look(page, f"extensions-{title}", axe, shot)
    page = sign_in(open_context().new_page(), bo)
    page.goto(reverse("approvals:detail", args=[answered.pk]))
    found += look(page, "extensions-approval", axe, shot)
    assert found == []
