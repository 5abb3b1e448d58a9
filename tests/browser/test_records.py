"""Records and files in a real browser: deleted by an administrator, taken away by an owner."""

import re
from zipfile import ZipFile

import pytest
from django.urls import reverse

from entitlements.models import AccessRequest
from entitlements.requests import operations
from tests.browser.scene import run_queue
from tests.factories import AssignmentPolicyFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def policy(site):
    return AssignmentPolicyFactory(package__name="Sales Analyst", package__catalog__name="Sales")


@pytest.fixture
def ana(policy):
    """Ana Diaz, whose access is set up."""
    ana = UserFactory(display_name="Ana Diaz", department="Sales")
    operations.submit(policy, by=ana, justification="Quarterly figures")
    run_queue()
    return ana


def test_an_administrator_deletes_a_record_and_its_link_tells_the_truth(page, sign_in, ana, sound):
    access_request = AccessRequest.objects.get()
    sign_in(page, UserFactory(display_name="Ivo Okoro", is_superuser=True))
    page.goto(reverse("manage:entitlements_accessrequest_changelist"))
    sound(page, "records-list")
    page.get_by_role("checkbox", name="Choose Sales Analyst for Ana Diaz").check()
    page.get_by_role("button", name="Delete records…").click()
    sound(page, "records-confirm")
    page.get_by_label("Why?").fill("Ana asked for it.")
    page.get_by_role("button", name="Delete records").click()
    assert page.get_by_role("heading", name="1 of 1 deleted").is_visible()
    sound(page, "records-deleted")

    sign_in(page, ana)
    page.goto(reverse("requests:detail", args=[access_request.pk]))
    assert "Ivo Okoro deleted it on" in page.get_by_role("main").inner_text()
    sound(page, "records-gone")
    page.get_by_role("link", name="See the access").click()
    requests = page.get_by_role("region", name="Requests")
    assert "Ivo Okoro deleted the record on" in requests.inner_text()
    assert page.get_by_text("Active", exact=True).first.is_visible()
    sound(page, "records-access")


def test_an_owner_takes_the_filtered_list_away(page, sign_in, ana, policy, appoint, sound):
    sign_in(page, appoint(UserFactory(display_name="Olga Owner"), policy.package.catalog))
    page.goto(reverse("manage:entitlements_assignment_changelist"))
    page.get_by_text("State", exact=True).first.click()
    page.get_by_role("link", name="Held now").click()
    sound(page, "export-list")

    with page.expect_download() as download:
        page.get_by_role("link", name="Export (CSV)").click()

    assert re.fullmatch(r"assignments-[\d-]+\.zip", download.value.suggested_filename)
    with ZipFile(download.value.path()) as file:
        assert "Ana Diaz" in file.read("assignments.csv").decode("utf-8-sig")
        assert "Filters: State: Held now" in file.read("evidence.txt").decode()


def test_a_link_is_copied_and_leads_a_colleague_there(page, open_context, sign_in, ana, sound):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, ana)
    page.goto(reverse("packages:detail", args=[AccessRequest.objects.get().package_id]))
    page.get_by_role("link", name="Copy link").click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")

    assert "/@" in copied
    colleague = sign_in(open_context().new_page(), UserFactory())
    colleague.goto(copied)
    assert colleague.get_by_role("heading", name="Sales Analyst").is_visible()
    colleague.goto(re.sub("/@[^/]+/", "/@fabrikam.example/", copied))
    assert colleague.get_by_role("heading", name="another organization").is_visible()
    sound(colleague, "link-elsewhere")
    colleague.goto(re.sub("[0-9a-f-]{36}", "0" * 8 + "-0000-4000-8000-" + "0" * 12, copied))
    assert colleague.get_by_role("heading", name="no package for you").is_visible()
    sound(colleague, "link-nothing")
