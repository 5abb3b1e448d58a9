"""Every route by every role, with things of one's own, another's, and what is gone.

The table is the whole truth: a route that it does not name fails, and so does a row of no route.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote

from tests.doors.routes import routes
from tests.doors.stage import Visitor, bare_pages, undone
from tests.doors.table import ROWS, rows_for
from tests.doors.world import IN_CATALOG, ROLES

pytestmark = pytest.mark.django_db

WITH_CATALOGS = {*IN_CATALOG, "auditor", "governance_administrator", "superuser"}
HOW = "tests/doors/table.py says, at its top, how to add a row for it."


class Probe(NamedTuple):
    """One attempt, and who meets what by it."""

    what: str
    method: str
    address: str
    sent: dict
    who: object


def probes(world) -> Iterator[Probe]:
    """Yield every row of the table for every relation and method that it tells of."""
    for route in routes():
        for row in rows_for(route.key):
            for method, relation, who in row.doors():
                ids = ids_for(world, route, row, relation)
                query = f"?{row.query.format(**ids)}" if row.query and method == "get" else ""
                sent = {name: text.format(**ids) for name, text in row.sent.items()}
                of = f" of {relation}" if relation else ""
                yield Probe(
                    f"{method.upper()} {row.route}{of} {row.names or ''}",
                    method,
                    route.with_values(ids) + query,
                    sent if method == "post" else {},
                    who,
                )


def ids_for(world, route, row, relation):
    """Return what stands in an address, by the names that it has there."""
    found = {**world.everywhere, **world.relations.get(relation or "own", {})}
    if "object_id" in route.names:
        found["object_id"] = object_id(route.address, relation)
    renamed = {
        name: source[1:] if source.startswith("=") else found[source]
        for name, source in row.names.items()
    }
    return {**found, **renamed}


def object_id(address, relation):
    """Return the id of a row of the model that an address of the administration tells of."""
    app_label, name = address.split("/")[2:4]
    model = apps.get_model(app_label, name)
    if relation == "deleted":
        return uuid4() if model._meta.pk.get_internal_type() == "UUIDField" else 10**9
    rows = model._default_manager.order_by("pk")
    if name == "connectedsystem":
        rows = rows.exclude(kind="directory")
    return quote(rows.values_list("pk", flat=True)[0])


def is_tried(role, probe):
    """Say whether a probe tells anything new about a role.

    To whoever has no catalog all others' things are alike, and owners in a group are owners.
    """
    relation = probe.what.partition(" of ")[2].partition(" ")[0]
    if role == "owner_in_group":
        return relation == "own"
    return role in WITH_CATALOGS or relation != "foreign"


@pytest.mark.parametrize("role", ROLES)
def test_everybody_meets_what_the_table_says(world, role):
    differences = []
    with bare_pages(), undone():
        tried = [probe for probe in probes(world) if is_tried(role, probe)]
        visitor = Visitor(world.become(role) if role != "nobody" else None)
        for probe in tried:
            met = visitor.tries(probe.method, probe.address, probe.sent)
            if met != (expected := probe.who.meets(role)):
                differences.append(f"{probe.what}: {met}, and not {expected}")

    assert not differences, f"As {role}:\n" + "\n".join(differences)


def test_no_route_is_left_out():
    left_out = sorted({route.key for route in routes() if not rows_for(route.key)})

    assert not left_out, f"Nobody has said who comes through {', '.join(left_out)}. {HOW}"


def test_no_row_is_about_nothing():
    keys = {route.key for route in routes()}
    empty = [row.route for row in ROWS if not any(fnmatchcase(key, row.route) for key in keys)]

    assert empty == []


def test_every_route_that_names_a_thing_of_a_catalog_is_tried_with_anothers():
    """A row without relations would try it with one's own thing only."""
    things = {"catalog_id", "resource_id", "package_id", "policy_id", "assignment_id"}
    narrow = [
        route.key
        for route in routes()
        if things & set(route.names)
        for row in rows_for(route.key)
        if not {"own", "foreign", "deleted"} <= {relation for _, relation, _ in row.doors()}
    ]

    assert narrow == []
