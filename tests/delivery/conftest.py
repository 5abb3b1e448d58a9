"""A package of two roles: one in the built-in directory, one in a target that can fail."""

import pytest

from entitlements import clock
from entitlements.models import Grant
from entitlements.requests import operations
from tests.factories import AccessPackageFactory, AssignmentPolicyFactory, ResourceRoleFactory


@pytest.fixture
def here():
    """A role in the built-in directory."""
    return ResourceRoleFactory()


@pytest.fixture
def there(target, ada):
    """A role in the target, which knows Ada."""
    target.know(ada)
    return target.role()


@pytest.fixture
def package(here, there):
    return AccessPackageFactory(roles=[here, there])


@pytest.fixture
def submitted(ada, package):
    return operations.submit(AssignmentPolicyFactory(package=package), by=ada)


@pytest.fixture
def delivered(submitted, run_queue):
    run_queue()
    submitted.refresh_from_db()
    assert submitted.state == "delivered"
    return submitted


@pytest.fixture
def grant_of():
    return lambda role: Grant.objects.get(role=role)


@pytest.fixture
def later():
    """Move the clock to just after a moment, or by a span of time."""

    def move(when):
        moment = when if hasattr(when, "year") else clock.now() + when
        return clock.at(moment)

    return move
