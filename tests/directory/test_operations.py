import pytest

from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.directory import operations
from entitlements.directory.models import GroupKind
from entitlements.models import Group, GroupNesting, User
from tests.factories import ConnectedSystemFactory, GroupFactory, UserFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(db):
    return UserFactory(display_name="Root", is_superuser=True, is_staff=True)


@pytest.fixture
def system():
    return ConnectedSystemFactory(kind="ldap", name="Company LDAP")


def denied(act, *arguments, **named):
    with pytest.raises(Denied) as refusal:
        act(*arguments, **named)
    return refusal.value.codes


def test_a_group_is_created(root, actions):
    group = operations.create_group(
        "  Finance   people ",
        by=root,
        description="<b>All</b> of =them",
        kind=GroupKind.COLLABORATION,
    )

    group.refresh_from_db()
    assert (group.name, group.description) == ("Finance people", "<b>All</b> of =them")
    assert group.kind == GroupKind.COLLABORATION
    assert actions() == ["group.created"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 257, "a\0b"])
def test_a_group_needs_a_name_of_bearable_length(root, name, actions):
    assert denied(operations.create_group, name, by=root) == {"bad_name"}
    assert denied(operations.rename_group, GroupFactory(), name, by=root) == {"bad_name"}
    assert actions() == []


def test_no_two_groups_have_the_same_name(root, actions):
    GroupFactory(name="Finance")
    other = GroupFactory(name="Sales")

    assert denied(operations.create_group, "FINANCE", by=root) == {"name_taken"}
    assert denied(operations.rename_group, other, "finance", by=root) == {"name_taken"}
    assert actions() == []


def test_a_group_is_renamed_once(root):
    group = GroupFactory(name="Finance")

    operations.rename_group(group, "Treasury", by=root)
    operations.rename_group(group, "Treasury", by=root)

    assert Group.objects.get().name == "Treasury"
    event = AuditEvent.objects.get()
    assert event.action == "group.renamed"
    assert event.details == {"before": "Finance", "after": "Treasury"}


def test_a_group_is_put_into_another_and_taken_out_once(root, actions):
    company, team = GroupFactory(), GroupFactory()

    operations.nest(company, team, by=root)
    operations.nest(company, team, by=root)
    assert list(company.nested.all()) == [team]

    operations.unnest(company, team, by=root)
    operations.unnest(company, team, by=root)
    assert not company.nested.exists()
    assert actions() == ["group.nested", "group.unnested"]


def test_groups_do_not_contain_each_other(root, actions):
    company, division, team = (GroupFactory() for _ in range(3))
    operations.nest(company, division, by=None)
    operations.nest(division, team, by=None)

    assert denied(operations.nest, team, company, by=root) == {"circle"}
    assert denied(operations.nest, team, team, by=root) == {"circle"}
    operations.nest(company, team, by=root)
    assert GroupNesting.objects.count() == 3


def test_a_manager_is_set_and_removed_once(root, ada, bo):
    operations.set_manager(ada, bo, by=root)
    operations.set_manager(ada, bo, by=root)
    ada.refresh_from_db()
    assert ada.manager == bo

    operations.set_manager(ada, None, by=root)

    assert [event.details for event in AuditEvent.objects.order_by("pk")] == [
        {"changes": {"manager": ["", "Bo Chen"]}},
        {"changes": {"manager": ["Bo Chen", ""]}},
    ]


def test_nobody_reports_to_himself_by_whatever_way(root, ada, bo, gita):
    operations.set_manager(ada, bo, by=root)
    operations.set_manager(bo, gita, by=root)

    assert denied(operations.set_manager, gita, ada, by=root) == {"circle"}
    assert denied(operations.set_manager, gita, gita, by=root) == {"circle"}
    operations.set_manager(ada, gita, by=root)


def test_somebody_is_disabled_and_enabled_once(root, ada, actions):
    operations.disable(ada, by=root)
    operations.disable(ada, by=root)
    assert not User.objects.get(pk=ada.pk).is_active

    operations.enable(ada, by=root)
    operations.enable(ada, by=root)
    assert User.objects.get(pk=ada.pk).is_active
    assert actions() == ["user.disabled", "user.enabled"]


def test_nobody_disables_himself(root):
    assert denied(operations.disable, root, by=root) == {"own_account"}


def test_what_comes_from_elsewhere_is_changed_there(root, system, bo):
    synced = UserFactory(source=system, source_key="1")
    group = GroupFactory(source=system, source_key="2")
    local = GroupFactory()

    assert denied(operations.disable, synced, by=root) == {"managed_elsewhere"}
    assert denied(operations.set_manager, synced, bo, by=root) == {"managed_elsewhere"}
    assert denied(operations.rename_group, group, "x", by=root) == {"managed_elsewhere"}
    assert denied(operations.nest, group, local, by=root) == {"managed_elsewhere"}
    assert denied(operations.unnest, group, local, by=root) == {"managed_elsewhere"}
    operations.nest(local, group, by=root)
    operations.set_manager(bo, synced, by=root)


def test_only_administrators_change_the_directory(ada, bo, actions):
    parent, child = GroupFactory(), GroupFactory()
    former = UserFactory(is_superuser=True, is_active=False)

    for by in (ada, former):
        for act, *arguments in (
            (operations.create_group, "x"),
            (operations.rename_group, parent, "x"),
            (operations.nest, parent, child),
            (operations.unnest, parent, child),
            (operations.set_manager, ada, bo),
            (operations.disable, bo),
            (operations.enable, bo),
        ):
            assert denied(act, *arguments, by=by) == {"administrators_only"}
    assert actions() == []


@pytest.mark.django_db(transaction=True)
def test_of_two_nestings_at_once_that_would_close_a_circle_one_is_refused():
    groups = [GroupFactory() for _ in range(4)]
    nestings = [(groups[number], groups[(number + 1) % 4]) for number in range(4)]

    outcomes = at_once(
        *(lambda pair=pair: operations.nest(*pair, by=None) for pair in nestings),
    )

    assert refusals(outcomes) == [{"circle"}]
    assert GroupNesting.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_managers_set_at_once_that_would_close_a_circle_one_is_refused(ada, bo):
    outcomes = at_once(
        lambda: operations.set_manager(ada, bo, by=None),
        lambda: operations.set_manager(bo, ada, by=None),
    )

    assert refusals(outcomes) == [{"circle"}]
    assert User.objects.filter(manager__isnull=False).count() == 1
