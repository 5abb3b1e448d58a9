"""Sync of people and groups from a real LDAP server."""

from io import StringIO
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from entitlements.audit.models import AuditEvent
from entitlements.directory.sync import ldap_feed
from entitlements.models import Account, Group, Membership, User
from entitlements.systems import ldap_ranges
from entitlements.systems.distinguished_names import same
from entitlements.systems.ldap import Entry
from tests.factories import ConnectedSystemFactory
from tests.ldap import company, connected_system

pytestmark = [pytest.mark.django_db, pytest.mark.slapd]


@pytest.fixture
def server(ldap_server):
    return ldap_server


@pytest.fixture
def system(server):
    return connected_system(server)


@pytest.fixture
def sync(system):
    """Sync; return what was printed."""

    def sync(*options):
        out, errors = StringIO(), StringIO()
        try:
            call_command("sync_directory", system.name, *options, stdout=out, stderr=errors)
        except CommandError as error:
            error.printed = out.getvalue() + errors.getvalue()
            raise
        return out.getvalue() + errors.getvalue()

    return sync


@pytest.fixture
def refused(sync):
    def refused(*options):
        with pytest.raises(CommandError) as error:
            sync(*options)
        return str(error.value), error.value.printed

    return refused


def adapt(system, **settings):
    system.settings = {**system.settings, **settings}
    system.save()


def person(name):
    return User.objects.get(email=f"{name}@kestrel.example")


def pairs():
    return set(Membership.objects.values_list("group__name", "user__display_name"))


def test_a_company_is_brought_over(make_ldap_server, actions):
    server = make_ldap_server(entries=company(300))
    system = connected_system(server, page_size=70)

    call_command("sync_directory", system.name, stdout=StringIO())

    assert User.objects.filter(source=system).count() == 300
    assert Account.objects.filter(system=system).count() == 300
    assert User.objects.filter(manager=None).get().email == "p0@kestrel.example"
    assert Membership.objects.count() == 300
    staff = Group.objects.get(name="Staff")
    assert staff.nested.count() == 6
    assert User.objects.members_of_any([staff.pk]).count() == 300
    assert Group.objects.get(name="Sales").owners.get() == person("p1")
    assert actions().count("user.created") == 300


def test_nothing_is_written_when_nothing_changed(make_ldap_server, actions):
    system = connected_system(make_ldap_server(entries=company(300)))
    call_command("sync_directory", system.name, stdout=StringIO())
    before = actions()
    out = StringIO()

    with CaptureQueriesContext(connection) as queries:
        call_command("sync_directory", system.name, stdout=out)

    written = [
        query["sql"]
        for query in queries.captured_queries
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    assert [sql for sql in written if "checked_at" not in sql] == []
    assert len(queries) < 20
    assert actions() == before
    assert "Nothing changes." in out.getvalue()


def test_what_openldap_says_of_a_person_is_taken_over(server, sync, system):
    boss = server.add_person("boss")
    server.add_person(
        "uma",
        cn="Uma M.",
        displayName="Uma May",
        givenName="Uma",
        sn="May",
        ou="Finance",
        title="Clerk",
        employeeNumber="E7",
        employeeType="Internal",
        o="Kestrel",
        l="Rome",
        physicalDeliveryOfficeName="4.12",
        manager=boss.upper(),
    )

    sync()

    uma = person("uma")
    assert {
        name: getattr(uma, name)
        for name in (
            "display_name",
            "given_name",
            "surname",
            "department",
            "job_title",
            "employee_id",
            "employee_type",
            "company_name",
            "city",
            "office",
        )
    } == {
        "display_name": "Uma May",
        "given_name": "Uma",
        "surname": "May",
        "department": "Finance",
        "job_title": "Clerk",
        "employee_id": "E7",
        "employee_type": "Internal",
        "company_name": "Kestrel",
        "city": "Rome",
        "office": "4.12",
    }
    assert uma.manager == person("boss")
    assert uma.accounts.get().external_id == f"uid=uma,{server.people_dn}"
    assert UUID(uma.source_key)
    system.refresh_from_db()
    assert system.checked_at is not None
    assert system.check_error == ""


def test_only_changed_entries_are_written(server, sync):
    uma = server.add_person("uma", title="Clerk")
    server.add_person("tim")
    sync()
    server.change(uma, title="Chief", l="Rome")

    printed = sync()

    assert "people changed: 1" in printed
    event = AuditEvent.objects.get(action="user.changed")
    assert event.details["changes"] == {"city": ["", "Rome"], "job_title": ["Clerk", "Chief"]}
    assert event.target_id == person("uma").pk


def test_a_renamed_entry_is_the_same_person(server, sync):
    uma = server.add_person("uma")
    group = server.add_group("finance", [uma])
    sync()
    before = person("uma")

    renamed = server.rename(uma, "uid=uma2")
    server.change(group, member=renamed)
    printed = sync()

    assert "accounts changed: 1" in printed
    assert before.accounts.get().external_id == renamed
    assert pairs() == {("finance", "Uma")}
    assert User.objects.count() == 1


def test_names_may_move_between_entries(server, sync):
    uma, tim = server.add_person("uma"), server.add_person("tim")
    sync()
    server.rename(uma, "uid=away")
    server.rename(tim, "uid=uma")
    server.rename(f"uid=away,{server.people_dn}", "uid=tim")

    sync()

    assert person("uma").accounts.get().external_id == tim
    assert person("tim").accounts.get().external_id == uma


def test_a_deleted_person_is_disabled_and_keeps_his_account(server, sync):
    for number in range(20):
        server.add_person(f"p{number}")
    sync()
    server.delete(f"uid=p7,{server.people_dn}")

    sync()

    gone = person("p7")
    assert not gone.is_active
    assert gone.accounts.count() == 1
    assert AuditEvent.objects.filter(action="user.disabled").get().target_id == gone.pk


def test_the_name_of_somebody_who_is_gone_may_be_given_anew(server, sync):
    server.add_person("uma", employeeNumber="1")
    sync()
    server.delete(f"uid=uma,{server.people_dn}")
    server.add_person("uma", mail="other@kestrel.example", employeeNumber="2")

    sync("--allow-disable=1")

    assert not person("uma").accounts.exists()
    assert person("other").accounts.get().external_id == f"uid=uma,{server.people_dn}"


def test_an_emptied_server_disables_nobody(server, sync, refused, system):
    people = [server.add_person(f"p{number}") for number in range(5)]
    group = server.add_group("all", people)
    sync()
    server.delete(group)
    for dn in people:
        server.delete(dn)

    reason, printed = refused()

    assert "would disable 5 of 5 people; 0 are allowed" in reason
    assert "would be disabled: P3" in printed
    assert User.objects.filter(is_active=True).count() == 5
    system.refresh_from_db()
    assert "would disable 5" in system.check_error
    assert pairs() == {("all", f"P{number}") for number in range(5)}

    sync("--allow-disable=5")
    assert not User.objects.filter(is_active=True).exists()
    assert pairs() == set()


def test_a_search_that_was_cut_short_changes_nothing(make_ldap_server):
    server = make_ldap_server(entries=company(60))
    system = connected_system(server)
    call_command("sync_directory", system.name, stdout=StringIO())
    adapt(system, bind_dn=server.reader_dn)
    system.secret = server.reader_password
    system.save()

    with pytest.raises(CommandError, match="does not let us read everything"):
        call_command("sync_directory", system.name, "--allow-disable=60", stdout=StringIO())

    assert User.objects.filter(is_active=True).count() == 60
    system.refresh_from_db()
    assert "read everything" in system.check_error


def test_entries_that_cannot_be_taken_over_are_named_and_left_alone(server, sync, actions):
    server.add_person("tim")
    uma = server.add_person("uma")
    sync()
    server.change(uma, mail=[])
    server.add_person("bad", mail="not an address")
    server.add_person("same", mail="TIM@kestrel.example")
    server.add_person("long", title="x" * 300)

    printed = sync()

    for line in (
        f"uid=uma,{server.people_dn}: there is no e-mail address",
        f"uid=bad,{server.people_dn}: “not an address” is no e-mail address",
        f"uid=same,{server.people_dn}: tim@kestrel.example stands in uid=tim",
        f"uid=long,{server.people_dn}: job_title has more than 200 characters",
    ):
        assert line in printed
    assert person("uma").is_active
    assert User.objects.count() == 2
    assert "user.disabled" not in actions()


def test_managers_in_a_circle_are_named_and_not_written(server, sync):
    uma, tim = server.add_person("uma"), server.add_person("tim")
    server.change(tim, manager=uma)
    sync()
    server.change(uma, manager=tim)

    printed = sync()

    assert f"{uma}: the manager would close a circle: Uma → Tim → Uma" in printed
    assert person("uma").manager is None
    assert person("tim").manager == person("uma")


def test_a_manager_whom_we_do_not_read_is_named_and_changes_nothing(server, sync):
    boss = server.add_person("boss")
    uma = server.add_person("uma", manager=boss)
    sync()
    server.change(uma, manager=server.reader_dn)

    printed = sync()

    assert f"{uma}: there is nobody with the manager's id “{server.reader_dn}”" in printed
    assert person("uma").manager == person("boss")


def test_groups_in_a_circle_are_named_and_not_written(server, sync):
    uma = server.add_person("uma")
    inner = server.add_group("inner", [uma])
    outer = server.add_group("outer", [inner])
    sync()
    server.change(inner, member=[uma, outer])

    printed = sync()

    assert "outer in inner would close a circle of groups" in printed
    assert [str(group) for group in Group.objects.get(name="outer").nested.all()] == ["inner"]
    assert pairs() == {("inner", "Uma")}


def test_a_placeholder_and_strangers_are_no_members(server, sync, system):
    nobody = server.add("cn=nobody,dc=example,dc=test", "organizationalRole", cn="nobody")
    uma = server.add_person("uma")
    server.add_group("empty", [])
    server.add_group("kept", [nobody])
    server.add_group("mixed", [uma, server.reader_dn], "groupOfUniqueNames")
    adapt(system, placeholder_dn=nobody)

    printed = sync()

    assert pairs() == {("mixed", "Uma")}
    assert ".test:" not in printed


def test_groups_follow_their_entries(server, sync):
    uma, tim = server.add_person("uma"), server.add_person("tim")
    group = server.add_group("finance", [uma], description="Money", owner=tim)
    sync()
    before = Group.objects.get()

    renamed = server.rename(group, "cn=treasury")
    server.change(renamed, description="<b>Cash</b>", member=tim, owner=uma)
    sync("--allow-remove=1")

    before.refresh_from_db()
    assert (before.name, before.description) == ("treasury", "<b>Cash</b>")
    assert pairs() == {("treasury", "Tim")}
    assert before.owners.get() == person("uma")
    assert set(
        AuditEvent.objects.filter(subject_type="group").values_list("action", flat=True)
    ) == {
        "group.created",
        "group.changed",
        "group.members_added",
        "group.members_removed",
        "group.owners_added",
        "group.owners_removed",
    }


def test_two_groups_of_one_name_cannot_both_be_taken_over(server, sync):
    server.add_group("finance")
    server.add("cn=Finance,dc=example,dc=test", "groupOfUniqueNames", uniqueMember=server.base_dn)

    printed = sync()

    assert "stands in cn=" in printed
    assert Group.objects.count() == 1


def test_a_group_with_an_impossible_name_is_named(server, sync, system):
    server.add_group("finance", description="x" * 257)
    adapt(system, group_name="description")

    printed = sync()

    assert "name has more than 256 characters" in printed
    assert not Group.objects.exists()


def test_the_map_can_be_adapted(server, sync, system):
    server.add("ou=staff,dc=example,dc=test", "organizationalUnit", ou="staff")
    server.add(
        "uid=uma,ou=staff,dc=example,dc=test",
        "inetOrgPerson",
        uid="uma",
        cn="Uma",
        sn="May",
        mail="uma@kestrel.example",
        departmentNumber="CC-7",
        carLicense="20260131000000Z",
        employeeNumber="7",
    )
    server.add_person("elsewhere")
    server.add_group("finance", description="not a name")
    adapt(
        system,
        people_base="ou=staff,dc=example,dc=test",
        groups_filter="(cn=none)",
        key="employeeNumber",
        attributes={
            "cost_center": "departmentNumber",
            "hire_date": ["carLicense"],
            "surname": None,
            "department": [],
        },
    )

    sync()

    uma = User.objects.get()
    assert (uma.cost_center, str(uma.hire_date), uma.source_key) == ("CC-7", "2026-01-31", "7")
    assert (uma.surname, uma.department) == ("", "")
    assert not Group.objects.exists()


def test_an_entry_without_a_key_is_named(server, sync, system):
    server.add_person("uma")
    server.add_group("finance")
    adapt(system, key="carLicense")

    printed = sync()

    assert f"uid=uma,{server.people_dn}: carLicense is empty" in printed
    assert f"cn=finance,{server.groups_dn}: carLicense is empty" in printed
    assert not User.objects.exists()


def test_a_name_that_is_too_long_to_store_is_named(server, sync):
    dn = server.people_dn
    for _ in range(10):
        dn = server.add(f"ou={'x' * 100},{dn}", "organizationalUnit")
    server.add(f"uid=deep,{dn}", "inetOrgPerson", cn="Deep", sn="D", mail="d@kestrel.example")

    assert "the distinguished name is too long" in sync()
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"map": "novell"},
        {"attributes": {"salary": "pay"}},
        {"attributes": ["mail"]},
        {"attributes": {"email": None}},
        {"attributes": {"city": 7}},
        {"key": 7},
    ],
)
def test_wrong_maps_are_refused(server, refused, system, wrong):
    adapt(system, **wrong)

    reason, _ = refused()

    assert "map" in reason or "setting" in reason
    system.refresh_from_db()
    assert system.check_error == reason


def test_a_server_that_cannot_be_read_is_told_and_noted(server, sync, refused, system):
    server.add_person("uma")
    sync()
    server.stop()

    reason, _ = refused("--dry-run")
    assert "cannot be reached" in reason
    system.refresh_from_db()
    assert system.check_error == ""

    refused()
    system.refresh_from_db()
    assert "cannot be reached" in system.check_error
    assert person("uma").is_active

    server.start()
    sync()
    system.refresh_from_db()
    assert system.check_error == ""


def test_a_wrong_password_is_told(server, refused, system):
    system.secret = "wrong"
    system.save()

    reason, _ = refused()

    assert "does not accept the name and password" in reason


def test_only_an_ldap_system_that_is_switched_on_is_read(system, refused):
    ConnectedSystemFactory(name="Files", kind="csv")
    for name in ("Files", "Nothing"):
        with pytest.raises(CommandError, match="There is no LDAP system"):
            call_command("sync_directory", name)
    system.is_enabled = False
    system.save()

    reason, _ = refused()

    assert "is switched off" in reason


def test_a_dry_run_says_what_would_happen(server, sync):
    uma = server.add_person("uma")
    server.add_group("finance", [uma])

    printed = sync("--dry-run")

    for line in (
        "Reading people: 1",
        "add person Uma <uma@kestrel.example>",
        f"account of Uma: {uma}",
        "add group finance",
        "Uma into finance",
    ):
        assert line in printed
    assert not User.objects.exists()


def test_progress_is_told_while_reading(make_ldap_server):
    server = make_ldap_server(entries=company(30))
    told = []
    before, ldap_feed.EVERY = ldap_feed.EVERY, 10
    try:
        ldap_feed.read(connected_system(server), lambda *progress: told.append(progress))
    finally:
        ldap_feed.EVERY = before

    assert told == [
        ("Reading people", 10, None),
        ("Reading people", 20, None),
        ("Reading people", 30, None),
        ("Reading people", 30, None),
        ("Reading groups", 7, None),
    ]


def add_ad_person(server, name, control=512, **attributes):
    return server.add(
        f"CN={name},{server.people_dn}",
        "user",
        cn=name,
        sn=name,
        sAMAccountName=name.lower(),
        objectGUID=uuid4().bytes_le,
        userAccountControl=str(control),
        **attributes,
    )


def test_what_active_directory_says_is_taken_over(server, sync, system):
    adapt(system, map="active_directory")
    guid = uuid4()
    boss = add_ad_person(server, "Boss", userPrincipalName="boss@kestrel.example")
    uma = server.add(
        f"CN=May\\, Uma,{server.people_dn}",
        "user",
        sn="May",
        givenName="Uma",
        displayName="Uma May",
        mail="uma@kestrel.example",
        sAMAccountName="uma",
        objectGUID=guid.bytes_le,
        userAccountControl="66048",
        department="Finance",
        title="Clerk",
        employeeID="E7",
        company="Kestrel",
        co="Italy",
        l="Rome",
        extensionAttribute1="one",
        extensionAttribute15="fifteen",
        manager=boss,
    )
    add_ad_person(server, "Off", control=514, mail="off@kestrel.example")
    server.add(f"CN=PC7,{server.people_dn}", "computer", sn="PC7", mail="pc7@kestrel.example")
    inner = server.add_group("inner", [uma], "group", objectGUID=uuid4().bytes_le, groupType="2")
    server.add_group(
        "outer",
        [inner, boss],
        "group",
        objectGUID=uuid4().bytes_le,
        groupType=str(-0x80000000 + 2),
        managedBy=boss,
    )

    sync()

    found = person("uma")
    assert found.source_key == str(guid)
    assert found.manager == person("boss")
    assert same(found.accounts.get().external_id, uma)
    assert {
        name: getattr(found, name)
        for name in (
            "display_name",
            "department",
            "job_title",
            "employee_id",
            "company_name",
            "country",
            "city",
            "extension_attribute_1",
            "extension_attribute_15",
        )
    } == {
        "display_name": "Uma May",
        "department": "Finance",
        "job_title": "Clerk",
        "employee_id": "E7",
        "company_name": "Kestrel",
        "country": "Italy",
        "city": "Rome",
        "extension_attribute_1": "one",
        "extension_attribute_15": "fifteen",
    }
    assert not person("off").is_active
    outer = Group.objects.get(name="outer")
    assert outer.kind == "security"
    assert outer.owners.get() == person("boss")
    assert [(str(group), group.kind) for group in outer.nested.all()] == [
        ("inner", "collaboration")
    ]
    assert pairs() == {("inner", "Uma May"), ("outer", "Boss")}
    assert "Nothing changes." in sync()


def test_the_disabled_bit_of_active_directory_is_followed(server, sync, refused, system):
    adapt(system, map="active_directory")
    uma = add_ad_person(server, "Uma", mail="uma@kestrel.example")
    sync()

    server.change(uma, userAccountControl="514")
    refused()
    sync("--allow-disable=1")
    assert not person("uma").is_active
    server.change(uma, userAccountControl="512")
    sync()
    assert person("uma").is_active


def test_nonsense_instead_of_a_number_means_nothing():
    entry = Entry("cn=x", {"useraccountcontrol": [b"many"]})

    assert ldap_feed._number(entry, "userAccountControl") == 0


def test_a_locked_account_of_other_servers_is_disabled(system):
    feed = ldap_feed.LdapFeed(system, None, lambda *progress: None)

    assert not feed._is_enabled(Entry("uid=x", {"nsaccountlock": [b"TRUE"]}))
    assert feed._is_enabled(Entry("uid=x", {"nsaccountlock": [b"FALSE"]}))
    assert feed._is_enabled(Entry("uid=x", {}))


def test_members_of_a_large_group_are_read_range_by_range(server, sync, system, monkeypatch):
    """No server here cuts its answers off, so ours does on its way to the reader."""
    adapt(system, map="active_directory")
    people = [
        add_ad_person(server, f"P{number}", mail=f"p{number}@kestrel.example")
        for number in range(10)
    ]
    server.add_group("all", people, "group", objectGUID=uuid4().bytes_le)
    real = ldap_ranges.all_values

    def cut(entry, attribute, first):
        values = entry.values.get("member", [])
        last = "*" if first + 4 >= len(values) else first + 3
        part = {f"{attribute}{';'}range={first}-{last}": values[first : first + 4]}
        return Entry(entry.dn, part)

    def in_ranges(read, entry, attribute):
        def read_range(dn, attributes):
            name, _, wanted = attributes[0].partition(";range=")
            return cut(read(dn, [name]), name, int(wanted.partition("-")[0]))

        return real(read_range, cut(entry, attribute, 0), attribute)

    monkeypatch.setattr(ldap_feed, "all_values", in_ranges)

    sync()

    assert pairs() == {("all", f"P{number}") for number in range(10)}
