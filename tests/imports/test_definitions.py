"""What files say of roles, and what is wrong with it before anybody asks the database."""

import pytest

from entitlements.imports.bundles import TABLES, Tables
from entitlements.imports.definitions import Definitions, definitions_of
from entitlements.plain import from_plain, to_plain
from tests.imports.conftest import ENTITLEMENTS


def mistakes(definitions):
    return [(one.place, one.reason.code) for one in definitions.mistakes]


def entitlements(*roles):
    head = "role,system,resource,resource_role\n"
    return head + "".join(f"{role},Directory,Team {role},Member\n" for role in roles)


def test_a_role_has_words_an_end_entitlements_approvers_and_members(read):
    definitions = read()

    analyst, desk = definitions.roles
    assert definitions.mistakes == ()
    assert (analyst.name, analyst.description) == ("Sales Analyst", "Runs the reports.")
    assert (analyst.expiration, analyst.duration) == ("after_days", 90)
    assert [one.resource for one in analyst.entitlements] == ["Sales team", "cn=reports,dc=example"]
    assert [one.person for one in analyst.members] == ["ada@kestrel.example"]
    assert analyst.approvers == ()
    assert desk.description == "Imported from another product."
    assert (desk.expiration, desk.policy, desk.scope) == ("never", "Imported", "nobody")
    assert [(one.kind, one.is_fallback) for one in desk.approvers] == [
        ("manager", False),
        ("user", True),
    ]
    assert desk.approvers[0].place == "role_approvers.csv line 2"


def test_everything_can_be_said(read):
    definitions = read(
        roles=(
            "role;description;hidden;policy;who_may_ask;hours;ends_on;may_extend;includes\n"
            "A;Words;YES;By hand;ALL_MEMBERS;8;;no;\n"
            "B;;no;;;;2030-06-30;;A\n"
        ),
        role_entitlements=entitlements("A", "B"),
        role_members="role,member,start,end,justification\nA,x,2030-01-01,2030-02-01,Project\n",
        role_approvers=(
            "role,stage,kind,approver,decision_days,who_approves\n"
            "A,2,group,Leads,3,ALL\nA,1,user,bo,5,2\n"
        ),
    )

    first, second = definitions.roles
    assert definitions.mistakes == ()
    assert (first.is_hidden, first.policy, first.scope) == (True, "By hand", "all_members")
    assert (first.expiration, first.duration, first.may_extend) == ("after_hours", 8, False)
    assert (first.members[0].start, first.members[0].justification) == ("2030-01-01", "Project")
    assert [(one.stage, one.decision_days, one.rule) for one in first.approvers] == [
        (2, 3, "all"),
        (1, 5, "2"),
    ]
    assert (second.expiration, second.ends_on) == ("on_date", "2030-06-30")
    assert [one.resource for one in second.entitlements] == ["Team B", "Team A"]


def test_definitions_survive_being_kept(read):
    definitions = read()

    assert from_plain(Definitions, to_plain(definitions)) == definitions


def test_roles_have_what_the_roles_have_that_they_include_each_once(read):
    roles = "role,includes\nA,b | C\nB,D\nC,d\nD,\n"

    definitions = read(
        roles=roles,
        role_entitlements=entitlements("D", "B", "d"),
        role_members=None,
        role_approvers=None,
    )

    assert definitions.mistakes == ()
    assert [[one.resource for one in each.entitlements] for each in definitions.roles] == [
        ["Team B", "Team D"],
        ["Team B", "Team D"],
        ["Team D"],
        ["Team D"],
    ]


BAD_ROLES = [
    ("role,includes\nA,A\n", [("roles.csv line 2", "role_circle")]),
    (
        "role,includes\nA,B\nB,C\nC,A\n",
        [(f"roles.csv line {number}", "role_circle") for number in (2, 3, 4)],
    ),
    ("role,includes\nA,Nobody|B\nB,\n", [("roles.csv line 2", "role_unknown")]),
    ("role\nA\na\n", [("roles.csv line 3", "role_twice")]),
    ("role,days\nA,1\n,2\n", [("roles.csv line 3", "role_missing")]),
    ("role,days\nA\n", [("roles.csv line 2", "row_unreadable")]),
    ("role,days,hours\nA,1,1\n", [("roles.csv line 2", "end_contradicts")]),
    ("role,days\nA,soon\n", [("roles.csv line 2", "value_unreadable")]),
    ("role,days\nA,-1\n", [("roles.csv line 2", "value_unreadable")]),
    ("role,days\nA,١٢\n", [("roles.csv line 2", "value_unreadable")]),
    ("role,ends_on\nA,31.12.2030\n", [("roles.csv line 2", "value_unreadable")]),
    ("role,hidden\nA,perhaps\n", [("roles.csv line 2", "value_unreadable")]),
    ("role,may_extend\nA,maybe\n", [("roles.csv line 2", "value_unreadable")]),
    ("role,description\nA,a\x00b\n", [("roles.csv line 2", "text_unreadable")]),
    ("role,policy\nA,a\tb\x07\n", [("roles.csv line 2", "text_unreadable")]),
    ('role,policy\nA,"a\nb"\n', [("roles.csv line 2", "text_unreadable")]),
]


@pytest.mark.parametrize(("roles", "found"), BAD_ROLES)
def test_a_bad_role_is_named_with_its_line_and_code(read, roles, found):
    names = [line.split(",")[0] for line in roles.splitlines()[1:]]

    definitions = read(
        roles=roles,
        role_entitlements=entitlements(*(name for name in names if len(name) == 1)),
        role_members=None,
        role_approvers=None,
    )

    of_roles = [one for one in mistakes(definitions) if one[0].startswith("roles.csv")]
    assert of_roles == found


def test_lines_may_be_broken_in_descriptions(read):
    definitions = read(roles='role,description\nSales Desk,"One\nline\tmore"\nSales Analyst,\n')

    assert definitions.mistakes == ()
    assert definitions.roles[0].description == "One\nline\tmore"


def test_a_role_without_entitlements_gives_nothing_and_is_refused(read):
    definitions = read(role_entitlements="\n".join(ENTITLEMENTS.splitlines()[:3]))

    assert mistakes(definitions) == [("roles.csv line 3", "entitlements_missing")]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"role_members": "role,member\nNobody,x\n"}, "role_members.csv line 2"),
        (
            {"role_approvers": "role,stage,kind\nSales Desk,1,manager\n,1,manager\n"},
            "role_approvers.csv line 3",
        ),
        ({"role_entitlements": ENTITLEMENTS + "X;a;b;c\n"}, "role_entitlements.csv line 5"),
    ],
)
def test_a_row_of_a_role_that_is_not_defined_is_named(read, changes, place):
    assert mistakes(read(**changes)) == [(place, "role_unknown")]


@pytest.mark.parametrize(
    "row",
    ["Sales Desk,first,user,,,", "Sales Desk,1,user,,often,", "Sales Desk,1,user,,,most"],
)
def test_a_bad_approver_is_named(read, row):
    header = "role,stage,kind,approver,decision_days,who_approves"

    definitions = read(role_approvers=f"{header}\n{row}\n")

    assert mistakes(definitions) == [("role_approvers.csv line 2", "value_unreadable")]


def test_an_unreadable_row_of_another_table_says_nothing(read):
    definitions = read(role_members="role,member\nSales Desk,a,b\n")

    assert mistakes(definitions) == [("role_members.csv line 2", "row_unreadable")]
    assert definitions.roles[1].members == ()


def test_tables_that_are_not_there_have_no_rows():
    assert Tables({})[next(iter(TABLES))] == []
    assert definitions_of(Tables({})) == Definitions(())
