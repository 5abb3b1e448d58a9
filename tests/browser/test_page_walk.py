"""Every page as every persona of the demo company, in both themes, wide and narrow."""

import time
from html.parser import HTMLParser

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import transaction
from django.test import override_settings, testcases
from django_q.models import Task
from pytest_django.live_server_helper import LiveServer

from entitlements import clock, outbox
from entitlements.delivery import acting
from entitlements.directory.organizations.guests import propose
from entitlements.imports import operations
from entitlements.imports.building import Options
from entitlements.imports.definitions import Definition, Definitions
from entitlements.models import (
    Assignment,
    AssignmentPolicy,
    Catalog,
    Group,
    RiskStage,
    RoleImport,
    User,
)
from entitlements.policies.risk_operations import report_risk
from entitlements.requests import row_by_row
from entitlements.requests.inviting import invite
from portal.demo.personas import personas
from tests.browser.addresses import NO_PAGES, PERSONAS, addresses, at_a_glance, routes
from tests.browser.sights import look

PEOPLE = 40
NOBODY = "nobody"
WALKED = [NOBODY, *(person.key for person in personas())]
LARGEST = 100_000
COOKIE = settings.SESSION_COOKIE_NAME


@pytest.fixture(scope="module")
def company(django_db_setup, django_db_blocker):
    """The address of a server with the demo company, which the whole module looks at."""
    with django_db_blocker.unblock(), override_settings(DEMO=True):
        call_command("demo", "load", "--people", str(PEOPLE), verbosity=0)
        furnish()
        server = LiveServer("127.0.0.1")
        yield server.url
        server.stop()
        testcases.TransactionTestCase()._fixture_teardown()


def furnish():
    """Add what the company's story leaves out."""
    moment = clock.now()
    let_in_from_outside()
    Task.objects.create(
        id="f" * 32,
        name="sweep.run",
        func="entitlements.sweep.run",
        started=moment,
        stopped=moment,
        success=False,
        result="The database was away.",
    )
    outbox.enqueue("sweep.run")
    report_risk(User.objects.first(), "insider", 1, source="Works council", by=None)
    RiskStage.objects.create(kind="insider", from_level=3, group=Group.objects.first())
    olga = User.objects.get(display_name="Olga Owner")
    import_roles(olga)
    act_on_many(olga)
    rosa = User.objects.get(display_name="Rosa Marsh")
    TOTP.activate(rosa, "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(rosa)
    Authenticator.objects.create(
        user=rosa, type=Authenticator.Type.WEBAUTHN, data={"name": "Blue key", "credential": {}}
    )


def import_roles(owner):
    """Carry out what the company's story only tries out."""
    tried_out = RoleImport.objects.filter(made_by=owner).exclude(findings__weight="wrong")
    operations.carry_out(tried_out.latest("created_at"), by=owner)
    definitions = Definitions((Definition("roles.csv line 2", "A role of nothing"),))
    catalog = Catalog.objects.visible_to(owner).exclude(packages=None).order_by("name")[0]
    operations.check(catalog, definitions, Options(), by=owner, source="empty.zip")


def act_on_many(owner):
    """Set access up again, stop after the first, and choose access that might be ended."""
    held = Assignment.objects.visible_to(owner).order_by("starts_at", "pk")
    keys = list(held.values_list("pk", flat=True)[:60])
    act = acting.plan("set_up_again", keys, by=owner, source="all that fit State: Held now")
    acting.start(act, acting.Wanted(), by=owner)
    for key in act.rows.values_list("pk", flat=True)[:5]:
        row_by_row.try_row(acting.ACTING, act, key)
    acting.stop(act, by=owner)
    acting.plan("end", keys[:30], by=owner, source="30 chosen in the list")


def let_in_from_outside():
    """Add an organization that was only come across, and somebody who waits without an account."""
    with transaction.atomic():
        propose("sailcloth.example")
    policy = AssignmentPolicy.objects.get(name="Blue Harbour")
    mia = User.objects.get(display_name="Mia Sand")
    invite(policy, "jo.hale@blueharbour.example", by=mia, name="Jo Hale")


@pytest.fixture
def db():
    """Nothing begins and nothing is undone: the company stays for all tests of this module."""


@pytest.fixture
def site(company, db):
    return company


@pytest.mark.parametrize("key", WALKED)
def test_every_page_is_right(open_context, sign_in, axe, shot, key):
    page = open_context().new_page()
    user = user_of(key)
    if user:
        sign_in(page, user)
        has_just_signed_in(page, user)

    found = []
    for number, place in enumerate(addresses(key, user)):
        name = f"{key}-{number:03}-{place.route.replace(':', '.')}"
        found += [f"{place.path}: {line}" for line in faults(page, place, name, axe, shot)]
    for place in at_a_glance(key, user):
        answer = page.request.get(place.path, max_redirects=0)
        if answer.status != place.status:
            found.append(f"{place.path}: answers {answer.status} and not {place.status}")
        found += [f"{place.path}: {line}" for line in faults_of_html(answer.text())]

    assert not found, "\n".join(found)


def has_just_signed_in(page, user):
    """Let nobody be asked to sign in once more on the pages about signing in."""
    key = next(one["value"] for one in page.context.cookies() if one["name"] == COOKIE)
    session = SessionStore(key)
    proof = {"method": "password", "at": time.time(), "reauthenticated": True}
    session["account_authentication_methods"] = [proof]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def test_the_walk_leaves_no_page_out(site):
    walked = {
        place.route
        for key in [NOBODY, *PERSONAS]
        for place in (*addresses(key, user_of(key)), *at_a_glance(key, user_of(key)))
    } - {"nowhere"}

    assert routes() - NO_PAGES - walked == set()
    assert walked - routes() == set()
    assert NO_PAGES - routes() == set()


def faults(page, place, name, axe, shot):
    """Yield what is wrong with a page."""
    answer = page.goto(place.path)
    if answer.status != place.status:
        yield f"answers {answer.status} and not {place.status}"
        return
    if not answer.url.endswith(place.path):
        yield f"leads to {answer.url}"
        return
    yield from faults_of_html(answer.text())
    if not page.title().strip(" –"):
        yield "has no title"
    yield from look(page, name, axe, shot)


def user_of(key):
    person = next((person for person in personas() if person.key == key), None)
    return User.objects.get(email=person.email) if person else None


class Inline(HTMLParser):
    """Finds styles and scripts that a page carries in itself."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "style" or (
            tag == "script" and "src" not in given and given.get("type") != "application/json"
        ):
            self.found.append(f"has an inline <{tag}>")
        for name in given:
            if name == "style" or name.startswith(("on", "hx-on")):
                self.found.append(f"has {name}= on <{tag}>")


def faults_of_html(html):
    """Yield what is wrong with a page before any script has run."""
    if len(html) > LARGEST:
        yield f"has {len(html)} characters"
    parser = Inline()
    parser.feed(html)
    yield from parser.found
