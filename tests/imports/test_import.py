"""Role definitions become packages, policies and assignments: tried out first, and then at once."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from entitlements import clock, sweep
from entitlements.catalog.models import PackageState
from entitlements.decisions import Denied
from entitlements.imports import bundles, operations
from entitlements.imports.building import Options
from entitlements.imports.definitions import definitions_of
from entitlements.models import (
    AccessPackage,
    AccessRequest,
    Account,
    Assignment,
    AssignmentPolicy,
    AuditEvent,
    BulkAssignment,
    Grant,
    Group,
    ImportedRole,
    ImportFinding,
    Membership,
    RoleImport,
    User,
)
from entitlements.requests import deciding
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.imports.conftest import APPROVERS, ENTITLEMENTS, MEMBERS, ROLES
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def imported(check, offered, run_queue):
    """Try an import out, carry it out, and let the workers do what is due."""

    def imported(**changes):
        role_import = operations.carry_out(check(**changes), by=offered.olga)
        run_queue()
        return role_import

    return imported


def of(role_import, weight):
    found = role_import.findings.filter(weight=weight)
    return [(one.place, one.code) for one in found]


def states(role_import):
    return list(role_import.roles.values_list("name", "state"))


def what_there_is():
    return {
        model.__name__: model.objects.count()
        for model in (AccessPackage, AssignmentPolicy, Assignment, AccessRequest, BulkAssignment)
    }


def refused(act):
    with pytest.raises(Denied) as denied:
        act()
    return denied.value.codes


# The dry run


def test_a_dry_run_says_what_would_be_made_and_makes_nothing(check, offered, actions, queued):
    role_import = check()

    assert states(role_import) == [("Sales Analyst", "new"), ("Sales Desk", "new")]
    analyst, desk = role_import.roles.all()
    assert analyst.roles == ["Sales team: Member", f"{offered.reports.resource}: Member"]
    assert (analyst.terms["expiration"], analyst.terms["duration"]) == ("after_days", 90)
    assert (analyst.scope, analyst.ready, analyst.left_out) == ("nobody", 1, 0)
    assert analyst.package is None
    (stage,) = desk.terms["stages"]
    assert [one["name"] for one in stage["approvers"]] == ["Manager", "Gita Rao"]
    assert not role_import.findings.exists()
    assert set(what_there_is().values()) == {0}
    assert actions() == ["catalog.roles_checked"]
    assert queued() == []


def test_what_cannot_be_given_is_left_out_and_stops_nothing_else(check, ada):
    User.objects.filter(pk=ada.pk).update(is_active=False)

    role_import = check(
        role_members=(
            "role,member,start,end\n"
            "Sales Analyst,ada@kestrel.example,,\n"
            "Sales Analyst,nobody@kestrel.example,,\n"
            "Sales Analyst,bo@kestrel.example,,soon\n"
            "Sales Analyst,,,\n"
            "Sales Desk,bo@kestrel.example,,\n"
            "Sales Desk,BO@kestrel.example,,\n"
        )
    )

    assert of(role_import, "left_out") == [
        ("role_members.csv line 2", "account_disabled"),
        ("role_members.csv line 3", "person_unknown"),
        ("role_members.csv line 4", "date_unreadable"),
        ("role_members.csv line 5", "person_missing"),
        ("role_members.csv line 7", "named_twice"),
    ]
    assert of(role_import, "wrong") == []
    analyst, desk = role_import.roles.all()
    assert (analyst.ready, analyst.left_out) == (0, 4)
    assert (desk.ready, desk.left_out) == (1, 1)


WRONG = [
    (
        {"role_entitlements": ENTITLEMENTS + "Sales Desk;Payroll;x;y\n"},
        [("role_entitlements.csv line 5", "system_not_offered")],
    ),
    (
        {"role_entitlements": ENTITLEMENTS + "Sales Desk;company ldap;cn=other;member\n"},
        [("role_entitlements.csv line 5", "resource_not_offered")],
    ),
    (
        {"role_entitlements": ENTITLEMENTS + "Sales Desk;Built-in directory;Sales team;Chief\n"},
        [("role_entitlements.csv line 5", "role_not_offered")],
    ),
    (
        {"role_approvers": APPROVERS.replace("gita@", "nobody@")},
        [
            ("role_approvers.csv line 3", "approver_unknown"),
            ("roles.csv line 3", "manager_without_fallback"),
        ],
    ),
    (
        {"role_approvers": APPROVERS + "Sales Desk,2,group,Nobody,\n"},
        [
            ("role_approvers.csv line 4", "group_unknown"),
            ("roles.csv line 3", "stage_without_approver"),
        ],
    ),
    (
        {"role_approvers": APPROVERS + "Sales Desk,2,boss,,\n"},
        [("roles.csv line 3", "approver_incomplete")],
    ),
    (
        {
            "role_approvers": (
                "role,stage,kind,decision_days,who_approves\n"
                "Sales Desk,1,catalog_owners,3,any\nSales Desk,1,resource_owners,4,all\n"
            )
        },
        [
            ("role_approvers.csv line 3", "stage_contradicts"),
            ("role_approvers.csv line 3", "stage_contradicts"),
        ],
    ),
    (
        {
            "role_approvers": (
                "role,stage,kind,decision_days,who_approves\nSales Desk,1,catalog_owners,0,1\n"
            )
        },
        [
            ("roles.csv line 3", "decision_days_out_of_range"),
            ("roles.csv line 3", "quorum_out_of_range"),
        ],
    ),
    (
        {"roles": "role,who_may_ask\nSales Analyst,friends\nSales Desk,specific\n"},
        [("roles.csv line 2", "unknown_scope"), ("roles.csv line 3", "targets_missing")],
    ),
    (
        {"roles": "role,days,ends_on\nSales Analyst,99999,\nSales Desk,,2001-01-01\n"},
        [("roles.csv line 2", "duration_out_of_range"), ("roles.csv line 3", "end_in_the_past")],
    ),
    (
        {"roles": f"role,description\nSales Analyst,{'x' * 10_001}\nSales Desk,x\n"},
        [("roles.csv line 2", "description_too_long")],
    ),
    (
        {"roles": ROLES + "Sales Desk,,\n"},
        [("roles.csv line 4", "role_twice")],
    ),
]


@pytest.mark.parametrize(("changes", "found"), WRONG)
def test_what_is_wrong_is_named_and_nothing_is_imported(check, offered, changes, found):
    role_import = check(**changes)

    assert of(role_import, "wrong") == found
    assert role_import.content == {}
    assert refused(lambda: operations.carry_out(role_import, by=offered.olga)) == {
        "import_is_wrong"
    }
    assert set(what_there_is().values()) == {0}


def test_everything_that_is_wrong_is_found_at_once(check):
    role_import = check(
        role_entitlements=ENTITLEMENTS.replace("Sales team", "Gone"),
        role_approvers=APPROVERS.replace("gita@", "nobody@"),
        role_members=MEMBERS + "Nobody,x\n",
    )

    assert [code for _, code in of(role_import, "wrong")] == [
        "role_unknown",
        "resource_not_offered",
        "resource_not_offered",
        "approver_unknown",
        "manager_without_fallback",
    ]
    assert states(role_import) == [("Sales Analyst", "wrong"), ("Sales Desk", "wrong")]


def test_groups_of_ldap_are_found_however_their_names_are_spelled(check, offered):
    role_import = check(
        role_entitlements=ENTITLEMENTS.replace("cn=reports,dc=example", "CN=Reports, DC=example")
    )

    assert role_import.roles.first().roles[1] == f"{offered.reports.resource}: Member"


def test_an_approver_who_has_left_is_wrong(check, gita):
    User.objects.filter(pk=gita.pk).update(is_active=False)

    assert ("role_approvers.csv line 3", "approver_disabled") in of(check(), "wrong")


def test_a_name_that_means_several_roles_is_wrong(check, offered):
    twin = ResourceFactory(name="Sales team", catalog=offered.catalog)
    ResourceRoleFactory(resource=twin)

    assert [code for _, code in of(check(), "wrong")] == ["role_ambiguous", "role_ambiguous"]


def test_more_members_than_a_list_has_are_wrong(check, monkeypatch):
    monkeypatch.setattr("entitlements.requests.giving.MOST_ROWS", 1)

    role_import = check(role_members=MEMBERS + "Sales Desk,ada@kestrel.example\n")

    assert of(role_import, "wrong") == [("roles.csv line 3", "list_too_long")]


# Carrying it out


def test_packages_policies_and_assignments_are_made(
    imported, offered, ada, bo, gita, run_queue, actions
):
    User.objects.filter(pk=bo.pk).update(manager=ada)

    role_import = imported()

    analyst, desk = AccessPackage.objects.order_by("name")
    assert (analyst.name, analyst.description) == ("Sales Analyst", "Runs the reports.")
    assert analyst.state == desk.state == PackageState.PUBLISHED
    assert list(analyst.roles.order_by("package_roles")) == [offered.team, offered.reports]
    policy = analyst.policies.get()
    assert (policy.name, policy.scope, policy.duration) == ("Imported", "nobody", 90)
    held = Assignment.objects.get()
    assert (held.target, held.package, held.is_direct) == (ada, analyst, True)
    assert held.ends_at - held.starts_at == 90 * DAY
    waiting = AccessRequest.objects.get(target=bo)
    assert waiting.state == "pending_approval"
    assert not Assignment.objects.filter(target=bo).exists()
    deciding.approve(waiting, by=ada)
    assert Assignment.objects.filter(target=bo, package=desk).exists()
    first, second = role_import.roles.all()
    assert (first.package, second.package) == (analyst, desk)
    assert first.bulk.counts()["given"] == second.bulk.counts()["given"] == 1
    assert first.bulk.source == "the members of Sales Analyst in roles.zip"
    assert role_import.content == {}
    done = AuditEvent.objects.get(action="catalog.roles_imported")
    assert (done.details["packages"], done.details["people"]) == (2, 2)
    assert actions().count("package.created") == actions().count("policy.created") == 2


def test_importing_twice_makes_nothing_twice(imported, check, offered, bo):
    imported()
    User.objects.filter(pk=bo.pk).update(manager=None)
    before = what_there_is()

    again = check()
    assert states(again) == [("Sales Analyst", "known"), ("Sales Desk", "known")]
    assert of(again, "note") == of(again, "wrong") == []
    assert of(again, "left_out") == [
        ("role_members.csv line 2", "already_held"),
        ("role_members.csv line 3", "already_requested"),
    ]
    assert [role.package.name for role in again.roles.all()] == ["Sales Analyst", "Sales Desk"]
    operations.carry_out(again, by=offered.olga)

    assert what_there_is() == before
    again.refresh_from_db()
    assert again.carried_out_at
    assert [role.bulk for role in again.roles.all()] == [None, None]


def test_somebody_who_is_new_in_the_files_is_added_by_the_next_import(imported, gita):
    imported()

    imported(role_members=MEMBERS + "Sales Analyst,gita@kestrel.example\n")

    assert Assignment.objects.filter(target=gita).count() == 1
    assert AccessPackage.objects.count() == 2


def test_a_package_of_this_name_with_other_roles_is_nobody_s(check, offered):
    AccessPackageFactory(name="SALES desk", catalog=offered.catalog, roles=[offered.reports])

    role_import = check()

    assert of(role_import, "wrong") == [("roles.csv line 3", "package_differs")]
    assert states(role_import)[1] == ("Sales Desk", "wrong")


def test_a_package_of_this_name_elsewhere_is_another_one(check):
    AccessPackageFactory(name="Sales Desk")

    assert states(check())[1] == ("Sales Desk", "new")


def test_a_policy_that_was_changed_since_stays_as_it_is(imported, check, offered):
    imported()
    AssignmentPolicy.objects.filter(package__name="Sales Analyst").update(duration=7)

    again = check()

    assert of(again, "note") == [("", "policy_differs")]
    operations.carry_out(again, by=offered.olga)
    assert AssignmentPolicy.objects.get(package__name="Sales Analyst").duration == 7


def test_a_package_without_the_policy_gets_it(imported, offered):
    package = AccessPackageFactory(name="Sales Desk", catalog=offered.catalog, roles=[offered.team])
    AssignmentPolicyFactory(package=package, name="Staff")

    imported()

    assert set(package.policies.values_list("name", flat=True)) == {"Staff", "Imported"}


def test_what_went_wrong_meanwhile_stops_all_of_it(check, offered, actions):
    role_import = check()
    AccessPackageFactory(name="Sales Desk", catalog=offered.catalog, roles=[])
    before = what_there_is()

    assert refused(lambda: operations.carry_out(role_import, by=offered.olga)) == {
        "package_differs"
    }

    assert what_there_is() == before
    assert "package.created" not in actions()
    role_import.refresh_from_db()
    assert role_import.carried_out_at is None
    assert role_import.content != {}


def test_ends_and_dates_of_members_are_their_own(imported, ada, bo):
    later = (clock.now() + 9 * DAY).date()

    imported(
        roles=f"role,ends_on\nSales Analyst,{date(2090, 1, 1)}\nSales Desk,\n",
        role_members=(
            "role,member,end,justification\n"
            f"Sales Analyst,ada@kestrel.example,{later},Project\n"
            "Sales Analyst,bo@kestrel.example,,\n"
        ),
        role_approvers=None,
    )

    assert Assignment.objects.get(target=ada).ends_at == clock.day_ends(later)
    assert AccessRequest.objects.get(target=ada).justification == "Project"
    assert Assignment.objects.get(target=bo).ends_at == clock.day_ends(date(2090, 1, 1))


def test_approvers_are_named_by_id_and_groups_by_name(check, gita, offered):
    leads = GroupFactory(name="BÜRO")
    GroupFactory(name="Lower")

    role_import = check(
        role_approvers=(
            "role,stage,kind,approver\n"
            f"Sales Desk,1,user,{gita.pk}\n"
            "Sales Desk,2,group,BÜRO\n"
            f"Sales Desk,3,group,{leads.pk}\n"
            "Sales Desk,4,group,LOWER\n"
        )
    )

    desk = role_import.roles.get(name="Sales Desk")
    names = [[one["name"] for one in stage["approvers"]] for stage in desk.terms["stages"]]
    assert names == [["Gita Rao"], ["BÜRO"], ["BÜRO"], ["Lower"]]


def test_html_and_formulas_are_texts_like_any_other(imported, offered):
    odd = "<b>=cmd()</b>"
    Group.objects.filter(pk=offered.team.resource.external_id).update(name=odd)

    role_import = imported(
        roles=f"role,description,policy\n{odd},=1+1,@x\n",
        role_entitlements=lines(
            "role;system;resource;resource_role", f"{odd};Built-in directory;Sales team;Member"
        ),
        role_members=f"role,member,justification\n{odd},ada@kestrel.example,+1\n{odd},=cmd(),\n",
        role_approvers=f"role,stage,kind,approver\n{odd},1,group,{odd}\n",
    )

    package = AccessPackage.objects.get()
    assert (package.name, package.description) == (odd, "=1+1")
    assert package.policies.get().name == "@x"
    assert AccessRequest.objects.get().justification == "+1"
    assert not role_import.findings.exists()
    given, refused_row = role_import.roles.get().bulk.rows.all()
    assert (given.state, refused_row.state) == ("given", "refused")
    assert refused_row.reasons[0]["code"] == "person_unknown"
    assert refused_row.name == "=cmd()"


def test_what_no_database_can_hold_is_shown_by_a_mark(check, offered):
    role_import = operations.check(
        offered.catalog,
        _from_json(r'{"roles": [{"role": "A\u0000", "\ud800": 1}]}'),
        Options(),
        by=offered.olga,
        source="roles.json",
    )

    found = role_import.findings.get(code="row_unreadable")
    assert found.text == "There is no “�” here."
    assert found.about == "A�"


def _from_json(text):
    return definitions_of(bundles.read([("roles.json", text.encode())]))


# Access that members have already


def put_in(role, *people):
    for person in people:
        Membership.objects.create(group_id=role.resource.external_id, user=person)


@pytest.mark.parametrize("takes_over", [True, False])
def test_what_members_have_already_stays_and_ends_with_the_package_or_not(
    check, offered, ada, run_queue, holds, takes_over
):
    put_in(offered.team, ada)
    Account.objects.create(user=ada, system=offered.reports.resource.system, external_id="uid=ada")
    role_import = check(options=Options(takes_over=takes_over))

    operations.carry_out(role_import, by=offered.olga)
    assert holds(ada, offered.team)
    run_queue()
    assert holds(ada, offered.team)
    grant = Grant.objects.get(user=ada, role=offered.team)
    assert (grant.held_before, grant.is_taken_over) == (True, takes_over)

    with clock.at(Assignment.objects.get(target=ada).ends_at + timedelta(seconds=1)):
        sweep.run()
        run_queue()
    assert holds(ada, offered.team) is not takes_over


# Who may


def test_an_import_does_what_its_maker_could_do_by_hand_and_no_more(
    check, offered, bo, gita, appoint, settings
):
    appoint(bo, offered.catalog, "assignment_manager")
    assert refused(lambda: check(by=bo)) == {"not_permitted"}
    assert refused(lambda: check(by=UserFactory())) == {"not_permitted"}

    appoint(gita, offered.catalog, "package_manager")
    role_import = check(by=gita)
    assert refused(lambda: operations.carry_out(role_import, by=offered.olga)) == {
        "not_your_import"
    }
    without = Options(skips_approval=True)
    assert refused(lambda: check(by=gita, options=without)) == {
        "approval_is_never_skipped",
        "approval_is_for_owners_to_skip",
    }
    assert refused(lambda: check(options=without)) == {"approval_is_never_skipped"}
    assert RoleImport.objects.count() == 1

    settings.DIRECT_ASSIGNMENT_SKIPS_APPROVAL = True
    assert refused(lambda: check(by=gita, options=without)) == {"approval_is_for_owners_to_skip"}
    assert check(options=without).skips_approval


def test_owners_skip_approval_where_the_organization_allows_it(
    check, offered, bo, run_queue, settings
):
    settings.DIRECT_ASSIGNMENT_SKIPS_APPROVAL = True

    operations.carry_out(check(options=Options(skips_approval=True)), by=offered.olga)
    run_queue()

    assert Assignment.objects.filter(target=bo).exists()


def test_a_right_that_was_taken_away_meanwhile_stops_it(check, offered):
    role_import = check()
    offered.catalog.cataloguserpermission_set.all().delete()

    assert refused(lambda: operations.carry_out(role_import, by=offered.olga)) == {"not_permitted"}
    assert not AccessPackage.objects.exists()


def test_a_group_that_carries_a_role_elsewhere_is_not_given_by_an_import(check, offered, appoint):
    appoint(Group.objects.get(name="Team"), CatalogFactory(name="Treasury"))

    role_import = check()

    codes = {code for _, code in of(role_import, "wrong")}
    assert codes == {"carries_catalog_role"}
    with pytest.raises(Denied):
        operations.carry_out(role_import, by=offered.olga)
    assert not AccessPackage.objects.exists()


def test_resources_of_other_catalogs_are_not_offered(check, offered):
    elsewhere = ResourceFactory(name="Payroll", catalog=CatalogFactory())
    ResourceRoleFactory(resource=elsewhere)

    role_import = check(
        role_entitlements=ENTITLEMENTS + "Sales Desk;Built-in directory;Payroll;Member\n"
    )

    assert [code for _, code in of(role_import, "wrong")] == ["resource_not_offered"]


def test_roles_without_members_need_no_right_to_give(check, offered, bo):
    for permission in ("view_catalog", "manage_packages"):
        assign_perm(f"entitlements.{permission}", bo, offered.catalog)
    assert refused(lambda: check(by=bo)) == {"not_permitted"}

    assert check(by=bo, role_members=None).roles.count() == 2


# Once, and not for ever


@pytest.mark.django_db(transaction=True)
def test_of_two_who_carry_it_out_at_once_one_does(check, offered):
    role_import = check()

    outcomes = at_once(*[lambda: operations.carry_out(role_import, by=offered.olga)] * 3)

    assert refusals(outcomes) == [{"carried_out_already"}] * 2
    assert AccessPackage.objects.count() == 2
    assert BulkAssignment.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_imports_of_the_same_files_at_once_one_makes_the_packages(check, offered):
    imports = [check(), check()]

    outcomes = at_once(
        *[lambda one=one: operations.carry_out(one, by=offered.olga) for one in imports]
    )

    assert refusals(outcomes) == []
    assert AccessPackage.objects.count() == AssignmentPolicy.objects.count() == 2
    states = set(ImportedRole.objects.values_list("role_import", "state"))
    assert {state for _, state in states} == {"new", "known"}


@pytest.mark.django_db(transaction=True)
def test_a_fault_in_the_middle_leaves_nothing_behind(check, offered, monkeypatch):
    role_import = check()

    def fail(*args, **facts):
        raise ZeroDivisionError

    monkeypatch.setattr("entitlements.requests.giving.set_going", fail)
    with pytest.raises(ZeroDivisionError):
        operations.carry_out(role_import, by=offered.olga)

    assert set(what_there_is().values()) == {0}
    assert RoleImport.objects.get().carried_out_at is None


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_undoes_what_it_did(check, offered, queued):
    check()

    assert set(what_there_is().values()) == {0}
    assert queued() == []
    assert RoleImport.objects.get().roles.count() == 2


def test_an_import_is_dropped_by_its_maker_before_it_is_carried_out(
    check, offered, bo, appoint, actions
):
    role_import = check()
    appoint(bo, offered.catalog)
    assert refused(lambda: operations.discard(role_import, by=bo)) == {"import_stays"}

    operations.discard(role_import, by=offered.olga)
    assert not RoleImport.objects.exists()
    assert actions()[-1] == "catalog.roles_dropped"

    done = operations.carry_out(check(), by=offered.olga)
    assert refused(lambda: operations.discard(done, by=offered.olga)) == {"import_stays"}


def test_what_nobody_carries_out_is_forgotten_after_a_week(check, offered):
    check()
    done = operations.carry_out(check(), by=offered.olga)

    with clock.at(clock.now() + 8 * DAY):
        sweep.run()

    assert list(RoleImport.objects.all()) == [done]


def test_imports_are_seen_by_those_who_manage_the_catalog(check, offered, bo):
    role_import = check()

    assert list(RoleImport.objects.visible_to(offered.olga)) == [role_import]
    assert not RoleImport.objects.visible_to(bo).exists()
    assert str(role_import) == "roles.zip into Sales"
    assert str(role_import.roles.first()) == "Sales Analyst"


# What the database promises


def test_one_imported_role_per_position(check):
    first = check().roles.first()

    with pytest.raises(IntegrityError):
        ImportedRole.objects.create(role_import=first.role_import, position=first.position)


def test_one_import_finding_per_position(check):
    found = check(role_members="role,member\nSales Desk,nobody\n").findings.first()
    assert str(found) == "role_members.csv line 2: Nobody is known as “nobody”."

    with pytest.raises(IntegrityError):
        ImportFinding.objects.create(role_import=found.role_import, position=found.position)


def test_trying_out_costs_so_much_for_each_role_and_hardly_more_for_its_members(check, offered):
    people = User.objects.bulk_create(
        User(email=f"p{n}@kestrel.example", display_name=f"P {n}", password="!") for n in range(500)
    )

    def cost(roles, members):
        names = [f"Role {number}" for number in range(roles)]
        named = [f"{name},{person.email}" for name in names for person in people[:members]]
        with CaptureQueriesContext(connection) as captured:
            role_import = check(
                roles=lines("role", *names),
                role_entitlements=lines(
                    "role;system;resource;resource_role",
                    *(f"{name};Built-in directory;Sales team;Member" for name in names),
                ),
                role_members=lines("role,member", *named),
                role_approvers=None,
            )
        assert role_import.roles.filter(state="new").count() == roles
        assert sum(role_import.roles.values_list("ready", flat=True)) == roles * members
        return len(captured)

    one, few, many = cost(1, 1), cost(11, 1), cost(11, 500)

    assert (few - one) / 10 <= 52
    assert many - few <= 5


def lines(*texts):
    return "".join(f"{text}\n" for text in texts)
