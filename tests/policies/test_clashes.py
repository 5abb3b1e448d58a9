"""Who says what clashes and what is required, and what the database itself refuses."""

import pytest

from entitlements.catalog.incompatibilities import Incompatibility, Prerequisite
from entitlements.decisions import Denied
from entitlements.models import AuditEvent, Notification
from entitlements.notifications.messages import subject_of
from entitlements.policies import clashes
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog(db):
    return CatalogFactory(name="Finance")


@pytest.fixture
def owner(appoint, catalog):
    return appoint(UserFactory(display_name="Olga Owner"), catalog)


@pytest.fixture
def enter(catalog):
    return AccessPackageFactory(name="Enter payments", catalog=catalog)


@pytest.fixture
def release(catalog):
    return AccessPackageFactory(name="Release payments", catalog=catalog)


def role_in(catalog, name="Ledger"):
    return ResourceRoleFactory(resource=ResourceFactory(name=name, catalog=catalog))


def refused(act, *arguments, **options):
    with pytest.raises(Denied) as denied:
        act(*arguments, **options)
    return denied.value.codes


def test_a_clash_is_added_and_removed_and_both_are_on_record(enter, release, owner, actions):
    clash = clashes.add_clash(release, enter, by=owner, is_symmetric=True)

    assert str(clash) == "Release payments clashes with Enter payments"
    assert list(Incompatibility.objects.naming(enter).with_names()) == [clash]
    clashes.remove_clash(clash, by=owner)
    clashes.remove_clash(clash, by=owner)

    assert not Incompatibility.objects.exists()
    assert actions() == ["package.clash_added", "package.clash_removed"]
    added = AuditEvent.objects.get(action="package.clash_added")
    assert (added.subject_name, added.actor_name) == ("Release payments", "Olga Owner")
    assert added.details == {
        "other": "Enter payments",
        "other_package": str(enter.pk),
        "is_symmetric": True,
    }
    assert clash.made_by == owner
    assert clash.made_at <= added.at


def test_a_group_and_a_role_can_be_named_too(release, owner, catalog):
    group, role = GroupFactory(name="Auditors"), role_in(catalog)

    assert clashes.add_clash(release, group, by=owner).other == "Auditors"
    assert clashes.add_clash(release, role, by=owner).other == "Ledger: Member"


def offered(package, **terms):
    """Let everybody ask for a package of another catalog."""
    AssignmentPolicyFactory(package=package, **terms)
    return package


def test_a_package_that_one_could_ask_for_oneself_can_be_named(release, owner):
    elsewhere = offered(AccessPackageFactory(name="Ledger"))

    assert clashes.add_clash(release, elsewhere, by=owner).other == "Ledger"
    assert clashes.add_prerequisite(release, elsewhere, by=owner).required == elsewhere


@pytest.mark.parametrize(
    ("package", "terms"),
    [
        ({"is_hidden": True}, {}),
        ({"state": "retired"}, {}),
        ({"catalog__is_enabled": False}, {}),
        ({}, {"scope": "nobody"}),
        ({}, {"is_enabled": False}),
    ],
)
def test_what_one_does_not_find_when_asking_cannot_be_named(release, owner, package, terms):
    elsewhere = offered(AccessPackageFactory(**package), **terms)

    assert refused(clashes.add_clash, release, elsewhere, by=owner) == {"not_visible"}
    assert refused(clashes.add_prerequisite, release, elsewhere, by=owner) == {"not_visible"}


@pytest.fixture
def theirs(appoint):
    """A package of another catalog that everybody can ask for, and that Gita owns."""
    package = offered(AccessPackageFactory(name="Ledger", catalog__name="Books"))
    appoint(UserFactory(display_name="Gita Rao"), package.catalog)
    appoint(UserFactory(display_name="Rea Reader"), package.catalog, "reader")
    return package


@pytest.mark.parametrize("is_symmetric", [True, False])
def test_the_owners_of_what_is_named_are_told_by_whom(release, owner, theirs, queued, is_symmetric):
    clash = clashes.add_clash(release, theirs, by=owner, is_symmetric=is_symmetric)

    told = Notification.objects.get()
    assert (told.event, str(told.recipient)) == ("clash.named", "Gita Rao")
    assert (told.about_type, told.about_id) == ("incompatibility", clash.pk)
    assert told.facts == {
        "package": "Release payments",
        "catalog": "Finance",
        "other": "Ledger",
        "other_id": str(theirs.pk),
        "by": "Olga Owner",
        "is_symmetric": is_symmetric,
    }
    assert "send_due" in queued()[-1]
    assert subject_of(told) == "Olga Owner lets Release payments clash with Ledger"


def test_who_manages_both_sides_is_told_only_of_what_binds_the_other(
    release, owner, theirs, appoint
):
    appoint(owner, theirs.catalog, "package_manager")

    clashes.add_clash(release, theirs, by=owner)
    assert not Notification.objects.exists()
    clashes.remove_clash(Incompatibility.objects.get(), by=owner)
    clashes.add_clash(release, theirs, by=owner, is_symmetric=True)

    assert [str(one.recipient) for one in Notification.objects.all()] == ["Gita Rao"]


def test_nobody_tells_himself_and_nothing_is_told_within_a_catalog(
    enter, release, owner, catalog, theirs, appoint
):
    appoint(UserFactory(), catalog)
    clashes.add_clash(release, enter, by=owner, is_symmetric=True)
    clashes.add_clash(release, GroupFactory(), by=owner)
    clashes.add_clash(release, role_in(catalog), by=owner, is_symmetric=True)
    clashes.add_clash(enter, theirs, by=appoint(owner, theirs.catalog), is_symmetric=True)

    assert {str(one.recipient) for one in Notification.objects.all()} == {"Gita Rao"}


@pytest.mark.parametrize("role", ["reader", "assignment_manager"])
def test_only_who_manages_packages_says_what_clashes(enter, release, appoint, catalog, owner, role):
    clash = clashes.add_clash(release, GroupFactory(), by=owner)
    needed = clashes.add_prerequisite(release, AccessPackageFactory(catalog=catalog), by=owner)
    one, other = role_in(catalog), role_in(catalog)
    apart = clashes.add_role_clash(catalog, one, role_in(catalog), by=owner)
    reader = appoint(UserFactory(), catalog, role)

    for act, arguments in (
        (clashes.add_clash, (release, enter)),
        (clashes.remove_clash, (clash,)),
        (clashes.add_prerequisite, (release, enter)),
        (clashes.remove_prerequisite, (needed,)),
        (clashes.add_role_clash, (catalog, one, other)),
        (clashes.remove_role_clash, (apart,)),
    ):
        assert refused(act, *arguments, by=reader) == {"not_permitted"}


def test_nobody_names_what_he_cannot_see(release, owner, catalog):
    elsewhere = CatalogFactory()
    package, role = AccessPackageFactory(catalog=elsewhere), role_in(elsewhere)

    assert refused(clashes.add_clash, release, package, by=owner) == {"not_visible"}
    assert refused(clashes.add_clash, release, role, by=owner) == {"not_visible"}
    assert refused(clashes.add_prerequisite, release, package, by=owner) == {"not_visible"}
    own = role_in(catalog)
    assert refused(clashes.add_role_clash, catalog, own, role, by=owner) == {"not_visible"}


def test_a_package_of_a_catalog_that_one_reads_can_be_named(release, owner, appoint):
    elsewhere = CatalogFactory()
    appoint(owner, elsewhere, "reader")

    assert clashes.add_clash(release, AccessPackageFactory(catalog=elsewhere), by=owner)


def test_nothing_clashes_with_itself(release, owner, catalog):
    role = role_in(catalog)

    assert refused(clashes.add_clash, release, release, by=owner) == {"clashes_with_itself"}
    assert refused(clashes.add_role_clash, catalog, role, role, by=owner) == {"clashes_with_itself"}


def test_a_clash_with_a_group_goes_one_way(release, owner):
    group = GroupFactory()

    assert refused(clashes.add_clash, release, group, by=owner, is_symmetric=True) == {
        "group_is_one_way"
    }


def test_the_same_clash_is_added_once(enter, release, owner):
    clashes.add_clash(release, enter, by=owner)

    assert refused(clashes.add_clash, release, enter, by=owner) == {"clash_exists"}
    assert refused(clashes.add_clash, enter, release, by=owner, is_symmetric=True) == {
        "clash_exists"
    }
    assert clashes.add_clash(enter, release, by=owner)


def test_a_clash_that_goes_both_ways_covers_the_other_way(enter, release, owner):
    clashes.add_clash(release, enter, by=owner, is_symmetric=True)

    assert refused(clashes.add_clash, enter, release, by=owner) == {"clash_exists"}


def test_roles_that_clash_are_kept_once_in_whatever_order(owner, catalog, actions):
    first, second = role_in(catalog, "Bank"), role_in(catalog, "Ledger")

    clash = clashes.add_role_clash(catalog, second, first, by=owner)

    assert {clash.first, clash.second} == {first, second}
    assert str(clash) in ("Bank: Member clashes with Ledger: Member",
                          "Ledger: Member clashes with Bank: Member")  # fmt: skip
    for pair in ((first, second), (second, first)):
        assert refused(clashes.add_role_clash, catalog, *pair, by=owner) == {"clash_exists"}
    clashes.remove_role_clash(clash, by=owner)
    clashes.remove_role_clash(clash, by=owner)
    assert actions() == ["catalog.role_clash_added", "catalog.role_clash_removed"]


def test_one_of_two_clashing_roles_is_of_the_catalog_that_keeps_the_entry(owner, catalog, appoint):
    elsewhere = CatalogFactory()
    appoint(owner, elsewhere, "reader")
    foreign, other = role_in(elsewhere), role_in(elsewhere)

    assert refused(clashes.add_role_clash, catalog, foreign, other, by=owner) == {"not_in_catalog"}
    assert clashes.add_role_clash(catalog, foreign, role_in(catalog), by=owner)


def test_a_prerequisite_is_added_and_removed(enter, release, owner, actions):
    needed = clashes.add_prerequisite(release, enter, by=owner)

    assert str(needed) == "Release payments requires Enter payments"
    assert refused(clashes.add_prerequisite, release, enter, by=owner) == {"prerequisite_exists"}
    clashes.remove_prerequisite(needed, by=owner)
    clashes.remove_prerequisite(needed, by=owner)
    assert not Prerequisite.objects.exists()
    assert actions() == ["package.prerequisite_added", "package.prerequisite_removed"]


@pytest.mark.parametrize("is_alternative", [False, True])
def test_prerequisites_never_close_a_circle(enter, release, owner, catalog, is_alternative):
    third = AccessPackageFactory(catalog=catalog)
    clashes.add_prerequisite(release, enter, by=owner, is_alternative=is_alternative)
    clashes.add_prerequisite(enter, third, by=owner)

    for package in (release, enter, third):
        assert refused(clashes.add_prerequisite, third, package, by=owner) == {
            "prerequisite_circle"
        }


@pytest.mark.django_db(transaction=True)
def test_two_prerequisites_added_at_once_close_no_circle(enter, release, owner):
    outcomes = at_once(
        lambda: clashes.add_prerequisite(enter, release, by=owner),
        lambda: clashes.add_prerequisite(release, enter, by=owner),
    )

    assert refusals(outcomes) == [{"prerequisite_circle"}]
    assert Prerequisite.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_clash_added_at_once_is_added_once(enter, release, owner):
    outcomes = at_once(
        lambda: clashes.add_clash(enter, release, by=owner, is_symmetric=True),
        lambda: clashes.add_clash(release, enter, by=owner, is_symmetric=True),
    )

    assert refusals(outcomes) == [{"clash_exists"}]
    assert Incompatibility.objects.count() == 1
