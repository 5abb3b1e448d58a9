"""A package that is edited as a whole, beside what saving it would do, in a real browser."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from entitlements import models
from entitlements.assignments import grants
from tests.browser import scene
from tests.browser.sights import look
from tests.factories import AssignmentFactory, UserFactory


@pytest.fixture
def company(site):
    company = scene.build()
    policy = company.starter.policies.first()
    company.holders = [
        AssignmentFactory(policy=policy, target=UserFactory(display_name=name))
        for name in ("Cleo Marsh", "Finn Okoro")
    ]
    for assignment in company.holders:
        grants.want(assignment)
    return company


def roles(package):
    return [str(entry.role.resource) for entry in package.package_roles.order_by("position")]


def test_a_package_is_rearranged_prepared_and_saved(company, page, sign_in, axe, shot):
    package = company.starter
    held = package.assignments.live().count()
    sign_in(page, company.olga).goto(reverse("manage:package", args=[package.pk]))
    page.get_by_role("link", name="About and roles").click()
    rows = page.locator("#roles li")
    foreseen = page.get_by_role("region", name="If you save now")
    expect(foreseen).to_contain_text("Nobody gains or loses access.")

    # The button that was pressed keeps the focus, so that it can be pressed again.
    rows.nth(0).get_by_role("button", name="Down").press("Enter")
    expect(rows.nth(1)).to_contain_text("Customer records")
    expect(rows.nth(1).get_by_role("button", name="Down")).to_be_focused()
    page.get_by_label("Words beside Customer records: Reader").fill("Look customers up.")
    page.get_by_label("One more role").select_option(label="Order desk: Contributor")
    expect(foreseen).to_contain_text(f"{held} people get Order desk: Contributor")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(rows.nth(2)).to_contain_text("New")
    rows.nth(0).get_by_role("button", name="Remove").click()
    expect(foreseen).to_contain_text("Sales library: Member")
    assert axe(page) == []
    shot(page, "package-edited")
    assert roles(package) == ["Customer records", "Sales library"]

    page.get_by_role("button", name="Save as draft").click()
    page.get_by_text("Kept as a draft.").wait_for()
    assert look(page, "package-draft", axe, shot) == []
    assert roles(package) == ["Customer records", "Sales library"]
    expect(page.get_by_label("Words beside Customer records: Reader")).to_have_value(
        "Look customers up."
    )

    page.get_by_role("textbox", name="Description").press("Control+s")
    page.get_by_text("Saved.").wait_for()
    assert roles(package) == ["Customer records", "Order desk"]
    assert not models.PackageDraft.objects.exists()
    scene.run_queue()
    wanted = company.holders[0].target.grants.filter(is_wanted=True)
    assert {str(grant.role.resource) for grant in wanted} == {"Customer records", "Order desk"}

    page.get_by_role("link", name="Changes").click()
    expect(page.get_by_role("main")).to_contain_text("Version 2")
    assert look(page, "package-changes", axe, shot) == []


def test_enter_saves_and_moves_no_role(company, page, sign_in):
    sign_in(page, company.olga).goto(reverse("manage:package_edit", args=[company.starter.pk]))

    page.get_by_role("textbox", name="Name").fill("Sales Beginners")
    page.get_by_role("textbox", name="Name").press("Enter")

    page.get_by_text("Saved.").wait_for()
    company.starter.refresh_from_db()
    assert company.starter.name == "Sales Beginners"
    assert roles(company.starter) == ["Customer records", "Sales library"]


def test_without_a_script_the_second_press_saves(company, open_context, sign_in):
    page = sign_in(open_context(java_script_enabled=False).new_page(), company.olga)
    page.goto(reverse("manage:package_edit", args=[company.starter.pk]))

    page.locator("#roles li").first.get_by_role("button", name="Remove").click()
    expect(page.locator("#roles li")).to_have_count(1)
    expect(page.get_by_role("region", name="If you save now")).to_contain_text("lose it")
    page.get_by_role("button", name="Save package").click()

    page.get_by_text("Saved.").wait_for()
    assert roles(company.starter) == ["Sales library"]


def test_what_was_not_read_is_shown_before_it_is_saved(company, open_context, sign_in):
    page = sign_in(open_context(java_script_enabled=False).new_page(), company.olga)
    page.goto(reverse("manage:package_edit", args=[company.starter.pk]))

    page.get_by_label("One more role").select_option(label="Order desk: Contributor")
    page.get_by_role("button", name="Save package").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved yet.")
    assert roles(company.starter) == ["Customer records", "Sales library"]
    page.get_by_role("button", name="Save package").click()

    page.get_by_text("Saved.").wait_for()
    assert roles(company.starter) == ["Customer records", "Sales library", "Order desk"]


def test_a_package_is_looked_at_as_somebody_and_duplicated(company, page, sign_in, axe, shot):
    sign_in(page, company.olga).goto(reverse("manage:package_as", args=[company.starter.pk]))
    page.get_by_role("searchbox", name="Person").fill("ana")
    page.get_by_label("Ana Diaz").check()
    page.get_by_role("button", name="Show what they see").click()
    expect(page.get_by_role("main")).to_contain_text("What you get")
    expect(page.get_by_label("Why do you need it?")).to_be_disabled()
    assert look(page, "package-as", axe, shot) == []

    page.get_by_role("link", name="Overview").last.click()
    page.get_by_text("More").click()
    page.get_by_role("link", name="Duplicate…").click()
    page.get_by_role("textbox", name="Name").fill("Sales Starter in Lyon")
    page.get_by_role("button", name="Create draft").click()

    page.get_by_text("Sales Starter in Lyon is a draft now.").wait_for()
    twin = models.AccessPackage.objects.get(name="Sales Starter in Lyon")
    assert roles(twin) == roles(company.starter)
    assert not twin.assignments.exists()
