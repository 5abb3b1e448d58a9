"""Change the built-in directory: people, their managers, groups and groups in groups."""

from django.db import IntegrityError, transaction

from entitlements.audit import trail
from entitlements.decisions import ALLOWED, Decision, Reason, collect, deny
from entitlements.directory.appointing import not_the_last_administrator
from entitlements.directory.kinds import is_a_person
from entitlements.directory.models import Group, GroupKind, GroupNesting, User
from entitlements.directory.tenant_roles import is_administrator
from entitlements.locks import lock_table

ADMINISTRATORS_CHANGE = "Have an administrator of the portal do it."


def can_administer(by: User | None) -> Decision:
    """Only administrators of the portal, and the system itself, may change the directory."""
    if by is None or is_administrator(by):
        return ALLOWED
    return deny("administrators_only", "You cannot change the directory.", ADMINISTRATORS_CHANGE)


@transaction.atomic(durable=True)
def create_group(
    name: str,
    *,
    by: User | None,
    description: str = "",
    kind: GroupKind = GroupKind.SECURITY,
) -> Group:
    """Create an empty group that is managed here; raises Denied when its name is taken."""
    can_administer(by).require()
    name = _usable_name(name)
    group = Group(name=name, description=description, kind=kind)
    _save_with_name(group)
    trail.record("group.created", group, by=by)
    return group


@transaction.atomic(durable=True)
def rename_group(group: Group, name: str, *, by: User | None) -> Group:
    """Give a group that is managed here another name; raises Denied when it is taken."""
    can_administer(by).require()
    group = Group.objects.select_for_update().get(pk=group.pk)
    collect([_managed_here(group)]).require()
    before, group.name = group.name, _usable_name(name)
    if group.name != before:
        _save_with_name(group)
        trail.record("group.renamed", group, by=by, before=before, after=group.name)
    return group


@transaction.atomic(durable=True)
def nest(parent: Group, child: Group, *, by: User | None) -> None:
    """Put a group into another: who is in `child` is in `parent` too.

    Raises Denied when that would close a circle, or when another system manages `parent`.
    """
    can_administer(by).require()
    lock_table(GroupNesting)
    collect([_managed_here(parent), _no_circle_of_groups(parent, child)]).require()
    _, is_new = GroupNesting.objects.get_or_create(parent=parent, child=child)
    if is_new:
        trail.record("group.nested", parent, by=by, child=child.pk, child_name=child.name)


@transaction.atomic(durable=True)
def unnest(parent: Group, child: Group, *, by: User | None) -> None:
    """Take a group out of another."""
    can_administer(by).require()
    collect([_managed_here(parent)]).require()
    gone, _ = GroupNesting.objects.filter(parent=parent, child=child).delete()
    if gone:
        trail.record("group.unnested", parent, by=by, child=child.pk, child_name=child.name)


@transaction.atomic(durable=True)
def set_manager(person: User, manager: User | None, *, by: User | None) -> User:
    """Say whom somebody reports to; raises Denied when that would close a circle."""
    can_administer(by).require()
    lock_table(User)
    person = User.objects.select_related("manager").get(pk=person.pk)
    reasons = (
        _managed_here(person),
        _no_circle_of_managers(person, manager),
        *(is_a_person(one) for one in (person, manager) if one),
    )
    collect(reasons).require()
    if person.manager != manager:
        before, person.manager = person.manager, manager
        person.save(update_fields=["manager"])
        changes = {"manager": [str(before or ""), str(manager or "")]}
        trail.record("user.changed", person, by=by, target=person, changes=changes)
    return person


@transaction.atomic(durable=True)
def disable(person: User, *, by: User | None) -> User:
    """Keep somebody from signing in and asking; what he has, he keeps until it ends."""
    return _switch(person, is_active=False, action="user.disabled", by=by)


@transaction.atomic(durable=True)
def enable(person: User, *, by: User | None) -> User:
    """Let somebody sign in and ask again."""
    return _switch(person, is_active=True, action="user.enabled", by=by)


def _switch(person: User, *, is_active: bool, action: str, by: User | None) -> User:
    can_administer(by).require()
    person = User.objects.select_for_update().get(pk=person.pk)
    reasons = [_managed_here(person), _not_oneself(person, by), _has_account(person)]
    collect(reasons).require()
    if person.is_superuser and not is_active:
        collect([not_the_last_administrator(person)]).require()
    if person.is_active != is_active:
        person.is_active = is_active
        person.save(update_fields=["is_active"])
        trail.record(action, person, by=by, target=person)
    return person


def _managed_here(thing: Group | User) -> Reason | None:
    if thing.source_id is None:
        return None
    return Reason(
        "managed_elsewhere",
        f"{thing} comes from {thing.source}.",
        "Change it there: the next sync brings it here.",
    )


def _not_oneself(person: User, by: User | None) -> Reason | None:
    if by is None or person.pk != by.pk:
        return None
    return Reason(
        "own_account", "Nobody can disable or enable himself.", "Another administrator can."
    )


def _has_account(person: User) -> Reason | None:
    if not person.is_invited:
        return None
    return Reason(
        "no_account_yet",
        f"{person} has no account yet.",
        "It is made when what was asked for is given.",
    )


def _no_circle_of_groups(parent: Group, child: Group) -> Reason | None:
    if not Group.objects.above(parent).filter(pk=child.pk).exists():
        return None
    return Reason(
        "circle",
        f"{parent} is in {child} already: the two cannot contain each other.",
        "Choose another one.",
    )


def _no_circle_of_managers(person: User, manager: User | None) -> Reason | None:
    if manager is None or not User.objects.managing(manager).filter(pk=person.pk).exists():
        return None
    return Reason(
        "circle",
        f"{manager} reports to {person}, directly or not, or is the same.",
        "Choose another one.",
    )


def _usable_name(name: str) -> str:
    name = " ".join(name.split())
    longest = Group._meta.get_field("name").max_length or 0
    if not name or len(name) > longest or "\0" in name:
        deny(
            "bad_name", f"A group's name has 1 to {longest} characters.", "Choose another name."
        ).require()
    return name


def _save_with_name(group: Group) -> None:
    try:
        group.save()
    except IntegrityError:
        deny(
            "name_taken", f"There is a group named “{group.name}” already.", "Choose another name."
        ).require()
