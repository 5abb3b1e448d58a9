"""Another package like one that exists: everything but who holds it."""

from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.audit.models import AuditEvent
from entitlements.catalog.incompatibilities import Incompatibility
from entitlements.catalog.package_versions import contents_of
from entitlements.decisions import Denied
from entitlements.models import PackageVersion
from entitlements.policies import clashes
from entitlements.policies.duplicating import duplicate_package
from entitlements.policies.models import Expiration
from entitlements.policies.operations import terms_of
from entitlements.requests.separation import separation_of
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog():
    return CatalogFactory(name="Sales")


@pytest.fixture
def olga(catalog, appoint):
    return appoint(UserFactory(display_name="Olga Owner"), catalog)


@pytest.fixture
def package(catalog):
    roles = [
        ResourceRoleFactory(resource=ResourceFactory(name=name, catalog=catalog))
        for name in ("CRM", "Ledger")
    ]
    package = AccessPackageFactory(
        catalog=catalog, name="Analyst", description="Reads.", is_hidden=True, roles=roles
    )
    package.package_roles.filter(role=roles[1]).update(words="Post invoices.")
    return package


def refused(*args, **kwargs):
    with pytest.raises(Denied) as denied:
        duplicate_package(*args, **kwargs)
    return denied.value.codes


def test_the_copy_is_a_draft_with_the_same_words_roles_and_policies(
    package, olga, bo, actions, queued
):
    policy = AssignmentPolicyFactory(package=package, name="Staff", scope="all_members")
    ApprovalStageFactory(policy=policy, approvers=[bo])
    AssignmentFactory(policy=policy)

    made = duplicate_package(package, "Analyst in Lyon", by=olga)

    copy = made.package
    assert (copy.state, copy.catalog) == ("draft", package.catalog)
    before, after = contents_of(package), contents_of(copy)
    assert (after.name, after.description, after.is_hidden) == ("Analyst in Lyon", "Reads.", True)
    assert after.roles == before.roles
    assert terms_of(copy.policies.get()) == terms_of(policy)
    assert made.left_out == ()
    assert not copy.assignments.exists()
    assert actions() == [
        "package.created",
        "package.role_added",
        "package.role_added",
        "policy.created",
        "package.duplicated",
    ]
    assert queued() == []


def test_the_copy_has_a_first_version_of_its_own(package, olga):
    copy = duplicate_package(package, "Twin", by=olga).package

    version = PackageVersion.objects.get()
    assert (version.package, version.number, version.by) == (copy, 1, olga)
    assert version.read() == contents_of(copy)


def test_the_original_says_that_it_was_duplicated(package, olga):
    copy = duplicate_package(package, "Twin", by=olga).package

    event = AuditEvent.objects.about(package).get(action="package.duplicated")
    assert (event.details["copy"], event.details["name"]) == (str(copy.pk), "Twin")


def test_whatever_the_package_is_kept_apart_from_the_copy_is_too(package, olga, catalog, ada):
    own, both_ways, names_it = (AccessPackageFactory(catalog=catalog) for _ in range(3))
    group = GroupFactory(members=[ada])
    role = ResourceRoleFactory(resource=ResourceFactory(catalog=catalog))
    clashes.add_clash(package, own, by=olga)
    clashes.add_clash(package, both_ways, by=olga, is_symmetric=True)
    clashes.add_clash(package, role, by=olga)
    clashes.add_clash(names_it, package, by=olga)
    Incompatibility.objects.create(package=package, other_group=group)

    copy = duplicate_package(package, "Twin", by=olga).package

    assert {(clash.other, clash.is_symmetric) for clash in copy.incompatibilities.with_names()} == {
        (clash.other, clash.is_symmetric) for clash in package.incompatibilities.with_names()
    }
    assert Incompatibility.objects.naming(copy).get().package == names_it
    assert separation_of(copy, ada).open_clashes


def test_what_must_be_held_first_must_be_for_the_copy(package, olga, catalog):
    first, other = (AccessPackageFactory(catalog=catalog) for _ in range(2))
    clashes.add_prerequisite(package, first, by=olga)
    clashes.add_prerequisite(package, other, by=olga, is_alternative=True)

    copy = duplicate_package(package, "Twin", by=olga).package

    required = copy.prerequisites.values_list("required", "is_alternative")
    assert set(required) == {(first.pk, False), (other.pk, True)}


def test_a_policy_that_could_not_be_made_today_is_left_out_and_told(package, olga):
    AssignmentPolicyFactory(package=package, name="Staff")
    over = AssignmentPolicyFactory(
        package=package,
        name="Fair",
        expiration=Expiration.ON_DATE,
        duration=None,
        ends_on=clock.now() - timedelta(days=1),
    )

    made = duplicate_package(package, "Twin", by=olga)

    assert [policy.name for policy in made.package.policies.all()] == ["Staff"]
    [left_out] = made.left_out
    assert left_out.policy == over
    assert [reason.code for reason in left_out.reasons] == ["end_in_the_past"]


def test_a_name_that_is_taken_is_refused_and_nothing_is_made(package, olga, actions):
    assert refused(package, "analyst", by=olga) == {"name_taken"}
    assert refused(package, "", by=olga) == {"name_missing"}

    assert package.catalog.packages.count() == 1
    assert actions() == []


@pytest.mark.parametrize("role", ["assignment_manager", "reader", None])
def test_only_those_who_manage_packages_duplicate_them(package, bo, appoint, role):
    if role:
        appoint(bo, package.catalog, role)

    assert refused(package, "Twin", by=bo) == {"not_permitted"}
