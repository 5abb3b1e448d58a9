"""From a question to access, and to its end: through real pages, to a real LDAP server."""

import re
from contextlib import contextmanager
from datetime import UTC, timedelta
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from django.db import connection
from guardian.shortcuts import assign_perm
from playwright.sync_api import expect

from entitlements import clock, models, sweep
from entitlements.catalog.permissions import CATALOG_ROLES
from entitlements.policies.models import Scope
from tests.browser.journeys import Onlooker, Window
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.jobs.processes import Site, until
from tests.ldap import connected_system

pytestmark = pytest.mark.slapd

WHY = "Close of the year: I book the accruals until the new colleague starts."


def person(name, **attributes):
    email = f"{name.lower().replace(' ', '.')}@kestrel.example"
    return UserFactory(display_name=name, email=email, **attributes)


@pytest.fixture
def office(site, ldap_server):
    """A team, a catalog, and a package with a role in LDAP and one in the portal's directory."""
    dev = person("Dev Patel", department="Finance")
    ana = person("Ana Diaz", department="Finance", manager=dev)
    gita = person("Gita Rao", department="Ledger")
    olga = person("Olga Owner", department="Finance")
    catalog = CatalogFactory(name="Finance")
    for permission in CATALOG_ROLES["owner"]:
        assign_perm(f"entitlements.{permission}", olga, catalog)
    system = connected_system(ldap_server)
    account = ldap_server.add_person("ana.diaz")
    models.Account.objects.create(user=ana, system=system, external_id=account)
    posters = ldap_server.add_group("ledger-posters")
    ledger = ResourceFactory(
        system=system, external_id=posters, group=None, name="Ledger", catalog=catalog
    )
    board = ResourceFactory(
        name="Closing board", group=GroupFactory(name="Closing board"), catalog=catalog
    )
    roles = [
        ResourceRoleFactory(resource=ledger, name="Poster", description="Book to accounts."),
        ResourceRoleFactory(resource=board, name="Member", description="Plan the close."),
    ]
    closing = AccessPackageFactory(
        catalog=catalog, name="Month-end closing", description="Book and plan it.", roles=roles
    )
    policy = AssignmentPolicyFactory(
        package=closing,
        name="Employees",
        requires_justification=True,
        extension_requires_approval=True,
    )
    ApprovalStageFactory(policy=policy, position=1, manager=True, decision_days=5)
    ApprovalStageFactory(policy=policy, position=2, approvers=[gita], decision_days=3)
    return SimpleNamespace(
        ana=ana, dev=dev, gita=gita, olga=olga, catalog=catalog, closing=closing, policy=policy,
        ledger=roles[0], board=roles[1], account=account, posters=posters,
    )  # fmt: skip


@pytest.fixture
def window(open_context, sign_in):
    """Open a browser window for somebody, who has signed in."""

    def window(user, **options):
        return Window(sign_in(open_context(**options).new_page(), user), user)

    return window


@pytest.fixture
def onlooker(ldap_server):
    return Onlooker(ldap_server)


@pytest.fixture
def work(run_queue):
    """Do what the workers do at this moment: sweep, and carry out what is queued."""

    def work():
        sweep.run()
        run_queue()

    return work


@pytest.fixture
def approved(office, window, work):
    """Let Ana ask, and everybody approve; return her window and the request's address."""

    def approved():
        ana = window(office.ana)
        address = ana.asks(office.closing, WHY)
        window(office.dev).approves(office.ana, office.closing)
        window(office.gita).approves(office.ana, office.closing)
        return ana, address

    return approved


@pytest.fixture
def job_cluster(office, tmp_path):
    """Real workers on the tests' database, as processes of their own."""
    cluster = Site(tmp_path, DATABASE_URL=database_url())
    cluster.start_cluster()
    yield cluster
    cluster.clean_up()


def database_url():
    """The address of the tests' database."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    secret = quote(given["PASSWORD"], safe="")
    place = f"{given['HOST'] or '127.0.0.1'}:{given['PORT'] or 5432}"
    return f"postgresql://{given['USER']}:{secret}@{place}/{given['NAME']}"


@contextmanager
def later(moment, **beyond):
    """Let it be some time after a moment."""
    with clock.at(moment + timedelta(**beyond)):
        yield


def assignment_of(user):
    return models.Assignment.objects.get(target=user)


def test_somebody_asks_two_approve_it_is_set_up_extended_and_ends(
    office, window, onlooker, holds, work
):
    ana, dev, gita = (window(someone) for someone in (office.ana, office.dev, office.gita))

    ana.finds("closing", office.closing)
    expect(ana.page.get_by_role("region", name="What happens next")).to_contain_text("Gita Rao")
    address = ana.asks(office.closing, WHY)
    expect(ana.standing).to_contain_text("Waiting for approval")
    expect(ana.standing).to_contain_text("Dev Patel has had it since")

    card = dev.card(office.ana, office.closing)
    expect(card).to_contain_text(WHY)
    expect(card).to_contain_text("Ledger: Poster")
    dev.approves(office.ana, office.closing)
    expect(ana.reads(address).standing).to_contain_text("Gita Rao has had it since")
    first_end = clock.now().date() + timedelta(days=60)
    gita.approves_for_less(office.ana, office.closing, first_end)
    assert onlooker.members(office.posters) == [office.posters]

    expect(ana.reads(address).standing).to_contain_text("Being set up")
    work()
    # The page asks for news by itself.
    expect(ana.standing).to_contain_text("Done", timeout=30_000)
    expect(ana.story).to_contain_text("Gita Rao approved (stage 2 of 2), until")
    assert onlooker.members(office.posters) == [office.account]
    assert holds(office.ana, office.board)
    assert ana.active() == ["Month-end closing"]
    end = assignment_of(office.ana).ends_at
    assert end == clock.day_ends(first_end)

    with later(end, days=-14, minutes=1):
        work()
        ana.page.goto("/notifications/")
        told = f"Ends on {end:%a} {end.day} {end:%b}: Month-end closing"
        expect(ana.page.get_by_role("main")).to_contain_text(told)
        ana.page.goto("/access/")
        expect(ana.page.get_by_role("article")).to_contain_text("Ends soon")
        asked = ana.extends(office.closing, "The close takes a month longer.")
        expect(ana.standing).to_contain_text("Waiting for approval")
        ana.opens_access(office.closing)
        assert ana.end_shown() == f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        expect(dev.card(office.ana, office.closing)).to_contain_text("Extension")
        dev.approves(office.ana, office.closing)
        gita.approves(office.ana, office.closing)
        expect(ana.reads(asked).standing).to_contain_text("It is extended. Access ends")

    new_end = assignment_of(office.ana).ends_at
    assert new_end == clock.day_ends(first_end + timedelta(days=90))
    ana.opens_access(office.closing)
    assert ana.end_shown() == f"{new_end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    with later(end, days=1):
        work()
        assert ana.active() == ["Month-end closing"]
        assert onlooker.members(office.posters) == [office.account]
    with later(new_end, minutes=-1):
        assert ana.active() == ["Month-end closing"]
    with later(new_end):
        # No job has run: the moment alone ends it on every page.
        assert ana.active() == []
        expect(ana.expired(office.closing)).to_contain_text("time ran out")
        assert onlooker.members(office.posters) == [office.account]
        work()
        assert onlooker.members(office.posters) == [office.posters]
        assert not holds(office.ana, office.board)
        assert ana.active() == []
        expect(ana.expired(office.closing)).to_contain_text("time ran out")


def test_an_extension_that_needs_no_approval_takes_effect_at_once(office, window, work):
    quick = AccessPackageFactory(catalog=office.catalog, name="Archive", roles=[office.board])
    AssignmentPolicyFactory(package=quick, name="Everybody", duration=30)
    ana = window(office.ana)
    ana.asks(quick)
    work()
    end = assignment_of(office.ana).ends_at

    ana.opens_access(quick)
    expect(ana.page.get_by_role("region", name="Keep it for longer")).to_contain_text(
        "No approval is needed; it takes effect at once."
    )
    ana.extends(quick, "Not finished yet.", until=end.date() + timedelta(days=7))

    expect(ana.standing).to_contain_text("It is extended. Access ends")
    new_end = assignment_of(office.ana).ends_at
    assert new_end == clock.day_ends(end.date() + timedelta(days=7))
    ana.opens_access(quick)
    assert ana.end_shown() == f"{new_end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_a_denial_says_who_and_why_and_can_be_asked_again(office, window, onlooker, work):
    ana, dev = window(office.ana), window(office.dev)
    address = ana.asks(office.closing, WHY)

    dev.denies(office.ana, office.closing, "Please name the account first.")
    work()

    dev.has_nothing_to_decide()
    expect(ana.reads(address).standing).to_contain_text("Denied")
    expect(ana.standing).to_contain_text("Dev Patel denied it on")
    expect(ana.standing).to_contain_text("Please name the account first.")
    window(office.gita).has_nothing_to_decide()
    assert ana.active() == []
    assert onlooker.members(office.posters) == [office.posters]

    ana.reads(address).page.get_by_role("link", name="Change and ask again…").click()
    why = ana.page.get_by_label("Why do you need it?")
    assert why.input_value() == WHY
    why.fill(f"{WHY} Account 4711.")
    ana.page.get_by_role("button", name="Send request").click()
    expect(ana.standing).to_contain_text("Waiting for approval")
    assert ana.page.url != address
    dev.approves(office.ana, office.closing)


def test_silence_lapses_at_the_deadline(office, window, onlooker, work):
    ana, dev = window(office.ana), window(office.dev)
    address = ana.asks(office.closing, WHY)
    dev.approves(office.ana, office.closing)
    due = models.ApprovalStep.objects.get(state="waiting").due_at

    with later(due, minutes=-1):
        work()
        expect(ana.reads(address).standing).to_contain_text("Waiting for approval")
    with later(due, seconds=1):
        work()
        expect(ana.reads(address).standing).to_contain_text("Lapsed")
        expect(ana.standing).to_contain_text("Nobody answered in time. Nothing was changed.")
        expect(ana.story).to_contain_text("Nobody answered in time (stage 2 of 2)")
        window(office.gita).has_nothing_to_decide()
        assert ana.active() == []
        assert onlooker.members(office.posters) == [office.posters]
        ana.reads(address).page.get_by_role("button", name="Ask again", exact=True).click()
        expect(ana.standing).to_contain_text("Dev Patel has had it since")


def test_a_request_that_waits_can_be_canceled(office, window, onlooker, work):
    ana, dev = window(office.ana), window(office.dev)
    address = ana.asks(office.closing, WHY)
    card = dev.card(office.ana, office.closing)
    expect(card).to_be_visible()

    ana.page.get_by_role("link", name="Cancel request…").click()
    expect(ana.page.get_by_role("main")).to_contain_text("Nobody is asked any more")
    ana.page.get_by_role("button", name="Cancel request").click()

    expect(ana.standing).to_contain_text("Canceled")
    # The approver's page is an hour old; the press of the button tells him.
    card.get_by_role("button", name="Approve", exact=True).click()
    expect(dev.page.get_by_role("main")).to_contain_text("This request is canceled")
    work()
    expect(ana.reads(address).standing).to_contain_text("Canceled")
    assert onlooker.members(office.posters) == [office.posters]


def test_whoever_cancels_too_late_reads_how_it_stands(office, window, onlooker, work):
    ana = window(office.ana)
    ana.asks(office.closing, WHY)
    ana.page.get_by_role("link", name="Cancel request…").click()
    window(office.dev).approves(office.ana, office.closing)
    window(office.gita).approves(office.ana, office.closing)

    ana.page.get_by_role("button", name="Cancel request").click()

    expect(ana.page.get_by_role("heading", level=1)).to_have_text("Somebody was faster")
    expect(ana.page.get_by_role("main")).to_contain_text("Gita Rao approved it")
    ana.page.get_by_role("link", name="See how it stands").click()
    expect(ana.standing).to_contain_text("Being set up")
    work()
    assert onlooker.members(office.posters) == [office.account]


def test_half_of_it_is_set_up_while_the_ldap_server_is_away(
    office, window, onlooker, ldap_server, holds, work, approved
):
    ana, address = approved()
    ldap_server.stop()

    work()

    expect(ana.reads(address).standing).to_contain_text("1 of 2 roles done")
    expect(ana.standing).to_contain_text("A system does not answer yet; we keep trying.")
    expect(ana.role("Closing board")).to_contain_text("Done")
    expect(ana.role("Ledger")).to_contain_text("Being set up")
    expect(ana.role("Ledger")).to_contain_text("tried 1 time, next try")
    expect(ana.role("Ledger").locator("code")).to_have_text("unreachable")
    assert holds(office.ana, office.board)

    moment = _through_every_pause(office, work)
    with clock.at(moment):
        expect(ana.reads(address).standing).to_contain_text("Partly set up")
        expect(ana.standing).to_contain_text(
            "1 of 2 roles could not be set up. An owner of the catalog can try again."
        )
        expect(ana.role("Ledger")).to_contain_text("Failed")
        ldap_server.start()
        _sets_it_up_again(window(office.olga), office)
        work()

        assert onlooker.members(office.posters) == [office.account]
        ana.opens_access(office.closing)
        expect(ana.standing).to_contain_text("Active")
        expect(ana.role("Ledger")).to_contain_text("Done")
        expect(ana.reads(address).standing).to_contain_text("Everything is set up.")
        expect(ana.story).to_contain_text("Olga Owner had it tried again.")


def _through_every_pause(office, work):
    """Let the pauses between the attempts pass; return the moment after the last."""
    grants = models.Grant.objects.filter(user=office.ana, role=office.ledger)
    moment = clock.now()
    for _ in range(20):
        due = grants.get().next_attempt_at
        if due is None:
            return moment + timedelta(seconds=5)
        moment = due + timedelta(seconds=1)
        with clock.at(moment):
            work()
    raise AssertionError("it is tried for ever")


def _sets_it_up_again(olga, office):
    """Follow the overview of an owner to what is stuck, and have it set up again."""
    olga.page.goto("/manage/")
    olga.page.get_by_role("link", name="1 role could not be set up").click()
    olga.page.get_by_role("link", name=office.ana.display_name).click()
    olga.page.get_by_role("link", name=re.compile("Ana Diaz")).first.click()
    olga.page.get_by_role("link", name="Set up again…").click()
    expect(olga.page.get_by_role("main")).to_contain_text("Ana Diaz: Month-end closing")
    olga.page.get_by_role("button", name="Set up again").click()
    expect(olga.page.get_by_role("heading", level=1)).to_have_text("1 of 1 being set up again")


def test_what_is_to_be_taken_away_while_the_server_is_down_goes_once_it_is_back(
    office, window, onlooker, ldap_server, holds, work, approved
):
    ana, _ = approved()
    work()
    assert onlooker.members(office.posters) == [office.account]
    ldap_server.stop()

    address = _gives_back(ana, office.closing)
    assert ana.active() == []
    work()

    expect(ana.reads(address).standing).to_contain_text("Being removed")
    expect(ana.standing).to_contain_text("1 role still to be taken away.")
    expect(ana.role("Closing board")).to_contain_text("Removed")
    expect(ana.role("Ledger")).to_contain_text("Being removed")
    assert not holds(office.ana, office.board)
    assert ldap_server.members(office.posters) == [office.account]

    ldap_server.start()
    grant = models.Grant.objects.get(user=office.ana, role=office.ledger)
    with later(grant.next_attempt_at, seconds=1):
        work()
        expect(ana.reads(address).standing).to_contain_text("Done")
        expect(ana.standing).to_contain_text("what only this package gave is gone")
    assert onlooker.members(office.posters) == [office.posters]


def _gives_back(someone, package):
    """Start at the Active tab; return the address of the request that comes of it."""
    someone.page.goto("/access/")
    someone.page.get_by_role("link", name=f"Give back… {package}").click()
    someone.page.get_by_role("button", name="Give back", exact=True).click()
    expect(someone.page).to_have_url(re.compile("/requests/"))
    return someone.page.url


def test_what_another_package_gives_too_stays_until_the_last_of_them_ends(
    office, window, onlooker, holds, work, approved
):
    ana, _ = approved()
    audit = AccessPackageFactory(
        catalog=office.catalog, name="Audit support", roles=[office.ledger]
    )
    AssignmentPolicyFactory(package=audit, name="Without approval")
    ana.asks(audit)
    work()
    assert sorted(ana.active()) == ["Audit support", "Month-end closing"]

    ana.page.get_by_role("link", name="Give back… Month-end closing").click()
    lines = ana.page.get_by_role("main").get_by_role("listitem")
    expect(lines.filter(has_text="Ledger: Poster")).to_contain_text("stays, through Audit support")
    expect(lines.filter(has_text="Closing board: Member")).to_contain_text("goes")
    _gives_back(ana, office.closing)
    work()

    assert ana.active() == ["Audit support"]
    assert onlooker.members(office.posters) == [office.account]
    assert not holds(office.ana, office.board)
    expect(ana.expired(office.closing)).to_contain_text("given back")

    _gives_back(ana, audit)
    work()

    assert ana.active() == []
    assert onlooker.members(office.posters) == [office.posters]


def test_the_link_to_a_request_leads_nowhere_for_others(office, window):
    address = window(office.ana).asks(office.closing, WHY)
    other = window(person("Wim Other"))

    answer = other.page.goto(address)
    missing = other.page.goto(address[:-5] + "0000/")

    assert (answer.status, missing.status) == (404, 404)
    expect(other.page.get_by_role("heading", level=1)).to_be_visible()
    assert "Ana" not in other.page.content()
    assert window(office.dev).page.goto(address).status == 200


def test_a_hidden_package_is_found_by_its_link_alone(office, window, work):
    hidden = AccessPackageFactory(
        catalog=office.catalog, name="Merger papers", is_hidden=True, roles=[office.board]
    )
    group = GroupFactory(name="Deal team", members=[office.ana])
    policy = AssignmentPolicyFactory(package=hidden, name="Deal team", scope=Scope.SPECIFIC)
    policy.allowed_groups.add(group)
    ana, other = window(office.ana), window(office.gita)

    ana.page.goto("/packages/?q=merger")
    expect(ana.page.get_by_role("main")).to_contain_text("No package fits")
    ana.asks(hidden)
    work()
    assert ana.active() == ["Merger papers"]

    assert other.page.goto(f"/packages/{hidden.pk}/").status == 404


def test_by_keyboard_alone_somebody_asks_and_others_approve(office, window, onlooker, work):
    ana = window(office.ana)
    ana.page.goto("/")
    ana.tabs_to("What do you need?")
    ana.page.keyboard.type("closing")
    ana.page.keyboard.press("Enter")
    expect(ana.page).to_have_url(re.compile(r"/packages/\?q=closing"))
    ana.tabs_to("Month-end closing")
    ana.page.keyboard.press("Enter")
    expect(ana.page.get_by_role("heading", level=1)).to_have_text("Month-end closing")
    ana.tabs_to("Why do you need it?")
    ana.page.keyboard.type(WHY)
    ana.tabs_to("Send request")
    ana.page.keyboard.press("Enter")
    expect(ana.standing).to_contain_text("Waiting for approval")

    for someone in (office.dev, office.gita):
        approver = window(someone)
        approver.page.goto("/")
        approver.tabs_to("Approvals 1")
        approver.page.keyboard.press("Enter")
        expect(approver.page.get_by_role("heading", level=1)).to_have_text("Approvals")
        approver.tabs_to("Approve")
        approver.page.keyboard.press("Space")
        # After the swap, focus is on what was done.
        expect(approver.page.locator(":focus")).to_contain_text("You approved Month-end closing")

    work()
    assert onlooker.members(office.posters) == [office.account]


def test_without_scripts_somebody_asks_and_others_approve(office, window, onlooker, work):
    ana, dev, gita = (
        window(someone, java_script_enabled=False)
        for someone in (office.ana, office.dev, office.gita)
    )

    ana.finds("closing", office.closing)
    address = ana.asks(office.closing, WHY)
    dev.card(office.ana, office.closing).get_by_role("button", name="Approve", exact=True).click()
    expect(dev.page.get_by_role("main")).to_contain_text("You approved Month-end closing")
    dev.has_nothing_to_decide()
    card = gita.card(office.ana, office.closing)
    card.get_by_role("link", name="Approve for less…").click()
    until = clock.now().date() + timedelta(days=60)
    card.get_by_label("Until the end of").fill(until.isoformat())
    card.get_by_role("button", name="Approve until then").click()
    expect(gita.page.get_by_role("main")).to_contain_text("You approved Month-end closing")
    work()

    expect(ana.reads(address).standing).to_contain_text("Done")
    assert onlooker.members(office.posters) == [office.account]
    assert assignment_of(office.ana).ends_at == clock.day_ends(until)
    _gives_back(ana, office.closing)
    work()
    assert onlooker.members(office.posters) == [office.posters]


@pytest.mark.usefixtures("real_time")
def test_a_real_worker_sets_it_up_and_takes_it_away_in_time(
    office, window, onlooker, job_cluster, approved
):
    ana, _ = approved()

    # Nobody reloads: the page asks for news until everything is done.
    expect(ana.page.get_by_role("heading", level=1)).to_contain_text("Month-end closing")
    expect(ana.standing).to_contain_text("Everything is set up.", timeout=60_000)
    assert onlooker.members(office.posters) == [office.account]

    end = clock.now() + timedelta(seconds=10)
    models.Assignment.objects.filter(target=office.ana).update(ends_at=end)
    assert ana.active() == ["Month-end closing"]
    until(lambda: clock.now() >= end, "the end")
    assert ana.active() == []
    until(lambda: onlooker.members(office.posters) == [office.posters], "the DN is gone", 60)
    assert clock.now() - end < timedelta(seconds=60)
    expect(ana.expired(office.closing)).to_contain_text("time ran out")
    taken = models.AuditEvent.objects.filter(action="grant.taken").values_list("target_id")
    assert list(taken) == [(office.ana.pk,)] * 2
