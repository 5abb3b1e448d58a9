"""Nobody lets others, or himself, into a group whose roles he could not give."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entitlements import models
from entitlements.catalog import appointments, packages, resources
from entitlements.catalog.effective import effective_rights
from entitlements.catalog.passing_on import can_pass_on
from entitlements.catalog.permissions import CATALOG_ROLES
from entitlements.catalog.terms import ResourceTerms
from entitlements.decisions import Denied
from entitlements.delivery.tasks import deliver
from entitlements.directory.tenant_roles import TENANT_ROLES, tenant_role
from entitlements.policies import operations as policies
from entitlements.policies.terms import PolicyTerms
from entitlements.requests import giving, operations
from entitlements.requests.judging import Entry
from entitlements.systems.models import ConnectedSystem
from tests.doors.stage import undone
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ConnectedSystemFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

OPEN = PolicyTerms("Everybody", scope="all_users", requires_justification=False)


@pytest.fixture
def olga(appoint):
    return UserFactory(display_name="Olga Owner")


@pytest.fixture
def sales(olga, appoint):
    catalog = CatalogFactory(name="Sales")
    appoint(olga, catalog)
    return catalog


@pytest.fixture
def group(olga):
    """A group that Olga owns, nested in another."""
    group, above = GroupFactory(name="Sales leads"), GroupFactory(name="Leads")
    models.GroupNesting.objects.create(parent=above, child=group)
    group.owners.add(olga)
    group.above = above
    return group


@pytest.fixture
def role(group):
    return ResourceRoleFactory(resource=ResourceFactory(group=group))


def offer(catalog, group, by):
    return resources.add_resource(
        catalog,
        ResourceTerms("Leads"),
        system=ConnectedSystem.objects.built_in_directory(),
        external_id=str(group.pk),
        kind="security_group",
        by=by,
    )


def package_with(catalog, role):
    package = AccessPackageFactory(catalog=catalog, roles=[role])
    return package, AssignmentPolicyFactory(package=package, scope="nobody")


def acts(catalog, group, role, by):
    """Every act by which somebody lets people into a group."""
    package, policy = package_with(catalog, role)
    bare = AccessPackageFactory(catalog=catalog, roles=[])
    draft = AccessPackageFactory(catalog=catalog, roles=[role], state="draft")
    held = AssignmentFactory(policy=policy)
    return {
        "add": lambda: packages.add_role(bare, role, by=by),
        "publish": lambda: packages.publish(draft, by=by),
        "policy": lambda: policies.create_policy(package, OPEN, by=by),
        "change": lambda: policies.change_policy(policy, OPEN, by=by),
        "give": lambda: operations.assign(policy, UserFactory(), by=by),
        "list": lambda: giving.plan(policy, [Entry("x")], by=by, source="x"),
        "prolong": lambda: operations.prolong(held, by=by),
    }


ACTS = ["add", "publish", "policy", "change", "give", "list", "prolong"]


def refused(act):
    with undone():
        try:
            act()
        except Denied as denied:
            return set(denied.codes)
    return set()


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("carries", ["owner", "package_manager", "assignment_manager", "reader"])
def test_a_group_with_a_role_in_anothers_catalog_is_not_passed_on(
    sales, group, role, olga, appoint, act, carries
):
    appoint(group.above, CatalogFactory(name="Finance"), carries)

    codes = refused(acts(sales, group, role, olga)[act])

    assert codes == {"carries_catalog_role"}


@pytest.mark.parametrize("act", ACTS)
def test_whoever_owns_that_catalog_too_passes_it_on(sales, group, role, olga, appoint, act):
    finance = CatalogFactory(name="Finance")
    appoint(group.above, finance, "reader")
    appoint(olga, finance)

    assert "carries_catalog_role" not in refused(acts(sales, group, role, olga)[act])


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("key", sorted({*TENANT_ROLES} - {"administrator", "catalog_creator"}))
def test_a_group_with_a_role_in_the_tenant_is_not_passed_on(sales, group, role, olga, act, key):
    models.TenantRoleGroup.objects.create(role=tenant_role(key), group=group.above)

    assert refused(acts(sales, group, role, olga)[act]) == {"carries_tenant_role"}
    boss = UserFactory(is_superuser=True)
    assert "carries_tenant_role" not in refused(acts(sales, group, role, boss)[act])


@pytest.mark.parametrize("act", ACTS)
def test_creators_of_catalogs_are_passed_on(sales, group, role, olga, act):
    """Everybody in a large group may be one; whoever is gets nothing that is another's."""
    creators = tenant_role("catalog_creator")
    models.TenantRoleGroup.objects.create(role=creators, group=group.above)

    assert not refused(acts(sales, group, role, olga)[act]) & {"carries_tenant_role"}


def test_a_group_that_carries_roles_is_not_offered(sales, group, olga, appoint):
    appoint(group.above, CatalogFactory(), "reader")

    with pytest.raises(Denied) as denied:
        offer(sales, group, olga)
    assert denied.value.codes == {"carries_catalog_role"}
    assert "another" not in str(denied.value)
    assert offer(sales, group, UserFactory(is_superuser=True))


def test_package_managers_pass_on_no_role_in_their_own_catalog(sales, group, role, appoint):
    manager = appoint(UserFactory(), sales, "package_manager")
    appoint(group, sales, "assignment_manager")
    package, _ = package_with(sales, role)

    assert can_pass_on(manager, package).codes == {"carries_catalog_role"}


def test_what_does_not_name_a_group_carries_nothing(sales, olga):
    resource = ResourceFactory(external_id="no id")
    package, _ = package_with(sales, ResourceRoleFactory(resource=resource))

    assert can_pass_on(olga, package)


def test_what_is_in_other_systems_carries_nothing(sales, olga, django_assert_num_queries):
    ldap = ConnectedSystemFactory(kind="ldap", name="LDAP")
    role = ResourceRoleFactory(resource=ResourceFactory(system=ldap, external_id="cn=x"))
    package, _ = package_with(sales, role)
    bare = AccessPackageFactory(catalog=sales, roles=[])

    with django_assert_num_queries(1):
        assert can_pass_on(olga, package)
    packages.add_role(bare, role, by=olga)


# Whatever somebody does with one role, he has no more afterwards

STEPS = ("offer", "add", "policy", "publish", "give", "ask")


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    role=st.sampled_from(list(CATALOG_ROLES)),
    carried=st.lists(st.sampled_from([*CATALOG_ROLES, "auditor", ""]), min_size=3, max_size=3),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2)), max_size=14),
)
def test_nobody_ever_gets_more_than_he_was_given(db, role, carried, steps):
    with undone():
        actor, other = UserFactory(), CatalogFactory()
        own = CatalogFactory()
        appointments.give_role(actor, own, role)
        groups = [_group_that_carries(kind, other, actor) for kind in carried]
        before = _rights(actor)
        attempts = _Attempts(actor, own, groups)
        for name, number in [*steps, *_most_cunning(steps)]:
            try:
                getattr(attempts, name)(number)
            except Denied:
                continue
        for assignment in models.Assignment.objects.filter(target=actor):
            deliver(assignment_id=str(assignment.pk))
        assert _rights(actor) == before


def _most_cunning(steps):
    """The way that would lead to each role if nothing stood in it."""
    return [(name, number) for number in range(3) for name in STEPS] if len(steps) % 2 else []


def _group_that_carries(kind, other, actor):
    inner, outer = GroupFactory(), GroupFactory()
    models.GroupNesting.objects.create(parent=outer, child=inner)
    inner.owners.add(actor)
    if kind in CATALOG_ROLES:
        appointments.give_role(outer, other, kind)
    elif kind:
        models.TenantRoleGroup.objects.create(role=tenant_role(kind), group=outer)
    return inner


def _rights(person):
    rights = effective_rights(models.User.objects.get(pk=person.pk))
    return rights.everywhere, {one.catalog: one.permissions for one in rights.in_catalogs}


class _Attempts:
    """What somebody tries with groups that he owns and a catalog in which he has a role."""

    def __init__(self, actor, catalog, groups):
        self.actor, self.catalog, self.groups = actor, catalog, groups
        self.packages = [AccessPackageFactory(catalog=catalog, roles=[]) for _ in groups]

    def offer(self, number):
        offer(self.catalog, self.groups[number], self.actor)

    def add(self, number):
        found = models.ResourceRole.objects.filter(
            resource__external_id=str(self.groups[number].pk), external_id="member"
        )
        for role in found:
            packages.add_role(self.packages[number], role, by=self.actor)

    def policy(self, number):
        policies.create_policy(self.packages[number], OPEN, by=self.actor)

    def publish(self, number):
        packages.publish(self.packages[number], by=self.actor)

    def give(self, number):
        for policy in self.packages[number].policies.all():
            operations.assign(policy, self.actor, by=self.actor)

    def ask(self, number):
        for policy in self.packages[number].policies.all():
            operations.submit(policy, by=self.actor)
