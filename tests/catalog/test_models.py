import pytest
from django.db import IntegrityError
from django.db.models import ProtectedError

from entitlements.catalog.models import CatalogKind, PackageState, ResourceKind
from entitlements.models import (
    AccessPackage,
    Catalog,
    CatalogResource,
    ConnectedSystem,
    PackageRole,
    Resource,
)
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ConnectedSystemFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_the_built_in_catalog_always_exists():
    general = Catalog.objects.general()

    assert str(general) == "General"
    assert Catalog.objects.general() == general
    general.delete()
    assert Catalog.objects.general().kind == CatalogKind.SERVICE_DEFAULT


def test_one_built_in_catalog():
    with pytest.raises(IntegrityError):
        CatalogFactory(kind=CatalogKind.SERVICE_DEFAULT)


def test_catalog_name_is_unique():
    CatalogFactory(name="Sales")

    with pytest.raises(IntegrityError):
        CatalogFactory(name="SALES")


def test_package_name_is_unique_in_its_catalog():
    package = AccessPackageFactory(name="Sales tools")
    AccessPackageFactory(name="Sales tools")

    with pytest.raises(IntegrityError):
        AccessPackageFactory(name="sales TOOLS", catalog=package.catalog)


def test_one_resource_per_external_id():
    resource = ResourceFactory()

    with pytest.raises(IntegrityError):
        ResourceFactory(external_id=resource.external_id)


def test_one_role_per_external_id():
    role = ResourceRoleFactory()
    assert str(role) == f"{role.resource}: Member"

    with pytest.raises(IntegrityError):
        ResourceRoleFactory(resource=role.resource)


def test_one_entry_per_catalog_and_resource():
    catalog = CatalogFactory()
    resource = ResourceFactory(catalog=catalog)
    entry = CatalogResource.objects.get()
    assert str(entry) == f"{resource} in {catalog}"

    with pytest.raises(IntegrityError):
        CatalogResource.objects.create(catalog=catalog, resource=resource)


def test_one_entry_per_role():
    package = AccessPackageFactory()
    entry = package.package_roles.get()
    assert str(entry) == f"{entry.role} in {package}"

    with pytest.raises(IntegrityError):
        PackageRole.objects.create(package=package, role=entry.role)


def test_one_built_in_directory():
    directory = ConnectedSystem.objects.built_in_directory()
    assert ConnectedSystem.objects.built_in_directory() == directory

    with pytest.raises(IntegrityError):
        ConnectedSystem.objects.create(kind="directory", name="Another")


def test_connected_system_name_is_unique():
    ConnectedSystemFactory(kind="one", name="Payroll")

    with pytest.raises(IntegrityError):
        ConnectedSystemFactory(kind="two", name="PAYROLL")


def test_a_connected_system_keeps_its_secret_to_itself():
    system = ConnectedSystemFactory(kind="one", name="Payroll")
    system.settings = {"host": "payroll"}
    system.secret = "correct horse"
    system.save()

    system = ConnectedSystem.objects.get(pk=system.pk)
    assert system.secret == "correct horse"
    assert "horse" not in system.sealed_secret
    assert str(system) == "Payroll"
    assert (system.setting("host"), system.setting("port", 389)) == ("payroll", 389)


def test_what_is_in_use_is_not_deleted():
    policy = AssignmentPolicyFactory()
    role = policy.package.roles.get()

    for thing in (policy.package.catalog, role, role.resource.system):
        with pytest.raises(ProtectedError):
            thing.delete()


@pytest.mark.parametrize(
    ("facts", "is_open", "is_listed"),
    [
        ({}, True, True),
        ({"is_hidden": True}, True, False),
        ({"state": PackageState.DRAFT}, False, False),
        ({"state": PackageState.RETIRED}, False, False),
        ({"catalog__is_enabled": False}, False, False),
    ],
)
def test_packages_are_open_and_listed(facts, is_open, is_listed):
    AccessPackageFactory(**facts)

    assert AccessPackage.objects.open().exists() is is_open
    assert AccessPackage.objects.listed().exists() is is_listed


def test_a_search_finds_every_word_somewhere():
    resource = ResourceFactory(name="Ledger", description="Books of the company")
    role = ResourceRoleFactory(resource=resource, name="Reader", description="Looks only")
    found = AccessPackageFactory(name="Finance", description="Closing the year", roles=[role])
    AccessPackageFactory(name="Finance leads", roles=[ResourceRoleFactory(name="Writer")])
    packages = AccessPackage.objects

    for text in ("finance ledger", "YEAR looks", "books", "reader", "Closing", "fin led rea"):
        assert packages.matching(text).get() == found, text
    assert packages.matching("finance").count() == 2
    assert packages.matching("  ").count() == 2
    assert not packages.matching("finance nowhere").exists()
    assert not packages.matching("%").exists()
    assert not packages.matching("_______").exists()


def test_packages_are_found_by_the_kind_of_their_resources():
    role = ResourceRoleFactory(resource=ResourceFactory(kind=ResourceKind.SITE))
    site = AccessPackageFactory(roles=[role])
    AccessPackageFactory()

    assert AccessPackage.objects.with_resource_kind(ResourceKind.SITE).get() == site


def test_roles_are_brought_along_in_their_order(django_assert_num_queries):
    roles = [ResourceRoleFactory(name=name) for name in ("Z", "A")]
    AccessPackageFactory(roles=roles)

    with django_assert_num_queries(2):
        package = AccessPackage.objects.with_roles().get()
        names = [str(entry.role) for entry in package.package_roles.all()]

    assert names == [str(role) for role in roles]


def test_managers_see_their_own_catalogs_and_what_is_in_them(gita, appoint):
    package = AccessPackageFactory()
    AccessPackageFactory()
    appoint(gita, package.catalog, "reader")

    assert Catalog.objects.visible_to(gita).get() == package.catalog
    assert AccessPackage.objects.visible_to(gita).get() == package
    assert Resource.objects.visible_to(gita).get() == package.roles.get().resource


def test_superusers_see_everything_and_strangers_nothing(ada):
    AccessPackageFactory()
    superuser = UserFactory(is_superuser=True)

    assert Catalog.objects.visible_to(superuser).count() == Catalog.objects.count()
    assert not Catalog.objects.visible_to(ada).exists()
    assert not Resource.objects.visible_to(ada).exists()


def test_packages_that_nobody_can_get_are_found():
    AssignmentPolicyFactory()
    AccessPackageFactory(state=PackageState.RETIRED)
    forgotten = AccessPackageFactory()

    assert AccessPackage.objects.without_policy().get() == forgotten
