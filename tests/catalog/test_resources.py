"""What catalogs offer: two keys, standard roles, and what may not be offered."""

import pytest

from entitlements.audit.models import AuditEvent
from entitlements.catalog import resources
from entitlements.catalog.models import CatalogResource, Resource, ResourceKind
from entitlements.catalog.terms import ResourceTerms, RoleTerms
from entitlements.decisions import Denied
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    CatalogFactory,
    ConnectedSystemFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

WORDS = ResourceTerms("Sales team", "Everybody who sells.", "https://crm.kestrel.example/")


@pytest.fixture
def catalog(db):
    return CatalogFactory(name="Sales")


@pytest.fixture
def directory(db):
    return ConnectedSystemFactory()


@pytest.fixture
def ldap(db):
    return ConnectedSystemFactory(name="Company LDAP", kind="ldap")


@pytest.fixture
def administrator(db):
    return UserFactory(display_name="Ivo Okoro", is_superuser=True)


@pytest.fixture
def group(ada):
    group = GroupFactory(name="Sales team")
    group.owners.add(ada)
    return group


@pytest.fixture
def owner(ada, catalog, appoint):
    return appoint(ada, catalog)


def refused(act, *args, **kwargs):
    with pytest.raises(Denied) as denied:
        act(*args, **kwargs)
    return denied.value.codes


def add(catalog, group, by, *, terms=WORDS, kind=ResourceKind.SECURITY_GROUP, system=None):
    return resources.add_resource(
        catalog,
        terms,
        system=system or ConnectedSystemFactory(),
        external_id=str(getattr(group, "pk", group)),
        kind=kind,
        by=by,
    )


def roles_of(resource):
    return set(resource.roles.values_list("external_id", flat=True))


def test_an_owner_offers_his_own_group_with_the_roles_member_and_owner(
    catalog, group, owner, actions
):
    resource = add(catalog, group, owner)

    assert (resource.name, resource.address) == (WORDS.name, WORDS.address)
    assert list(catalog.resources.all()) == [resource]
    assert roles_of(resource) == {"member", "owner"}
    assert resource.roles.get(external_id="owner").is_privileged
    assert actions() == ["catalog.resource_added", "resource.role_added", "resource.role_added"]


def test_a_collaboration_group_offers_the_same_roles(catalog, owner, group):
    group.kind = "collaboration"
    group.save()

    resource = add(catalog, group, owner, kind=ResourceKind.COLLABORATION_GROUP)
    assert roles_of(resource) == {"member", "owner"}


@pytest.mark.parametrize(
    ("kind", "roles"),
    [
        (ResourceKind.SECURITY_GROUP, {"member"}),
        (ResourceKind.COLLABORATION_GROUP, {"member"}),
        (ResourceKind.APPLICATION, {"default"}),
        (ResourceKind.SITE, {"visitor", "member", "owner"}),
    ],
)
def test_other_systems_offer_the_standard_roles_of_the_kind(
    catalog, ldap, administrator, kind, roles
):
    resource = add(catalog, "cn=crm,dc=kestrel", administrator, kind=kind, system=ldap)

    assert roles_of(resource) == roles


def test_an_owner_cannot_offer_a_group_that_he_does_not_own(catalog, owner):
    assert refused(add, catalog, GroupFactory(), owner) == {"not_resource_owner"}


def test_a_group_that_does_not_exist_reads_like_one_that_is_not_ones_own(catalog, owner):
    assert refused(add, catalog, "not an id", owner) == {"not_resource_owner"}


def test_a_package_manager_cannot_offer_even_what_he_owns(catalog, group, ada, appoint):
    appoint(ada, catalog, "package_manager")

    assert refused(add, catalog, group, ada) == {"not_permitted"}


def test_a_disabled_owner_offers_nothing(catalog, group, owner):
    owner.is_active = False
    owner.save()

    assert refused(add, catalog, group, owner) == {"not_permitted"}


def test_only_administrators_offer_what_other_systems_hold(catalog, owner, ldap, administrator):
    assert refused(add, catalog, "cn=crm", owner, system=ldap) == {"administrators_only"}
    assert add(catalog, "cn=crm", administrator, system=ldap)


def test_an_administrator_offers_any_group(catalog, administrator):
    assert add(catalog, GroupFactory(), administrator)


def test_a_group_that_does_not_exist_is_refused(catalog, administrator):
    assert refused(add, catalog, "nothing", administrator) == {"group_unknown"}


def test_a_group_that_is_managed_elsewhere_is_refused(catalog, administrator, ldap):
    group = GroupFactory(source=ldap, source_key="1")

    assert refused(add, catalog, group, administrator) == {"managed_elsewhere"}


def test_a_system_that_is_switched_off_offers_nothing(catalog, administrator, ldap):
    ldap.is_enabled = False
    ldap.save()

    assert refused(add, catalog, "cn=crm", administrator, system=ldap) == {"system_off"}


def test_a_dynamic_group_offers_only_the_role_owner(catalog, administrator):
    resource = add(catalog, GroupFactory(is_dynamic=True), administrator)

    assert roles_of(resource) == {"owner"}
    codes = refused(
        resources.add_resource_role, resource, "member", RoleTerms("Member"), by=administrator
    )
    assert codes == {"dynamic_members"}


@pytest.mark.parametrize("kind", ["application", "collaboration_group"])
def test_the_kind_must_be_that_of_the_group(catalog, group, owner, kind):
    assert refused(add, catalog, group, owner, kind=kind) == {"kind_differs"}


def test_an_unknown_kind_is_refused(catalog, ldap, administrator):
    codes = refused(add, catalog, "cn=crm", administrator, kind="toaster", system=ldap)
    assert codes == {"unknown_kind"}


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (ResourceTerms(""), "name_missing"),
        (ResourceTerms("x" * 257), "name_too_long"),
        (ResourceTerms("CRM", "nul\x00"), "description_unreadable"),
        (ResourceTerms("CRM", address="javascript:alert(1)"), "address_unusable"),
        (ResourceTerms("CRM", address="https://"), "address_unusable"),
        (ResourceTerms("CRM", address="https://[::1"), "address_unusable"),
        (ResourceTerms("CRM", address="https://a b"), "address_unusable"),
        (ResourceTerms("CRM", address="https://a/" + "b" * 1000), "address_unusable"),
    ],
)
def test_words_and_addresses_that_nobody_can_use_are_refused(catalog, group, owner, terms, code):
    assert refused(add, catalog, group, owner, terms=terms) == {code}


@pytest.mark.parametrize(
    ("external_id", "code"),
    [
        (" ", "external_id_missing"),
        ("cn=\x00", "external_id_unusable"),
        ("c" * 1025, "external_id_unusable"),
    ],
)
def test_an_id_that_no_system_can_have_is_refused(catalog, ldap, administrator, external_id, code):
    assert refused(add, catalog, external_id, administrator, system=ldap) == {code}


def test_several_catalogs_may_offer_one_resource_which_keeps_its_words(
    catalog, group, owner, appoint
):
    first = add(catalog, group, owner)
    finance = CatalogFactory(name="Finance")
    appoint(owner, finance)

    second = add(finance, group, owner, terms=ResourceTerms("Something else"))

    assert second == first
    assert second.name == WORDS.name
    assert second.roles.count() == 2


def test_a_catalog_offers_a_resource_once(catalog, group, owner):
    add(catalog, group, owner)

    assert refused(add, catalog, group, owner) == {"already_in_catalog"}


def test_removing_needs_the_same_two_keys(catalog, group, owner, bo, appoint):
    resource = add(catalog, group, owner)
    appoint(bo, catalog)

    assert refused(resources.remove_resource, catalog, resource, by=bo) == {"not_resource_owner"}
    group.owners.add(bo)
    resources.remove_resource(catalog, resource, by=bo)
    assert not catalog.resources.exists()
    assert Resource.objects.filter(pk=resource.pk).exists()
    assert AuditEvent.objects.about(catalog).last().action == "catalog.resource_removed"


def test_a_resource_that_a_package_of_the_catalog_uses_stays(catalog, group, owner):
    resource = add(catalog, group, owner)
    AccessPackageFactory(catalog=catalog, name="Seller", roles=list(resource.roles.all()))

    with pytest.raises(Denied, match="used by Seller") as denied:
        resources.remove_resource(catalog, resource, by=owner)
    assert denied.value.codes == {"resource_used"}


def test_a_package_of_another_catalog_does_not_hold_a_resource_here(catalog, group, owner):
    resource = add(catalog, group, owner)
    AccessPackageFactory(roles=list(resource.roles.all()))

    resources.remove_resource(catalog, resource, by=owner)
    assert not CatalogResource.objects.filter(catalog=catalog).exists()


def test_what_a_catalog_does_not_offer_cannot_be_removed(catalog, group, owner, administrator):
    resource = ResourceFactory()

    codes = refused(resources.remove_resource, catalog, resource, by=administrator)
    assert codes == {"not_in_catalog"}


def test_words_change_with_both_keys_and_are_written_down(catalog, group, owner, bo, appoint):
    resource = add(catalog, group, owner)

    resources.change_resource(resource, ResourceTerms("Sellers"), by=owner)
    resources.change_resource(resource, ResourceTerms("Sellers"), by=owner)

    changes = AuditEvent.objects.get(action="resource.changed").details["changes"]
    assert changes["name"] == {"old": "Sales team", "new": "Sellers"}
    appoint(bo, catalog)
    codes = refused(resources.change_resource, resource, WORDS, by=bo)
    assert codes == {"not_resource_owner"}


def test_whoever_owns_the_group_but_no_catalog_changes_nothing(catalog, group, owner, bo):
    resource = add(catalog, group, owner)
    group.owners.add(bo)

    assert refused(resources.change_resource, resource, WORDS, by=bo) == {"not_permitted"}
    codes = refused(resources.add_resource_role, resource, "owner", RoleTerms("Owner"), by=bo)
    assert codes == {"not_permitted"}


def test_an_application_gets_roles_of_its_own(catalog, ldap, administrator):
    resource = add(catalog, "cn=crm", administrator, kind="application", system=ldap)

    role = resources.add_resource_role(
        resource, " seller ", RoleTerms("Seller", "Sees orders."), by=administrator
    )

    assert (role.external_id, role.name) == ("seller", "Seller")
    codes = refused(
        resources.add_resource_role, resource, "seller", RoleTerms("Again"), by=administrator
    )
    assert codes == {"role_taken"}


def test_a_group_has_no_other_roles(catalog, group, owner):
    resource = add(catalog, group, owner)

    codes = refused(resources.add_resource_role, resource, "king", RoleTerms("King"), by=owner)
    assert codes == {"unknown_role"}


def test_roles_of_a_group_that_is_managed_elsewhere_by_now_are_refused(catalog, group, owner, ldap):
    resource = add(catalog, group, owner)
    resource.roles.all().delete()
    group.source, group.source_key = ldap, "1"
    group.save()

    codes = refused(resources.add_resource_role, resource, "member", RoleTerms("In"), by=owner)
    assert codes == {"managed_elsewhere"}


def test_the_words_of_a_role_change_and_its_id_stays(catalog, group, owner):
    role = add(catalog, group, owner).roles.get(external_id="member")

    changed = resources.change_resource_role(role, RoleTerms("Seller", "Sells."), by=owner)
    resources.change_resource_role(role, RoleTerms("Seller", "Sells."), by=owner)

    assert (changed.external_id, changed.name) == ("member", "Seller")
    assert AuditEvent.objects.filter(action="resource.role_changed").count() == 1


def test_a_role_that_nothing_uses_is_removed(catalog, group, owner):
    resource = add(catalog, group, owner)

    resources.remove_resource_role(resource.roles.get(external_id="owner"), by=owner)
    assert roles_of(resource) == {"member"}


def test_a_role_in_a_package_stays(catalog, group, owner):
    role = add(catalog, group, owner).roles.get(external_id="member")
    AccessPackageFactory(catalog=catalog, roles=[role])

    assert refused(resources.remove_resource_role, role, by=owner) == {"role_used"}


def test_a_role_that_somebody_was_given_stays(catalog, administrator):
    role = ResourceRoleFactory()
    role.grants.create(user=AssignmentFactory().target)

    assert refused(resources.remove_resource_role, role, by=administrator) == {"not_permitted"}
    CatalogResource.objects.create(catalog=catalog, resource=role.resource)
    assert refused(resources.remove_resource_role, role, by=administrator) == {"role_used"}
