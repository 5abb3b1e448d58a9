"""A package is saved as a whole: its words, its roles, their order, and what is read beside them.

Every version of it is kept, and a next one can be prepared as a draft.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from entitlements import clock
from entitlements.assignments import grants
from entitlements.audit.models import AuditEvent
from entitlements.catalog import packages, rewriting
from entitlements.catalog.appointments import give_role
from entitlements.catalog.models import AccessPackage
from entitlements.catalog.package_versions import PackageDraft, PackageVersion, contents_of
from entitlements.catalog.terms import ContainedRole, PackageTerms
from entitlements.comparing import differences
from entitlements.decisions import Denied
from entitlements.versions import number_of
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
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
def catalog():
    return CatalogFactory(name="Sales")


@pytest.fixture
def olga(catalog, appoint):
    return appoint(UserFactory(display_name="Olga Owner"), catalog)


@pytest.fixture
def offer(catalog):
    """Let the catalog offer a resource, and return a role of it."""
    return lambda name: ResourceRoleFactory(
        name="User", resource=ResourceFactory(name=name, catalog=catalog)
    )


@pytest.fixture
def crm(offer):
    return offer("CRM")


@pytest.fixture
def ledger(offer):
    return offer("Ledger")


@pytest.fixture
def package(catalog, crm, ledger):
    return AccessPackageFactory(catalog=catalog, name="Sales Analyst", roles=[crm, ledger])


def save(package, by, **changes):
    based_on = changes.pop("based_on", None)
    contents = replace(contents_of(AccessPackage.objects.get(pk=package.pk)), **changes)
    return rewriting.rewrite_package(package, contents, by=by, based_on=based_on)


def listing(*roles, **words):
    return tuple(ContainedRole(role.pk, words.get(role.resource.name, "")) for role in roles)


def names(package):
    return [entry.role.resource.name for entry in package.package_roles.order_by("position")]


def refused(act, *args, **kwargs):
    with pytest.raises(Denied) as denied:
        act(*args, **kwargs)
    return denied.value.codes


def test_everything_is_saved_at_once(package, olga, crm, ledger, offer, actions):
    wiki = offer("Wiki")

    saved = save(
        package,
        olga,
        name="Analyst",
        description="Reads everything.",
        is_hidden=True,
        roles=listing(wiki, crm, CRM="See orders."),
    )

    assert (saved.name, saved.is_hidden) == ("Analyst", True)
    assert saved.description == "Reads everything."
    assert names(package) == ["Wiki", "CRM"]
    assert package.package_roles.get(role=crm).words == "See orders."
    assert actions() == [
        "package.changed",
        "package.role_added",
        "package.role_removed",
        "package.roles_arranged",
    ]
    added, removed = AuditEvent.objects.filter(action__contains="role_").order_by("pk")[:2]
    assert added.details["name"] == "Wiki: User"
    assert removed.details["name"] == "Ledger: User"


def test_saving_what_is_there_changes_nothing(package, olga, actions, queued):
    save(package, olga)

    assert actions() == []
    assert queued() == []
    assert number_of(package) == 1


def test_order_and_words_are_a_change_that_no_holder_feels(
    package, olga, crm, ledger, actions, queued
):
    AssignmentFactory(policy=AssignmentPolicyFactory(package=package))

    save(package, olga, roles=listing(ledger, crm, Ledger="  Post invoices. "))

    assert names(package) == ["Ledger", "CRM"]
    assert package.package_roles.get(role=ledger).words == "Post invoices."
    assert actions() == ["package.roles_arranged"]
    assert queued() == []
    package.refresh_from_db()
    assert package.recount_at is None


def test_holders_gain_and_lose_within_minutes(package, olga, crm, offer, holds, ada, run_queue):
    wiki = offer("Wiki")
    assignment = AssignmentFactory(policy=AssignmentPolicyFactory(package=package), target=ada)
    grants.want(assignment)
    run_queue()

    save(package, olga, roles=listing(crm, wiki))
    run_queue()

    wanted = ada.grants.filter(is_wanted=True).values_list("role__resource__name", flat=True)
    assert sorted(wanted) == ["CRM", "Wiki"]


def test_a_role_that_is_named_twice_stands_where_it_stood_first(package, olga, crm, ledger):
    save(package, olga, roles=listing(ledger, crm, ledger))

    assert names(package) == ["Ledger", "CRM"]


def test_everything_that_speaks_against_it_is_said_at_once(package, olga, crm):
    elsewhere = ResourceRoleFactory()
    roles = (
        ContainedRole(crm.pk, "x" * 201),
        ContainedRole(elsewhere.pk, "Two\nlines"),
        ContainedRole(uuid4()),
        ContainedRole(uuid4()),
    )

    codes = refused(save, package, olga, name="", description=" ", roles=roles)

    assert codes == {
        "name_missing",
        "description_missing",
        "words_too_long",
        "words_unreadable",
        "role_gone",
        "not_in_catalog",
    }
    assert names(package) == ["CRM", "Ledger"]


def test_what_is_refused_leaves_nothing_behind(package, olga, catalog, crm, actions):
    AccessPackageFactory(catalog=catalog, name="Taken")

    assert refused(save, package, olga, name="taken", roles=listing(crm)) == {"name_taken"}

    assert names(package) == ["CRM", "Ledger"]
    assert actions() == []
    assert not PackageVersion.objects.exists()


def test_a_role_that_is_in_the_package_stays_though_it_is_not_offered_any_more(
    package, olga, crm, ledger, catalog
):
    catalog.catalog_resources.filter(resource=ledger.resource).delete()

    save(package, olga, roles=listing(ledger, crm))

    assert names(package) == ["Ledger", "CRM"]


def test_nobody_adds_a_group_that_brings_what_he_could_not_give(package, catalog, crm, bo, appoint):
    appoint(bo, catalog, "package_manager")
    group = GroupFactory(name="Owners of finance")
    give_role(group, CatalogFactory(name="Finance"), "owner")
    role = ResourceRoleFactory(resource=ResourceFactory(external_id=str(group.pk), catalog=catalog))

    assert refused(save, package, bo, roles=listing(crm, role)) == {"carries_catalog_role"}


@pytest.mark.parametrize("role", ["assignment_manager", "reader", None])
def test_only_those_who_manage_packages_save_them(package, catalog, bo, appoint, role):
    if role:
        appoint(bo, catalog, role)
    contents = contents_of(package)

    for act, arguments in (
        (rewriting.rewrite_package, (package, contents)),
        (rewriting.keep_draft, (package, contents)),
        (rewriting.restore_as_draft, (package, 1)),
        (rewriting.throw_away_draft, (package,)),
    ):
        assert refused(act, *arguments, by=bo) == {"not_permitted"}, act


# Versions


def test_a_new_package_is_its_first_version(catalog, olga):
    package = packages.create_package(catalog, PackageTerms("New", "What for"), by=olga)

    [version] = rewriting.versions_of(package)
    assert (version.number, version.by, version.name) == (1, olga, "Version 1")
    assert version.terms == contents_of(package)
    assert PackageVersion.objects.get().read() == version.terms
    assert str(PackageVersion.objects.get()) == "Version 1 of New"


def test_each_way_to_change_a_package_is_a_version(package, olga, crm, ledger, offer):
    packages.change_package(package, PackageTerms("Analyst", "Reads."), by=olga)
    packages.hide(package, by=olga)
    packages.add_role(package, offer("Wiki"), by=olga)
    packages.remove_role(package, crm, by=olga)
    save(package, olga, name="Sales Analyst")
    packages.publish(package, by=olga)

    versions = rewriting.versions_of(package)

    assert [version.number for version in versions] == [6, 5, 4, 3, 2, 1]
    assert [version.terms.name for version in versions] == [
        *("Sales Analyst", "Analyst", "Analyst", "Analyst", "Analyst", "Sales Analyst")
    ]
    assert [len(version.terms.roles) for version in versions] == [2, 2, 3, 2, 2, 2]
    hidden = [version.number for version in versions if version.terms.is_hidden]
    assert hidden == [6, 5, 4, 3]


def test_a_package_from_before_versions_gets_its_first_with_its_first_change(package, olga):
    assert [version.terms.name for version in rewriting.versions_of(package)] == ["Sales Analyst"]

    save(package, olga, name="Analyst")

    newest, first = rewriting.versions_of(package)
    assert (newest.number, newest.by, newest.terms.name) == (2, olga, "Analyst")
    assert (first.number, first.by, first.terms.name) == (1, None, "Sales Analyst")
    assert first.at == package.created_at


def test_package_version_is_numbered_once(package, olga):
    save(package, olga, name="Analyst")

    with pytest.raises(IntegrityError):
        package.versions.create(number=2, terms={}, at=clock.now())


def test_versions_and_the_draft_go_with_a_package_that_was_never_used(package, olga):
    save(package, olga, name="Analyst")
    rewriting.restore_as_draft(package, 1, by=olga)

    packages.delete_package(package, by=olga)

    assert not PackageVersion.objects.exists()
    assert not PackageDraft.objects.exists()


def test_whoever_edited_an_older_version_is_told_who_saved_meanwhile(package, olga, bo, appoint):
    appoint(bo, package.catalog)
    save(package, bo, name="Analyst")

    with pytest.raises(Denied) as denied:
        save(package, olga, description="Mine.", based_on=1)

    [reason] = denied.value.decision.reasons
    assert reason.code == "package_changed_meanwhile"
    assert "Bo Chen saved version 2 of this package" in reason.text
    assert save(package, olga, description="Mine.", based_on=2)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_refused(package, olga, bo, appoint, crm, ledger):
    appoint(bo, package.catalog)
    save(package, olga, description="First.")
    contents = contents_of(package)

    outcomes = at_once(
        lambda: rewriting.rewrite_package(
            package, replace(contents, roles=listing(crm)), by=olga, based_on=2
        ),
        lambda: rewriting.rewrite_package(
            package, replace(contents, roles=listing(ledger)), by=bo, based_on=2
        ),
    )

    assert refusals(outcomes) == [{"package_changed_meanwhile"}]
    newest = rewriting.versions_of(package)[0]
    assert newest.number == 3
    assert newest.terms == contents_of(AccessPackage.objects.get(pk=package.pk))


def test_what_differs_is_told_role_by_role(package, olga, crm, ledger, offer):
    before = contents_of(package)
    wiki = offer("Wiki")
    after = replace(before, is_hidden=True, roles=listing(wiki, crm, CRM="See orders."))

    found = differences(before, after)

    assert [(one.part, one.field, one.old, one.new) for one in found] == [
        ("", "is_hidden", False, True),
        ("roles", "", None, {"role_id": str(wiki.pk), "words": ""}),
        ("roles", "words", "", "See orders."),
        ("roles", "", {"role_id": str(ledger.pk), "words": ""}, None),
    ]


def test_another_order_is_a_difference_too(package, crm, ledger):
    before = contents_of(package)

    [difference] = differences(before, replace(before, roles=listing(ledger, crm)))

    assert (difference.part, difference.field) == ("roles", "order")


# Drafts


def test_a_draft_does_nothing_until_it_is_saved(package, olga, crm, actions, queued):
    contents = replace(contents_of(package), name="Analyst", roles=listing(crm))

    draft = rewriting.keep_draft(package, contents, by=olga)

    package.refresh_from_db()
    assert (package.name, names(package)) == ("Sales Analyst", ["CRM", "Ledger"])
    assert str(draft) == "Draft of Sales Analyst"
    assert (draft.number, draft.by, draft.read()) == (None, olga, contents)
    assert actions() == ["package.draft_kept"]
    assert queued() == []


def test_saving_the_draft_ends_it(package, olga, crm):
    contents = replace(contents_of(package), roles=listing(crm))
    draft = rewriting.keep_draft(package, contents, by=olga)

    rewriting.rewrite_package(package, draft.read(), by=olga, is_draft=True)

    assert names(package) == ["CRM"]
    assert not PackageDraft.objects.exists()


def test_another_change_leaves_the_draft_alone(package, olga, crm):
    rewriting.keep_draft(package, replace(contents_of(package), roles=listing(crm)), by=olga)

    save(package, olga, name="Analyst")

    assert package.draft.read().name == "Sales Analyst"


def test_a_draft_takes_the_place_of_another(package, olga, bo, appoint):
    appoint(bo, package.catalog)
    rewriting.keep_draft(package, contents_of(package), by=olga)

    with clock.at(clock.now() + timedelta(hours=1)):
        rewriting.keep_draft(package, replace(contents_of(package), name="Analyst"), by=bo)

    draft = PackageDraft.objects.get()
    assert (draft.by, draft.read().name) == (bo, "Analyst")


def test_words_that_could_not_be_kept_are_refused_at_once(package, olga):
    contents = replace(contents_of(package), description="Null \x00")

    assert refused(rewriting.keep_draft, package, contents, by=olga) == {"description_unreadable"}


def test_a_restored_version_is_a_draft_of_the_next(package, olga, crm, actions):
    save(package, olga, name="Analyst", roles=listing(crm))

    draft = rewriting.restore_as_draft(package, 1, by=olga)

    assert (draft.number, draft.read().name, len(draft.read().roles)) == (1, "Sales Analyst", 2)
    assert actions()[-1] == "package.draft_made"


@pytest.mark.parametrize("number", [0, 2, 3])
def test_only_an_earlier_version_can_be_restored(package, olga, number):
    save(package, olga, name="Analyst")

    assert refused(rewriting.restore_as_draft, package, number, by=olga) == {"no_such_version"}


def test_a_draft_is_thrown_away_once(package, olga, actions):
    rewriting.keep_draft(package, contents_of(package), by=olga)

    rewriting.throw_away_draft(package, by=olga)
    rewriting.throw_away_draft(package, by=olga)

    assert not PackageDraft.objects.exists()
    assert actions() == ["package.draft_kept", "package.draft_thrown_away"]


def test_saving_costs_the_same_for_any_number_of_holders(package, olga, crm, ledger):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            save(package, olga, roles=listing(ledger, crm, CRM=str(uuid4())))
        return len(queries)

    cost()
    alone = cost()
    policy = AssignmentPolicyFactory(package=package)
    AssignmentFactory.create_batch(5, policy=policy)

    assert cost() == alone
