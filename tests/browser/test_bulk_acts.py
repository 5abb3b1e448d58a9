"""Owners change many rows in a real browser: all that fit, asked once, done by the workers."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from entitlements import clock, models
from entitlements.delivery import acting
from entitlements.requests import row_by_row
from portal.forms import day_of
from tests.browser import scene
from tests.browser.sights import look
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    UserFactory,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PEOPLE = 60
LISTED = "manage:entitlements_assignment_changelist"


@pytest.fixture
def olga(site, appoint):
    """Olga, in whose catalog sixty people hold a package, and one of them by a short policy."""
    catalog = CatalogFactory(name="Sales", description="What the sales department uses.")
    package = AccessPackageFactory(name="Sales Analyst", catalog=catalog, roles=[])
    policy = AssignmentPolicyFactory(package=package, name="Employees")
    short = AssignmentPolicyFactory(
        package=package, name="Short", expiration="after_days", duration=3
    )
    for number in range(PEOPLE):
        person = UserFactory(display_name=f"Person {number:02}")
        ends_at = clock.day_ends(day_of(clock.now() + timedelta(days=10)))
        AssignmentFactory(policy=policy if number else short, target=person, ends_at=ends_at)
    return appoint(UserFactory(display_name="Olga Owner"), catalog)


@pytest.fixture
def wrong(page, axe, shot):
    """What is wrong with the pages that were looked at."""
    found = []
    yield lambda name: found.extend(look(page, name, axe, shot))
    assert found == []


def test_all_that_fit_are_extended_and_then_ended_and_one_can_stop(
    page, sign_in, olga, wrong, monkeypatch
):
    sign_in(page, olga).goto(f"{reverse(LISTED)}?q=Analyst")
    rest = page.get_by_label(f"All {PEOPLE} that fit")
    expect(rest).to_be_hidden()
    page.get_by_label("All on this page").check()
    expect(rest).to_be_visible()
    page.get_by_label("Choose Sales Analyst for Person 07").uncheck()
    expect(rest).to_be_hidden()
    page.get_by_label("All on this page").check()
    rest.check()
    page.get_by_text(f"{PEOPLE} chosen").wait_for()
    wrong("bulk-chosen")
    page.get_by_role("button", name="Extend…").click()

    page.get_by_text(f"{PEOPLE} assignments: all that fit Search: “Analyst”.").wait_for()
    page.get_by_text(f"and {PEOPLE - 10} more").wait_for()
    day = day_of(clock.now() + timedelta(days=40))
    page.get_by_label("Until").fill(f"{day}")
    wrong("bulk-confirm")
    page.get_by_role("button", name=f"Extend access: {PEOPLE}").click()
    page.get_by_text(f"0 of {PEOPLE} are done.").wait_for()
    wrong("bulk-going-on")
    scene.run_queue()
    page.get_by_text(f"{PEOPLE - 1} of {PEOPLE} extended.").wait_for()
    expect(page.locator("#act")).not_to_have_attribute("hx-get", "")
    page.get_by_role("link", name="Refused (1)").click()
    page.get_by_text("ends_after_limit").wait_for()
    wrong("bulk-refused")
    assert models.Assignment.objects.filter(ends_at=clock.day_ends(day)).count() == PEOPLE - 1
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert download.value.path().read_text(encoding="utf-8-sig").count("Done") == PEOPLE - 1

    page.goto(reverse(LISTED))
    page.get_by_label("All on this page").check()
    page.get_by_label(f"All {PEOPLE} that fit").check()
    page.get_by_role("button", name="End access…").click()
    page.get_by_label("Why?").fill("The department closes")
    page.get_by_role("button", name=f"End access: {PEOPLE}").click()
    page.get_by_text(f"0 of {PEOPLE} are done.").wait_for()
    monkeypatch.setattr(row_by_row, "LONGEST_RUN", -1.0)
    acting.carry_on(models.BulkAct.objects.get(kind="end").pk)
    page.get_by_text(f"1 of {PEOPLE} are done.").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text(f"1 of {PEOPLE} ended; {PEOPLE - 1} left as they were.").wait_for()
    wrong("bulk-stopped")
    assert models.Assignment.objects.live().count() == PEOPLE - 1

    page.goto(reverse("manage:acts"))
    page.get_by_role("cell", name="Stopped").wait_for()
    wrong("bulk-list")
