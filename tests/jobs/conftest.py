import pytest

from tests.jobs.processes import Site


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("migrated"))
    done = site.run("migrate", "--verbosity=0")
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture
def site(migrated, tmp_path):
    site = migrated.copy_to(tmp_path)
    yield site
    site.clean_up()
