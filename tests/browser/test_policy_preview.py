"""A policy that is edited, beside what it would do, in a real browser."""

from types import SimpleNamespace

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from entitlements import models
from entitlements.policies.models import Expiration, Scope
from entitlements.policies.operations import terms_of
from tests.browser import scene
from tests.factories import (
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    StageApproverFactory,
    UserFactory,
)

WIDTHS = {"wide": {"width": 1366, "height": 900}, "narrow": {"width": 390, "height": 844}}
SETTLING = 200  # milliseconds that colors take to change


@pytest.fixture
def company(site):
    company = scene.build()
    long = "Wilhelmina Montgomery-Wattenscheid of Wuppertal and Weimar"
    names = ("Cleo Marsh", "Finn Okoro", "Eva Lund", "Hugo Weiss", "Ida Holm", "Jon Reyes")
    desk = GroupFactory(
        name="Sales desk", members=[UserFactory(display_name=name) for name in names]
    )
    crew = AssignmentPolicyFactory(
        package=company.close,
        name="Closing crew",
        scope=Scope.SPECIFIC,
        expiration=Expiration.AFTER_DAYS,
        duration=30,
    )
    crew.allowed_groups.add(GroupFactory(name="Closing crew", members=[company.dev]))
    first = ApprovalStageFactory(
        policy=crew, position=1, manager=True, fallbacks=[company.olga], escalation_days=4
    )
    StageApproverFactory(stage=first, user=company.gita, is_alternate=True)
    many = [company.gita, *(UserFactory(display_name=f"{long} {end}") for end in "WMQ")]
    ApprovalStageFactory(policy=crew, position=2, approvers=many, decision_days=3, rule="all")
    AccessRequestFactory(policy=crew, state="pending_approval")
    return SimpleNamespace(**vars(company), crew=crew, desk=desk)


OVERFLOWING = """() => [...document.querySelectorAll(".way .box")]
    .filter(box => box.scrollHeight > box.offsetHeight || box.scrollWidth > box.offsetWidth)
    .map(box => box.textContent)"""


def fits(page):
    assert page.evaluate(OVERFLOWING) == []
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_preview_follows_what_is_typed_and_nothing_is_saved(company, page, sign_in, axe, shot):
    before = terms_of(company.crew)
    sign_in(page, company.olga).goto(reverse("manage:policy", args=[company.crew.pk]))
    preview = page.get_by_role("complementary", name="Preview")
    scope = preview.get_by_role("region", name="Who is in scope now")
    expect(scope).to_contain_text("1 person as it is saved")
    expect(preview).to_contain_text("1 request waits under what is saved; it stays so.")
    expect(preview.get_by_role("button", name="Show preview")).to_be_hidden()

    allowed = page.locator("#allowed")
    allowed.get_by_role("searchbox").fill("sales desk")
    allowed.get_by_label("Sales desk").check()
    expect(scope).to_contain_text("7 people +6 −0 against what is saved")
    expect(scope).to_contain_text("Joins: Cleo Marsh, Eva Lund, Finn Okoro and 3 more")
    scope.get_by_text("All 6 by name").click()
    expect(scope.get_by_role("listitem").filter(has_text="Jon Reyes")).to_be_visible()
    allowed.get_by_label("Closing crew").uncheck()
    expect(scope).to_contain_text("6 people +6 −1 against what is saved")
    expect(scope).to_contain_text("Leaves: Dev Patel")

    way = preview.get_by_role("img", name="The way of a request")
    expect(way).to_contain_text("For 30 days")
    page.get_by_label("How many").last.fill("45")
    expect(way).to_contain_text("For 45 days")
    page.get_by_role("combobox", name="Approval").first.select_option("0")
    expect(way).to_contain_text("No approval")
    page.get_by_role("combobox", name="Approval").first.select_option("2")
    expect(way).to_contain_text("Stage 2")

    trying = preview.get_by_role("region", name="Test a person")
    trying.get_by_role("searchbox").fill("dev")
    trying.get_by_label("Dev Patel").check()
    expect(trying).to_contain_text("Dev Patel: not in scope")
    expect(trying).to_contain_text("Neither named, nor in a group that is.")
    allowed.get_by_role("searchbox").fill("dev")
    allowed.get_by_label("Dev Patel").check()
    expect(trying).to_contain_text("Dev Patel: in scope")
    expect(trying).to_contain_text("Named in the policy.")
    assert axe(page) == []
    shot(page, "preview-typed")
    assert terms_of(company.crew) == before
    assert not models.AuditEvent.objects.filter(action="policy.changed").exists()


def test_a_template_fills_the_form_and_is_saved_only_by_its_button(
    company, page, sign_in, axe, shot
):
    count = company.close.policies.count()
    sign_in(page, company.olga).goto(reverse("manage:policy_add", args=[company.close.pk]))

    page.get_by_role("link", name="Break-glass").click()
    preview = page.get_by_role("complementary", name="Preview")
    expect(preview).to_contain_text("For 4 hours")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Break-glass")
    assert axe(page) == []
    shot(page, "preview-template")
    assert company.close.policies.count() == count
    allowed = page.locator("#allowed")
    allowed.get_by_role("searchbox").fill("sales desk")
    allowed.get_by_label("Sales desk").check()
    expect(preview).to_contain_text("6 people")
    page.get_by_role("button", name="Add policy").click()
    page.get_by_text("The policy Break-glass was added").wait_for()

    made = company.close.policies.get(name="Break-glass")
    assert (made.expiration, made.duration, made.allows_extension) == ("after_hours", 4, False)


def test_the_preview_is_shown_without_a_script(company, open_context, sign_in):
    page = sign_in(open_context(java_script_enabled=False).new_page(), company.olga)
    page.goto(reverse("manage:policy", args=[company.crew.pk]))

    page.get_by_label("All members, without guests").check()
    page.get_by_role("button", name="Show preview").click()

    scope = page.get_by_role("region", name="Who is in scope now")
    expect(scope).to_contain_text("against what is saved")
    page.get_by_role("button", name="Save policy").click()
    company.crew.refresh_from_db()
    assert company.crew.scope == Scope.ALL_MEMBERS


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_pages_fit_and_pass_axe(company, open_context, sign_in, axe, shot, width, scheme):
    context = open_context(viewport=WIDTHS[width], color_scheme=scheme)
    page = sign_in(context.new_page(), company.olga)
    new = reverse("manage:policy_add", args=[company.close.pk])
    for name, path in {
        "policy": reverse("manage:policy", args=[company.crew.pk]),
        "copy": f"{new}?copy={company.crew.pk}",
        "new": new,
    }.items():
        page.goto(path)
        page.wait_for_timeout(SETTLING)
        shot(page, f"preview-{name}-{width}-{scheme}")
        assert axe(page) == [], name
        assert fits(page), name
