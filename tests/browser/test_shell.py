import pytest
from allauth.account.models import EmailAddress

from tests.factories import UserFactory

WIDTHS = [1366, 390, 320]
PAGES = ["/settings/", "/help/", "/help/words/", "/accounts/2fa/", "/nowhere/"]


@pytest.fixture
def ana(site):
    return UserFactory(display_name="Ana Diaz", email="ana.diaz@kestrel.example", is_demo=True)


def contrast(page, selector, property_name):
    """The computed value of a style property."""
    return page.locator(selector).first.evaluate(
        "(element, name) => getComputedStyle(element)[name]", property_name
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_and_are_accessible(open_context, sign_in, axe, shot, ana, theme, width):
    page = open_context(viewport={"width": width, "height": 800}, color_scheme=theme).new_page()
    sign_in(page, ana)

    for path in PAGES:
        page.goto(path)
        shot(page, f"shell{path.replace('/', '_')}{width}_{theme}")

        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.locator("h1").count() == page.locator("main").count() == 1, path
        assert axe(page) == [], path


@pytest.mark.parametrize("width", WIDTHS)
def test_the_sign_in_page_with_personas_fits_and_is_accessible(
    open_context, axe, shot, settings, ana, width
):
    settings.DEMO = True
    page = open_context(viewport={"width": width, "height": 800}).new_page()

    page.goto("/accounts/login/")
    shot(page, f"sign_in_{width}")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []


def test_forms_before_signing_in_stay_narrow(page):
    page.goto("/accounts/password/reset/")

    assert page.locator("main .entrance").bounding_box()["width"] == 28 * 16


def test_open_menus_are_accessible_and_stay_on_the_screen(open_context, sign_in, axe, ana):
    page = open_context(viewport={"width": 320, "height": 800}).new_page()
    sign_in(page, ana)
    page.goto("/settings/")

    page.get_by_text("your menu").locator("..").click()

    box = page.locator("details[open] .menu-panel").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    # What lies under the menu has no contrast that can be measured.
    assert [line for line in axe(page) if "menu-item" in line] == []


def test_the_first_tab_skips_to_the_content(page, sign_in, ana):
    sign_in(page, ana)
    page.goto("/help/")

    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to content"
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"


def test_menus_open_and_close_by_keyboard_and_give_focus_back(page, sign_in, ana):
    sign_in(page, ana)
    page.goto("/help/")
    summary = page.get_by_text("your menu").locator("..")
    summary.focus()

    page.keyboard.press("Enter")
    assert page.locator("details[open]").count() == 1
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Settings"
    page.keyboard.press("Escape")

    assert page.locator("details[open]").count() == 0
    assert summary.evaluate("element => element === document.activeElement")


def test_focus_is_always_visible(page, sign_in, ana):
    sign_in(page, ana)
    page.goto("/settings/")

    for _ in range(12):
        page.keyboard.press("Tab")
        assert contrast(page, ":focus", "outlineWidth") == "3px"
        assert contrast(page, ":focus", "outlineStyle") == "solid"


def test_system_theme_follows_the_device(open_context, sign_in, ana):
    page = open_context(color_scheme="dark").new_page()
    sign_in(page, ana)
    page.goto("/help/")

    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.emulate_media(color_scheme="light")

    page.locator("html[data-bs-theme=light]").wait_for()


def test_a_theme_chosen_in_the_menu_shows_at_once_and_stays(page, sign_in, ana):
    sign_in(page, ana)
    page.goto("/help/")
    page.get_by_text("your menu").locator("..").click()

    with page.expect_response("**/settings/theme/"):
        page.get_by_role("button", name="Dark").click()

    assert contrast(page, "body", "backgroundColor") == "rgb(16, 22, 29)"
    ana.refresh_from_db()
    assert ana.theme == "dark"
    page.goto("/settings/")
    assert contrast(page, "body", "backgroundColor") == "rgb(16, 22, 29)"


def test_settings_work_without_scripts(open_context, sign_in, ana):
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, ana)
    page.goto("/settings/")

    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Save time and language").click()

    assert page.get_by_text("Saved.").is_visible()
    assert page.locator("main time", has_text="JST").is_visible()


def test_wrong_input_leads_the_focus_to_the_summary(page, sign_in, ana):
    sign_in(page, ana)
    page.goto("/accounts/password/reset/")
    page.get_by_label("Email").evaluate(
        "field => { field.type = 'text'; field.form.noValidate = true; }"
    )
    page.get_by_label("Email").fill("not an address")
    page.get_by_role("button", name="Send the link").click()

    page.locator("#errors").wait_for()
    assert page.evaluate("document.activeElement.id") == "errors"
    page.locator("#errors").get_by_role("link").click()
    assert page.evaluate("document.activeElement.name") == "email"


def test_a_lost_connection_is_told_in_the_live_region(page, sign_in, ana):
    sign_in(page, ana)
    page.goto("/help/")
    region = page.locator("#messages[role=status]")

    page.evaluate("htmx.trigger(document.body, 'htmx:sendError')")

    assert "Not sent" in region.inner_text()


def test_a_failure_of_a_part_is_told_in_the_live_region_and_swaps_nothing(page, sign_in, ana):
    sign_in(page, ana)
    page.goto("/help/")
    before = page.locator("main .grid").inner_html()

    page.evaluate("htmx.ajax('GET', '/nowhere/', {target: 'main .grid', swap: 'innerHTML'})")
    page.locator("#messages .notice").wait_for()

    assert "not yours to see" in page.locator("#messages").inner_text()
    assert page.locator("main .grid").inner_html() == before


def test_a_passkey_is_added_and_signs_in(page, sign_in, ana, axe):
    EmailAddress.objects.create(user=ana, email=ana.email, verified=True, primary=True)
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    sign_in(page, ana)
    page.goto("/accounts/2fa/webauthn/add/")
    assert axe(page) == []
    page.get_by_label("Name").fill("Ana's laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add passkey").click()
    page.get_by_role("link", name="Use a security key").click()
    assert axe(page) == []
    page.get_by_role("button", name="Use passkey or security key").click()
    page.wait_for_url("**/recovery-codes/")
    assert page.locator("main code").count() == 10
    assert axe(page) == []
    page.goto("/accounts/2fa/webauthn/")
    assert page.get_by_text("Ana's laptop").first.is_visible()
    assert axe(page) == []

    page.context.clear_cookies()
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(lambda address: "/accounts/" not in address)
    page.goto("/settings/")

    assert page.locator("h1").inner_text() == "Settings"
