import pytest

from entitlements.catalog.permissions import owners_of
from tests.factories import CatalogFactory, GroupFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_owners_are_those_appointed_in_person_or_through_a_group(ada, bo, gita, appoint):
    catalog = CatalogFactory()
    appoint(bo, catalog)
    appoint(gita, catalog, "package_manager")
    appoint(gita, CatalogFactory())
    appoint(GroupFactory(name="Sales operations", members=[ada]), catalog)
    appoint(UserFactory(is_active=False), catalog)
    UserFactory(is_superuser=True)

    assert list(owners_of(catalog)) == [ada, bo]
