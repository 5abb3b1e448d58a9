"""Deciding in a real browser: in place, together, from a mail, by keyboard, and without script."""

import re
from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.models import AccessRequest, Assignment, Notification, ResourceRole
from entitlements.notifications.rendering import render
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestState
from tests.browser.sights import look
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    UserFactory,
)

LONG_NAME = "Maximiliane Konstantinopolski von und zu Hohenlohe-Langenburg"


@pytest.fixture
def bo(site):
    return UserFactory(display_name="Bo Chen", department="Finance")


@pytest.fixture
def gita(site):
    return UserFactory(display_name="Gita Rao", department="Finance")


@pytest.fixture
def ask(bo, gita):
    """Ask for a package of its own, for which Bo and Gita are asked."""

    def ask(name, package, *, privileged=False, then=(), **person):
        policy = AssignmentPolicyFactory(package=AccessPackageFactory(name=package))
        ApprovalStageFactory(policy=policy, position=1, approvers=[bo, gita])
        for position, approvers in enumerate(then, start=2):
            ApprovalStageFactory(policy=policy, position=position, approvers=approvers)
        roles = ResourceRole.objects.filter(packages=policy.package)
        roles.update(is_privileged=privileged)
        by = UserFactory(display_name=name, department="Sales", manager=gita, **person)
        return operations.submit(policy, by=by, justification=f"{package}, for the June close.")

    return ask


@pytest.fixture
def inbox(ask, gita):
    """Three requests that wait, one of them privileged, and one that is decided."""
    analyst = ask("Ana Diaz", "Sales Analyst", then=[[gita]], job_title="Analyst")
    payments = ask("Hugo Weiss", "Sales Payments", privileged=True)
    site = ask(LONG_NAME, "Team Site", job_title="Head of a department with a long name")
    AssignmentFactory(policy=analyst.policy, target__department="Sales")
    deciding.deny_request(ask("Eli Weiss", "Ledger"), by=gita, justification="Ask your lead.")
    return analyst, payments, site


@pytest.fixture
def bos(page, sign_in, bo):
    return sign_in(page, bo)


def card(page, access_request):
    return page.locator(f"#request-{access_request.pk}")


def state_of(access_request):
    return AccessRequest.objects.get(pk=access_request.pk).state


def test_every_page_passes_axe_and_fits(page, sign_in, axe, shot, inbox, bo):
    sign_in(page, bo)
    analyst, payments, site = inbox
    chosen = "&".join(f"request={one.pk}" for one in inbox)
    pages = {
        "inbox": "/approvals/",
        "decided": "/approvals/decided/",
        "detail": f"/approvals/{analyst.pk}/",
        "detail-shorten": f"/approvals/{analyst.pk}/?panel=shorten",
        "detail-privileged": f"/approvals/{payments.pk}/?panel=deny",
        "confirm": f"/approvals/{site.pk}/confirm/?choice=approve",
        "confirm-deny": f"/approvals/{site.pk}/confirm/?choice=deny",
        "together": f"/approvals/decide/?choice=approve&{chosen}",
        "stale": "/approvals/mail/nonsense/",
        "notifications": "/notifications/",
    }
    found = []
    for name, path in pages.items():
        page.goto(path)
        found += look(page, f"approver-{name}", axe, shot)
    assert found == []


def test_empty_pages_pass_axe(bos, axe, shot):
    for name in ("approvals", "approvals/decided", "notifications"):
        bos.goto(f"/{name}/")
        shot(bos, f"approver-empty-{name.replace('/', '-')}")
        assert axe(bos) == []


def test_a_card_is_approved_in_place_and_says_so(bos, axe, inbox):
    analyst, _, _ = inbox
    bos.goto("/approvals/")

    card(bos, analyst).get_by_role("button", name="Approve", exact=True).click()

    notice = card(bos, analyst).locator(".notice")
    notice.wait_for()
    assert "Stage 2 of 2 is asked now." in notice.inner_text()
    assert "2 left." in bos.locator("#messages").inner_text()
    assert notice.evaluate("element => element.contains(document.activeElement)")
    assert card(bos, analyst).get_by_role("button").count() == 0
    assert axe(bos) == []
    assert analyst.steps.get(position=1).state == "approved"


def test_approving_for_less_and_denying_unfold_one_at_a_time(bos, axe, inbox):
    analyst, _, site = inbox
    bos.goto("/approvals/")
    own = card(bos, site)

    own.get_by_text("Deny…").click()
    own.get_by_role("button", name="Deny request").wait_for()
    assert own.locator("textarea").evaluate("it => it === document.activeElement")
    assert own.get_by_role("checkbox").is_visible()
    own.get_by_text("Approve for less…").click()
    own.get_by_role("button", name="Approve until then").wait_for()
    assert own.get_by_role("button", name="Deny request").count() == 0
    assert axe(bos) == []
    day = (clock.today_begins() + timedelta(days=5)).date()
    own.get_by_label("Until the end of").fill(day.isoformat())
    own.get_by_role("button", name="Approve until then").click()
    own.locator(".notice.tone-ok").wait_for()

    other = card(bos, analyst)
    other.get_by_text("Deny…").click()
    other.get_by_label("Reason").fill("  ")
    other.get_by_role("button", name="Deny request").click()
    other.locator(".invalid-feedback").wait_for()
    assert "Say why." in other.inner_text()
    assert axe(bos) == []
    assert other.locator("textarea[aria-invalid]").evaluate("it => it === document.activeElement")
    other.locator("textarea[aria-invalid]").fill("Ask your lead first.")
    other.get_by_role("button", name="Deny request").click()
    other.locator(".notice.tone-ok").wait_for()

    assert Assignment.objects.get(target=site.target).ends_at == clock.day_ends(day)
    assert state_of(analyst) == RequestState.DENIED


def test_whoever_is_too_late_sees_in_the_card_who_was_faster(bos, axe, inbox, gita):
    analyst, _, _ = inbox
    bos.goto("/approvals/")
    deciding.deny_request(analyst, by=gita, justification="Not needed.")

    card(bos, analyst).get_by_role("button", name="Approve", exact=True).click()

    card(bos, analyst).locator(".notice").wait_for()
    assert "Gita Rao denied it" in card(bos, analyst).inner_text()
    assert axe(bos) == []


def test_several_are_decided_together_after_one_look(bos, axe, shot, inbox):
    analyst, payments, site = inbox
    bos.goto("/approvals/")
    assert bos.get_by_role("button", name="Approve selected…").is_disabled()
    assert card(bos, payments).get_by_role("checkbox").is_disabled()

    bos.get_by_label("Select all on this page").check()
    assert bos.locator("[data-select-count]").inner_text() == "2"
    bos.get_by_role("button", name="Approve selected…").click()
    bos.get_by_role("heading", name="Approve 2 requests?").wait_for()
    bos.get_by_label("Reason for all").fill("As planned")
    bos.get_by_role("button", name="Approve 2 requests").click()
    bos.get_by_role("heading", name="Done").wait_for()

    shot(bos, "approver-outcomes")
    assert axe(bos) == []
    assert state_of(payments) == RequestState.PENDING_APPROVAL
    assert state_of(site) == RequestState.DELIVERING
    assert analyst.steps.get(position=1).justification == "As planned"


def test_a_mail_is_answered_by_its_button_and_the_enter_key(bos, axe, inbox, bo, site):
    analyst, _, _ = inbox
    told = Notification.objects.select_related("recipient").get(
        event="approval.asked", recipient=bo, about_id=analyst.pk
    )
    link = re.search(r"Approve: +\S+?(/approvals/mail/\S+)", render(told).text)[1]

    bos.goto(link)
    assert "mail" not in bos.url
    assert state_of(analyst) == RequestState.PENDING_APPROVAL
    assert axe(bos) == []
    button = bos.get_by_role("button", name="Approve request")
    assert button.evaluate("it => it.getBoundingClientRect().bottom <= innerHeight")
    button.focus()
    bos.keyboard.press("Enter")
    bos.locator(".notice.tone-ok").first.wait_for()

    assert analyst.steps.get(position=1).state == "approved"


def test_everything_works_without_script(open_context, sign_in, inbox, bo):
    analyst, _, site = inbox
    page = sign_in(open_context(java_script_enabled=False).new_page(), bo)
    page.goto("/approvals/")

    card(page, site).get_by_role("button", name="Approve", exact=True).click()
    assert "1 left" not in page.locator("#messages").inner_text()
    assert "2 left." in page.locator("#messages").inner_text()
    own = card(page, analyst)
    own.get_by_text("Deny…").click()
    own.get_by_label("Reason").fill("Ask your lead first.")
    own.get_by_role("button", name="Deny request").click()

    assert "1 left." in page.locator("#messages").inner_text()
    assert state_of(site) == RequestState.DELIVERING
    assert state_of(analyst) == RequestState.DENIED


def test_a_notification_opens_its_page_and_is_read(bos, inbox):
    analyst, _, _ = inbox
    bos.goto("/notifications/")
    before = Notification.objects.unread().count()

    bos.get_by_role("button", name="Sales Analyst").click()

    assert bos.url.endswith(f"/approvals/{analyst.pk}/")
    assert Notification.objects.unread().count() == before - 1
    bos.goto("/notifications/")
    bos.get_by_role("button", name="Mark all as read").click()
    assert "marked as read" in bos.locator("#messages").inner_text()
