"""Catalogs and who is appointed in them."""

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError
from guardian.shortcuts import assign_perm

from entitlements import models
from entitlements.audit.models import AuditEvent
from entitlements.catalog import appointments, operations
from entitlements.catalog.models import Catalog
from entitlements.catalog.permissions import CATALOG_ROLES, can
from entitlements.catalog.terms import CatalogTerms
from entitlements.decisions import Denied
from entitlements.directory.models import User
from entitlements.directory.tenant_roles import tenant_role
from entitlements.naming import one_per_name
from tests.factories import AccessPackageFactory, CatalogFactory, GroupFactory, UserFactory
from tests.threads import at_once, refusals

SALES = CatalogTerms("Sales", "What sales uses.")


@pytest.fixture
def creator(ada):
    ada.user_permissions.add(Permission.objects.get(codename="add_catalog"))
    return ada


@pytest.fixture
def sales(creator):
    return operations.create_catalog(SALES, by=creator)


@pytest.fixture
def administrator(db):
    return UserFactory(display_name="Ivo Okoro", is_superuser=True)


def refused(act, *args, **kwargs):
    with pytest.raises(Denied) as denied:
        act(*args, **kwargs)
    return denied.value.codes


def test_whoever_creates_a_catalog_becomes_its_owner(creator, actions):
    catalog = operations.create_catalog(SALES, by=creator)

    assert appointments.role_of(creator, catalog) == "owner"
    assert all(can(creator, permission, catalog) for permission in CATALOG_ROLES["owner"])
    assert actions() == ["catalog.created", "catalog.role_given"]


def test_a_new_catalog_is_enabled_also_for_outsiders(sales):
    assert sales.is_enabled
    assert sales.is_external


def test_only_catalog_creators_and_administrators_create_catalogs(bo, administrator):
    assert refused(operations.create_catalog, SALES, by=bo) == {"not_catalog_creator"}
    assert operations.create_catalog(SALES, by=administrator)


def test_a_disabled_creator_creates_nothing(creator):
    creator.is_active = False
    creator.save()

    assert refused(operations.create_catalog, SALES, by=creator) == {"not_catalog_creator"}


def test_a_creator_sees_only_the_catalogs_that_he_owns(creator, sales):
    foreign = CatalogFactory(name="Finance")

    assert list(Catalog.objects.visible_to(creator)) == [sales]
    assert not can(creator, "change_catalog", foreign)


@pytest.mark.parametrize("name", ["Sales", "sales", "SALES"])
def test_two_catalogs_never_have_one_name(sales, creator, name):
    assert refused(operations.create_catalog, CatalogTerms(name), by=creator) == {"name_taken"}


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (CatalogTerms(""), "name_missing"),
        (CatalogTerms("   "), "name_missing"),
        (CatalogTerms(" Sales"), "name_unreadable"),
        (CatalogTerms("Sa\x00les"), "name_unreadable"),
        (CatalogTerms("Sa\nles"), "name_unreadable"),
        (CatalogTerms("Sa\ud800les"), "name_unreadable"),
        (CatalogTerms("S" * 201), "name_too_long"),
        (CatalogTerms("Sales", "x" * 10_001), "description_too_long"),
        (CatalogTerms("Sales", "nul\x00"), "description_unreadable"),
    ],
)
def test_words_that_nobody_can_keep_are_refused(creator, terms, code):
    assert code in refused(operations.create_catalog, terms, by=creator)
    assert not AuditEvent.objects.exists()


def test_a_change_is_written_down_with_old_and_new_values(sales, creator):
    operations.change_catalog(
        sales, CatalogTerms("Sales", "For sellers.", is_enabled=False), by=creator
    )

    sales.refresh_from_db()
    assert (sales.description, sales.is_enabled) == ("For sellers.", False)
    changes = AuditEvent.objects.about(sales).get(action="catalog.changed").details["changes"]
    assert changes == {
        "description": {"old": "What sales uses.", "new": "For sellers."},
        "is_enabled": {"old": True, "new": False},
    }


def test_a_change_that_changes_nothing_leaves_no_event(sales, creator, actions):
    operations.change_catalog(sales, SALES, by=creator)

    assert "catalog.changed" not in actions()


def test_a_catalog_keeps_its_own_name_but_takes_no_other_ones(sales, creator):
    operations.create_catalog(CatalogTerms("Finance"), by=creator)

    operations.change_catalog(sales, CatalogTerms("SALES"), by=creator)
    codes = refused(operations.change_catalog, sales, CatalogTerms("finance"), by=creator)
    assert codes == {"name_taken"}


@pytest.mark.parametrize("role", ["package_manager", "assignment_manager", "reader", None])
def test_only_owners_change_delete_and_appoint(sales, creator, bo, role):
    if role:
        operations.appoint(bo, sales, role, by=creator)

    assert refused(operations.change_catalog, sales, SALES, by=bo) == {"not_permitted"}
    assert refused(operations.delete_catalog, sales, by=bo) == {"not_permitted"}
    assert refused(operations.appoint, bo, sales, "owner", by=bo) == {"not_permitted"}
    assert refused(operations.dismiss, creator, sales, "owner", by=bo) == {"not_permitted"}


def test_an_empty_catalog_is_deleted_with_its_appointments(sales, creator):
    operations.delete_catalog(sales, by=creator)

    assert not Catalog.objects.filter(name="Sales").exists()
    event = AuditEvent.objects.get(action="catalog.deleted")
    assert event.subject_name == "Sales"
    assert event.details["description"] == "What sales uses."


@pytest.mark.parametrize(("count", "words"), [(1, "one access package"), (2, "2 access packages")])
def test_a_catalog_with_packages_stays(sales, creator, count, words):
    for _ in range(count):
        AccessPackageFactory(catalog=sales)

    with pytest.raises(Denied, match=words) as denied:
        operations.delete_catalog(sales, by=creator)
    assert denied.value.codes == {"has_packages"}


def test_the_built_in_catalog_stays(administrator):
    general = Catalog.objects.general()

    assert refused(operations.delete_catalog, general, by=administrator) == {"built_in"}


@pytest.mark.parametrize("role", list(CATALOG_ROLES))
def test_an_appointed_person_may_do_exactly_what_the_role_says(sales, creator, bo, role):
    operations.appoint(bo, sales, role, by=creator)

    allowed = {permission for permission in CATALOG_ROLES["owner"] if can(bo, permission, sales)}
    assert allowed == set(CATALOG_ROLES[role])
    event = AuditEvent.objects.filter(action="catalog.role_given").last()
    assert event.target_id == bo.pk
    assert event.details == {"role": role, "before": "", "holder": "Bo Chen"}


def test_a_new_role_replaces_the_old_one(sales, creator, bo):
    operations.appoint(bo, sales, "package_manager", by=creator)
    operations.appoint(bo, sales, "reader", by=creator)

    assert appointments.role_of(bo, sales) == "reader"
    assert not can(bo, "manage_packages", sales)


def test_the_same_role_a_second_time_changes_nothing(sales, creator, actions):
    before = actions()
    operations.appoint(creator, sales, "owner", by=creator)

    assert actions() == before


def test_an_unknown_role_and_a_disabled_person_are_refused_together(sales, creator, bo):
    bo.is_active = False
    bo.save()

    codes = refused(operations.appoint, bo, sales, "king", by=creator)
    assert codes == {"unknown_role", "account_disabled"}


def test_owners_add_and_remove_co_owners(sales, creator, bo):
    operations.appoint(bo, sales, "owner", by=creator)
    operations.dismiss(creator, sales, "owner", by=bo)

    assert appointments.role_of(creator, sales) == ""
    assert not Catalog.objects.visible_to(creator).exists()


def test_a_dismissed_reader_sees_the_catalog_no_more(sales, creator, bo, actions):
    operations.appoint(bo, sales, "reader", by=creator)
    operations.dismiss(bo, sales, "reader", by=creator)

    assert not Catalog.objects.visible_to(bo).exists()
    assert actions()[-1] == "catalog.role_taken"


def test_the_last_owner_stays_whoever_asks(sales, creator, administrator):
    assert refused(operations.dismiss, creator, sales, "owner", by=creator) == {"last_owner"}
    assert refused(operations.dismiss, creator, sales, "owner", by=administrator) == {"last_owner"}
    assert refused(operations.appoint, creator, sales, "reader", by=creator) == {"last_owner"}
    assert appointments.role_of(creator, sales) == "owner"


def test_a_disabled_co_owner_does_not_count(sales, creator, bo):
    operations.appoint(bo, sales, "owner", by=creator)
    bo.is_active = False
    bo.save()

    assert refused(operations.dismiss, creator, sales, "owner", by=creator) == {"last_owner"}


def test_an_owner_through_a_group_counts(sales, creator, bo):
    operations.appoint(GroupFactory(members=[bo]), sales, "owner", by=creator)

    operations.dismiss(creator, sales, "owner", by=creator)
    assert can(bo, "manage_roles", sales)


def test_a_role_that_somebody_does_not_hold_is_not_taken(sales, creator, bo):
    operations.appoint(bo, sales, "reader", by=creator)

    assert refused(operations.dismiss, bo, sales, "owner", by=creator) == {"not_appointed"}
    assert refused(operations.dismiss, bo, sales, "king", by=creator) == {"not_appointed"}


def test_appointments_are_listed_highest_role_first_with_groups_in_two_queries(
    sales, creator, bo, gita, django_assert_num_queries
):
    leads = GroupFactory(name="Sales leads")
    operations.appoint(leads, sales, "package_manager", by=creator)
    operations.appoint(gita, sales, "reader", by=creator)
    operations.appoint(bo, sales, "reader", by=creator)
    assign_perm("entitlements.manage_roles", UserFactory(), sales)

    with django_assert_num_queries(2):
        found = appointments.appointments(sales)

    assert [(str(entry.holder), entry.role_name, entry.is_group) for entry in found] == [
        ("Ada Lovelace", "Owner", False),
        ("Sales leads", "Package manager", True),
        ("Bo Chen", "Reader", False),
        ("Gita Rao", "Reader", False),
    ]


def appointed():
    return {
        user
        for user in User.objects.all()
        if User.objects.filter(pk=user.pk).values_list(appointments.is_appointed(user)).get()[0]
    }


def test_whoever_has_a_role_in_any_catalog_is_appointed(sales, creator, bo, gita, administrator):
    operations.appoint(GroupFactory(members=[gita]), sales, "reader", by=creator)

    assert {creator, gita, administrator} <= appointed()
    assert bo not in appointed()

    User.objects.update(is_active=False)
    assert appointed() == set()


def test_whoever_may_create_catalogs_is_appointed_also_through_a_group(creator, bo):
    models.TenantRoleGroup.objects.create(
        role=tenant_role("catalog_creator"), group=GroupFactory(members=[bo])
    )

    assert {creator, bo} <= appointed()


def test_the_databases_refusal_of_a_twin_becomes_a_polite_one():
    with pytest.raises(Denied, match="Sales") as denied, one_per_name("Sales"):
        raise IntegrityError("UNIQUE constraint failed: index 'catalog_name_is_unique'")
    assert denied.value.codes == {"name_taken"}


def test_only_a_broken_uniqueness_reads_as_a_name_that_is_taken():
    with pytest.raises(IntegrityError), one_per_name("Sales"):
        raise IntegrityError("FOREIGN KEY constraint failed")


@pytest.mark.django_db(transaction=True)
def test_of_many_who_choose_one_name_at_once_one_gets_it(administrator):
    outcomes = at_once(
        *[lambda: operations.create_catalog(SALES, by=administrator) for _ in range(8)]
    )

    assert Catalog.objects.filter(name="Sales").count() == 1
    assert refusals(outcomes) == [{"name_taken"}] * 7


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_dismiss_each_other_at_once_leave_one(administrator, ada, bo):
    catalog = operations.create_catalog(SALES, by=administrator)
    for owner in (ada, bo):
        operations.appoint(owner, catalog, "owner", by=administrator)
    operations.dismiss(administrator, catalog, "owner", by=administrator)

    outcomes = at_once(
        lambda: operations.dismiss(ada, catalog, "owner", by=bo),
        lambda: operations.dismiss(bo, catalog, "owner", by=ada),
    )

    assert refusals(outcomes) in ([{"last_owner"}], [{"not_permitted"}])
    assert len(appointments.appointments(catalog)) == 1


def test_rights_are_those_of_the_person_and_of_his_groups(
    sales, creator, bo, administrator, django_assert_num_queries
):
    operations.appoint(GroupFactory(members=[bo]), sales, "assignment_manager", by=creator)
    operations.appoint(bo, sales, "reader", by=creator)

    with django_assert_num_queries(1):
        assert appointments.rights_of(bo, sales) == {"view_catalog", "manage_assignments"}
    assert appointments.rights_of(administrator, sales) == set(CATALOG_ROLES["owner"])
    bo.is_active = False
    assert appointments.rights_of(bo, sales) == set()
