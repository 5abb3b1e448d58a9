"""One answer to who may do what: for people and programs, in person, in groups, in the tenant."""

from itertools import product

import pytest
from django.db import IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entitlements.audit.models import AuditEvent
from entitlements.catalog import appointments, operations
from entitlements.catalog.effective import effective_rights
from entitlements.catalog.permissions import (
    CATALOG_ROLES,
    can,
    can_admit_outsiders,
    can_change_resource,
    can_create_catalogs,
    can_manage_resource,
    holds,
    owners_of,
)
from entitlements.catalog.terms import CatalogTerms
from entitlements.decisions import Denied
from entitlements.directory.appointing import give_tenant_role
from entitlements.directory.tenant_roles import tenant_role
from entitlements.models import (
    AccessPackage,
    Catalog,
    CatalogGroupPermission,
    CatalogUserPermission,
    Group,
    GroupNesting,
    Membership,
    Resource,
    TenantRoleGroup,
    User,
)
from tests.factories import (
    AccessPackageFactory,
    CatalogFactory,
    ConnectedSystemFactory,
    GroupFactory,
    ResourceFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db

ROLES = list(CATALOG_ROLES)
PERMISSIONS = CATALOG_ROLES["owner"]
IN_TENANT = ("governance_administrator", "auditor", "catalog_creator", "organization_administrator")


@pytest.fixture
def ivo(db):
    return UserFactory(display_name="Ivo Okoro", is_superuser=True)


@pytest.fixture
def sales(ivo, ada):
    catalog = CatalogFactory(name="Sales")
    operations.appoint(ada, catalog, "owner", by=ivo)
    return catalog


def refused(act, *args, **kwargs):
    with pytest.raises(Denied) as denied:
        act(*args, **kwargs)
    return denied.value.codes


# Whatever was given, nested and disabled: all answers agree

PEOPLE, GROUPS, CATALOGS = 4, 5, 3
people, groups, catalogs = (st.integers(0, size - 1) for size in (PEOPLE, GROUPS, CATALOGS))
worlds = st.fixed_dictionaries(
    {
        "disabled": st.sets(people, max_size=2),
        "programs": st.sets(people, max_size=1),
        "administrators": st.sets(people, max_size=1),
        "members": st.sets(st.tuples(groups, people), max_size=8),
        "nested": st.sets(st.tuples(groups, groups), max_size=8),
        "in_person": st.dictionaries(st.tuples(people, catalogs), st.sampled_from(ROLES)),
        "in_group": st.dictionaries(
            st.tuples(groups, catalogs), st.sampled_from(ROLES), max_size=5
        ),
        "tenant": st.sets(st.tuples(people, st.sampled_from(IN_TENANT)), max_size=2),
        "tenant_groups": st.sets(st.tuples(groups, st.sampled_from(IN_TENANT)), max_size=2),
    }
)


class Model:
    """The same world as plain sets, answered by walking them."""

    def __init__(self, world):
        self.world = world

    def groups_of(self, person):
        found = {group for group, member in self.world["members"] if member == person}
        while True:
            above = {parent for parent, child in self.world["nested"] if child in found}
            if above <= found:
                return found
            found |= above

    def tenant_roles(self, person):
        own = {role for who, role in self.world["tenant"] if who == person}
        inside = self.groups_of(person)
        return own | {role for group, role in self.world["tenant_groups"] if group in inside}

    def rights(self, person, catalog):
        if person in self.world["disabled"]:
            return set()
        roles = self.tenant_roles(person)
        if person in self.world["administrators"] or "governance_administrator" in roles:
            return set(PERMISSIONS)
        found = {"view_catalog"} if "auditor" in roles else set()
        if role := self.world["in_person"].get((person, catalog)):
            found |= set(CATALOG_ROLES[role])
        for group in self.groups_of(person):
            if role := self.world["in_group"].get((group, catalog)):
                found |= set(CATALOG_ROLES[role])
        return found

    def owns(self, person, catalog):
        ways = [self.world["in_person"].get((person, catalog))]
        ways += [self.world["in_group"].get((group, catalog)) for group in self.groups_of(person)]
        is_away = person in self.world["disabled"] | self.world["programs"]
        return "owner" in ways and not is_away

    def is_appointed(self, person):
        if person in self.world["disabled"]:
            return False
        inside = self.groups_of(person)
        return (
            person in self.world["administrators"]
            or any(who == person for who, _ in self.world["in_person"])
            or any(group in inside for group, _ in self.world["in_group"])
            or bool(self.tenant_roles(person) - {"organization_administrator"})
        )


def build(world):
    """Write a world down; return its people and catalogs."""
    Membership.objects.all().delete()
    found = [
        UserFactory(
            is_active=number not in world["disabled"],
            is_superuser=number in world["administrators"] - world["programs"],
            user_type="service" if number in world["programs"] else "member",
        )
        for number in range(PEOPLE)
    ]
    made = [GroupFactory() for _ in range(GROUPS)]
    offered = [CatalogFactory() for _ in range(CATALOGS)]
    for group, member in world["members"]:
        Membership.objects.create(group=made[group], user=found[member])
    for parent, child in world["nested"]:
        if parent != child:
            GroupNesting.objects.create(parent=made[parent], child=made[child])
    for (person, catalog), role in world["in_person"].items():
        appointments.give_role(found[person], offered[catalog], role)
    for (group, catalog), role in world["in_group"].items():
        appointments.give_role(made[group], offered[catalog], role)
    for person, role in world["tenant"]:
        found[person].groups.add(tenant_role(role))
    for group, role in world["tenant_groups"]:
        TenantRoleGroup.objects.create(role=tenant_role(role), group=made[group])
    return found, offered


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(worlds)
def test_every_way_of_asking_has_the_same_answer(db, world):
    world["administrators"] -= world["programs"]
    found, offered = build(world)
    model = Model(world)

    for (number, user), (place, catalog) in product(enumerate(found), enumerate(offered)):
        expected = model.rights(number, place)
        assert appointments.rights_of(user, catalog) == expected
        for permission in PERMISSIONS:
            is_held = permission in expected
            assert bool(can(user, permission, catalog)) is is_held
            assert holds(user, permission, catalog.pk) is is_held
            rows = Catalog.objects.with_permission(user, permission)
            assert (catalog in rows) is is_held
        assert (catalog in Catalog.objects.visible_to(user)) is ("view_catalog" in expected)
        assert (user in owners_of(catalog)) is model.owns(number, place)
        if number not in world["disabled"]:
            assert shown(user, catalog) == expected
    for number, user in enumerate(found):
        answer = User.objects.filter(pk=user.pk).values_list(appointments.is_appointed(user))
        assert answer.get()[0] is model.is_appointed(number)
    for place, catalog in enumerate(offered):
        has_owner = any(model.owns(number, place) for number in range(PEOPLE))
        assert (catalog in Catalog.objects.without_owner()) is not has_owner


def shown(user, catalog):
    """What the page of somebody's rights says about a catalog."""
    rights = effective_rights(user)
    here = [one.permissions for one in rights.in_catalogs if one.catalog == catalog]
    return set(rights.everywhere).union(*here)


# Roles of groups


@pytest.mark.parametrize("role", ROLES)
def test_a_group_is_appointed_and_dismissed(sales, ada, bo, role):
    outer, inner = GroupFactory(name="Sales desk"), GroupFactory(members=[bo])
    GroupNesting.objects.create(parent=outer, child=inner)

    operations.appoint(outer, sales, role, by=ada)
    assert appointments.rights_of(bo, sales) == set(CATALOG_ROLES[role])
    assert appointments.role_of(outer, sales) == role
    operations.dismiss(outer, sales, role, by=ada)
    assert appointments.rights_of(bo, sales) == set()

    given, taken = AuditEvent.objects.about(sales).filter(target_id=outer.pk)
    assert (given.action, taken.action) == ("catalog.role_given", "catalog.role_taken")
    assert given.details == {"role": role, "before": "", "holder": "Sales desk"}
    assert taken.details == {"role": role, "holder": "Sales desk"}


def test_a_group_without_anybody_active_in_it_is_no_owner(sales, ada, bo, ivo):
    desk = GroupFactory(members=[UserFactory(is_active=False)])
    operations.appoint(desk, sales, "owner", by=ada)
    assert refused(operations.dismiss, ada, sales, "owner", by=ivo) == {"last_owner"}

    Membership.objects.create(group=desk, user=bo)
    operations.dismiss(ada, sales, "owner", by=ivo)
    assert list(owners_of(sales)) == [bo]
    assert refused(operations.dismiss, desk, sales, "owner", by=ivo) == {"last_owner"}
    assert refused(operations.appoint, desk, sales, "reader", by=ivo) == {"last_owner"}
    assert appointments.role_of(desk, sales) == "owner"


def test_whoever_does_not_hold_a_role_is_not_dismissed_from_none(sales, ada, bo):
    assert refused(operations.dismiss, bo, sales, "", by=ada) == {"not_appointed"}


def test_a_catalog_whose_owners_left_has_no_owner(sales, ada, bo):
    assert sales not in Catalog.objects.without_owner()
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert list(Catalog.objects.without_owner()) == [sales]

    inner = GroupFactory(members=[bo])
    outer = GroupFactory()
    GroupNesting.objects.create(parent=outer, child=inner)
    appointments.give_role(outer, sales, "package_manager")
    assert list(Catalog.objects.without_owner()) == [sales]
    appointments.give_role(outer, sales, "owner")
    assert not Catalog.objects.without_owner().exists()


def test_the_built_in_catalog_needs_no_owner(db):
    assert Catalog.objects.general() not in Catalog.objects.without_owner()


def test_one_permission_per_group_and_catalog(sales):
    row = {"group": GroupFactory(), "content_object": sales}
    permission = CatalogUserPermission.objects.first().permission
    CatalogGroupPermission.objects.create(permission=permission, **row)

    with pytest.raises(IntegrityError):
        CatalogGroupPermission.objects.create(permission=permission, **row)


@pytest.mark.django_db(transaction=True)
def test_a_group_and_a_person_that_are_dismissed_at_once_leave_one_owner(ivo, ada, bo):
    catalog = CatalogFactory()
    desk = GroupFactory(members=[bo])
    for holder in (ada, desk):
        operations.appoint(holder, catalog, "owner", by=ivo)

    outcomes = at_once(
        lambda: operations.dismiss(ada, catalog, "owner", by=ivo),
        lambda: operations.dismiss(desk, catalog, "owner", by=ivo),
    )

    assert refusals(outcomes) == [{"last_owner"}]
    assert owners_of(catalog).count() == 1


# Roles in the tenant


def test_a_governance_administrator_does_what_owners_do_in_every_catalog(sales, bo, gita, ivo):
    give_tenant_role(GroupFactory(members=[bo]), "governance_administrator", by=ivo)

    assert appointments.rights_of(bo, sales) == set(PERMISSIONS)
    assert can_create_catalogs(bo)
    operations.appoint(gita, sales, "package_manager", by=bo)
    mine = operations.create_catalog(CatalogTerms("Mine"), by=bo)
    assert appointments.role_of(bo, mine) == "owner"


def test_an_auditor_sees_everything_and_changes_nothing(sales, bo, ivo):
    package = AccessPackageFactory(catalog=sales)
    give_tenant_role(bo, "auditor", by=ivo)

    assert list(AccessPackage.objects.visible_to(bo)) == [package]
    assert appointments.rights_of(bo, sales) == {"view_catalog"}
    assert not can_create_catalogs(bo)
    for act in (
        lambda: operations.change_catalog(sales, CatalogTerms("Mine"), by=bo),
        lambda: operations.delete_catalog(sales, by=bo),
        lambda: operations.appoint(bo, sales, "owner", by=bo),
    ):
        assert refused(act) == {"not_permitted"}


def test_an_administrator_of_organizations_sees_no_catalog(sales, bo, ivo):
    give_tenant_role(bo, "organization_administrator", by=ivo)

    assert not Catalog.objects.visible_to(bo).exists()
    assert not can_create_catalogs(bo)
    assert appointments.rights_of(bo, sales) == set()


def test_governance_administrators_offer_known_applications_and_no_groups(sales, bo, ivo):
    give_tenant_role(bo, "governance_administrator", by=ivo)
    ldap = ConnectedSystemFactory(kind="ldap", name="LDAP")
    known = ResourceFactory(system=ldap, external_id="cn=crm", kind="application", catalog=sales)
    group = ResourceFactory(system=ldap, external_id="cn=admins", catalog=sales)

    assert can_manage_resource(bo, ldap, "cn=crm")
    assert can_change_resource(bo, known)
    for external_id in ("cn=admins", "cn=new"):
        codes = can_manage_resource(bo, ldap, external_id).codes
        assert codes == {"administrators_only"}
    assert not can_change_resource(bo, group)
    directory = ConnectedSystemFactory()
    codes = can_manage_resource(bo, directory, str(GroupFactory().pk)).codes
    assert codes == {"not_resource_owner"}
    assert can_manage_resource(ivo, ldap, "cn=new")
    assert Resource.objects.count() == 2


# Opening a catalog to people from outside


def test_owners_open_their_catalogs_by_default(sales, ada):
    terms = CatalogTerms("Sales", is_external=False)
    operations.change_catalog(sales, terms, by=ada)
    operations.change_catalog(sales, CatalogTerms("Sales"), by=ada)

    sales.refresh_from_db()
    assert sales.is_external


def test_an_organization_leaves_opening_catalogs_to_administrators(sales, ada, bo, ivo, settings):
    settings.OWNERS_ADMIT_OUTSIDERS = False
    give_tenant_role(ada, "catalog_creator", by=ivo)
    give_tenant_role(bo, "governance_administrator", by=ivo)
    code = {"outsiders_admitted_by_administrators"}

    assert refused(operations.create_catalog, CatalogTerms("Mine"), by=ada) == code
    assert operations.create_catalog(CatalogTerms("Mine", is_external=False), by=ada)
    operations.change_catalog(sales, CatalogTerms("Sales", "Open already."), by=ada)
    operations.change_catalog(sales, CatalogTerms("Sales", is_external=False), by=ada)
    assert refused(operations.change_catalog, sales, CatalogTerms("Sales"), by=ada) == code
    operations.change_catalog(sales, CatalogTerms("Sales"), by=bo)
    assert can_admit_outsiders(ivo)


def test_the_groups_of_people_are_found_in_one_query_with_the_catalogs(
    sales, bo, ada, django_assert_num_queries
):
    group = GroupFactory(members=[bo])
    operations.appoint(group, sales, "reader", by=ada)

    with django_assert_num_queries(1):
        assert list(Catalog.objects.visible_to(bo)) == [sales]
    with django_assert_num_queries(1):
        assert list(owners_of(sales)) == [ada]
    assert Group.objects.containing(bo).get() == group
