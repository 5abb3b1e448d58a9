"""How far a change of a package's roles has come is counted until it is carried out."""

from datetime import timedelta

import pytest

from entitlements import clock, sweep
from entitlements.assignments import grants
from entitlements.catalog import packages
from entitlements.delivery.progress import progress_of
from entitlements.models import Grant
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog():
    return CatalogFactory()


@pytest.fixture
def olga(catalog, appoint):
    return appoint(UserFactory(), catalog)


@pytest.fixture
def role(catalog):
    return ResourceRoleFactory(resource=ResourceFactory(catalog=catalog))


@pytest.fixture
def package(catalog):
    return AccessPackageFactory(catalog=catalog)


@pytest.fixture
def held(package, run_queue):
    policy = AssignmentPolicyFactory(package=package)
    assignments = AssignmentFactory.create_batch(3, policy=policy)
    for assignment in assignments:
        grants.want(assignment)
    sweep.run()
    run_queue()
    return assignments


def test_a_change_is_told_until_it_is_carried_out(package, held, role, olga, run_queue):
    assert progress_of(package) is None

    packages.add_role(package, role, by=olga)
    package.refresh_from_db()
    assert progress_of(package) == (3, 0, 0)
    grants.recount(package.pk)
    package.recount_at = None
    package.save()
    Grant.objects.filter(user=held[0].target, role=role).update(next_attempt_at=None, is_given=True)
    assert progress_of(package) == (3, 1, 0)

    run_queue()
    sweep.run()
    run_queue()
    assert progress_of(package) is None


def test_a_role_that_is_taken_away_counts_too(package, held, olga, run_queue):
    packages.remove_role(package, package.roles.get(), by=olga)
    grants.recount(package.pk)
    package.refresh_from_db()
    package.recount_at = None
    assert progress_of(package) == (3, 0, 0)

    run_queue()
    sweep.run()
    run_queue()
    package.refresh_from_db()
    assert progress_of(package) is None


def test_what_failed_is_done_and_told(package, held, role, olga):
    packages.add_role(package, role, by=olga)
    grants.recount(package.pk)
    package.refresh_from_db()
    package.recount_at = None
    Grant.objects.filter(user=held[0].target, role=role).update(
        next_attempt_at=None, error_code="refused"
    )

    assert progress_of(package) == (3, 1, 1)


def test_a_package_that_nobody_holds_has_nothing_under_way(package, role, olga):
    packages.add_role(package, role, by=olga)
    package.recount_at = clock.now()

    assert progress_of(package) is None


def test_what_was_changed_long_ago_is_not_told(package, held, role, olga):
    packages.add_role(package, role, by=olga)
    grants.recount(package.pk)
    package.recount_at = None

    with clock.at(clock.now() + timedelta(days=2)):
        assert progress_of(package) is None
