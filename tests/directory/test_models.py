from itertools import pairwise

import pytest
from django.db import IntegrityError

from entitlements.directory.models import ATTRIBUTES, EXTENSION_ATTRIBUTES, UserType
from entitlements.models import Account, Group, GroupNesting, Membership, User
from tests.factories import ConnectedSystemFactory, GroupFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def system():
    return ConnectedSystemFactory(kind="ldap", name="LDAP")


def nest(*groups):
    """Nest each group in the one before."""
    for parent, child in pairwise(groups):
        GroupNesting.objects.create(parent=parent, child=child)


def names(found):
    return sorted(str(thing) for thing in found)


@pytest.fixture
def deep(ada, bo, gita):
    """Ada four levels deep, Bo two, Gita on top; and a group beside them."""
    groups = [GroupFactory(name=name) for name in ("Company", "Division", "Team", "Squad")]
    nest(*groups)
    company, division, _, squad = groups
    for user, group in ((gita, company), (bo, division), (ada, squad)):
        Membership.objects.create(user=user, group=group)
    GroupFactory(name="Beside", members=[UserFactory(display_name="Somebody else")])
    return groups


def test_members_through_nested_groups_are_found_in_one_query(deep, django_assert_num_queries):
    company, division, team, squad = deep
    expected = {
        (company,): ["Ada Lovelace", "Bo Chen", "Gita Rao"],
        (division,): ["Ada Lovelace", "Bo Chen"],
        (team,): ["Ada Lovelace"],
        (squad, division): ["Ada Lovelace", "Bo Chen"],
    }
    for groups, people in expected.items():
        with django_assert_num_queries(1):
            found = names(User.objects.members_of_any([group.pk for group in groups]))
        assert found == people


def test_nobody_is_in_no_group(deep, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert list(User.objects.members_of_any([])) == []


def test_groups_that_contain_a_person_are_found_in_one_query(
    deep, ada, bo, django_assert_num_queries
):
    with django_assert_num_queries(1):
        assert names(Group.objects.containing(ada)) == ["Company", "Division", "Squad", "Team"]
    assert names(Group.objects.containing(bo)) == ["Company", "Division"]
    assert not Group.objects.containing(UserFactory()).exists()


def test_groups_above_a_group_are_found_in_one_query(deep, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert names(Group.objects.above(deep[2])) == ["Company", "Division", "Team"]
    assert names(Group.objects.above(deep[0])) == ["Company"]


def test_a_circle_in_the_rows_does_not_turn_for_ever(deep, ada, bo, gita):
    GroupNesting.objects.create(parent=deep[3], child=deep[0])

    everyone = ["Ada Lovelace", "Bo Chen", "Gita Rao"]
    circle = ["Company", "Division", "Squad", "Team"]
    assert names(User.objects.members_of_any([deep[2].pk])) == everyone
    for person in (ada, bo, gita):
        assert names(Group.objects.containing(person)) == circle
    assert names(Group.objects.above(deep[1])) == circle


def test_several_ways_to_a_group_count_once(ada):
    top, left, right, bottom = (GroupFactory(name=name) for name in ("T", "L", "R", "B"))
    nest(top, left, bottom)
    nest(top, right, bottom)
    Membership.objects.create(user=ada, group=bottom)
    Membership.objects.create(user=ada, group=left)

    assert list(User.objects.members_of_any([top.pk, left.pk])) == [ada]
    assert names(Group.objects.containing(ada)) == ["B", "L", "R", "T"]


def test_found_people_and_groups_can_be_filtered_further(deep, ada):
    ada.is_active = False
    ada.save()

    people = User.objects.active().members_of_any([deep[0].pk])
    assert names(people.matching("chen")) == ["Bo Chen"]
    assert names(people.exclude(display_name="Bo Chen")) == ["Gita Rao"]
    assert names(Group.objects.containing(ada).filter(name__startswith="D")) == ["Division"]


def test_groups_managed_here_are_neither_synced_nor_made_by_rules(system):
    GroupFactory(source=system, source_key="x")
    GroupFactory(is_dynamic=True)
    ours = GroupFactory()

    assert Group.objects.managed_here().get() == ours


def test_people_are_found_by_every_word_of_name_and_address():
    ada = UserFactory(display_name="Ada Lovelace", email="countess@kestrel.example")
    UserFactory(display_name="Ada Byron")

    assert User.objects.matching("ADA love").get() == ada
    assert User.objects.matching("lace countess").get() == ada
    assert User.objects.matching("ada").count() == 2
    assert not User.objects.matching("ada nobody").exists()
    assert not User.objects.matching("%").exists()


def test_somebody_new_signs_in_with_his_address():
    user = User.objects.create_user("Ada@KESTREL.example", "secret", display_name="Ada")

    assert user.email == "ada@kestrel.example"
    assert user.check_password("secret")
    assert (user.is_staff, user.is_superuser, user.is_guest) == (False, False, False)
    assert not User.objects.create_user("bo@kestrel.example").has_usable_password()


def test_an_administrator_is_named_by_his_address_at_first():
    admin = User.objects.create_superuser("root@kestrel.example", "secret")

    assert admin.is_staff
    assert admin.is_superuser
    assert str(admin) == "root@kestrel.example"
    assert str(User.objects.create_superuser("a@b.example", display_name="Root")) == "Root"


def test_people_without_a_name_are_shown_by_their_address():
    assert str(UserFactory(display_name="", email="x@kestrel.example")) == "x@kestrel.example"
    assert UserFactory(user_type=UserType.GUEST).is_guest


def test_every_attribute_is_a_column():
    columns = {field.name for field in User._meta.get_fields()}

    assert len(EXTENSION_ATTRIBUTES) == 15
    assert set(ATTRIBUTES) <= columns


def test_rows_read_like_words(ada, system):
    parent, child = GroupFactory(name="Company"), GroupFactory(name="Team", members=[ada])
    nest(parent, child)
    account = Account.objects.create(user=ada, system=system, external_id="uid=ada")

    assert str(child.memberships.get()) == "Ada Lovelace in Team"
    assert str(GroupNesting.objects.get()) == "Team in Company"
    assert str(account) == "Ada Lovelace in LDAP"


def test_user_email_is_unique():
    UserFactory(email="ada@kestrel.example")

    with pytest.raises(IntegrityError):
        UserFactory(email="ADA@kestrel.example")


def test_one_user_per_source_key(system):
    UserFactory(source=system, source_key="1")
    UserFactory(source_key="1")
    UserFactory(source_key="1")

    with pytest.raises(IntegrityError):
        UserFactory(source=system, source_key="1")


def test_nobody_manages_himself(ada):
    ada.manager = ada

    with pytest.raises(IntegrityError, match="nobody_manages_himself"):
        ada.save()


def test_group_name_is_unique():
    GroupFactory(name="Team")

    with pytest.raises(IntegrityError):
        GroupFactory(name="TEAM")


def test_one_group_per_source_key(system):
    GroupFactory(source=system, source_key="1")

    with pytest.raises(IntegrityError):
        GroupFactory(source=system, source_key="1")


def test_one_membership_per_group(ada):
    group = GroupFactory(members=[ada])

    with pytest.raises(IntegrityError):
        Membership.objects.create(user=ada, group=group)


def test_one_nesting_per_pair():
    pair = GroupFactory(), GroupFactory()
    nest(*pair)

    with pytest.raises(IntegrityError):
        nest(*pair)


def test_no_group_is_nested_in_itself():
    group = GroupFactory()

    with pytest.raises(IntegrityError, match="no_group_is_nested_in_itself"):
        nest(group, group)


def test_one_account_per_system(ada, system):
    Account.objects.create(user=ada, system=system, external_id="uid=ada")

    with pytest.raises(IntegrityError):
        Account.objects.create(user=ada, system=system, external_id="uid=other")


def test_one_person_per_account(ada, bo, system):
    Account.objects.create(user=ada, system=system, external_id="uid=ada")

    with pytest.raises(IntegrityError):
        Account.objects.create(user=bo, system=system, external_id="UID=ada")


def test_whom_somebody_reports_to_is_found_in_one_query(ada, bo, gita, django_assert_num_queries):
    ada.manager, bo.manager = bo, gita
    ada.save()
    bo.save()

    with django_assert_num_queries(1):
        assert names(User.objects.managing(ada)) == ["Ada Lovelace", "Bo Chen", "Gita Rao"]
    assert names(User.objects.managing(gita)) == ["Gita Rao"]


def test_managers_in_a_circle_do_not_turn_for_ever(ada, bo):
    User.objects.filter(pk=ada.pk).update(manager=bo)
    User.objects.filter(pk=bo.pk).update(manager=ada)

    assert names(User.objects.managing(ada)) == ["Ada Lovelace", "Bo Chen"]
