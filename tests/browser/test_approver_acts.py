"""What approvers do beside deciding, in a real browser: ask, stand in, hand over, end."""

import pytest

from entitlements.models import Assignment, Inquiry
from entitlements.requests import deciding, dialogue, operations, standing_in
from entitlements.requests.states import RequestState
from tests.browser.sights import look
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    UserFactory,
)


@pytest.fixture
def ana(site):
    return UserFactory(display_name="Ana Diaz", department="Sales", job_title="Analyst")


@pytest.fixture
def bo(site):
    return UserFactory(display_name="Bo Chen", department="Finance")


@pytest.fixture
def gita(site):
    return UserFactory(display_name="Gita Rao", department="Finance")


@pytest.fixture
def asked(ana, bo):
    """Ana asks for Sales Analyst, about which Bo decides."""
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(name="Sales Analyst"))
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    return operations.submit(policy, by=ana, justification="For the June close.")


@pytest.fixture
def viewed_by(open_context, sign_in):
    """A page of its own for somebody."""
    return lambda user, **options: sign_in(open_context(**options).new_page(), user)


def test_every_page_passes_axe_and_fits(viewed_by, axe, shot, ana, bo, gita, asked):
    other = AssignmentPolicyFactory(package=AccessPackageFactory(name="Ledger"))
    ApprovalStageFactory(policy=other, position=1, approvers=[bo])
    given = deciding.approve(operations.submit(other, by=ana), by=bo).assignment
    standing_in.delegate(gita, by=bo)
    standing_in.delegate(bo, by=ana)
    dialogue.ask(asked, "Which ledger do you need, and until when?", by=bo)
    pages = {
        "inbox": (bo, "/approvals/"),
        "ask": (bo, f"/approvals/{asked.pk}/?panel=ask"),
        "decided": (bo, "/approvals/decided/"),
        "end": (bo, f"/approvals/access/{given.pk}/end/"),
        "hand-over": (bo, f"/approvals/{asked.pk}/hand-over/"),
        "stand-in": (bo, "/approvals/delegation/"),
        "asked": (ana, f"/requests/{asked.pk}/"),
    }
    found = []
    for name, (user, path) in pages.items():
        page = viewed_by(user)
        page.goto(path)
        found += look(page, f"acts-{name}", axe, shot)
    assert found == []


def test_a_question_is_asked_and_answered(viewed_by, axe, ana, bo, asked):
    bos, anas = viewed_by(bo), viewed_by(ana)
    bos.goto("/approvals/")
    own = bos.locator(f"#request-{asked.pk}")
    own.get_by_text("Ask…").click()
    own.get_by_label("Your question to Ana Diaz").fill("Which ledger?")
    assert axe(bos) == []
    own.get_by_role("button", name="Send question").click()
    own.get_by_text("We sent your question to Ana Diaz.").wait_for()
    assert own.get_by_role("button", name="Approve", exact=True).is_visible()
    assert axe(bos) == []

    anas.goto(f"/requests/{asked.pk}/")
    assert anas.get_by_role("heading", name="Bo Chen asks you").is_visible()
    anas.get_by_label("Your answer").fill("The euro one.")
    anas.get_by_role("button", name="Send answer").click()
    anas.get_by_text("Your answer was sent.").wait_for()
    assert "You answered:" in anas.locator(".timeline").inner_text()
    assert axe(anas) == []

    bos.goto("/approvals/")
    assert "The euro one." in own.inner_text()
    assert Inquiry.objects.get().answered_by == ana


def test_a_stand_in_is_chosen_and_decides(viewed_by, axe, ana, bo, gita, asked):
    bos, gitas = viewed_by(bo), viewed_by(gita)
    bos.goto("/approvals/delegation/")
    bos.get_by_label("Who?").press_sequentially("gita")
    bos.get_by_label("Gita Rao").check()
    bos.get_by_label("Also what waits for me now").check()
    bos.get_by_role("button", name="Let them stand in").click()
    bos.get_by_text("Gita Rao stands in for you.").wait_for()
    assert axe(bos) == []

    gitas.goto("/approvals/")
    own = gitas.locator(f"#request-{asked.pk}")
    assert "for Bo Chen" in own.inner_text()
    assert axe(gitas) == []
    own.get_by_role("button", name="Approve", exact=True).click()
    own.locator(".notice").first.wait_for()

    anas = viewed_by(ana)
    anas.goto(f"/requests/{asked.pk}/")
    assert "Gita Rao approved for Bo Chen (stand-in)." in anas.locator(".timeline").inner_text()


def test_a_turn_is_handed_over(viewed_by, axe, bo, gita, asked):
    bos, gitas = viewed_by(bo), viewed_by(gita)
    bos.goto("/approvals/")
    bos.get_by_text("Hand over…").click()
    bos.get_by_label("Who?").press_sequentially("gita")
    bos.get_by_label("Gita Rao").check()
    bos.get_by_label("Why?").fill("I am on leave.")
    assert axe(bos) == []
    bos.get_by_role("button", name="Hand over").click()
    bos.get_by_text("Gita Rao decides about Sales Analyst for Ana Diaz now.").wait_for()

    gitas.goto("/approvals/")
    gitas.get_by_role("button", name="Approve", exact=True).click()
    gitas.locator(".notice").first.wait_for()
    asked.refresh_from_db()
    assert asked.state == RequestState.DELIVERING


def test_what_was_approved_is_ended_with_a_reason(viewed_by, axe, bo, asked):
    deciding.approve(asked, by=bo)
    bos = viewed_by(bo)
    bos.goto("/approvals/decided/")
    assert axe(bos) == []
    bos.get_by_role("link", name="End access…").click()
    bos.get_by_label("Why?").fill("He changed teams.")
    assert axe(bos) == []
    bos.get_by_role("button", name="End access").click()
    bos.get_by_text("You ended Sales Analyst for Ana Diaz.").wait_for()

    assert Assignment.objects.get().end_reason == "revoked"
    assert bos.get_by_role("link", name="End access…").count() == 0
