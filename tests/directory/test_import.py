"""Import of people, groups and memberships from CSV files."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from entitlements.audit.models import AuditEvent
from entitlements.directory.sync import applying
from entitlements.models import ConnectedSystem, Group, GroupNesting, Membership, User
from tests.factories import ConnectedSystemFactory, GroupFactory, UserFactory
from tests.threads import at_once

pytestmark = pytest.mark.django_db

USERS = """\
id,email,display_name,department,manager,hire_date,enabled
1,root@kestrel.example,Ruth Root,Board,,2020-01-01,
2,sam@kestrel.example,Sam Sales,Sales,1,2021-02-03,yes
3,tim@kestrel.example,Tim Trade,Sales,2,,
"""
GROUPS = """\
id,name,description,kind,owners
g1,Company,Everybody,security,1
g2,Sales,,collaboration,1; 2
"""
MEMBERSHIPS = """\
group,member,member_type
g1,1,person
g2,2,
g2,3,
g1,g2,group
"""


@pytest.fixture
def files(tmp_path):
    """Write files and return the arguments that name them."""

    def write(**contents):
        arguments = []
        for kind, content in contents.items():
            path = tmp_path / f"{kind}.csv"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            arguments += [f"--{kind}", str(path)]
        return arguments

    return write


@pytest.fixture
def run(files):
    """Import files; return what was printed."""

    def run(*options, **contents):
        out, errors = StringIO(), StringIO()
        try:
            call_command(
                "import_directory", *files(**contents), *options, stdout=out, stderr=errors
            )
        except CommandError as error:
            error.printed = out.getvalue() + errors.getvalue()
            raise
        return out.getvalue() + errors.getvalue()

    return run


@pytest.fixture
def refused(run):
    """Import files, which must be refused; return the reason and what was printed."""

    def refused(*options, **contents):
        with pytest.raises(CommandError) as error:
            run(*options, **contents)
        return str(error.value), error.value.printed

    return refused


def everything(**changed):
    return {"users": USERS, "groups": GROUPS, "memberships": MEMBERSHIPS, **changed}


def person(key):
    return User.objects.get(source_key=key)


def pairs():
    return set(Membership.objects.values_list("group__name", "user__display_name"))


def test_people_groups_and_memberships_are_imported(run):
    printed = run(**everything())

    sam = person("2")
    assert (sam.email, sam.display_name, sam.department) == (
        "sam@kestrel.example",
        "Sam Sales",
        "Sales",
    )
    assert sam.manager == person("1")
    assert sam.hire_date == date(2021, 2, 3)
    assert sam.is_active
    assert not sam.has_usable_password()
    assert sam.source.kind == "csv"
    assert pairs() == {("Company", "Ruth Root"), ("Sales", "Sam Sales"), ("Sales", "Tim Trade")}
    company, sales = Group.objects.order_by("name")
    assert list(company.nested.all()) == [sales]
    assert sales.kind == "collaboration"
    assert set(sales.owners.all()) == {person("1"), person("2")}
    assert "people added: 3" in printed
    assert "memberships added: 3" in printed


def test_each_act_is_in_the_audit_trail(run, actions):
    run(**everything())

    assert sorted(actions()) == sorted(
        ["user.created"] * 3
        + ["group.created"] * 2
        + ["group.members_added"] * 2
        + ["group.owners_added"] * 2
        + ["group.groups_added"]
        + ["directory.synced"]
    )
    event = AuditEvent.objects.get(action="directory.synced")
    assert event.details["counts"]["people_added"] == 3
    assert event.subject_name == "CSV files"


def test_a_second_import_of_the_same_writes_nothing(run, actions):
    run(**everything())
    before = actions()

    with CaptureQueriesContext(
        connection,
    ) as queries:
        printed = run(**everything())

    written = [
        query["sql"]
        for query in queries.captured_queries
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    assert len(written) == 1
    assert "checked_at" in written[0]
    assert actions() == before
    assert "Nothing changes." in printed


def test_only_what_changed_is_written(run):
    run(**everything())
    changed = USERS.replace("Sam Sales,Sales,1", "Sam Sales,Trade,")

    printed = run(users=changed)

    assert person("2").department == "Trade"
    assert person("2").manager is None
    assert "people changed: 1" in printed
    assert "managers changed: 1" in printed
    events = AuditEvent.objects.filter(action="user.changed").order_by("pk")
    assert [event.details["changes"] for event in events] == [
        {"department": ["Sales", "Trade"]},
        {"manager": ["Ruth Root", ""]},
    ]
    assert {event.target_id for event in events} == {person("2").pk}
    assert len(pairs()) == 3


def test_columns_that_the_file_lacks_stay_as_they_are(run):
    run(users=USERS)
    User.objects.filter(source_key="2").update(city="Rome")

    run(
        users="id;email;display_name\n"
        + "\n".join(
            f"{number};{name}@kestrel.example;{name}"
            for number, name in enumerate(["root", "sam", "tim"], start=1)
        )
    )

    sam = person("2")
    assert (sam.display_name, sam.city, sam.department) == ("sam", "Rome", "Sales")
    assert sam.manager == person("1")


def test_somebody_who_is_gone_is_disabled_and_enabled_when_back(run, actions):
    run(**everything())
    without_tim = USERS.replace("3,tim@kestrel.example,Tim Trade,Sales,2,,\n", "")

    run("--allow-disable", "1", users=without_tim)

    tim = person("3")
    assert not tim.is_active
    assert tim.display_name == "Tim Trade"
    assert actions()[-2:] == ["user.disabled", "directory.synced"]

    assert "Nothing changes." in run(users=without_tim)
    run(users=USERS)
    assert person("3").is_active
    assert actions()[-2:] == ["user.enabled", "directory.synced"]


def test_a_file_may_disable_people(run):
    run(users=USERS.replace("yes", "no"))
    assert not person("2").is_active

    printed = run("--dry-run", users=USERS)
    assert "enable person Sam Sales" in printed
    run(users=USERS)
    assert person("2").is_active
    printed = run("--dry-run", "--allow-disable=1", users=USERS.replace("yes", "no"))
    assert "disable person Sam Sales" in printed


def many_users(count):
    rows = [f"{number},p{number}@kestrel.example,Person {number}" for number in range(count)]
    return "id,email,display_name\n" + "\n".join(rows)


def test_a_feed_that_shrinks_too_much_is_held_and_named(run, refused, actions):
    run(users=many_users(100))
    before = actions()

    reason, printed = refused(users=many_users(94))

    assert "would disable 6 of 100 people; 5 are allowed" in reason
    assert "--allow-disable 6" in reason
    assert printed.count("would be disabled: Person") == 6
    assert User.objects.filter(is_active=True).count() == 100
    assert actions() == [*before, "directory.sync_held"]
    assert "would disable 6" in ConnectedSystem.objects.get(kind="csv").check_error

    run(users=many_users(95))
    assert User.objects.filter(is_active=True).count() == 95
    assert ConnectedSystem.objects.get(kind="csv").check_error == ""


def test_an_empty_file_disables_nobody(run, refused):
    run(users=many_users(30))

    reason, _ = refused(users="id,email,display_name\n")

    assert "would disable 30 of 30" in reason
    run("--allow-disable", "30", users="id,email,display_name\n")
    assert not User.objects.filter(is_active=True).exists()


def test_the_limits_are_settings_of_the_system(run, refused):
    run(users=many_users(10))
    system = ConnectedSystem.objects.get(kind="csv")
    system.settings = {"max_disabled_share": 50, "max_disabled_count": 2}
    system.save()

    reason, _ = refused(users=many_users(7))
    assert "2 are allowed" in reason
    run(users=many_users(8))

    system.settings = {"max_disabled_share": "all"}
    system.save()
    reason, _ = refused(users=many_users(7))
    assert "max_disabled_share" in reason


def test_memberships_that_shrink_too_much_are_held(run, refused):
    rows = "\n".join(f"g1,{number}" for number in range(30))
    run(users=many_users(30), groups="id,name\ng1,All\n", memberships=f"group,member\n{rows}\n")

    reason, printed = refused(memberships="group,member\n")

    assert "would take 30 of 30 people out of groups; 6 are allowed" in reason
    assert "would leave groups: Person 7" in printed
    assert Membership.objects.count() == 30
    run("--allow-remove", "30", memberships="group,member\n")
    assert Membership.objects.count() == 0


def test_who_is_disabled_anyway_does_not_count_as_leaving_groups(run):
    rows = "\n".join(f"g1,{number}" for number in range(30))
    run(users=many_users(30), groups="id,name\ng1,All\n", memberships=f"group,member\n{rows}\n")

    run(
        "--allow-disable=30",
        users="id,email,display_name\n",
        memberships="group,member\n",
    )

    assert Membership.objects.count() == 0


def test_a_dry_run_shows_every_difference_and_writes_nothing(run, actions):
    printed = run("--dry-run", **everything())

    for line in (
        "add person Ruth Root <root@kestrel.example>",
        "change person Tim Trade: manager: nobody → Sam Sales",
        "add group Sales",
        "Tim Trade into Sales",
        "Sales as a group into Company",
        "Ruth Root as owner of Company",
        "Nothing was written",
    ):
        assert line in printed
    assert not User.objects.exists()
    assert not ConnectedSystem.objects.filter(kind="csv").exists()
    assert actions() == []

    run(**everything())
    printed = run(
        "--dry-run",
        "--allow-disable=2",
        users=USERS.replace("Ruth Root,Board", "Ruth R.,").partition("2,sam")[0],
        groups=GROUPS.replace("Company,Everybody", "All,").replace("1; 2", ""),
        memberships=MEMBERSHIPS.partition("g2")[0],
    )
    for line in (
        "change person Ruth R.: display_name: Ruth Root → Ruth R., department: Board → (nothing)",
        "disable person Sam Sales",
        "change group All: name: Company → All, description: Everybody → (nothing)",
        "Tim Trade out of Sales",
        "Sales as a group out of All",
        "Sam Sales no more as owner of Sales",
    ):
        assert line in printed
    assert person("1").display_name == "Ruth Root"


def test_a_dry_run_ends_with_the_refusal_that_the_import_would_meet(refused):
    reason, printed = refused("--dry-run", users=USERS.replace("2021-02-03", "tomorrow"))

    assert "1 row is bad" in reason
    assert "users.csv line 3: hire_date is “tomorrow”" in printed


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("4,,Una,,,,", "there is no e-mail address"),
        ("4,una,Una,,,,", "“una” is no e-mail address"),
        ("4,una@kestrel.example,,,,,", "display_name is empty"),
        (",una@kestrel.example,Una,,,,", "id is empty"),
        ("2,una@kestrel.example,Una,,,,", "the id “2” stands in users.csv line 3 too"),
        ("4,SAM@kestrel.example,Una,,,,", "sam@kestrel.example stands in users.csv line 3 too"),
        ("4,una@kestrel.example,Una,,9,,", "there is nobody with the manager's id “9”"),
        ("4,una@kestrel.example,Una,,,31/01/2026,", "hire_date is “31/01/2026” and not a day"),
        ("4,una@kestrel.example,Una,,,,perhaps", "enabled is “perhaps” and not yes or no"),
        (f"4,una@kestrel.example,Una,{'x' * 201},,,", "department has more than 200 characters"),
        ("4,una@kestrel.example,Una,a\0b,,,", "department contains a NUL byte"),
        ("4,una@kestrel.example,Una", "there are 3 cells for 7 columns"),
        ("4,una@kestrel.example,Una,,,,,,", "there are 9 cells for 7 columns"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_imported(refused, row, reason):
    refusal, printed = refused(**everything(users=f"{USERS}{row}\n"))

    assert f"users.csv line 5: {reason}" in printed
    assert "1 row is bad: nothing was imported." in refusal
    assert not User.objects.exists()
    assert not Group.objects.exists()


def test_every_bad_row_is_named_at_once(refused):
    users = USERS + "4,x,Una,,,,\n\n5,y,Uma,,,,\n"
    groups = GROUPS + "g2,Other,,,\ng3,SALES,,,\ng4,x,,crowd,9\n,y,,,\n"
    memberships = MEMBERSHIPS + "g9,1,\ng1,9,\ng1,g9,group\ng1,1,animal\ng1\n,1,\n"

    refusal, printed = refused(users=users, groups=groups, memberships=memberships)

    for line in (
        "users.csv line 5: “x” is no e-mail address",
        "users.csv line 7: “y” is no e-mail address",
        "groups.csv line 4: the id “g2” stands in groups.csv line 3 too",
        "groups.csv line 5: the name “SALES” stands in groups.csv line 3 too",
        "groups.csv line 6: kind is “crowd” and not one of security, collaboration",
        "groups.csv line 7: id is empty",
        "memberships.csv line 6: there is no group with the id “g9”",
        "memberships.csv line 7: there is no person with the id “9”",
        "memberships.csv line 8: there is no group with the id “g9”",
        "memberships.csv line 9: member_type is “animal”, not person or group",
        "memberships.csv line 10: there are 1 cells for 3 columns",
        "memberships.csv line 11: group is empty",
    ):
        assert line in printed
    assert "12 rows are bad" in refusal
    assert not User.objects.exists()


def test_bad_rows_can_be_left_out(run):
    run(**everything())
    users = USERS.replace("sam@kestrel.example", "sam").replace("Tim Trade", "Tim T.")

    printed = run("--skip-bad-rows", **everything(users=users))

    assert "users.csv line 3" in printed
    assert person("3").display_name == "Tim T."
    assert person("2").email == "sam@kestrel.example"
    assert person("2").is_active
    assert person("3").manager == person("2")
    assert ("Sales", "Sam Sales") in pairs()


def test_what_hangs_on_a_bad_row_is_not_another_problem(run):
    users = USERS.replace("sam@kestrel.example", "sam")

    printed = run("--skip-bad-rows", **everything(users=users))

    assert printed.count(".csv line") == 1
    assert person("3").manager is None
    assert pairs() == {("Company", "Ruth Root"), ("Sales", "Tim Trade")}


def test_a_bad_group_is_left_alone(run):
    run(**everything())

    printed = run(
        "--skip-bad-rows",
        **everything(
            groups=GROUPS.replace("Sales,,collaboration,1; 2", "Sales,,crowd,"),
            memberships="group,member\ng1,1\ng2,1\n",
        ),
    )

    assert "kind is “crowd”" in printed
    assert pairs() == {("Company", "Ruth Root"), ("Sales", "Sam Sales"), ("Sales", "Tim Trade")}


def test_circles_of_managers_are_named_and_not_written(run, refused):
    run(users=USERS)
    circle = USERS.replace("Board,,", "Board,3,").replace("tim@", "timothy@")

    _, printed = refused(users=circle)
    for line in (2, 3, 4):
        assert f"users.csv line {line}: the manager would close a circle" in printed
    assert "Ruth Root → Tim Trade → Sam Sales → Ruth Root" in printed

    run("--skip-bad-rows", users=circle)
    assert person("1").manager is None
    assert person("2").manager == person("1")
    assert person("3").email == "timothy@kestrel.example"


def test_a_long_circle_is_not_told_to_its_end(refused):
    rows = [
        f"{number},p{number}@kestrel.example,P{number},{(number + 1) % 20}" for number in range(20)
    ]

    _, printed = refused(users="id,email,display_name,manager\n" + "\n".join(rows))

    assert "P3 → P4 → P5 → P6 → P7 → P8 → …" in printed


def test_who_manages_himself_is_refused(refused):
    _, printed = refused(users=USERS.replace("Board,,", "Board,1,"))

    assert "Ruth Root → Ruth Root" in printed


def test_circles_of_groups_are_named_and_not_written(run, refused):
    memberships = MEMBERSHIPS + "g2,g1,group\ng1,g1,group\n"

    _, printed = refused(**everything(memberships=memberships))
    assert "memberships.csv line 5: Sales in Company would close a circle" in printed
    assert "memberships.csv line 6: Company in Sales would close a circle" in printed
    assert "memberships.csv line 7: Company in Company would close a circle" in printed

    run(**everything())
    run("--skip-bad-rows", **everything(memberships=memberships))
    nesting = GroupNesting.objects.get()
    assert (nesting.parent.name, nesting.child.name) == ("Company", "Sales")


def test_managers_may_be_named_by_employee_id(run, refused):
    users = (
        "id,email,display_name,employee_id,manager\n"
        "a,a@kestrel.example,A,100,\nb,b@kestrel.example,B,200,100\n"
        "c,c@kestrel.example,C,200,a\nd,d@kestrel.example,D,,200\n"
    )

    _, printed = refused(users=users)
    assert "users.csv line 5: there is nobody with the manager's id “200”" in printed
    run("--skip-bad-rows", users=users)

    assert person("b").manager == person("c").manager == person("a")
    assert person("d").manager is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (USERS.encode("utf-16"), "users.csv line 1: the file is UTF-16"),
        (USERS.encode("utf-16-be"), "users.csv line 1: the file is UTF-16"),
        (USERS.encode("utf-16-le"), "users.csv line 1: the file is UTF-16"),
        (USERS.replace("Tim", "Zoë").encode("latin-1"), "users.csv line 4: this is not UTF-8"),
        (b"", "missing: id, email, display_name"),
        (b"id,email\n1,a@b.example\n", "missing: display_name"),
        (USERS.replace("department", "salary").encode(), "unknown: salary"),
        (USERS.replace("department", "").encode(), "unknown: (no name)"),
        (USERS.replace("department", "email").encode(), "twice: email"),
        ((USERS + '4,"una').encode(), "users.csv line 5: unexpected end of data"),
        ((USERS + '4,"u"na,').encode(), "users.csv line 5:"),
        ((USERS + "4," + "x" * 1_000_000).encode(), "users.csv line 5: field larger than"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(refused, content, reason):
    refusal, _ = refused("--skip-bad-rows", users=content)

    assert reason in refusal
    assert not User.objects.exists()


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path):
    with pytest.raises(CommandError, match=r"none\.csv cannot be read: No such file"):
        call_command("import_directory", "--users", str(tmp_path / "none.csv"))
    with pytest.raises(CommandError, match="at least one"):
        call_command("import_directory")


@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_usual_forms_of_csv_are_read(run, mark, separator):
    users = "ID,E-Mail,Display Name\n1,zoe@kestrel.example,Zoë\n".replace("E-Mail", "Email")

    run(users=users.replace(",", separator).replace("\n", "\r\n").encode(mark))

    assert person("1").display_name == "Zoë"


def test_what_looks_like_a_formula_or_html_stays_text(run):
    run(
        users="id,email,display_name,department\n"
        '=1,x@kestrel.example,"=HYPERLINK(""http://x"")","<script>alert(1)</script>"\n',
        groups='id,name,description\n@g,+SUM(A1),"<img src=x>\nsecond line"\n',
        memberships="group,member\n@g,=1\n",
    )

    user = person("=1")
    assert user.display_name == '=HYPERLINK("http://x")'
    assert user.department == "<script>alert(1)</script>"
    assert Group.objects.get(name="+SUM(A1)").description == "<img src=x>\nsecond line"


def test_what_is_printed_cannot_play_with_the_terminal(run):
    printed = run(
        "--dry-run", users="id,email,display_name\n1,x@kestrel.example,\x1b[31mred\u202e\n"
    )

    assert "add person \\x1b[31mred\\u202e" in printed


def test_lines_are_counted_over_cells_of_several_lines(refused):
    users = 'id,email,display_name\n1,a@kestrel.example,"A\nB\nC"\n2,nobody,X\n'

    _, printed = refused(users=users)

    assert "users.csv line 5: “nobody” is no e-mail address" in printed


def test_addresses_may_move_between_people(run):
    run(users=USERS)
    swapped = (
        USERS.replace("sam@", "new@").replace("root@", "sam@").replace("tim@", "root@")
        + "4,tim@kestrel.example,Fourth,,,,\n"
    )

    run(users=swapped)

    emails = dict(User.objects.values_list("source_key", "email"))
    assert emails == {
        "1": "sam@kestrel.example",
        "2": "new@kestrel.example",
        "3": "root@kestrel.example",
        "4": "tim@kestrel.example",
    }


def test_an_address_that_its_owner_keeps_after_all_stays_his(run):
    run(users=USERS)
    UserFactory(email="taken@kestrel.example", is_superuser=True)
    chain = USERS.replace("root@", "taken@").replace("sam@", "root@").replace("tim@", "sam@")

    printed = run("--skip-bad-rows", users=chain)

    assert printed.count("belongs to") == 3
    assert person("1").email == "root@kestrel.example"
    assert person("3").email == "tim@kestrel.example"


def test_names_of_groups_may_move(run):
    run(users=USERS, groups=GROUPS)
    swapped = GROUPS.replace("Sales", "x").replace("Company", "Sales").replace("x", "Company")

    run(groups=swapped)

    assert dict(Group.objects.values_list("source_key", "name")) == {
        "g1": "Sales",
        "g2": "Company",
    }


def test_a_group_that_is_gone_gives_its_name_up(run):
    run(**everything())

    run(
        "--allow-remove=3",
        groups="id,name\ng1,Company\ng7,Sales\n",
        memberships="group,member\ng7,2\n",
    )

    gone = Group.objects.get(source_key="g2")
    assert gone.name.startswith("Sales (gone ")
    assert not gone.members.exists()
    assert pairs() == {("Sales", "Sam Sales")}


def test_a_name_that_another_group_has_is_refused(run, refused):
    GroupFactory(name="SALES")
    other = ConnectedSystemFactory(kind="ldap", name="LDAP")
    GroupFactory(name="Company", source=other, source_key="g1")

    _, printed = refused(groups=GROUPS)

    assert "groups.csv line 2: there is a group named “Company” already" in printed
    assert "groups.csv line 3: there is a group named “Sales” already" in printed
    assert Group.objects.count() == 2


def test_a_group_whose_row_is_bad_keeps_its_name(run, refused):
    run(users=USERS, groups=GROUPS)
    groups = "id,name,kind\ng1,Company,crowd\ng2,Company,security\n"

    _, printed = refused(groups=groups)

    assert "groups.csv line 3: there is a group named “Company” already" in printed


def test_somebody_who_was_here_before_is_taken_over(run, actions):
    here = UserFactory(email="Sam@kestrel.example", display_name="Sammy", city="Rome")

    printed = run("--dry-run", users=USERS)
    assert "take over and change person Sam Sales" in printed
    run(users=USERS)

    here.refresh_from_db()
    assert (here.display_name, here.city, here.source_key) == ("Sam Sales", "Rome", "2")
    assert here.manager == person("1")
    event = AuditEvent.objects.get(action="user.changed", details__taken_over=True)
    assert event.target_id == here.pk
    assert User.objects.count() == 3
    run(users=USERS)
    assert actions().count("directory.synced") == 1


@pytest.mark.parametrize("rank", ["is_superuser", "is_staff"])
def test_an_administrator_of_the_portal_is_not_taken_over(refused, rank):
    here = UserFactory(email="sam@kestrel.example", **{rank: True})

    _, printed = refused(users=USERS)

    assert "users.csv line 3: sam@kestrel.example belongs to an administrator" in printed
    here.refresh_from_db()
    assert here.source is None


def test_somebody_of_another_source_is_not_taken_over(refused):
    other = ConnectedSystemFactory(kind="ldap", name="LDAP")
    UserFactory(email="sam@kestrel.example", source=other, source_key="2", display_name="Sammy")

    _, printed = refused(users=USERS)

    assert "users.csv line 3: sam@kestrel.example belongs to Sammy already" in printed


def test_nobody_takes_the_address_of_somebody_who_was_here_before(run, refused):
    run(users=USERS)
    UserFactory(email="new@kestrel.example", display_name="Newton")

    _, printed = refused(users=USERS.replace("sam@", "new@"))

    assert "new@kestrel.example belongs to Newton already" in printed


FORMER = "id,email,display_name,employee_id\n1,a@kestrel.example,Ann,100\n"


def test_somebody_new_with_the_address_of_one_who_left_is_not_taken_for_him(run, refused):
    run(users=FORMER)

    for employee_id in ("", "200"):
        _, printed = refused(
            "--allow-disable=1", users=FORMER.replace("1,a", "2,a").replace("100", employee_id)
        )
        assert "a@kestrel.example belongs to Ann, who is not in the source any more" in printed


def test_somebody_with_a_new_id_is_known_by_his_employee_id(run):
    run(users=FORMER)
    ann = person("1")

    run(users=FORMER.replace("1,a", "2,a"))

    assert person("2") == ann
    assert person("2").is_active
    assert User.objects.count() == 1


def test_an_address_on_a_bad_row_is_not_free(run):
    run(users=FORMER)
    users = FORMER.replace("Ann", "") + "2,a@kestrel.example,Bea,100\n"

    printed = run("--skip-bad-rows", users=users)

    assert "users.csv line 3: a@kestrel.example belongs to Ann already" in printed
    assert person("1").is_active


def test_sources_are_kept_apart(run):
    run(users=USERS)

    run("--system", "Branch", users="id,email,display_name\n1,x@kestrel.example,X\n")

    assert User.objects.filter(is_active=True).count() == 4
    assert User.objects.filter(source__name="Branch").count() == 1


def test_a_system_of_another_kind_is_no_csv(refused):
    ConnectedSystemFactory(kind="ldap", name="LDAP")

    reason, _ = refused("--system", "ldap", users=USERS)

    assert "LDAP is a system of another kind" in reason


def test_a_change_made_meanwhile_interrupts_the_import(refused, monkeypatch):
    def lose(*arguments, **named):
        raise IntegrityError("somebody was faster")

    monkeypatch.setattr(applying.Writer, "_add_groups", lose)

    reason, _ = refused(**everything())

    assert "run it again" in reason


def test_an_import_that_was_cut_off_goes_on_where_it_was(run, monkeypatch, actions):
    monkeypatch.setattr(applying, "BATCH", 10)
    real, calls = applying.Writer._add_people, []

    def fail_at_third(self, people):
        calls.append(people)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(self, people)

    monkeypatch.setattr(applying.Writer, "_add_people", fail_at_third)
    with pytest.raises(KeyboardInterrupt):
        run(users=many_users(45))
    assert User.objects.count() == 20
    assert actions().count("user.created") == 20
    monkeypatch.setattr(applying.Writer, "_add_people", real)

    printed = run(users=many_users(45))

    assert User.objects.count() == 45
    assert "people added: 25" in printed


def test_progress_is_a_bar_on_a_terminal(files, monkeypatch):
    out = StringIO()
    monkeypatch.setattr(out, "isatty", lambda: True, raising=False)

    call_command("import_directory", *files(users=many_users(2500)), stdout=out)

    assert (
        "\r[############..................] Reading users: 1,000 of 2,500\033[K" in out.getvalue()
    )
    assert "[##############################] Writing: 2,500 of 2,500" in out.getvalue()


def test_progress_is_a_line_for_each_step_elsewhere(run):
    printed = run(**everything())

    assert printed.count("Reading users: 3 of 3\n") == 1
    assert "\r" not in printed


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_end_with_everything_once(files):
    arguments = files(**everything(users=many_users(700)))

    outcomes = at_once(*[lambda: call_command("import_directory", *arguments)] * 2)

    for outcome in outcomes:
        assert outcome is None or "run it again" in str(outcome), outcome
    call_command("import_directory", *arguments, stdout=StringIO())
    assert User.objects.filter(is_active=True).count() == 700
    assert Membership.objects.count() == 3
    assert AuditEvent.objects.filter(action="user.created").count() == 700
