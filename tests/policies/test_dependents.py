"""What depends on a group is named to whoever looks into it, and counted for everybody else."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from entitlements.catalog.appointments import give_role
from entitlements.directory.appointing import give_tenant_role
from entitlements.models import CatalogResource, Group, Resource
from entitlements.policies.dependents import decides_about, dependents_of, group_of
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ConnectedSystemFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    StageApproverFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def finance():
    return CatalogFactory(name="Finance")


@pytest.fixture
def group():
    return GroupFactory(name="Sales desk")


@pytest.fixture
def around(group):
    group_around = GroupFactory(name="All of sales")
    group_around.nested.add(group)
    return group_around


@pytest.fixture
def resource(group, sales):
    return ResourceFactory(group=group, catalog=sales)


@pytest.fixture
def olga(sales, appoint):
    return appoint(UserFactory(), sales)


@pytest.fixture
def boss():
    return UserFactory(is_superuser=True)


def test_a_group_on_which_nothing_depends_has_nothing_to_say(group, olga):
    assert not dependents_of(group, olga)


def test_it_tells_of_the_groups_around_it(group, around, olga):
    widest = GroupFactory(name="Everybody")
    widest.nested.add(around)

    found = dependents_of(group, olga)

    assert [one.name for one in found.around.named] == ["All of sales", "Everybody"]
    assert found.around.others == 0


def test_of_many_the_first_are_named(group, olga):
    for number in range(13):
        GroupFactory(name=f"Group {number:02}").nested.add(group)

    found = dependents_of(group, olga)

    assert len(found.around.named) == 10
    assert found.around.others == 3


def test_roles_in_catalogs_are_named_where_one_looks_into_the_catalog(
    group, around, sales, finance, olga
):
    give_role(group, sales, "reader")
    give_role(around, sales, "owner")
    give_role(group, finance, "owner")

    found = dependents_of(group, olga).catalog_roles

    assert [(one.role, one.group) for one in found.named] == [("Owner", around), ("Reader", group)]
    assert found.others == 1


def test_roles_in_the_portal_are_named_to_those_who_oversee_them(group, around, olga, boss):
    give_tenant_role(around, "auditor", by=boss)

    assert dependents_of(group, boss).tenant_roles.named == ["Auditor"]
    hidden = dependents_of(group, olga).tenant_roles
    assert (hidden.named, hidden.others) == ([], 1)


def test_policies_that_admit_it_or_let_it_decide_are_named_or_counted(
    group, around, sales, finance, olga
):
    mine = AssignmentPolicyFactory(package__catalog=sales, scope="specific")
    theirs = AssignmentPolicyFactory(package__catalog=finance, scope="specific")
    for policy, chosen in ((mine, around), (theirs, group)):
        policy.allowed_groups.add(chosen)
        stage = ApprovalStageFactory(policy=policy)
        StageApproverFactory(stage=stage, kind="group", user=None, group=chosen)

    found = dependents_of(group, olga)

    for part in (found.admitting, found.approving):
        assert (list(part.named), part.others) == ([mine], 1)


def test_packages_that_give_it_are_named_or_counted(resource, group, sales, finance, olga):
    role = ResourceRoleFactory(resource=resource)
    owner = ResourceRoleFactory(resource=resource, external_id="owner")
    mine = AccessPackageFactory(catalog=sales, roles=[role, owner])
    AccessPackageFactory(catalog=finance, roles=[role])

    found = dependents_of(group, olga).packages

    assert (list(found.named), found.others) == ([mine], 1)


@pytest.mark.parametrize(
    ("role", "decides"),
    [("owner", True), ("package_manager", True), ("assignment_manager", False), ("reader", False)],
)
def test_whoever_offers_it_or_puts_it_into_packages_decides_about_it(
    resource, sales, bo, appoint, role, decides
):
    appoint(bo, sales, role)

    assert decides_about(bo, resource) is decides


def test_a_catalog_that_does_not_offer_it_decides_nothing(resource, finance, bo, appoint):
    appoint(bo, finance)
    assert not decides_about(bo, resource)

    CatalogResource.objects.create(catalog=finance, resource=resource)
    assert decides_about(bo, resource)


def test_only_a_group_of_the_directory_is_a_group(resource, group):
    elsewhere = ResourceFactory(system=ConnectedSystemFactory(kind="ldap", name="LDAP"))
    gone = ResourceFactory(external_id="gone")

    assert group_of(Resource.objects.get(pk=resource.pk)) == group
    assert group_of(elsewhere) is None
    assert group_of(gone) is None


def test_however_much_depends_on_it_it_takes_as_many_queries(group, around, sales, olga):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            found = dependents_of(Group.objects.get(pk=group.pk), olga)
            for part in (found.admitting, found.approving):
                assert [str(policy.package) for policy in part.named]
        return len(captured)

    def more():
        policy = AssignmentPolicyFactory(package__catalog=sales, scope="specific")
        policy.allowed_groups.add(group)
        stage = ApprovalStageFactory(policy=policy)
        StageApproverFactory(stage=stage, kind="group", user=None, group=around)
        give_role(GroupFactory(), sales, "reader")
        give_role(around, CatalogFactory(), "owner")

    more()
    few = queries()
    for _ in range(5):
        more()
    assert queries() == few
