"""Clashes in a real browser: whoever asks meets one, and an owner defines and exports them."""

import csv
import re
from io import StringIO
from zipfile import ZipFile

import pytest
from django.urls import reverse

from entitlements import models
from entitlements.policies import clashes
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
def finance(site, appoint):
    """Two packages that clash through their roles, and who holds and looks after them."""

    class Finance:
        catalog = CatalogFactory(name="Finance")
        olga = appoint(UserFactory(display_name="Olga Owner"), catalog)
        bo = appoint(UserFactory(display_name="Bo Chen"), catalog)
        ana = UserFactory(display_name="Ana Diaz", department="Finance")
        rosa = UserFactory(display_name="Rosa Marsh", department="Finance")

        def policy(self, name, role):
            resource = ResourceFactory(name=name.split()[0], catalog=self.catalog)
            roles = [ResourceRoleFactory(resource=resource, name=role)]
            package = AccessPackageFactory(name=name, catalog=self.catalog, roles=roles)
            return AssignmentPolicyFactory(package=package, name="Finance")

    company = Finance()
    company.entry = company.policy("Ledger entry", "Poster")
    company.release = company.policy("Bank release", "Releaser")
    company.basics = company.policy("Office basics", "User")
    AssignmentFactory(policy=company.entry, target=company.ana)
    for policy in (company.entry, company.release):
        AssignmentFactory(policy=policy, target=company.rosa)
    return company


def test_whoever_asks_sees_the_clash_and_the_way_on(page, sign_in, finance, sound):
    clashes.add_role_clash(
        finance.catalog,
        finance.entry.package.roles.get(),
        finance.release.package.roles.get(),
        by=finance.olga,
    )
    auditors = GroupFactory(name="Auditors", members=[finance.ana])
    clashes.add_clash(finance.release.package, auditors, by=finance.olga)
    clashes.add_prerequisite(finance.release.package, finance.basics.package, by=finance.olga)
    sign_in(page, finance.ana)

    page.goto(reverse("packages:detail", args=[finance.release.package.pk]))

    checks = page.get_by_role("list", name="Before you ask")
    assert "It clashes with Ledger entry, which you hold" in checks.inner_text()
    assert "Ask for Office basics" in checks.inner_text()
    assert page.get_by_role("button", name="Send request").count() == 0
    sound(page, "clash-asking")
    checks.get_by_role("link", name="Give back Ledger entry").click()
    assert "Ledger entry" in page.get_by_role("heading", level=1).inner_text()


def test_an_owner_defines_a_clash_sees_who_holds_both_and_exports(page, sign_in, finance, sound):
    package = finance.release.package
    sign_in(page, finance.olga)
    page.goto(reverse("manage:package", args=[package.pk]))
    sound(page, "clash-package")
    page.get_by_role("region", name="Clashes and prerequisites").get_by_role("link").click()
    page.get_by_role("link", name="Add clash").click()
    page.get_by_label("What it clashes with").fill("Ledger")
    page.get_by_role("radio", name=re.compile("Ledger entry Package in Finance")).check()
    sound(page, "clash-add")
    page.get_by_role("button", name="Add clash").click()

    assert page.get_by_text("Bank release clashes with Ledger entry now.").is_visible()
    both = page.get_by_role("region", name="Who holds both now")
    assert "Rosa Marsh" in both.inner_text()
    assert "Ana Diaz" not in both.inner_text()
    page.get_by_role("link", name="Add prerequisite").click()
    page.get_by_label("Package that must be held first").fill("Office")
    page.get_by_role("radio", name=re.compile("Office basics")).check()
    page.get_by_role("button", name="Require it").click()
    ask_for_exception(page, finance)
    sound(page, "clash-exception")
    page.goto(reverse("manage:clashes", args=[package.pk]))
    sound(page, "clash-owner")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Export")).click()
    with ZipFile(download.value.path()) as file:
        rows = list(csv.reader(StringIO(file.read("clashes.csv").decode("utf-8-sig"))))
        assert "Made by: Olga Owner" in file.read("evidence.txt").decode()
    assert rows[-1][0] == "Rosa Marsh"
    page.goto(reverse("manage:catalog_clashes", args=[finance.catalog.pk]))
    sound(page, "clash-catalog")


def ask_for_exception(page, finance):
    page.get_by_role("link", name="Ask for an exception").click()
    page.get_by_label("Person", exact=False).first.fill("Rosa")
    page.get_by_role("radio", name=re.compile("Rosa Marsh")).check()
    page.get_by_label("Reason").fill("Cover for June")
    page.get_by_label("Until").fill("2026-12-20")
    page.get_by_role("button", name="Ask for it").click()
    page.wait_for_url(re.compile("/exceptions/"))
    assert models.ClashException.objects.get().person == finance.rosa
