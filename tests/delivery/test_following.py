"""What depends on a group follows whoever gets the group by a package."""

import pytest

from entitlements.catalog.permissions import can
from entitlements.models import GroupNesting
from entitlements.requests import operations
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
)

pytestmark = pytest.mark.django_db


def test_what_depends_on_a_group_comes_and_goes_with_the_package(ada, appoint, run_queue):
    desk, around = GroupFactory(name="Sales desk"), GroupFactory(name="Sales")
    GroupNesting.objects.create(parent=around, child=desk)
    books, ledger = CatalogFactory(), CatalogFactory()
    appoint(desk, books, "reader")
    appoint(around, ledger, "assignment_manager")
    member = ResourceRoleFactory(resource=ResourceFactory(group=desk))
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[member]))

    def reach():
        return bool(can(ada, "view_catalog", books)), bool(can(ada, "manage_assignments", ledger))

    assert reach() == (False, False)
    asked = operations.submit(policy, by=ada)
    run_queue()
    assert reach() == (True, True)

    asked.refresh_from_db()
    operations.give_back(asked.assignment, by=ada)
    run_queue()
    assert reach() == (False, False)
