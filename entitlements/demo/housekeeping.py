"""What owners and administrators changed meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from django.db import transaction

from entitlements import clock
from entitlements.assignments.models import Assignment
from entitlements.audit import trail
from entitlements.catalog import operations as catalogs
from entitlements.catalog import packages, rewriting
from entitlements.catalog.package_versions import contents_of
from entitlements.catalog.terms import CatalogTerms
from entitlements.connectors.checking import check_connection
from entitlements.delivery import acting
from entitlements.delivery.acting import Wanted
from entitlements.delivery.acts import ActKind, ActState, BulkAct
from entitlements.demo.acts import Stage
from entitlements.demo.calendar import Life
from entitlements.demo.offers import ARCHIVE, WAREHOUSE, WAREHOUSE_BASE
from entitlements.demo.people import CAST, GONE, SALES
from entitlements.directory import operations as directory
from entitlements.directory.models import Group, User
from entitlements.notifications.operations import mark_read
from entitlements.policies import clashes, drafts
from entitlements.policies import operations as policies
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests import clash_exceptions, giving, operations, records
from entitlements.requests.bulk import BulkAssignment
from entitlements.requests.judging import Entry
from entitlements.requests.models import AccessRequest
from entitlements.systems.models import ConnectedSystem


def lives(stage: Stage) -> Iterator[Life]:
    """Yield each change as a strand of its own."""
    for change in CHANGES:
        yield change(stage)


def _the_fair_is_over(stage: Stage) -> Life:
    crew = [*stage.company.crowd("Sales")[:6], stage.person("mara.silva")]
    for user in crew:
        yield from stage.asks(user, "fair", stage.when(105, 9))
    yield stage.when(80, 9)
    packages.retire(stage.company.packages["fair"], by=stage.person("olga.owner"))


def _the_old_office_closes(stage: Stage) -> Life:
    yield stage.when(55, 10)
    catalog = stage.company.catalogs[ARCHIVE]
    terms = replace(CatalogTerms.of(catalog), is_enabled=False)
    catalogs.change_catalog(catalog, terms, by=stage.person("helen.ward"))


def _laptops_are_switched_off(stage: Stage) -> Life:
    yield stage.when(50, 10)
    policy = stage.company.way("laptops")
    terms = replace(policies.terms_of(policy), is_enabled=False)
    policies.change_policy(policy, terms, by=stage.person("bo.chen"))


def _the_service_desk_is_full(stage: Stage) -> Life:
    yield from stage.asks("kai.lind", "service_desk", stage.when(70, 9))
    yield stage.when(30, 10)
    policy = stage.company.way("service_desk")
    terms = replace(policies.terms_of(policy), accepts_requests=False)
    policies.change_policy(policy, terms, by=stage.person("bo.chen"))


def _olga_thinks_again(stage: Stage) -> Life:
    """A policy that was changed, and its first version as a draft."""
    olga, policy = stage.person("olga.owner"), stage.company.way("sales_reader")
    yield stage.when(40, 11)
    terms = replace(
        policies.terms_of(policy), description="At once, for half a year.", shows_approvers="no"
    )
    policies.change_policy(policy, terms, by=olga)
    yield stage.when(1, 16)
    drafts.restore_as_draft(policy, 1, by=olga)


def _olga_prepares_a_package(stage: Stage) -> Life:
    """What a package may say and list next, as a draft."""
    yield stage.when(1, 15)
    package = stage.company.packages["sales_reader"]
    contents = contents_of(package)
    first, *others = contents.roles
    first = replace(first, words="See every order of your region.")
    draft = replace(contents, roles=(*others, first))
    rewriting.keep_draft(package, draft, by=stage.person("olga.owner"))


def _readers_join_the_channel(stage: Stage) -> Life:
    """A role comes into a package, and all its holders get it."""
    yield stage.when(34, 16)
    role = stage.company.roles["field_team:member"]
    package = stage.company.packages["sales_reader"]
    packages.add_role(package, role, by=stage.person("olga.owner"))


def _reviewers_leave_the_handbook(stage: Stage) -> Life:
    """A role leaves a package, and stays with those who have it through another."""
    yield stage.when(26, 16)
    role = stage.company.roles["handbook:member"]
    owner = stage.person("tom.becker")
    packages.remove_role(stage.company.packages["welcome"], role, by=owner)


def _carl_leaves(stage: Stage) -> Life:
    yield stage.when(45, 18)
    directory.disable(stage.person(GONE), by=None)


def _the_terminals_are_dismantled(stage: Stage) -> Life:
    """The last user gives them back; a week later the group behind them is deleted."""
    asked = yield from stage.asks("kai.lind", "terminals", stage.when(68, 9))
    yield from stage.gives_back("kai.lind", asked, stage.when(22, 9))
    yield stage.when(15, 9)
    _delete_group(stage.company.roles["old_terminals:member"].resource.external_id)


@transaction.atomic(durable=True)
def _delete_group(key: str) -> None:
    group = Group.objects.get(pk=key)
    trail.record("group.deleted", group, by=None, source="demo")
    group.delete()


def _the_warehouse_takes_the_lists_over(stage: Stage) -> Life:
    yield stage.when(12, 9)
    _hand_over(stage.company.roles["stock:member"].resource.external_id)


@transaction.atomic(durable=True)
def _hand_over(key: str) -> None:
    """Let a group come from the warehouse from now on."""
    group = Group.objects.get(pk=key)
    group.source = ConnectedSystem.objects.get(name=WAREHOUSE)
    group.source_key = f"cn=stock,ou=groups,{WAREHOUSE_BASE}"
    group.save(update_fields=["source", "source_key"])
    trail.record("group.changed", group, by=None, source=group.source_key)


def _ivo_tries_the_systems(stage: Stage) -> Life:
    """The warehouse does not answer; the directory does."""
    yield stage.when(7, 10)
    built_in = ConnectedSystem.objects.built_in_directory()
    for system in (ConnectedSystem.objects.get(name=WAREHOUSE), built_in):
        check_connection(system, by=stage.company.administrator)


def _bo_equips_the_sales_team(stage: Stage) -> Life:
    """One list was given; another was only checked."""
    policy, by = stage.company.way("vpn"), stage.person("bo.chen")
    team = stage.company.crowd("Sales")
    yield stage.when(16, 11)
    listed = [*team[:3], stage.person("eli.weiss")]
    giving.give_all(_plan(policy, listed, by), by=by)
    yield stage.when(1, 16)
    _plan(policy, team[3:6], by)


def _plan(policy: AssignmentPolicy, people: list[User], by: User) -> BulkAssignment:
    entries = [Entry(str(user.pk)) for user in people]
    return giving.plan(policy, entries, by=by, source=f"{len(people)} people")


def _olga_changes_many(stage: Stage) -> Life:
    """Changes in bulk: two that are through, one that was stopped, and one that nobody started."""
    olga = stage.person("olga.owner")
    yield stage.when(19, 10)
    changer, *_ = _held(stage, "sales_admin")
    readers = _held(stage, "sales_reader")
    longer = clock.now().date() + timedelta(days=60)
    extended = _act(ActKind.EXTEND, [changer, readers[0]], olga)
    acting.start(extended, Wanted("The season is longer.", longer), by=olga)
    acting.carry_on(extended.pk)
    again = _act(ActKind.SET_UP_AGAIN, readers[:2], olga)
    acting.start(again, Wanted(), by=olga)
    acting.carry_on(again.pk)
    stopped = _act(ActKind.END, readers[2:4], olga)
    acting.start(stopped, Wanted("They move to another team."), by=olga)
    acting.stop(stopped, by=olga)
    yield stage.when(19, 11)
    for row in extended.rows.filter(state=ActState.ASKED).select_related("access_request"):
        words = "The season ends after all."
        operations.cancel(row.thing.requests.latest("created_at"), by=olga, justification=words)
    yield stage.when(1, 15)
    _act(ActKind.SET_UP_AGAIN, _held(stage, "sales_reader")[:2], olga)


def _held(stage: Stage, package: str) -> list[Assignment]:
    live = Assignment.objects.live().filter(package=stage.company.packages[package])
    return list(live.order_by("target__display_name", "pk"))


def _act(kind: ActKind, assignments: list[Assignment], by: User) -> BulkAct:
    chosen = [assignment.pk for assignment in assignments]
    return acting.plan(kind, chosen, by=by, source=f"{len(chosen)} chosen in the list")


def _discounts_and_forecasts_are_kept_apart(stage: Stage) -> Life:
    """A clash, roles that clash, a prerequisite, and an exception."""
    offered, roles = stage.company.packages, stage.company.roles
    olga, administrator = stage.person("olga.owner"), stage.company.administrator
    yield stage.when(1, 12)
    clashes.add_clash(offered["discount"], offered["forecast"], by=olga, is_symmetric=True)
    clashes.add_prerequisite(offered["forecast"], offered["sales_reader"], by=olga)
    catalog = stage.company.catalogs[SALES]
    clashes.add_role_clash(catalog, roles["crm:owner"], roles["stock:member"], by=olga)
    exception = clash_exceptions.propose(
        offered["forecast"],
        offered["discount"],
        stage.person("hugo.brandt"),
        by=olga,
        reason="He prepares the forecast until his offer for the harbour is signed.",
        ends_at=stage.when(-60, 18),
    )
    clash_exceptions.decide(exception, by=administrator, approves=True)


def _ivo_deletes_a_record(stage: Stage) -> Life:
    """Of a request that was called off; whoever opens its link reads who did it."""
    yield stage.when(2, 10)
    omar, package = stage.person("omar.haddad"), stage.company.packages["month_end"]
    canceled = AccessRequest.objects.get(target=omar, package=package, state="canceled")
    records.delete_record(
        canceled, by=stage.company.administrator, justification="Omar asked for it."
    )


def _people_read_their_messages(stage: Stage) -> Life:
    """All but those of the last two days."""
    yield stage.when(2, 7)
    for person in CAST:
        mark_read(stage.person(person.key))


CHANGES: tuple[Callable[[Stage], Life], ...] = (
    _the_fair_is_over,
    _the_old_office_closes,
    _laptops_are_switched_off,
    _the_service_desk_is_full,
    _olga_thinks_again,
    _olga_prepares_a_package,
    _readers_join_the_channel,
    _reviewers_leave_the_handbook,
    _carl_leaves,
    _the_terminals_are_dismantled,
    _the_warehouse_takes_the_lists_over,
    _ivo_tries_the_systems,
    _bo_equips_the_sales_team,
    _olga_changes_many,
    _discounts_and_forecasts_are_kept_apart,
    _ivo_deletes_a_record,
    _people_read_their_messages,
)
