import re

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from portal import navigation
from portal.navigation import NavEntry

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/approvals/?page=2"}
OWN_STYLES = ["portal.css", "shell.css"]
OWN_SCRIPTS = ["portal.js", "theme.js"]

pytestmark = pytest.mark.urls("tests.portal.shell_urls")


@pytest.fixture
def signed_in(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def entries(monkeypatch):
    """An empty navigation."""
    monkeypatch.setattr(navigation, "_entries", {})


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.content.decode()))


def test_a_page_has_one_heading_one_main_and_a_title(signed_in):
    html = signed_in.get("/settings/").content.decode()

    assert html.count("<h1") == 1
    assert html.count("<main") == 1
    assert "<title>Settings – Access Hub</title>" in html
    assert '<html lang="en"' in html
    assert 'href="#main">Skip to content</a>' in html


def test_entries_are_shown_by_right_with_counts_that_are_not_zero(signed_in, entries):
    navigation.register(NavEntry("Approvals", "help:index", count=lambda user: 6))
    navigation.register(NavEntry("Manage", "demo:index", visible=lambda user: False))
    navigation.register(NavEntry("Quiet", "preferences:index"))
    navigation.register(NavEntry("Not built yet", "nowhere:index"))

    response = signed_in.get("/settings/")

    assert [(link.label, link.count) for link in response.context["shell"].bar] == [
        ("Approvals", 6),
        ("Quiet", 0),
    ]
    assert '<span class="count">6</span>' in response.content.decode()
    assert '<span class="count">0</span>' not in response.content.decode()


def test_the_entry_of_the_present_area_is_marked(signed_in, entries):
    navigation.register(NavEntry("Help", "help:index", areas=("help", "preferences")))
    navigation.register(NavEntry("Demo", "demo:index"))

    bar = signed_in.get("/settings/").context["shell"].bar

    assert [(link.label, link.is_current) for link in bar] == [("Demo", False), ("Help", True)]


def test_counts_are_not_asked_for_by_fragments(signed_in, entries):
    asked = []
    navigation.register(NavEntry("Approvals", "help:index", count=lambda user: asked.append(1)))

    signed_in.get("/say/", headers=HTMX)

    assert asked == []


def test_strangers_see_no_entries(client, db, entries):
    navigation.register(NavEntry("Approvals", "help:index", count=lambda user: 6))

    assert client.get("/help/").context["shell"].bar == []


def test_the_viewers_zone_and_language_are_in_force(signed_in, ada, settings):
    settings.ORGANIZATION_TIME_ZONE = "Europe/Berlin"
    assert signed_in.get("/zone/").content == b"Europe/Berlin en"

    ada.time_zone, ada.language = "Asia/Tokyo", "tlh"
    ada.save()

    assert signed_in.get("/zone/").content == b"Asia/Tokyo en"
    assert "Times in Asia/Tokyo" in text(signed_in.get("/help/"))


def test_a_saved_theme_is_in_the_first_byte_of_the_page(signed_in, ada):
    ada.theme = "dark"
    ada.save()

    assert 'data-saved-theme="dark"' in signed_in.get("/help/").content.decode()


def test_pages_of_signed_in_people_stay_out_of_caches(signed_in):
    assert signed_in.get("/settings/")["Cache-Control"] == "private, no-store"


def test_a_refusal_shows_every_reason_with_code_and_remedy(signed_in):
    response = signed_in.get("/refuse/")

    assert response.status_code == 403
    assert "You hold Finance Approver." in text(response)
    assert "Give it back first." in text(response)
    assert "clash" in text(response)
    assert "not_in_scope" in text(response)
    assert b"&lt;b&gt;This&lt;/b&gt;" in response.content


def test_a_refusal_of_a_part_goes_to_the_message_area(signed_in):
    response = signed_in.get("/refuse/", headers=HTMX)

    assert response.status_code == 403
    assert response["HX-Retarget"] == "#messages"
    assert b"<html" not in response.content
    assert "You hold Finance Approver. Give it back first. clash" in text(response)


def test_what_may_not_be_seen_looks_like_what_does_not_exist(signed_in):
    forbidden = signed_in.get("/forbid/")
    missing = signed_in.get("/nowhere/")

    assert forbidden.status_code == missing.status_code == 404
    assert text(forbidden).replace("/forbid/", "") == text(missing).replace("/nowhere/", "")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nowhere/", 404, "not yours to see"),
        ("/change/", 409, "Bo Chen approved it."),
        ("/break/", 500, "Something went wrong on our side"),
        ("/lose/", 503, "cannot reach its database"),
    ],
)
def test_failures_are_told_in_the_page_and_in_the_message_area(signed_in, path, status, words):
    signed_in.raise_request_exception = False
    page = signed_in.get(path)
    part = signed_in.get(path, headers=HTMX)

    assert page.status_code == part.status_code == status
    assert words in text(page)
    assert words in text(part)
    assert part["HX-Retarget"] == "#messages"
    assert b"<html" not in part.content


def test_an_unexpected_failure_gives_a_reference_that_leads_to_the_log(signed_in):
    signed_in.raise_request_exception = False
    response = signed_in.get("/break/")

    reference = re.search(r"[0-9A-F]{8}", text(response)).group()
    assert response["X-Request-ID"].upper().startswith(reference)
    assert "secret detail" not in text(response)


def test_a_lost_database_says_when_to_come_back(signed_in):
    assert signed_in.get("/lose/")["Retry-After"] == "10"


def test_a_database_lost_before_the_page_is_told_in_the_same_way(signed_in, monkeypatch):
    def lose(*args, **kwargs):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", lose)
    signed_in.raise_request_exception = False

    response = signed_in.get("/help/")

    assert response.status_code == 503
    assert response["Retry-After"] == "10"
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_a_conflict_shows_how_it_stands_now(signed_in):
    response = signed_in.get("/change/")

    assert "Bo Chen approved it." in text(response)
    assert b'href="/help/"' in response.content


def test_a_form_without_its_token_is_refused_in_words(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)

    response = client.post("/settings/", {"block": "appearance", "theme": "dark"})

    assert response.status_code == 403
    assert "This form is too old" in text(response)


def test_messages_go_along_with_a_part_once(signed_in):
    part = signed_in.get("/say/", headers=HTMX).content.decode()
    page = signed_in.get("/help/").content.decode()

    assert part.startswith("<p>part</p>")
    assert 'id="messages"' in part
    assert 'hx-swap-oob="innerHTML"' in part
    assert "Approved &lt;i&gt;it&lt;/i&gt;." in part
    assert "Approved" not in page


def test_messages_wait_for_the_page_that_htmx_is_sent_to(signed_in):
    answer = signed_in.get("/go/", headers=HTMX)

    assert answer.status_code == 204
    assert answer["HX-Redirect"] == "/help/"
    assert "Sent." in text(signed_in.get("/help/"))


def test_an_ended_session_leads_back_to_the_page_and_not_to_its_part(client, db):
    answer = client.get("/settings/", headers=HTMX)

    assert answer["HX-Redirect"] == "/accounts/login/?next=%2Fapprovals%2F%3Fpage%3D2"


def test_errors_in_a_form_are_swapped_where_the_form_is(signed_in):
    answer = signed_in.get("/fields/", headers=HTMX)

    assert "HX-Retarget" not in answer
    assert answer.content == b"<form></form>"


def test_browsers_keep_parts_and_pages_apart(signed_in):
    assert "HX-Request" in signed_in.get("/help/")["Vary"]


def test_boosted_and_restored_pages_are_whole_pages(signed_in):
    boosted = signed_in.get("/nowhere/", headers={**HTMX, "HX-Boosted": "true"})
    restored = signed_in.get("/nowhere/", headers={**HTMX, "HX-History-Restore-Request": "true"})

    assert b"<html" in boosted.content
    assert b"<html" in restored.content


@pytest.mark.parametrize("slug", ["how-it-works", "words", "approvers", "owners", "keyboard"])
def test_help_is_open_to_everybody(client, db, slug):
    assert client.get(f"/help/{slug}/").status_code == 200


def test_unknown_help_is_not_found(client, db):
    assert client.get("/help/nothing/").status_code == 404


def test_accessibility_statement_is_linked_from_every_page(client, db):
    assert b'href="/help/accessibility/"' in client.get("/accounts/login/").content
    assert client.get("/help/accessibility/").status_code == 200


def size(names):
    return sum((settings.BASE_DIR / "static" / name).stat().st_size for name in names)


def test_own_style_and_script_stay_small():
    assert size(OWN_STYLES) <= 15 * 1024
    assert size(OWN_SCRIPTS) <= 8 * 1024


def test_colors_are_named_in_one_sheet_only():
    literal = re.compile(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|rgb\(|hsl\(")
    for name in ["portal.css", "shell.css", "admin.css"]:
        sheet = (settings.BASE_DIR / "static" / name).read_text()
        values = re.findall(r":([^;{}]+);", sheet)

        assert [value for value in values if literal.search(value)] == []


def test_templates_have_nothing_inline():
    inline = re.compile(r"\sstyle=|\son[a-z]+=|hx-on|<style|javascript:|hx-vals=.js:", re.I)
    script = re.compile(r"<script(?![^>]*(\bsrc=|type=\"application/json\"))", re.I)
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        if path.is_relative_to(settings.BASE_DIR / "templates/emails"):
            continue
        source = re.sub(r"{%.*?%}|{#.*?#}", "", path.read_text())

        assert inline.search(source) is None, path
        assert script.search(source) is None, path
