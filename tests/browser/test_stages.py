"""Stages in a real browser: written by an owner, approved by two, passed on to a third."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from entitlements import clock, models, sweep
from entitlements.policies.operations import terms_of
from entitlements.requests import operations
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    StageApproverFactory,
    UserFactory,
)


@pytest.fixture
def people(site):
    names = ("Olga Owner", "Ana Diaz", "Bo Chen", "Gita Rao", "Hugo Weiss")
    return {name: UserFactory(display_name=name, department="Sales") for name in names}


@pytest.fixture
def package(people, appoint):
    catalog = CatalogFactory(name="Sales")
    appoint(people["Olga Owner"], catalog)
    return AccessPackageFactory(catalog=catalog, name="Sales Payments")


def stage(page):
    return page.get_by_role("group", name="Stage 1", exact=True)


def test_an_owner_writes_a_stage_and_is_told_where_nobody_could_decide(
    open_context, sign_in, people, package, sound
):
    page = open_context().new_page()
    sign_in(page, people["Olga Owner"])
    policy = AssignmentPolicyFactory(package=package, name="Employees")
    ApprovalStageFactory(policy=policy, position=1, approvers=[people["Bo Chen"]])
    page.goto(reverse("manage:policy", args=[policy.pk]))
    expect(page.get_by_text("Only Bo Chen decides stage 1")).to_be_visible()

    stage(page).get_by_label("Owners of the catalog").first.check()
    expect(page.get_by_text("Only Bo Chen decides stage 1")).to_be_hidden()
    stage(page).get_by_label("Who has to approve").select_option("A number of them")
    stage(page).get_by_label("How many").fill("2")
    stage(page).get_by_text("Alternates:").click()
    stage(page).get_by_label("Pass it on after so many days").fill("7")
    alternates = stage(page).get_by_role("group", name="Passed on to")
    alternates.get_by_label("Owners of the resources").check()
    stage(page).get_by_text("Reminders", exact=True).first.click()
    stage(page).get_by_label("Reminders", exact=False).last.select_option("On the days that I say")
    stage(page).get_by_label("Days before the deadline").fill("3, 1")
    sound(page, "policy")
    page.get_by_role("button", name="Save policy").click()
    expect(page.get_by_text("Saved. Requests under way")).to_be_visible()

    (saved,) = terms_of(policy).stages
    assert (saved.rule, saved.quorum, saved.escalation_days) == ("quorum", 2, 7)
    assert saved.reminder_days == (3, 1)
    assert {one.kind for one in saved.asked()} == {"user", "catalog_owners"}
    assert [one.kind for one in saved.asked(is_alternate=True)] == ["resource_owners"]


def test_two_approve_and_a_third_is_asked_when_nobody_answers(
    open_context, sign_in, people, package, sound
):
    policy = AssignmentPolicyFactory(package=package, name="Employees")
    asks = ApprovalStageFactory(
        policy=policy,
        position=1,
        approvers=[people["Bo Chen"], people["Gita Rao"]],
        rule="all",
        escalation_days=3,
    )
    StageApproverFactory(stage=asks, user=people["Hugo Weiss"], is_alternate=True)
    with clock.at(clock.now() - timedelta(days=4)):
        asked = operations.submit(policy, by=people["Ana Diaz"], justification="June close")
    sweep.run()

    page = open_context().new_page()
    sign_in(page, people["Bo Chen"])
    page.goto(reverse("approvals:index"))
    expect(page.get_by_text("0 of 2 have approved")).to_be_visible()
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_text("1 of 2 have approved stage 1")).to_be_visible()

    page = open_context().new_page()
    sign_in(page, people["Ana Diaz"])
    page.goto(reverse("requests:detail", args=[asked.pk]))
    expect(page.get_by_text("Passed on", exact=True).first).to_be_visible()
    expect(page.get_by_text("so Hugo Weiss was asked as well")).to_be_visible()
    sound(page, "story")

    page = open_context().new_page()
    sign_in(page, people["Hugo Weiss"])
    page.goto(reverse("approvals:index"))
    expect(page.get_by_text("1 of 2 have approved")).to_be_visible()
    sound(page, "inbox")
    page.get_by_role("link", name="All facts").click()
    sound(page, "detail")
    page.get_by_role("button", name="Approve", exact=True).click()
    page.get_by_text("Nothing is left").wait_for()

    asked.refresh_from_db()
    assert asked.assignment is not None
    assert models.Assignment.objects.live().get().target == people["Ana Diaz"]
