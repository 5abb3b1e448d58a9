"""Assignments are looked at as of a day gone by, and found by package, in a real browser."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from entitlements import clock
from entitlements.assignments.operations import move_end
from portal.forms import day_of
from tests.browser.sights import sights
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    UserFactory,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DAY = timedelta(days=1)
LIST = reverse("manage:entitlements_assignment_changelist")
PEOPLE = ("Ana Diaz", "Hugo Weiss", "Dev Patel", "Bo Chen", "Gita Rao", "Nia New")


@pytest.fixture
def sales(site, appoint):
    """Two packages of a catalog; of one more and more people get it, and one loses it."""

    class Sales:
        catalog = CatalogFactory(name="Sales")
        olga = appoint(UserFactory(display_name="Olga Owner"), catalog)
        analyst = AccessPackageFactory(name="Sales Analyst", catalog=catalog)
        reader = AccessPackageFactory(name="Sales Reader", catalog=catalog)

        def __init__(self):
            now = clock.now()
            staff = AssignmentPolicyFactory(package=self.analyst, name="Employees")
            everyone = AssignmentPolicyFactory(package=self.reader, name="Everyone")
            people = {name: UserFactory(display_name=name) for name in PEOPLE}
            for number, person in enumerate(people.values()):
                begun = now - (5 + 5 * number) * DAY
                AssignmentFactory(policy=staff, target=person, starts_at=begun)
            ana = AssignmentFactory(
                policy=everyone,
                target=people["Ana Diaz"],
                starts_at=now - 40 * DAY,
                ends_at=now + 3 * DAY,
            )
            move_end(ana, now + 33 * DAY, by=self.olga)
            for number in range(24):
                AssignmentFactory(
                    policy=everyone,
                    target=UserFactory(display_name=f"Zoe {number:02}"),
                    starts_at=now - 60 * DAY,
                    ends_at=now - 2 * DAY if number < 4 else now + 60 * DAY,
                )

    return Sales()


def days_ago(number):
    return f"{day_of(clock.now() - number * DAY)}"


def test_the_past_is_looked_at_and_left_again(page, sign_in, sales, sound):
    sign_in(page, sales.olga).goto(LIST)
    sound(page, "assignments-now")
    page.get_by_label("As of", exact=True).fill(days_ago(12))
    page.get_by_role("button", name="Show").first.click()

    page.get_by_text("You look at the past").wait_for()
    expect(page.get_by_role("button", name="End access…")).to_have_count(0)
    expect(page.get_by_role("link", name="Hugo Weiss")).to_have_count(0)
    expect(page.get_by_role("link", name="+2 began")).to_be_visible()
    sound(page, "assignments-past")

    page.get_by_role("link", name="The day before").click()
    assert f"as_of={days_ago(13)}" in page.url
    page.get_by_role("link", name="−4 ended").click()
    expect(page.locator("tbody tr")).to_have_count(4)
    page.go_back()
    page.get_by_role("link", name="Now", exact=True).click()
    expect(page.get_by_text("You look at the past")).to_have_count(0)
    page.get_by_role("button", name="End access…").wait_for()


def test_the_band_stays_while_scrolling_and_is_printed(page, sign_in, sales, shot):
    sign_in(page, sales.olga).goto(f"{LIST}?as_of={days_ago(12)}")
    band = page.locator(".is-past")
    page.mouse.wheel(0, 1200)
    page.wait_for_function("scrollY > 400")
    assert band.bounding_box()["y"] == 0

    page.emulate_media(media="print")
    expect(band).to_contain_text("Made on")
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.get_by_label("As of", exact=True)).to_be_hidden()
    shot(page, "assignments-past-print")


def test_a_day_to_come_is_refused_in_words(page, sign_in, sales, sound):
    sign_in(page, sales.olga).goto(f"{LIST}?as_of={days_ago(-9)}")

    page.get_by_role("alert").get_by_text("is still to come").wait_for()
    sound(page, "assignments-to-come")


def test_a_package_is_found_by_typing(page, sign_in, sales, shot):
    sign_in(page, sales.olga).goto(f"{LIST}?state=now")
    page.locator("summary", has_text="Package").click()
    page.get_by_role("searchbox", name="Package", exact=True).press_sequentially("anal")
    page.get_by_role("radio", name="Sales Analyst").check()
    for sight, width in sights(page):  # an open menu hides what axe would measure
        shot(page, f"past-assignments-picker-{sight}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("form", name="Package").get_by_role("button", name="Show").click()

    page.locator("summary", has_text="Package: Sales Analyst").wait_for()
    assert page.url.endswith(f"?state=now&package={sales.analyst.pk}")
    expect(page.locator("tbody tr")).to_have_count(6)


def test_every_filter_opens_within_the_window(page, sign_in, sales):
    sign_in(page, sales.olga).goto(f"{LIST}?state=now")

    for _, width in sights(page):
        for summary in page.locator(".filters summary").all():
            summary.click()
            page.wait_for_timeout(50)
            box = page.locator("details[open] .menu-panel").bounding_box()
            assert box["x"] >= 0, summary.inner_text()
            assert box["x"] + box["width"] <= width, summary.inner_text()
            summary.click()


def test_without_scripts_a_policy_is_found_by_its_button(open_context, sign_in, sales):
    page = sign_in(open_context(java_script_enabled=False).new_page(), sales.olga)
    page.goto(LIST)
    page.locator("summary", has_text="Policy").click()
    page.get_by_role("searchbox", name="Policy", exact=True).fill("every")
    page.get_by_role("form", name="Policy").get_by_role("button", name="Find").click()
    page.get_by_role("radio", name="Everyone").check()
    page.get_by_role("form", name="Policy").get_by_role("button", name="Show").click()

    page.locator("summary", has_text="Policy: Everyone").wait_for()
