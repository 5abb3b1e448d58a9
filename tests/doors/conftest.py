"""A world that is built once for a whole module; every probe is undone."""

import pytest

from tests.doors.stage import undone
from tests.doors.world import World


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), undone():
        yield World()
