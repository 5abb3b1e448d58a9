"""A real browser on a real server: pages that send nothing away, raise nothing, and pass axe."""

import importlib
import os
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client

from tests.browser.sights import look
from tests.programs import missing, program

# Playwright's loop runs in this thread, and Django would refuse the ORM there.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

AXE = (settings.BASE_DIR / "tests/vendor/axe-core-4.14.1/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """rules => axe.run(
    document, {runOnly: rules, preload: false, resultTypes: ["violations", "incomplete"]}
).then(({violations, incomplete}) => ({violations, incomplete}))"""
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 360, "height": 780}
_audited = set()


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    path = program("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed (make browser installs it)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def site(transactional_db, live_server):
    """The address of a server whose database holds what every portal has from its first start."""
    importlib.import_module("entitlements.migrations.0003_built_in_rows").create(apps, None)
    return live_server.url


@pytest.fixture
def open_context(chromium, site):
    """Open browser contexts; what goes wrong in any of their pages fails the test at its end."""
    contexts, wrong = [], []

    def open_context(**options):
        context = chromium.new_context(
            **{
                "base_url": site,
                "viewport": WIDE,
                "color_scheme": "light",
                "reduced_motion": "reduce",
                **options,
            }
        )
        context.set_default_timeout(15_000)
        context.on("page", lambda page: _watch(page, site, wrong))
        contexts.append(context)
        return context

    yield open_context
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(open_context):
    """A wide, light page of somebody who has not signed in."""
    return open_context().new_page()


@pytest.fixture
def sign_in(site):
    """Give a page the session of a user, without going through the sign-in page."""

    def sign_in(page, user):
        client = Client()
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": cookie.value, "url": site}]
        )
        return page

    return sign_in


@pytest.fixture
def axe():
    """Return what axe holds against a page, and contrast it cannot measure, one line each."""

    def axe(page):
        # What axe itself tries in the page is held up by the Content-Security-Policy.
        _audited.add(page)
        if page.evaluate("typeof axe === 'undefined'"):
            page.evaluate(AXE)
        violations, unsure = _found_by_axe(page)
        if unsure:
            # Lines of one text, some above and some below the window's edge, cannot be measured.
            with _whole(page):
                violations, unsure = _found_by_axe(page)
        _audited.discard(page)
        return [
            f"{violation['id']} ({violation['impact']}): {violation['help']}: "
            f"{node['target']} {node['html'][:200]} {node['failureSummary']}"
            for violation in [*violations, *unsure]
            for node in violation["nodes"]
        ]

    return axe


@pytest.fixture
def shot():
    """Keep a picture of the whole page in the directory that SHOTS names, if it names one."""

    def shot(page, name):
        if directory := os.environ.get("SHOTS"):
            Path(directory).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{directory}/{name}.png", full_page=True)

    return shot


@pytest.fixture
def sound(request, axe, shot):
    """Look at a page as it is now; whatever is wrong with it fails the test."""
    where = request.module.__name__.rpartition(".test_")[2]

    def sound(page, name):
        wrong = look(page, f"{where}-{name}", axe, shot)
        assert not wrong, "\n".join(wrong)

    return sound


def _found_by_axe(page):
    """Return what is wrong with a page, and contrast that could not be measured."""
    found = page.evaluate(RUN, RULES)
    unsure = [entry for entry in found["incomplete"] if entry["id"] == "color-contrast"]
    return found["violations"], unsure


@contextmanager
def _whole(page):
    """Make the window as high as the page for a while."""
    before = page.viewport_size
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({**before, "height": height})
    yield
    page.set_viewport_size(before)


def _watch(page, site, wrong):
    page.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
    page.on(
        "console",
        lambda message: (
            wrong.append(f"console: {message.text}")
            if _counts(message) and page not in _audited
            else None
        ),
    )
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((f"{site}/", "data:", "about:", "blob:"))
            else wrong.append(f"request to elsewhere: {request.url}")
        ),
    )


def _counts(message):
    """Refusals (403, 404, 422) are logged by browser and htmx, and tests ask for them.

    So is a question that a newer one replaces before its answer is there.
    """
    expected = (
        "Failed to load resource: the server responded with a status of 4",
        "Response Status Error Code 4",
        "htmx:afterRequest",
        "htmx:sendAbort",
    )
    return message.type in {"error", "warning"} and not message.text.startswith(expected)
