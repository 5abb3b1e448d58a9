"""What is older than the portal: access that was given by hand, and the roles of an old tool."""

from collections.abc import Callable, Iterator
from typing import Final

from django.db import transaction

from entitlements.audit import trail
from entitlements.catalog.models import ResourceRole
from entitlements.demo.acts import Stage
from entitlements.demo.calendar import Life
from entitlements.demo.people import SALES
from entitlements.directory.models import Group, Membership, User
from entitlements.imports import operations
from entitlements.imports.building import Options
from entitlements.imports.definitions import Definition, Definitions, Entitlement, Member

GONE: Final = "former.colleague@kestrel.example"


def lives(stage: Stage) -> Iterator[Life]:
    """Yield each of them as a strand of its own."""
    for change in CHANGES:
        yield change(stage)


def _some_were_put_into_a_group_by_hand(stage: Stage) -> Life:
    """No package explains that they are in it."""
    yield stage.when(110, 9)
    group = Group.objects.get(pk=stage.company.roles["crm:member"].resource.external_id)
    _put_in(group, [stage.person("kai.lind"), *stage.company.crowd("Finance")[:2]])


@transaction.atomic(durable=True)
def _put_in(group: Group, people: list[User]) -> None:
    Membership.objects.bulk_create(
        [Membership(group=group, user=user) for user in people], ignore_conflicts=True
    )
    trail.record("group.changed", group, by=None, members=[str(user) for user in people])


def _olga_tries_the_roles_of_an_old_tool_out(stage: Stage) -> Life:
    """First with a role that gives what nobody offers, and then without it."""
    yield stage.when(1, 14)
    olga, catalog = stage.person("olga.owner"), stage.company.catalogs[SALES]
    good = (_field_assistant(stage), _sales_reader(stage))
    for source, roles in (("old-roles.zip", (*good, _price_editor())), ("roles.zip", good)):
        operations.check(catalog, Definitions(roles), Options(), by=olga, source=source)


def _field_assistant(stage: Stage) -> Definition:
    team = [user.email for user in stage.company.crowd("Sales")[:2]]
    return Definition(
        place="roles.csv line 2",
        name="Field assistant",
        description="Prepares visits to customers.",
        expiration="after_days",
        duration=180,
        entitlements=(_entitlement(2, stage.company.roles["crm:member"]),),
        members=tuple(
            Member(f"role_members.csv line {line}", person, "", "", "Has it in the old tool.")
            for line, person in enumerate([*team, GONE], start=2)
        ),
    )


def _sales_reader(stage: Stage) -> Definition:
    """One that exists already, with a policy that says something else by now."""
    package, policy = stage.company.packages["sales_reader"], stage.company.way("sales_reader")
    roles = package.roles.select_related("resource__system").order_by("package_roles")
    return Definition(
        place="roles.csv line 3",
        name=package.name,
        policy=policy.name,
        entitlements=tuple(_entitlement(line, role) for line, role in enumerate(roles, start=3)),
    )


def _price_editor() -> Definition:
    gives = Entitlement("role_entitlements.csv line 6", "Price tool", "Price lists", "Editor")
    return Definition("roles.csv line 4", "Price editor", entitlements=(gives,))


def _entitlement(line: int, role: ResourceRole) -> Entitlement:
    place, resource = f"role_entitlements.csv line {line}", role.resource
    return Entitlement(place, str(resource.system), resource.external_id, role.external_id)


CHANGES: Final[tuple[Callable[[Stage], Life], ...]] = (
    _some_were_put_into_a_group_by_hand,
    _olga_tries_the_roles_of_an_old_tool_out,
)
