"""Role definitions are imported in a real browser: handed in, mended, tried out, carried out."""

import csv
import re
from io import StringIO
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from entitlements import models
from tests.browser.scene import run_queue
from tests.factories import (
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FILES = {
    "roles.csv": (
        "role;description;days\nSales Analyst;Runs the reports.;90\nSales Desk;Takes orders.;\n"
    ),
    "role_entitlements.csv": (
        "role,system,resource,resource_role\n"
        "Sales Analyst,Built-in directory,Sales team,Member\n"
        "Sales Desk,Built-in directory,Order desk,Member\n"
    ),
    "role_members.csv": (
        "role,member\nSales Analyst,ana@kestrel.example\nSales Analyst,gone@kestrel.example\n"
        "Sales Desk,hugo@kestrel.example\n"
    ),
    "role_approvers.csv": (
        "role,stage,kind,approver,fallback\n"
        "Sales Desk,1,manager,,\nSales Desk,1,user,bo@kestrel.example,yes\n"
    ),
}


@pytest.fixture
def sales(site, appoint):
    """A catalog that offers a team's group, and the people of whom the files speak."""

    class Sales:
        catalog = CatalogFactory(name="Sales")
        olga = appoint(UserFactory(display_name="Olga Owner"), catalog)
        ana = UserFactory(display_name="Ana Diaz", email="ana@kestrel.example")
        bo = UserFactory(display_name="Bo Chen", email="bo@kestrel.example")
        hugo = UserFactory(display_name="Hugo Weiss", email="hugo@kestrel.example", manager=bo)
        team = GroupFactory(name="Sales team", members=[ana])
        role = ResourceRoleFactory(
            resource=ResourceFactory(group=team, name="Sales team", catalog=catalog)
        )

        def offer_desk(self):
            resource = ResourceFactory(name="Order desk", catalog=self.catalog)
            ResourceRoleFactory(resource=resource)

    return Sales()


@pytest.fixture
def paths(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
    return [tmp_path / name for name in FILES]


def hand_in(page, paths):
    page.locator("#id_file").set_input_files(paths)
    page.get_by_role("button", name="Try it out").click()


def test_roles_are_handed_in_mended_tried_out_and_imported(page, sign_in, sales, paths, sound):
    sign_in(page, sales.olga)
    page.goto(reverse("manage:catalog", args=[sales.catalog.pk]))
    page.get_by_role("link", name="Import roles").click()
    sound(page, "import-form")
    hand_in(page, paths[:1])
    page.get_by_role("alert").get_by_text("role_entitlements.csv is missing.").wait_for()
    sound(page, "import-refused")
    hand_in(page, paths)
    page.get_by_text("1 thing is wrong, so that nothing can be imported.").wait_for()
    page.get_by_role("link", name="Wrong (1)").click()
    page.get_by_role("row", name="role_entitlements.csv line 3").wait_for()
    page.get_by_text("The catalog Sales offers no “Order desk”").wait_for()
    sound(page, "import-wrong")
    assert page.get_by_role("button", name=re.compile("^Import")).count() == 0
    sales.offer_desk()

    page.get_by_role("link", name="Choose other files").click()
    hand_in(page, paths)
    page.get_by_text("2 packages would be made. 2 members get one; 1 is left out").wait_for()
    sound(page, "import-tried-out")
    page.get_by_role("link", name="Left out (1)").click()
    page.get_by_role("row", name="role_members.csv line 3").get_by_text("person_unknown").wait_for()
    assert not models.AccessPackage.objects.exists()
    page.get_by_role("button", name="Import 2 roles").click()
    page.get_by_text("The packages were made. 1 of 3 members are done.").wait_for()
    sound(page, "import-running")
    run_queue()
    page.get_by_text("2 packages were made. 2 of 3 members were given theirs").wait_for()
    sound(page, "import-done")
    assert models.Assignment.objects.get().target == sales.ana
    assert models.AccessRequest.objects.get(target=sales.hugo).state == "pending_approval"
    assert sales.team.members.get() == sales.ana
    page.get_by_role("link", name="1 given, 1 refused").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("the members of Sales Analyst")


def test_the_outcome_is_downloaded(page, sign_in, sales, paths):
    sales.offer_desk()
    sign_in(page, sales.olga)
    page.goto(reverse("manage:import_add", args=[sales.catalog.pk]))
    hand_in(page, paths)

    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()

    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    (row,) = csv.DictReader(StringIO(text))
    assert (row["line"], row["codes"]) == ("role_members.csv line 3", "person_unknown")


def test_an_import_is_dropped_without_scripts(open_context, sign_in, sales, paths):
    sales.offer_desk()
    page = sign_in(open_context(java_script_enabled=False).new_page(), sales.olga)
    page.goto(reverse("manage:import_add", args=[sales.catalog.pk]))
    hand_in(page, paths)

    page.get_by_role("button", name="Drop import").click()

    page.get_by_text("The import was dropped. Nothing was made.").wait_for()
    assert not models.RoleImport.objects.exists()
