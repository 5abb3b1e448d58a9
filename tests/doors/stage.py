"""How the doors are tried quickly: bare templates, nothing kept, one answer in one word."""

from contextlib import contextmanager
from http.cookies import SimpleCookie
from unittest.mock import patch

from django.conf import settings
from django.db import transaction
from django.template.backends.base import BaseEngine
from django.test import Client, override_settings
from django.urls import reverse

from portal import places

BARE = [
    {
        "BACKEND": "tests.doors.stage.Bare",
        "NAME": "bare",
        "DIRS": [],
        "APP_DIRS": False,
        "OPTIONS": {},
    }
]
RIGHTS = {
    "administrators_only",
    "import_stays",
    "list_stays",
    "not_appointer",
    "not_approver",
    "not_catalog_creator",
    "not_holder",
    "not_permitted",
    "not_your_import",
    "not_requestor",
    "not_resource_owner",
    "not_your_list",
    "not_your_people",
    "not_yours",
}
"""Codes of refusals that speak of rights; others speak of the state of a thing."""


class Bare(BaseEngine):
    """Renders nothing but the names of templates, and the codes of refusals."""

    def __init__(self, params):
        params.pop("OPTIONS")
        super().__init__(params)

    def get_template(self, name):
        return Page(name)


class Page:
    def __init__(self, name):
        self.name = name

    def render(self, context=None, request=None):
        reasons = (context or {}).get("reasons") or ()
        return " ".join([self.name, *(reason.code for reason in reasons)])


@contextmanager
def undone():
    """Undo whatever happens inside, durable as it may be."""
    point = transaction.atomic()
    point._from_testcase = True
    with point:
        yield
        transaction.set_rollback(True)


@contextmanager
def bare_pages():
    """Decide as always, and draw nothing.

    Sessions are in their cookies, and in which areas somebody has something to do is asked once:
    every probe is undone, so that the answer stays.
    """
    engine = "django.contrib.sessions.backends.signed_cookies"
    ask, known = places.places_of, {}

    def places_of(user):
        if user.pk not in known:
            known[user.pk] = ask(user)
        return known[user.pk]

    with (
        override_settings(
            TEMPLATES=BARE, SESSION_ENGINE=engine, DEMO=True, ORGANIZATION_HINTS=["portal"]
        ),
        patch.object(places, "places_of", places_of),
    ):
        yield


class Visitor:
    """Somebody with a browser, who tries a door and is as before afterwards."""

    def __init__(self, person):
        self.client = Client()
        if person:
            self.client.force_login(person)
        self.cookies = self.client.cookies.output(header="", sep=";")

    def tries(self, method, address, sent=None):
        """Return the answer in one word; nothing of what happens is kept."""
        self.client.cookies = SimpleCookie(self.cookies)
        with undone():
            return word_for(read(getattr(self.client, method)(address, sent or {})))


def read(response):
    """Return a response whose file, if it is one, was read to its end and so closed."""
    if response.streaming:
        response.getvalue()
    return response


def word_for(response):
    """Say in one word what somebody meets: works, refused, missing, no_method or sign_in."""
    status = response.status_code
    if status == 404:
        return "missing"
    if status == 405:
        return "no_method"
    sign_ins = (reverse(settings.LOGIN_URL), reverse("admin:login"))
    if status in (301, 302) and response["Location"].startswith(sign_ins):
        return "sign_in"
    if status == 403:
        codes = set(response.content.decode().split())
        return "refused" if codes & RIGHTS else "works"
    assert status < 500 or status == 503, response
    return "works"
