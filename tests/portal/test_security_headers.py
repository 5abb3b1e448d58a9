import pytest
from django.test import Client

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

pytestmark = [pytest.mark.urls("tests.portal.shell_urls"), pytest.mark.django_db]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/accounts/login/", 200),
        ("/settings/", 200),
        ("/go/", 302),
        ("/nowhere/", 404),
        ("/refuse/", 403),
        ("/change/", 409),
        ("/break/", 500),
        ("/lose/", 503),
        ("/healthz", 200),
        ("/static/tokens.css", 200),
        ("/static/nothing.css", 404),
    ],
)
def test_every_answer_carries_the_headers(ada, path, status):
    client = Client(raise_request_exception=False)
    if path != "/accounts/login/":
        client.force_login(ada)

    response = client.get(path)
    response.close()

    assert response.status_code == status
    assert response["Content-Security-Policy"] == POLICY
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]


def test_refused_forms_carry_the_headers(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)

    assert client.post("/settings/")["Content-Security-Policy"] == POLICY


def test_the_redirect_to_a_secure_connection_carries_the_headers(client, settings):
    settings.SECURE_SSL_REDIRECT = True

    response = client.get("/accounts/login/")

    assert response.status_code == 301
    assert response["Content-Security-Policy"] == POLICY


def test_unreadable_hosts_are_refused_with_the_headers(client):
    response = client.get("/accounts/login/", headers={"host": "evil.example"})

    assert response.status_code == 400
    assert response["Content-Security-Policy"] == POLICY
