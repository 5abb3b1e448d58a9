"""Roles in the whole tenant: what each permits, who holds it, who appoints to it."""

import pytest
from django.contrib.auth.models import Group as TenantRole
from django.contrib.auth.models import Permission
from django.db import IntegrityError

from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.directory import operations
from entitlements.directory.appointing import (
    give_tenant_role,
    holds_tenant_role,
    take_tenant_role,
)
from entitlements.directory.service_accounts import create_service_account
from entitlements.directory.tenant_roles import (
    CREATE_CATALOGS,
    GOVERN,
    MANAGE_ORGANIZATIONS,
    TENANT_ROLES,
    VIEW_EVERYTHING,
    can_appoint_to,
    can_see_roles,
    has_right,
    is_administrator,
    tenant_role,
)
from entitlements.models import GroupNesting, TenantRoleGroup, User
from tests.factories import GroupFactory, UserFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db

RIGHTS = (GOVERN, VIEW_EVERYTHING, MANAGE_ORGANIZATIONS, CREATE_CATALOGS)
BY_GROUP = [key for key in TENANT_ROLES if key != "administrator"]


@pytest.fixture
def ivo(db):
    return UserFactory(display_name="Ivo Okoro", is_superuser=True)


@pytest.fixture
def governor(ivo):
    person = UserFactory(display_name="Helen Ward")
    give_tenant_role(person, "governance_administrator", by=ivo)
    return person


def refused(act, *args, **kwargs):
    with pytest.raises(Denied) as denied:
        act(*args, **kwargs)
    return denied.value.codes


def test_the_roles_exist_from_the_first_start_with_what_they_permit():
    permitted = {
        role.name: {right.codename for right in role.permissions.all()}
        for role in TenantRole.objects.prefetch_related("permissions")
    }

    assert permitted == {
        "Identity governance administrator": set(RIGHTS),
        "Connected organization administrator": {MANAGE_ORGANIZATIONS},
        "Catalog creator": {CREATE_CATALOGS},
        "Auditor": {VIEW_EVERYTHING},
    }


@pytest.mark.parametrize("key", BY_GROUP)
def test_a_role_that_is_gone_comes_back_with_its_rights(key):
    TenantRole.objects.all().delete()

    rights = {right.codename for right in tenant_role(key).permissions.all()}
    assert rights == set(TENANT_ROLES[key].permissions)


@pytest.mark.parametrize("key", BY_GROUP)
@pytest.mark.parametrize("way", ["in_person", "in_group", "in_nested_group"])
def test_a_role_permits_what_the_table_says_however_it_is_held(ada, ivo, key, way):
    holder = ada
    if way != "in_person":
        holder = group = GroupFactory(members=[ada])
        if way == "in_nested_group":
            holder = GroupFactory()
            GroupNesting.objects.create(parent=holder, child=group)
    give_tenant_role(holder, key, by=ivo)

    assert {right for right in RIGHTS if has_right(ada, right)} == set(
        TENANT_ROLES[key].permissions
    )
    take_tenant_role(holder, key, by=ivo)
    assert not any(has_right(ada, right) for right in RIGHTS)


def test_the_disabled_have_no_rights_and_administrators_all(ada, ivo):
    give_tenant_role(ada, "auditor", by=ivo)
    User.objects.update(is_active=False)

    for person in User.objects.all():
        assert not any(has_right(person, right) for right in RIGHTS)
        assert not is_administrator(person)
    assert all(has_right(ivo, right) for right in RIGHTS)


def test_a_permission_that_was_given_by_name_counts_and_only_ours(ada):
    ada.user_permissions.add(Permission.objects.get(codename=CREATE_CATALOGS))
    ada.user_permissions.add(Permission.objects.get(codename="add_logentry"))

    assert has_right(ada, CREATE_CATALOGS)
    assert not has_right(ada, "add_logentry")


def test_whether_somebody_has_a_right_is_asked_in_one_query(ada, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert not has_right(ada, GOVERN, VIEW_EVERYTHING)


def test_appointing_and_dismissing_is_written_down(ada, ivo):
    staff = GroupFactory(name="All staff")
    give_tenant_role(ada, "auditor", by=ivo)
    give_tenant_role(staff, "catalog_creator", by=ivo)
    take_tenant_role(ada, "auditor", by=ivo)

    events = AuditEvent.objects.filter(action__startswith="tenant_role.")
    assert [
        (event.action, event.actor_id, event.target_id, event.details)
        for event in events.order_by("pk")
    ] == [
        ("tenant_role.given", ivo.pk, ada.pk, {"role": "auditor", "holder": "Ada Lovelace"}),
        (
            "tenant_role.given",
            ivo.pk,
            staff.pk,
            {"role": "catalog_creator", "holder": "All staff"},
        ),
        ("tenant_role.taken", ivo.pk, ada.pk, {"role": "auditor", "holder": "Ada Lovelace"}),
    ]


def test_the_same_role_a_second_time_changes_nothing(ada, ivo, actions):
    for _ in range(2):
        give_tenant_role(ada, "auditor", by=ivo)

    assert actions() == ["tenant_role.given"]


def test_a_role_that_somebody_does_not_hold_is_not_taken(ada, ivo):
    give_tenant_role(GroupFactory(members=[ada]), "auditor", by=ivo)

    for key in TENANT_ROLES:
        assert refused(take_tenant_role, ada, key, by=ivo) == {"not_appointed"}


@pytest.mark.parametrize("key", TENANT_ROLES)
def test_who_appoints_to_which_role(ada, bo, ivo, governor, key):
    give_tenant_role(bo, "auditor", by=ivo)
    below = {"organization_administrator", "catalog_creator", "auditor"}

    assert can_appoint_to(ivo, key)
    assert bool(can_appoint_to(governor, key)) is (key in below)
    for person in (ada, bo):
        assert refused(give_tenant_role, ada, key, by=person) == {"not_appointer"}
        assert refused(take_tenant_role, governor, key, by=person) == {"not_appointer"}
    if key not in below:
        assert refused(give_tenant_role, ada, key, by=governor) == {"not_appointer"}


def test_who_sees_the_roles(ada, bo, ivo, governor):
    give_tenant_role(bo, "auditor", by=ivo)
    give_tenant_role(ada, "catalog_creator", by=ivo)

    assert all(can_see_roles(person) for person in (ivo, governor, bo))
    assert can_see_roles(ada).codes == {"not_overseer"}


def test_there_is_no_other_role(ada, ivo):
    assert refused(give_tenant_role, ada, "king", by=ivo) == {"unknown_role"}
    assert refused(take_tenant_role, ada, "king", by=ivo) == {"unknown_role"}


def test_whom_no_role_is_given(ada, ivo):
    ada.is_active = False
    ada.save()
    program = create_service_account("Register", by=ivo)

    assert refused(give_tenant_role, ada, "auditor", by=ivo) == {"account_disabled"}
    assert refused(give_tenant_role, program, "auditor", by=ivo) == {"no_service_accounts"}
    assert refused(give_tenant_role, program, "administrator", by=ivo) == {"no_service_accounts"}
    assert refused(give_tenant_role, GroupFactory(), "administrator", by=ivo) == {"people_only"}


def test_administrators_appoint_administrators_and_the_last_one_stays(ada, ivo):
    give_tenant_role(ada, "administrator", by=ivo)
    ada.refresh_from_db()
    assert is_administrator(ada)
    assert holds_tenant_role(ada, "administrator")

    take_tenant_role(ivo, "administrator", by=ada)
    ivo.refresh_from_db()
    assert not is_administrator(ivo)
    assert refused(take_tenant_role, ada, "administrator", by=ada) == {"last_administrator"}
    assert User.objects.get(pk=ada.pk).is_superuser


def test_a_disabled_administrator_does_not_count(ivo):
    UserFactory(is_superuser=True, is_active=False)

    assert refused(take_tenant_role, ivo, "administrator", by=ivo) == {"last_administrator"}


def test_the_last_administrator_is_not_disabled(ivo, ada):
    assert refused(operations.disable, ivo, by=None) == {"last_administrator"}

    give_tenant_role(ada, "administrator", by=ivo)
    operations.disable(ivo, by=User.objects.get(pk=ada.pk))
    assert not User.objects.get(pk=ivo.pk).is_active


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_dismiss_each_other_at_once_leave_one(ivo, ada):
    give_tenant_role(ada, "administrator", by=ivo)
    ada.refresh_from_db()

    outcomes = at_once(
        lambda: take_tenant_role(ada, "administrator", by=ivo),
        lambda: take_tenant_role(ivo, "administrator", by=ada),
    )

    assert refusals(outcomes) == [{"last_administrator"}]
    assert User.objects.filter(is_superuser=True).count() == 1


def test_group_holds_a_tenant_role_once():
    group = GroupFactory(name="All staff")
    row = TenantRoleGroup.objects.create(role=tenant_role("auditor"), group=group)

    assert str(row) == "All staff as Auditor"
    with pytest.raises(IntegrityError):
        TenantRoleGroup.objects.create(role=tenant_role("auditor"), group=group)
