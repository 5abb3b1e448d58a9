import re
from datetime import UTC, datetime

import pytest
from django.conf import settings

from entitlements.audit.models import AuditEvent
from entitlements.directory.models import User
from entitlements.notifications.models import Notification
from portal.demo.personas import PERSONAS
from tests.factories import NotificationFactory, UserFactory

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def demo(settings):
    settings.DEMO = True


@pytest.fixture
def ana(db):
    return UserFactory(display_name="Ana Diaz", email="ana.diaz@kestrel.example", is_demo=True)


@pytest.fixture
def bo_chen(db):
    return UserFactory(display_name="Bo Chen", email="bo.chen@kestrel.example", is_demo=True)


def test_a_visitor_becomes_somebody_of_the_demo_company(demo, client, ana):
    response = client.post("/demo/be/ana/", follow=True)

    assert response.context["user"] == ana
    assert "Demo – you are <strong>Ana Diaz</strong>" in response.content.decode()


def test_the_change_is_marked_as_demo_in_the_audit_trail(demo, client, ana):
    client.post("/demo/be/ana/")

    event = AuditEvent.objects.get(action="user.signed_in")
    assert (event.actor_id, event.details["method"]) == (ana.pk, "demo")


def test_the_session_starts_afresh(demo, client, ana, bo_chen):
    client.post("/demo/be/ana/")
    session = client.session
    session["left over"] = "from Ana"
    session.save()
    key = session.session_key

    client.post("/demo/be/bo/")

    assert "left over" not in client.session
    assert client.session.session_key != key
    assert client.session["_auth_user_id"] == str(bo_chen.pk)


def test_without_demo_mode_there_is_nothing_here(client, ana):
    assert client.post("/demo/be/ana/").status_code == 404
    assert client.get("/demo/").status_code == 404
    assert client.get("/demo/mail/").status_code == 404
    assert "_auth_user_id" not in client.session


def test_only_demo_accounts_can_be_taken(demo, client, ana):
    User.objects.update(is_demo=False)

    assert client.post("/demo/be/ana/").status_code == 404


def test_disabled_accounts_cannot_be_taken(demo, client, ana):
    User.objects.update(is_active=False)

    assert client.post("/demo/be/ana/").status_code == 404


def test_unknown_personas_are_not_found(demo, client, ana):
    assert client.post("/demo/be/root/").status_code == 404


def test_looking_never_changes_who_one_is(demo, client, ana):
    assert client.get("/demo/be/ana/").status_code == 405


def test_the_sign_in_page_shows_the_personas_in_demo_mode_only(client, db, settings):
    assert b"Rosa Marsh" not in client.get("/accounts/login/").content

    settings.DEMO = True
    page = client.get("/accounts/login/").content.decode()

    assert all(f'formaction="/demo/be/{persona.key}/"' in page for persona in PERSONAS)


def test_keys_and_addresses_are_unique():
    assert len({persona.key for persona in PERSONAS}) == len(PERSONAS)
    assert len({persona.email for persona in PERSONAS}) == len(PERSONAS)


@pytest.fixture
def ended(ana):
    return NotificationFactory(
        event="access.ended",
        recipient=ana,
        facts={"package": "<b>Sales</b> Payments", "ended_at": "2026-11-26T17:00:00+00:00"},
    )


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"next_attempt_at": NOON}, "Waiting"),
        ({"sent_at": NOON}, "Sent"),
        ({"last_error": "refused"}, "Failed"),
        ({}, "Not mailed"),
    ],
)
def test_the_mailbox_lists_mails_with_their_fate(demo, client, ended, changes, word):
    Notification.objects.update(**changes)

    html = client.get("/demo/mail/").content.decode()

    assert "Ended: &lt;b&gt;Sales&lt;/b&gt; Payments" in html
    assert word in html


def test_an_empty_mailbox_says_when_mails_appear(demo, client, db):
    assert b"No mails yet" in client.get("/demo/mail/").content


def test_a_mail_is_shown_as_text_with_links_that_lead_here(demo, client, ended):
    html = client.get(f"/demo/mail/{ended.pk}/").content.decode()

    assert 'href="/access/expired/"' in html
    assert f'href="{settings.PORTAL_URL}/' not in html
    assert "<b>Sales" not in html


def test_a_mail_is_shown_as_html_with_its_own_style_and_nothing_else_let_in(demo, client, ended):
    response = client.get(f"/demo/mail/{ended.pk}/html/")

    policy = response["Content-Security-Policy"]
    assert re.search(r"style-src 'sha256-[\w+/=]{44}';", policy)
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert b'href="/access/expired/"' in response.content
    assert b"<b>Sales" not in response.content
