import pytest

from entitlements.catalog.models import AccessPackage, ResourceKind
from entitlements.policies.models import AssignmentPolicy, Scope
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    ResourceFactory,
    ResourceRoleFactory,
)

pytestmark = pytest.mark.django_db


def test_a_package_with_two_fitting_policies_is_found_once(ada):
    package = AccessPackageFactory()
    AssignmentPolicyFactory(package=package)
    AssignmentPolicyFactory(package=package)
    AssignmentPolicyFactory(scope=Scope.NOBODY)

    assert AssignmentPolicy.objects.open_to(ada).packages().get() == package


def test_stages_and_approvers_come_along_by_two_queries(bo, gita, django_assert_num_queries):
    for _ in range(3):
        ApprovalStageFactory(approvers=[bo, gita], manager=True)

    with django_assert_num_queries(3):
        words = [
            str(approver)
            for policy in AssignmentPolicy.objects.with_stages()
            for stage in policy.stages.all()
            for approver in stage.approvers.all()
        ]

    assert sorted(set(words)) == ["Bo Chen", "Gita Rao", "Manager"]


def test_packages_are_found_by_the_kind_of_their_resources():
    site = ResourceFactory(kind=ResourceKind.SITE)
    with_site = AccessPackageFactory(
        roles=[ResourceRoleFactory(resource=site), ResourceRoleFactory()]
    )
    AccessPackageFactory()

    assert AccessPackage.objects.with_resource_kind(ResourceKind.SITE).get() == with_site


def test_roles_of_packages_come_along_by_one_query(django_assert_num_queries):
    for _ in range(3):
        AccessPackageFactory()

    with django_assert_num_queries(2):
        names = [
            entry.role.resource.name
            for package in AccessPackage.objects.with_roles()
            for entry in package.package_roles.all()
        ]

    assert len(names) == 3
