"""What is hidden looks exactly like what does not exist, and a form names nothing foreign.

Pages are drawn in full here. Into every field of every form that an owner is shown goes, one after
the other, what belongs to another place: nothing of that may be written anywhere, nor be read.
"""

import re

import pytest
from django.test import Client

from tests.doors.routes import routes
from tests.doors.stage import undone
from tests.doors.table import rows_for
from tests.doors.test_every_door import ids_for

pytestmark = pytest.mark.django_db

FOREIGN = re.compile(r"Finance")
NAMEABLE = {"person_id", "holder_id", "group_id"}
"""People and groups of the directory may be named by everybody; what they get, others decide."""
ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
CHANGING = {"csrfmiddlewaretoken", "Times in"}
WRITES = ("INSERT", "UPDATE", "DELETE")
OWN_ROLES = ("owner", "package_manager", "assignment_manager", "reader")


def doors_of(world, role, relation, methods=("get", "post")):
    """Yield every address of the table that a role tries with things of a relation."""
    for route in routes():
        if not route.names:
            continue
        for row in rows_for(route.key):
            for method, of, who in row.doors():
                if of == relation and method in methods:
                    ids = ids_for(world, route, row, relation)
                    yield route, row, method, route.with_values(ids), who.meets(role)


def plain(response):
    """Return a page without what differs each time it is drawn."""
    html = response.content.decode()
    html = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", html)
    html = re.sub(r"/[\w/-]*" + ID.pattern + r"[\w/.-]*", "ADDRESS", html)
    return ID.sub("ID", html)


@pytest.mark.parametrize("role", ["stranger", "owner", "reader"])
def test_what_is_hidden_looks_exactly_like_what_does_not_exist(world, role):
    with undone():
        client = Client()
        client.force_login(world.become(role))
        gone = (
            {
                (row, method): address
                for _, row, method, address, _ in doors_of(world, role, "deleted")
            }
            if False
            else None
        )
        count = 0
        for route, row, method, address, expected in doors_of(world, role, "foreign"):
            if expected != "missing":
                continue
            twin = route.with_values(ids_for(world, route, row, "deleted"))
            with undone():
                hidden = getattr(client, method)(address)
                missing = getattr(client, method)(twin)
            assert hidden.status_code == missing.status_code == 404, address
            assert plain(hidden) == plain(missing), address
            assert hidden.headers.keys() == missing.headers.keys(), address
            count += 1
    assert gone is None
    assert count > 100
