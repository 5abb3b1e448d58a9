import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core import mail
from django.core.cache import cache

from entitlements.audit.models import AuditEvent
from entitlements.directory.service_accounts import create_service_account
from entitlements.models import User
from portal.accounts import AccountAdapter
from tests.factories import UserFactory

PASSWORD = "four plain words suffice"


@pytest.fixture(autouse=True)
def fresh_limits(db):
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ana(db):
    ana = UserFactory(display_name="Ana Diaz", email="ana@kestrel.example")
    ana.set_password(PASSWORD)
    ana.save()
    EmailAddress.objects.create(user=ana, email=ana.email, verified=True, primary=True)
    return ana


def sign_in(client, email="ana@kestrel.example", password=PASSWORD, **options):
    return client.post("/accounts/login/", {"login": email, "password": password}, **options)


def sign_in_and_confirm(client):
    sign_in(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.content.decode()))


def test_somebody_signs_in_and_it_is_written_down(client, ana):
    response = sign_in(client)

    assert response["Location"] == "/"
    event = AuditEvent.objects.get(action="user.signed_in")
    assert (event.actor_id, event.details) == (ana.pk, {"method": "password"})


def test_the_wanted_page_is_kept(client, ana):
    response = client.post(
        "/accounts/login/?next=/settings/",
        {"login": ana.email, "password": PASSWORD, "next": "/settings/"},
    )

    assert response["Location"] == "/settings/"


def test_no_way_leads_off_the_portal_after_signing_in(client, ana):
    response = client.post(
        "/accounts/login/",
        {"login": ana.email, "password": PASSWORD, "next": "https://evil.example/"},
    )

    assert response["Location"] == "/"


def test_wrong_passwords_and_unknown_accounts_look_the_same(client, ana):
    wrong = sign_in(client, password="wrong words entirely here")
    unknown = sign_in(client, email="nobody@kestrel.example")

    assert wrong.status_code == unknown.status_code == 200
    assert words(wrong) == words(unknown)


def test_disabled_accounts_are_refused(client, ana):
    ana.is_active = False
    ana.save()

    response = sign_in(client, follow=True)

    assert "Account switched off" in words(response)
    assert "_auth_user_id" not in client.session


def test_a_session_ends_with_its_account(client, ana):
    sign_in(client)
    ana.is_active = False
    ana.save()

    assert client.get("/settings/").status_code == 302


def test_an_address_must_be_confirmed_first(client, ana):
    EmailAddress.objects.update(verified=False)

    response = sign_in(client, follow=True)

    assert "Look into your mail" in words(response)
    link = re.search(r"http://testserver(/accounts/confirm-email/\S+)", mail.outbox[0].body)[1]
    page = client.get(link)
    assert "Confirm your address" in words(page)
    assert not EmailAddress.objects.get().verified
    client.post(link)
    assert EmailAddress.objects.get().verified


def test_a_stale_confirmation_link_says_so(client, db):
    assert "This link no longer works" in words(client.get("/accounts/confirm-email/old-key/"))


def test_guessing_is_slowed_down_in_words(client, ana):
    for _ in range(6):
        response = sign_in(client, password="wrong words entirely here")

    assert "Too many failed login attempts" in words(response)
    assert "_auth_user_id" not in client.session


def test_flooding_is_refused_in_our_dress(client, ana, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    for _ in range(3):
        response = sign_in(client, email="somebody@kestrel.example")

    assert response.status_code == 429
    assert "Too many attempts" in words(response)


def test_nobody_signs_up(client, db):
    client.post(
        "/accounts/signup/",
        {"email": "new@kestrel.example", "password1": PASSWORD, "password2": PASSWORD},
    )

    assert "nobody signs up here" in words(client.get("/accounts/signup/"))
    assert not EmailAddress.objects.exists()


def test_only_the_directory_changes_an_address(client, ana):
    client.force_login(ana)

    assert client.get("/accounts/email/").status_code == 200
    assert (
        client.post("/accounts/email/", {"action_add": "", "email": "x@y.example"}).status_code
        == 405
    )
    assert EmailAddress.objects.count() == 1


def test_signing_out_asks_first_and_ends_the_session(client, ana):
    sign_in(client)
    assert "Sign out?" in words(client.get("/accounts/logout/"))
    assert "_auth_user_id" in client.session

    response = client.post("/accounts/logout/")

    assert response["Location"] == "/accounts/login/"
    assert "_auth_user_id" not in client.session


def test_a_forgotten_password_is_replaced_by_mail(client, ana):
    done = client.post("/accounts/password/reset/", {"email": ana.email}, follow=True)
    assert "Look into your mail" in words(done)

    link = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", mail.outbox[0].body)[1]
    page = client.get(link, follow=True)
    assert "Choose a new password" in words(page)
    changed = client.post(
        page.redirect_chain[-1][0],
        {"password1": "quite another set of words", "password2": "quite another set of words"},
        follow=True,
    )
    assert "Password changed" in words(changed)
    assert sign_in(client, password="quite another set of words")["Location"] == "/"
    assert "This link no longer works" in words(client.get(link, follow=True))


def test_unknown_addresses_get_the_same_answer(client, ana):
    known = client.post("/accounts/password/reset/", {"email": ana.email}, follow=True)
    unknown = client.post("/accounts/password/reset/", {"email": "x@y.example"}, follow=True)

    assert words(known) == words(unknown)


def test_a_short_password_is_refused_in_words(client, ana):
    client.force_login(ana)

    response = client.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "short", "password2": "short"},
    )

    assert "things need your attention" in words(response) or "One thing" in words(response)
    assert "at least 12 characters" in words(response)


def code_for(secret):
    counter = next(iter(yield_hotp_counters_from_time()))
    return format_hotp_value(hotp_value(secret, counter))


def test_an_authenticator_app_becomes_the_second_step(client, ana):
    sign_in_and_confirm(client)
    page = client.get("/accounts/2fa/totp/activate/")
    assert "Set up an authenticator app" in words(page)
    secret = page.context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": code_for(secret)})
    codes = client.get("/accounts/2fa/recovery-codes/")
    assert "10 left" in words(codes) or "10 of 10 left" in words(codes)
    recovery_code = re.search(r"<code>([^<]+)</code>", codes.content.decode())[1]
    client.post("/accounts/logout/")

    second_step = sign_in(client, follow=True)
    assert "Second step" in words(second_step)
    assert "_auth_user_id" not in client.session
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert "_auth_user_id" not in client.session
    assert "needs your attention" in words(wrong)
    client.post("/accounts/2fa/authenticate/", {"code": recovery_code})

    assert client.session["_auth_user_id"] == str(ana.pk)
    assert AuditEvent.objects.filter(details__method="password, recovery_codes").exists()


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/accounts/2fa/", "Sign-in and security"),
        ("/accounts/2fa/totp/activate/", "Set up an authenticator app"),
        ("/accounts/2fa/webauthn/", "Passkeys and security keys"),
        ("/accounts/2fa/webauthn/add/", "Add a passkey"),
        ("/accounts/password/change/", "Change password"),
        ("/accounts/email/", "E-mail address"),
        ("/accounts/logout/", "Sign out?"),
        ("/accounts/3rdparty/", "Account Connections"),
    ],
)
def test_pages_about_ones_own_sign_in_wear_our_dress(client, ana, path, heading):
    sign_in_and_confirm(client)

    html = client.get(path).content.decode()

    assert html.count("<h1") == 1
    assert heading in re.search(r"<h1[^>]*>(.*?)</h1>", html, re.S)[1]
    assert 'class="topbar"' in html


def test_one_confirms_who_one_is_before_changing_the_sign_in(client, ana):
    sign_in(client)

    page = client.get("/accounts/2fa/totp/activate/", follow=True)

    assert "Confirm that it is you" in words(page)
    response = client.post(page.redirect_chain[-1][0], {"password": PASSWORD})
    assert response["Location"] == "/accounts/2fa/totp/activate/"


# Service accounts


@pytest.fixture
def program(ana):
    account = create_service_account("Device register", by=None)
    EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)
    return account


def test_a_service_account_signs_in_with_no_password(client, program):
    for password in ("", "!", PASSWORD, program.password):
        assert sign_in(client, program.email, password).status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_service_account_signs_in_by_no_other_way_either(rf, client, program):
    request = rf.get("/")
    request.user, request.session = User(), client.session
    answer = AccountAdapter(request).pre_login(
        request,
        program,
        email_verification="mandatory",
        signal_kwargs=None,
        email=None,
        signup=False,
        redirect_url=None,
    )

    assert answer["Location"] == "/accounts/inactive/"


def test_a_service_account_is_mailed_no_link_to_set_a_password(client, program):
    known = client.post("/accounts/password/reset/", {"email": program.email}, follow=True)
    unknown = client.post("/accounts/password/reset/", {"email": "x@y.example"}, follow=True)

    assert words(known) == words(unknown)
    assert [message.to for message in mail.outbox] == [["x@y.example"]]
