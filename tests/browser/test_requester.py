import re

import pytest

from entitlements.models import AccessRequest, Assignment
from entitlements.requests import deciding, operations
from tests.browser import scene
from tests.browser.sights import look

FORBIDDEN = re.compile(r"<[^>]+\s(style|on[a-z]+|hx-on[^=]*)\s*=|<script(?![^>]*\ssrc=)")


@pytest.fixture
def company(site):
    return scene.build()


def pages(company):
    return {
        "home": "/",
        "available": "/packages/",
        "nothing-found": "/packages/?q=zeppelin",
        "package": f"/packages/{company.analyst.pk}/",
        "package-choice": f"/packages/{company.close.pk}/",
        "package-held": f"/packages/{company.starter.pk}/",
        "active": "/access/",
        "assignment": f"/access/{company.held.pk}/",
        "give-back": f"/access/{company.held.pk}/give-back/",
        "ended": f"/access/{company.ended.pk}/",
        "expired": "/access/expired/",
        "requests": "/requests/",
        "waiting": f"/requests/{company.waiting.pk}/",
        "denied": f"/requests/{company.denied.pk}/",
        "failed": f"/requests/{company.failed.pk}/",
        "cancel": f"/requests/{company.waiting.pk}/cancel/",
    }


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_page_passes_axe_and_fits(page, sign_in, axe, shot, company):
    sign_in(page, company.ana)
    found = []
    for name, path in pages(company).items():
        page.goto(path)
        found += look(page, name, axe, shot)
    assert found == []


def test_every_page_fits_the_narrowest_phone_and_holds_nothing_inline(
    open_context, sign_in, company
):
    context = open_context(viewport={"width": 320, "height": 640})
    page = sign_in(context.new_page(), company.ana)
    for name, path in pages(company).items():
        page.goto(path)
        assert fits(page), name
        html = context.request.get(page.url).text()
        assert not FORBIDDEN.search(html), name


@pytest.mark.parametrize("persona", ["newcomer", "gita", "olga", "dev"])
def test_home_and_requests_of_others_pass_axe(page, sign_in, axe, shot, company, persona):
    sign_in(page, getattr(company, persona))
    for name, path in (("home", "/"), ("waiting", f"/requests/{company.waiting.pk}/")):
        page.goto(path)
        shot(page, f"{name}-{persona}")
        assert axe(page) == []


def test_the_search_finds_while_one_types(page, sign_in, axe, company):
    sign_in(page, company.ana)
    page.goto("/packages/")

    page.get_by_label("Search packages, resources and roles").press_sequentially("ledger")

    page.get_by_text("2 packages found").wait_for()
    assert page.locator("article h2").all_inner_texts() == ["Finance Close", "Sales Payments"]
    assert "q=ledger" in page.url
    page.get_by_label("Catalog").select_option(label="Finance")
    page.get_by_text("1 package found").wait_for()
    assert axe(page) == []
    page.reload()
    assert page.locator("article h2").all_inner_texts() == ["Finance Close"]


def test_choosing_a_way_shows_what_happens_next(page, sign_in, company):
    sign_in(page, company.ana)
    page.goto(f"/packages/{company.close.pk}/")
    days = page.get_by_label("From")
    assert days.is_visible()

    page.get_by_label("Two days, for month end").check()

    page.get_by_text("No approval is needed").wait_for()
    assert not days.is_visible()
    assert not page.get_by_text("Bo Chen or Gita Rao").is_visible()


def test_a_refusal_is_read_first_and_keeps_what_was_written(page, sign_in, axe, shot, company):
    sign_in(page, company.ana)
    page.goto(f"/packages/{company.close.pk}/")
    page.get_by_label("Why do you need it?").fill("   ")
    page.get_by_label("Until").fill("2099-01-01")
    page.get_by_role("button", name="Send request").click()

    page.get_by_role("heading", name="2 things need your attention").wait_for()
    assert page.evaluate("document.activeElement.id") == "errors"
    assert page.get_by_label("Until").input_value() == "2099-01-01"
    shot(page, "refused")
    assert axe(page) == []


def test_the_page_of_a_request_keeps_itself_up_to_date(page, sign_in, axe, shot, company):
    sign_in(page, company.ana)
    page.goto(f"/packages/{company.close.pk}/")
    page.get_by_label("Why do you need it?").fill("Closing November with Bo")
    page.get_by_role("button", name="Send request").click()
    page.get_by_text("Bo Chen and Gita Rao have had it since").wait_for()
    page.get_by_role("button", name="Remind").focus()
    access_request = AccessRequest.objects.get(package=company.close)

    deciding.approve(access_request, by=company.bo, justification="Welcome back")

    standing = page.get_by_role("region", name="Where it stands")
    standing.get_by_text("0 of 1 role done").wait_for()
    shot(page, "being-set-up")
    assert axe(page) == []
    scene.run_queue()
    standing.get_by_text("Everything is set up. Access ends").wait_for()
    assert page.locator("[hx-trigger]").count() == 0
    assert axe(page) == []


def test_who_decides_and_who_owns_act_from_the_same_page(page, sign_in, company):
    sign_in(page, company.gita)
    page.goto(f"/requests/{company.waiting.pk}/")
    page.get_by_role("link", name="Decide…").wait_for()
    assert page.get_by_role("button", name="Remind").count() == 0

    sign_in(page, company.olga)
    page.goto(f"/requests/{company.failed.pk}/")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("We try again now.").wait_for()


def test_everything_works_without_a_script(open_context, sign_in, company):
    context = open_context(java_script_enabled=False)
    page = sign_in(context.new_page(), company.ana)
    page.goto("/")
    page.get_by_label("What do you need?").fill("reports")
    page.get_by_role("button", name="Find access").click()
    page.get_by_role("link", name="Sales Analyst", exact=True).click()
    page.get_by_label("Why do you need it?").fill("The November report")
    page.get_by_role("button", name="Send request").click()
    page.get_by_text("You asked for Sales Analyst.", exact=True).first.wait_for()

    page.get_by_role("button", name="Remind").click()
    page.get_by_text("We reminded whoever is asked to decide.").wait_for()
    page.get_by_role("link", name="Cancel request…").click()
    page.get_by_role("button", name="Cancel request").click()
    page.get_by_text("The request is canceled.").wait_for()
    page.get_by_role("button", name="Ask again", exact=True).click()
    page.get_by_text("You asked for Sales Analyst again.").wait_for()

    page.goto("/access/")
    page.get_by_role("link", name="Extend… Sales Starter").click()
    page.get_by_role("button", name="Extend access").click()
    page.get_by_text("It is extended.").wait_for()
    page.goto("/access/")
    page.get_by_role("link", name="Give back… Sales Starter").click()
    page.get_by_role("button", name="Give back").click()
    page.get_by_text("You gave Sales Starter back.").wait_for()
    assert not Assignment.objects.live().filter(pk=company.held.pk).exists()


def test_asking_needs_no_mouse(page, sign_in, company):
    sign_in(page, company.ana)
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("analyst")
    page.keyboard.press("Enter")
    page.wait_for_url("**/packages/?q=analyst")
    page.get_by_role("link", name="Sales Analyst", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_label("Why do you need it?").focus()
    page.keyboard.type("The November report")
    page.get_by_role("button", name="Send request").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Dev Patel has had it since").wait_for()


def test_no_one_who_can_decide_reads_well(page, sign_in, axe, shot, company):
    company.dev.is_active = False
    company.dev.save()
    access_request = operations.submit(
        company.policies.analysts, by=company.ana, justification="The November report"
    )
    sign_in(page, company.ana)
    page.goto(f"/requests/{access_request.pk}/")

    page.get_by_text("No one can decide this stage:").wait_for()
    shot(page, "stuck")
    assert axe(page) == []
