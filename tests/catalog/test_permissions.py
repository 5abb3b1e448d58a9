"""Which catalog role may do what, as one table."""

import pytest
from django.contrib.auth.models import Permission

from entitlements import models
from entitlements.catalog.permissions import (
    CATALOG_ROLES,
    REFUSALS,
    can,
    can_create_catalogs,
    holds,
    owners_of,
)
from entitlements.models import Catalog
from tests.factories import CatalogFactory, GroupFactory, UserFactory

pytestmark = pytest.mark.django_db

TABLE = {
    "view_catalog": {"owner", "package_manager", "assignment_manager", "reader"},
    "change_catalog": {"owner"},
    "manage_resources": {"owner"},
    "manage_roles": {"owner"},
    "manage_packages": {"owner", "package_manager"},
    "manage_assignments": {"owner", "package_manager", "assignment_manager"},
}


@pytest.mark.parametrize("role", CATALOG_ROLES)
@pytest.mark.parametrize("permission", TABLE)
def test_a_role_gives_what_the_table_says_on_its_catalog_only(ada, appoint, role, permission):
    catalog, other = CatalogFactory(), CatalogFactory()
    appoint(ada, catalog, role)

    decision = can(ada, permission, catalog)

    assert bool(decision) is (role in TABLE[permission])
    assert decision.codes <= {"not_permitted"}
    assert holds(ada, permission, catalog.pk) is (role in TABLE[permission])
    assert not can(ada, permission, other)


def test_every_permission_has_words_for_its_refusal(ada):
    catalog = CatalogFactory(name="Sales")

    assert set(REFUSALS) == set(TABLE) == set(CATALOG_ROLES["owner"])
    for permission in TABLE:
        (reason,) = can(ada, permission, catalog).reasons
        assert "Sales" in reason.text


@pytest.mark.parametrize("permission", TABLE)
def test_administrators_may_do_everything_and_the_disabled_nothing(appoint, permission):
    catalog = CatalogFactory()
    away = appoint(UserFactory(is_active=False), catalog)

    assert can(UserFactory(is_superuser=True), permission, catalog)
    assert not can(away, permission, catalog)
    assert not can(UserFactory(is_superuser=True, is_active=False), permission, catalog)


def test_a_role_can_be_given_to_a_group(ada, appoint):
    catalog = CatalogFactory()
    appoint(GroupFactory(members=[ada]), catalog, "package_manager")

    assert can(ada, "manage_packages", catalog)
    assert not can(ada, "manage_roles", catalog)
    assert Catalog.objects.with_permission(ada, "manage_packages").get() == catalog


def test_owners_are_found_in_person_and_through_a_group(
    ada, bo, gita, appoint, django_assert_num_queries
):
    catalog = CatalogFactory()
    appoint(gita, catalog)
    appoint(bo, catalog, "package_manager")
    appoint(UserFactory(is_active=False), catalog)
    inner = GroupFactory(members=[ada])
    outer = GroupFactory()
    models.GroupNesting.objects.create(parent=outer, child=inner)
    appoint(outer, catalog)

    with django_assert_num_queries(1):
        assert list(owners_of(catalog)) == [ada, gita]


def test_only_catalog_creators_create_catalogs(ada, bo):
    ada.user_permissions.add(Permission.objects.get(codename="add_catalog"))

    assert can_create_catalogs(ada)
    assert can_create_catalogs(UserFactory(is_superuser=True))
    assert can_create_catalogs(bo).codes == {"not_catalog_creator"}
    assert not can_create_catalogs(UserFactory(is_superuser=True, is_active=False))
