import pytest
from django.contrib.auth.models import Group
from guardian.shortcuts import assign_perm

from entitlements.catalog.permissions import owners_of
from tests.factories import CatalogFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_owners_are_those_appointed_in_person_or_through_a_group(ada, bo, gita, appoint):
    catalog = CatalogFactory()
    appoint(bo, catalog)
    appoint(gita, catalog, "package_manager")
    appoint(gita, CatalogFactory())
    team = Group.objects.create(name="Sales operations")
    assign_perm("entitlements.change_catalog", team, catalog)
    ada.groups.add(team)
    appoint(UserFactory(is_active=False), catalog)
    UserFactory(is_superuser=True)

    assert list(owners_of(catalog)) == [ada, bo]
