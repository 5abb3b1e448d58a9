"""What the database keeps of clashes, prerequisites and exceptions; no operation is asked."""

from datetime import timedelta

import pytest
from django.db import IntegrityError

from entitlements import clock
from entitlements.models import ClashException, Incompatibility, Prerequisite, RoleClash
from tests.factories import (
    AccessPackageFactory,
    CatalogFactory,
    GroupFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def enter():
    return AccessPackageFactory(name="Enter payments")


@pytest.fixture
def release():
    return AccessPackageFactory(name="Release payments")


@pytest.fixture
def roles():
    """Two roles in the order of their ids."""
    return sorted((ResourceRoleFactory(), ResourceRoleFactory()), key=lambda role: role.pk)


@pytest.fixture
def exception(enter, release):
    """Return what makes an exception, with other values for some columns."""

    def make(**facts):
        moment = clock.now()
        values = {
            "person": UserFactory(),
            "package": release,
            "other_package": enter,
            "reason": "Month end",
            "starts_at": moment,
            "ends_at": moment + DAY,
            "proposed_by": UserFactory(),
            "proposed_at": moment,
        }
        return ClashException.objects.create(**values | facts)

    return make


def test_one_clash_per_package_and_package(enter, release):
    Incompatibility.objects.create(package=release, other_package=enter)
    Incompatibility.objects.create(package=enter, other_package=release)

    with pytest.raises(IntegrityError):
        Incompatibility.objects.create(package=release, other_package=enter)


def test_one_clash_per_package_and_group(enter, release):
    group = GroupFactory()
    Incompatibility.objects.create(package=release, other_group=group)
    Incompatibility.objects.create(package=enter, other_group=group)

    with pytest.raises(IntegrityError):
        Incompatibility.objects.create(package=release, other_group=group)


def test_one_clash_per_package_and_role(enter, release, roles):
    Incompatibility.objects.create(package=release, other_role=roles[0])
    Incompatibility.objects.create(package=enter, other_role=roles[0])

    with pytest.raises(IntegrityError):
        Incompatibility.objects.create(package=release, other_role=roles[0])


@pytest.mark.parametrize("names_both", [False, True])
def test_clash_names_exactly_one(enter, release, names_both):
    others = {"other_package": enter, "other_group": GroupFactory()} if names_both else {}

    with pytest.raises(IntegrityError, match="clash_names_exactly_one"):
        Incompatibility.objects.create(package=release, **others)


def test_no_package_clashes_with_itself(release):
    with pytest.raises(IntegrityError, match="no_package_clashes_with_itself"):
        Incompatibility.objects.create(package=release, other_package=release)


def test_clash_with_group_is_one_way(release):
    with pytest.raises(IntegrityError, match="clash_with_group_is_one_way"):
        Incompatibility.objects.create(
            package=release, other_group=GroupFactory(), is_symmetric=True
        )


def test_one_clash_per_two_roles(roles):
    first, second = roles
    RoleClash.objects.create(catalog=CatalogFactory(), first=first, second=second)

    with pytest.raises(IntegrityError):
        RoleClash.objects.create(catalog=CatalogFactory(), first=first, second=second)


@pytest.mark.parametrize(("first", "second"), [(1, 0), (0, 0)])
def test_clashing_roles_are_in_order(roles, first, second):
    with pytest.raises(IntegrityError, match="clashing_roles_are_in_order"):
        RoleClash.objects.create(catalog=CatalogFactory(), first=roles[first], second=roles[second])


def test_one_prerequisite_per_package(enter, release):
    Prerequisite.objects.create(package=release, required=enter)

    with pytest.raises(IntegrityError):
        Prerequisite.objects.create(package=release, required=enter, is_alternative=True)


def test_no_package_requires_itself(release):
    with pytest.raises(IntegrityError, match="no_package_requires_itself"):
        Prerequisite.objects.create(package=release, required=release)


@pytest.mark.parametrize("names_both", [False, True])
def test_clash_exception_names_exactly_one(exception, enter, names_both):
    others = {"other_group": GroupFactory()} if names_both else {"other_package": None}

    with pytest.raises(IntegrityError, match="clash_exception_names_exactly_one"):
        exception(**others)


def test_clash_exception_ends_after_start(exception):
    with pytest.raises(IntegrityError, match="clash_exception_ends_after_start"):
        exception(ends_at=clock.now() - DAY)


@pytest.mark.parametrize("role", ["person", "proposed_by"])
def test_clash_exception_is_decided_by_another(exception, bo, role):
    with pytest.raises(IntegrityError, match="clash_exception_is_decided_by_another"):
        exception(**{role: bo}, decided_by=bo, state="approved")


@pytest.mark.parametrize("state", ["proposed", "approved", "refused"])
def test_clash_exception_says_who_decided(exception, bo, state):
    decided_by = bo if state == "proposed" else None

    with pytest.raises(IntegrityError, match="clash_exception_says_who_decided"):
        exception(state=state, decided_by=decided_by)
