"""A catalog with two resources, and role definitions that name their roles."""

from io import BytesIO
from types import SimpleNamespace
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from entitlements.imports import bundles, operations
from entitlements.imports.building import Options
from entitlements.imports.definitions import definitions_of
from tests.factories import (
    CatalogFactory,
    ConnectedSystemFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

ROLES = "role,description,days\nSales Analyst,Runs the reports.,90\nSales Desk,,\n"
ENTITLEMENTS = (
    "role;system;resource;resource_role\n"
    "Sales Analyst;Built-in directory;Sales team;Member\n"
    "Sales Analyst;Company LDAP;cn=reports,dc=example;member\n"
    "Sales Desk;Built-in directory;Sales team;Member\n"
)
MEMBERS = "role,member\nSales Analyst,ada@kestrel.example\nSales Desk,bo@kestrel.example\n"
APPROVERS = (
    "role,stage,kind,approver,fallback\n"
    "Sales Desk,1,manager,,\n"
    "Sales Desk,1,user,gita@kestrel.example,yes\n"
)
FILES = {
    "roles.csv": ROLES,
    "role_entitlements.csv": ENTITLEMENTS,
    "role_members.csv": MEMBERS,
    "role_approvers.csv": APPROVERS,
}


def files(**changes):
    """Return the files as bytes; a name without its ending gives one other content, or none."""
    texts = {**FILES, **{f"{name}.csv": text for name, text in changes.items()}}
    return [
        (name, text if isinstance(text, bytes) else text.encode())
        for name, text in texts.items()
        if text is not None
    ]


def packed(entries, *, method=ZIP_DEFLATED):
    place = BytesIO()
    with ZipFile(place, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return place.getvalue()


@pytest.fixture
def offered(db, ada, bo, gita, appoint):
    """A catalog that Olga owns, with a group of the directory and a group in LDAP."""
    olga = UserFactory(display_name="Olga Owner", email="olga@kestrel.example")
    catalog = CatalogFactory(name="Sales")
    appoint(olga, catalog)
    ConnectedSystemFactory()
    ldap = ConnectedSystemFactory(kind="ldap", name="Company LDAP")
    team = ResourceFactory(group=GroupFactory(name="Team"), name="Sales team", catalog=catalog)
    reports = ResourceFactory(
        system=ldap, external_id="cn=reports,dc=example", group=None, catalog=catalog
    )
    return SimpleNamespace(
        catalog=catalog,
        olga=olga,
        team=ResourceRoleFactory(resource=team),
        reports=ResourceRoleFactory(resource=reports),
    )


@pytest.fixture
def read():
    """Read files, changed as `files` takes it, and return what they define."""
    return lambda **changes: definitions_of(bundles.read(files(**changes)))


@pytest.fixture
def check(offered, read):
    """Try an import out as Olga, and keep it."""

    def check(*, by=None, options=None, **changes):
        return operations.check(
            offered.catalog,
            read(**changes),
            options or Options(),
            by=by or offered.olga,
            source="roles.zip",
        )

    return check
