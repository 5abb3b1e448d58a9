"""Fixtures that tests of every package may use."""

import os
from contextlib import ExitStack
from datetime import time
from pathlib import Path

import pytest
from django.db import connection
from django.test import TransactionTestCase
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from entitlements import clock, models
from entitlements.audit.models import AuditEvent
from entitlements.catalog.appointments import give_role
from tests.factories import UserFactory
from tests.ldap import ldap_server, ldap_system, make_ldap_server
from tests.targets import make_target, target

__all__ = ["ldap_server", "ldap_system", "make_ldap_server", "make_target", "target"]

APPEND_ONLY = ("entitlements_auditevent", "entitlements_auditseal")
_tear_down = TransactionTestCase._fixture_teardown


def _tear_down_audit_too(self):
    """Let the test runner empty the append-only tables; on PostgreSQL it truncates anyway."""
    if connection.vendor != "sqlite":
        return _tear_down(self)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
    _tear_down(self)
    with connection.cursor() as cursor:
        for _, sql in triggers:
            cursor.execute(sql)
    return None


TransactionTestCase._fixture_teardown = _tear_down_audit_too


_moved = ExitStack()


def pytest_configure():
    """Let the domain's day be young: at ten, or at TIME_OF_DAY, whenever the tests run.

    What a test expects of "today" and "in three days" would else depend on the hour.
    """
    at = time.fromisoformat(os.environ.get("TIME_OF_DAY", "10:00"))
    _moved.enter_context(clock.at(clock.today_begins().replace(hour=at.hour, minute=at.minute)))


def pytest_unconfigure():
    _moved.close()


def pytest_collection_modifyitems(items):
    """On PostgreSQL, count the lines only of tests of the domain: those of pages run on SQLite too.

    To count takes a third of the time.
    """
    if connection.vendor != "postgresql":
        return
    here = Path(__file__).parent
    pages = (here / "portal", here / "doors", here / "test_role_matrix.py")
    for item in items:
        if any(item.path.is_relative_to(place) for place in pages):
            item.add_marker("no_cover")


@pytest.fixture(autouse=True)
def clock_is_put_back():
    """Whoever moves the clock puts it back."""
    before = clock.shift()
    yield
    assert clock.shift() == before


@pytest.fixture
def real_time():
    """Let the domain's clock be everybody's, for tests with programs that have only that one."""
    with clock.at(timezone.now()):
        yield


@pytest.fixture
def ada(db):
    return UserFactory(display_name="Ada Lovelace", email="ada@kestrel.example")


@pytest.fixture
def bo(db):
    return UserFactory(display_name="Bo Chen", email="bo@kestrel.example")


@pytest.fixture
def gita(db):
    return UserFactory(display_name="Gita Rao", email="gita@kestrel.example")


@pytest.fixture
def queued(db):
    """The names of the tasks in the outbox, oldest first."""
    return lambda: [message.name() for message in OrmQ.objects.order_by("pk")]


@pytest.fixture
def run_queue(db):
    """Run what is in the outbox, as the workers would after the commit."""

    def run():
        while message := OrmQ.objects.order_by("pk").first():
            message.delete()
            task = message.task
            import_string(task["func"])(*task["args"], **task["kwargs"])

    return run


@pytest.fixture
def actions(db):
    """The actions in the audit trail, oldest first."""
    return lambda: list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


@pytest.fixture
def appoint(db):
    """Give a person or a group a catalog role, as `catalog.operations.appoint` does."""

    def appoint(holder, catalog, role="owner"):
        give_role(holder, catalog, role)
        return holder

    return appoint


@pytest.fixture
def holds(db):
    """Say whether a person is in the group behind a resource role now, read from the directory."""

    def holds(user, role):
        return models.Membership.objects.filter(
            user=user, group_id=role.resource.external_id
        ).exists()

    return holds
