"""The demo company is loaded once for a whole module, inside a transaction that is never kept."""

import io
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.test import TestCase, override_settings
from django_q.models import OrmQ
from django_q.signing import SignedPackage

PEOPLE = 60


class Sandbox(TestCase):
    databases = frozenset({"default"})


@contextmanager
def sandbox():
    """Let everything inside be undone, operations that insist on their own transaction too."""
    atomics = Sandbox._enter_atomics()
    try:
        yield
    finally:
        Sandbox._rollback_atomics(atomics)


@pytest.fixture(scope="module")
def loaded(django_db_setup, django_db_blocker):
    """What `demo load` printed, while the company is there; with a foreign message in the queue."""
    output = io.StringIO()
    with django_db_blocker.unblock(), override_settings(DEMO=True), sandbox():
        OrmQ.objects.create(key="portal", payload=foreign_message())
        call_command("demo", "load", "--people", str(PEOPLE), stdout=output)
        yield output.getvalue()


@pytest.fixture
def company(loaded, db):
    """The demo company, as loaded; what a test changes is undone."""
    return loaded


def foreign_message():
    return SignedPackage.dumps({"func": "somebody.elses.task", "kwargs": {}})
