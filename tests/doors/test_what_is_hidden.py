"""What is hidden looks exactly like what does not exist, and no form lets it be named.

Pages are drawn in full here. Into every field of every form that somebody is shown goes, one after
the other, what belongs to another's place: it may be written nowhere, and no answer may tell of it.
"""

import re
from contextlib import contextmanager

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from portal.admin.registry import manage
from tests.doors.forms import Forms
from tests.doors.routes import routes
from tests.doors.stage import bare_pages, read, undone, word_for
from tests.doors.table import rows_for
from tests.doors.test_every_door import ids_for

pytestmark = pytest.mark.django_db

FOREIGN = re.compile("Finance")
ID = r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}"
TOKEN = r"\b[0-9A-Za-z]{64}\b"
TIME = r"\b\d\d:\d\d\b"
OF_ONE = (
    "catalog_id", "package_id", "policy_id", "role_id", "assignment_id", "attribute_id", "clash_id",
    "exception_id", "extension_id", "request_id", "resource_id", "system_id",
)  # fmt: skip
"""What belongs to one place. People and groups of the directory may be named by everybody."""
NOT_ASKED_FOR = (
    "by", "catalog", "created_at", "decided_by", "delegator", "is_superuser", "made_by", "package",
    "policy", "requestor", "resource", "state", "target", "terms", "user",
)  # fmt: skip
OURS = ("manage:", "packages:", "access:", "requests:", "approvals:", "team:", "home:", "roles:")
RELATIONS = ("", "own", "mine", "asked", "team", "decided")


def doors(world, role, relations):
    """Yield the doors of the table for these relations, each with what the role meets there."""
    for route in routes():
        for row in rows_for(route.key):
            for method, relation, who in row.doors():
                if relation in relations:
                    ids = ids_for(world, route, row, relation)
                    query = f"?{row.query.format(**ids)}" if row.query else ""
                    yield route, row, method, route.with_values(ids) + query, who.meets(role)


def plain(response):
    """Return a page without what differs each time that it is drawn."""
    return re.sub(rf"{ID}|{TOKEN}|{TIME}", "", response.content.decode())


@pytest.mark.parametrize("role", ["stranger", "owner"])
def test_what_is_hidden_looks_exactly_like_what_does_not_exist(world, role):
    count = 0
    with undone():
        client = Client()
        client.force_login(world.become(role))
        for route, row, method, address, met in doors(world, role, ("foreign",)):
            if met != "missing" or row.query:
                continue
            twin = route.with_values(ids_for(world, route, row, "deleted"))
            hidden, missing = getattr(client, method)(address), getattr(client, method)(twin)
            assert hidden.status_code == missing.status_code == 404, address
            assert plain(hidden) == plain(missing), address
            count += 1
    assert count > 80


# What a form may name


@pytest.fixture
def as_owner(world):
    """Sign the person in as an owner of his place; nothing of what he does stays."""
    with undone():
        person = world.become("owner")

        def as_owner():
            client = Client()
            client.force_login(person)
            return client

        yield as_owner


@pytest.fixture
def foreign(world):
    """What belongs to another's place, in every way in which forms name things."""
    ids = [str(world.foreign.ids[name]) for name in OF_ONE]
    return ids, [f"{kind}:{key}" for kind in ("user", "group") for key in ids]


@pytest.fixture
def forms(world, as_owner):
    """Every form of every page that an owner is shown, each once."""
    seen, found, client = set(), [], as_owner()
    for route, _, method, address, met in doors(world, "owner", RELATIONS):
        if method != "get" or met != "works" or not route.key.startswith(OURS):
            continue
        response = client.get(address)
        content = response.getvalue()
        if not response.get("Content-Type", "").startswith("text/html"):
            continue
        for form in Forms(content.decode(), address).found:
            key = (re.sub(ID, "", form.action), form.method, *form.fields)
            if key not in seen and not form.action.startswith("/accounts/"):
                seen.add(key)
                form.picked = f"user:{world.own.hopeful.pk}"
                found.append(form)
    return found


@contextmanager
def nothing_written_of(ids):
    """Fail when a statement that writes says anything of these ids."""
    hexed = {key.replace("-", "") for key in ids}
    written = []

    def look(execute, sql, params, many, context):
        if sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            said = str(params).replace("-", "")
            written.extend(f"{key} by {sql[:60]}" for key in hexed if key in said)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield
    assert not written


def test_nothing_foreign_gets_into_any_form(as_owner, foreign, forms):
    ids, marked = foreign
    tried, sent = set(), set()
    with bare_pages():
        client = as_owner()
        for form in forms:
            if form.method != "post":
                continue
            for press in form.presses():
                if send(client, form, press, ids).status_code == 302:
                    sent.add(form.action)
                for name, names_things in form.named():
                    tries = [[one] for one in (ids if names_things else ids[:1])]
                    if f"{name}-q" in form.fields:
                        tries = [marked, marked[::-1]]
                    for values in tries:
                        send(client, form, {**press, name: values}, ids)
                    tried.add((form.action, name))
                extra = {name: ids[0] for name in NOT_ASKED_FOR if name not in form.fields}
                send(client, form, {**press, **extra}, ids)
    assert len(tried) > 60, tried
    assert len(sent) > 30, "Too few forms could be sent as they are, so that fields say nothing."


def send(client, form, changes, ids):
    """Send a form as it is but for some fields; nothing of it is kept."""
    cache.clear()
    with undone(), nothing_written_of(ids):
        response = read(client.post(form.action, {**form.data(), **changes}))
    assert response.status_code < 500, (form.action, changes)
    assert word_for(response) != "sign_in", form.action
    return response


def test_nothing_foreign_is_told_by_any_form(as_owner, foreign, forms):
    ids, marked = foreign
    client, tried = as_owner(), 0
    for form in forms:
        for name, names_things in form.named():
            values = marked if f"{name}-q" in form.fields else ids
            if form.method == "post" and names_things:
                answers = [send(client, form, {name: values}, ids)]
            elif form.method == "get":
                answers = [client.get(form.action, {**form.data(), name: one}) for one in ids[:4]]
            else:
                continue
            for response in answers:
                assert not FOREIGN.search(response.getvalue().decode()), (form.action, name)
                tried += 1
    assert tried > 60


def test_no_filter_finds_anything_foreign(world, as_owner):
    client = as_owner()
    for model in manage._registry:
        address = reverse(f"manage:entitlements_{model._meta.model_name}_changelist")
        filters = client.get(address).context["cl"].filter_specs
        for name in {name for one in filters for name in one.expected_parameters()}:
            for key in ("catalog_id", "package_id", "system_id"):
                response = client.get(address, {name: world.foreign.ids[key]}, follow=True)
                assert not FOREIGN.search(response.content.decode()), (address, name)


@pytest.mark.parametrize("route", ["manage:pick", "approvals:find"])
def test_no_picker_tells_of_anything_but_the_directory(as_owner, foreign, route):
    client = as_owner()
    kinds = "user,group,service,catalog,package,policy,resource,role"
    for value in (*foreign[0], *foreign[1]):
        response = client.get(reverse(route), {"field": "x", "kinds": kinds, "x": value})
        assert not FOREIGN.search(response.content.decode())
    for query in ("Finance package", "Finance policy", "Finance CRM", "Finance things"):
        response = client.get(reverse(route), {"field": "x", "kinds": kinds, "x-q": query})
        assert "<input" not in response.content.decode()
