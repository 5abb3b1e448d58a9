"""Existing access comes under control in a real browser: seen, chosen, checked, and given."""

import csv
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from entitlements import clock, models, sweep
from entitlements.policies.models import Scope
from tests.browser.scene import run_queue
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def sales(site, appoint):
    """A group with people of long standing, and a package that gives what the group gives."""

    class Sales:
        catalog = CatalogFactory(name="Sales")
        olga = appoint(UserFactory(display_name="Olga Owner"), catalog)
        ana = UserFactory(display_name="Ana Diaz", job_title="Analyst", department="Sales")
        hugo = UserFactory(display_name="Hugo Weiss", job_title="Clerk", department="Sales")
        rosa = UserFactory(display_name="Rosa Marsh", department="Finance", is_active=False)
        dev = UserFactory(display_name="Dev Patel", department="Sales")
        bo = UserFactory(display_name="Bo Chen", department="Finance")
        group = GroupFactory(name="Sales team", members=[ana, hugo, rosa, dev])
        resource = ResourceFactory(group=group, name="Sales team", catalog=catalog)
        role = ResourceRoleFactory(resource=resource)
        package = AccessPackageFactory(
            name="Sales Analyst", catalog=catalog, roles=[role, ResourceRoleFactory()]
        )
        policy = AssignmentPolicyFactory(package=package, name="By hand", scope=Scope.NOBODY)

        def members(self):
            return set(self.group.members.values_list("display_name", flat=True))

    company = Sales()
    AssignmentFactory(policy=company.policy, target=company.dev)
    AssignmentFactory(policy=company.policy, target=company.bo)
    models.Grant.objects.create(user=company.bo, role=company.role, is_given=True)
    return company


def test_existing_access_comes_under_control(page, sign_in, sales, sound):
    sign_in(page, sales.olga)
    page.goto(reverse("manage:resource", args=[sales.resource.pk]))
    page.get_by_role("link", name="Who has it now").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Who has Sales team now")
    page.get_by_text("4 hold Member, read").wait_for()
    sound(page, "holders-unexplained")
    page.get_by_role("link", name="Should have it (1)").click()
    page.get_by_role("row", name="Bo Chen").get_by_text("Drift").wait_for()
    sound(page, "holders-missing")
    page.get_by_role("link", name="Not explained (3)").click()
    button = page.get_by_role("button", name="Check the 0 chosen")
    assert button.is_disabled()
    page.get_by_label("Choose Ana Diaz").check()
    page.get_by_label("Choose Rosa Marsh").check()
    page.get_by_role("button", name="Check the 2 chosen").click()
    page.get_by_role("alert").get_by_text("This field is required.").wait_for()
    assert page.get_by_label("Choose Ana Diaz").is_checked()
    sound(page, "holders-wrong")
    page.get_by_label("Package and policy").select_option(
        label="Sales Analyst, policy By hand (and 1 more role)"
    )
    page.get_by_role("button", name="Check the 2 chosen").click()

    page.get_by_text("Nothing was given yet. 1 of 2 can be given").wait_for()
    page.get_by_text("account_disabled").wait_for()
    sound(page, "holders-list")
    everybody = {"Ana Diaz", "Hugo Weiss", "Rosa Marsh", "Dev Patel"}
    assert sales.members() == everybody
    page.get_by_role("button", name="Give to 1 person").click()
    page.get_by_text("1 of 2 given").wait_for()
    run_queue()
    assert sales.members() == everybody
    page.goto(reverse("manage:holders", args=[sales.resource.pk]))
    page.get_by_role("link", name="Explained (2)", exact=True).click()
    page.get_by_role("row", name="Ana Diaz").get_by_role("link", name="Sales Analyst").wait_for()

    with clock.at(clock.now() + timedelta(days=91)):
        sweep.run()
        run_queue()
    assert sales.members() == everybody - {"Ana Diaz"}


def test_who_has_it_is_exported(page, sign_in, sales):
    sign_in(page, sales.olga)
    page.goto(reverse("manage:holders", args=[sales.resource.pk]))

    with page.expect_download() as download:
        page.get_by_role("link", name="Export (CSV)").click()

    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.reader(StringIO(text)))
    assert rows[1][0] == "Made by"
    assert [row[:2] for row in rows[7:]] == [
        ["Not explained", "Ana Diaz"],
        ["Not explained", "Hugo Weiss"],
        ["Not explained", "Rosa Marsh"],
        ["Explained", "Dev Patel"],
        ["Drift", "Bo Chen"],
    ]


def test_everything_works_without_scripts_too(open_context, sign_in, sales):
    page = sign_in(open_context(java_script_enabled=False).new_page(), sales.olga)
    page.goto(reverse("manage:holders", args=[sales.resource.pk]))

    page.get_by_label("Package and policy").select_option(index=1)
    page.get_by_role("button", name="Check all 3").click()

    page.get_by_text("Nothing was given yet. 2 of 3 can be given").wait_for()
