"""What the demo company must show: every state that pages know, around today."""

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.db.models import Count, F, Window
from django.db.models.functions import Lag
from django_q.models import OrmQ

from entitlements import clock, invariants, models
from entitlements.catalog.permissions import can
from entitlements.connectors.base import ConnectorRefused
from entitlements.delivery.holders import Holders, lines
from entitlements.demo.calendar import AT_ONCE
from entitlements.directory.models import User
from entitlements.requests.double_holders import double_holders
from portal.badges import BADGES
from portal.demo.mails import all_mails, line_of
from portal.demo.personas import personas
from portal.manage.shown import package_state, policy_state

pytestmark = pytest.mark.django_db


def person(name):
    return User.objects.get(email=f"{name}@kestrel.example")


def shown(things):
    return {thing.shown_state for thing in things}


def marks():
    found = set()
    if models.PackageRole.objects.filter(role__is_privileged=True).exists():
        found.add("privileged")
    if models.Assignment.objects.live().filter(is_direct=True).exists():
        found.add("by_hand")
    if models.AccessRequest.objects.filter(kind="on_behalf_add").exists():
        found.add("on_behalf")
    if double_holders(models.AccessPackage.objects.all()).exists():
        found.add("clash")
    return found


def checks():
    catalogs, systems = models.Catalog.objects.all(), models.ConnectedSystem.objects.all()
    found = {"enabled" if catalog.is_enabled else "disabled" for catalog in catalogs}
    for system in systems:
        found.add(("failed" if system.check_error else "ok") if system.checked_at else "unknown")
    return found


def holders():
    """How those who have, or should have, what is in the built-in directory stand to it."""
    administrator = person("ivo.okoro")
    found = set()
    for role in models.ResourceRole.objects.filter(resource__system__kind="directory"):
        try:
            now = Holders.read(role)
        except ConnectorRefused:
            continue
        sets = (now.unexplained(), now.explained(administrator), now.missing(administrator))
        for people in sets:
            found |= {line.shown_state for line in lines(now, list(people), administrator)}
    return found


FOUND = {
    "request": lambda: shown(models.AccessRequest.objects.with_waiting_step()),
    "assignment": lambda: shown(models.Assignment.objects.all()),
    "grant": lambda: shown(models.Grant.objects.all()),
    "step": lambda: shown(models.ApprovalStep.objects.all()),
    "review_item": set,
    "package": lambda: {package_state(one) for one in models.AccessPackage.objects.all()},
    "policy": lambda: {policy_state(one) for one in models.AssignmentPolicy.objects.all()},
    "mark": marks,
    "mail": lambda: {line_of(mail).state for mail in all_mails()},
    "check": checks,
    "callout": lambda: shown(models.Callout.objects.all()),
    "clash_exception": lambda: shown(models.ClashException.objects.all()),
    "organization": lambda: set(
        models.ConnectedOrganization.objects.values_list("state", flat=True)
    ),
    "bulk_row": lambda: set(models.BulkRow.objects.values_list("state", flat=True)),
    "bulk_act": lambda: {act.progress for act in models.BulkAct.objects.all()},
    "bulk_act_row": lambda: set(models.BulkActRow.objects.values_list("state", flat=True)),
    "holder": holders,
    "imported_role": lambda: set(models.ImportedRole.objects.values_list("state", flat=True)),
    "import_finding": lambda: set(models.ImportFinding.objects.values_list("weight", flat=True)),
}

PASSING = {"submitted", "approved"}
"""States that a request only passes through, within one act."""

WHILE_EDITED = {"new", "wrong"}
"""Marks on a form, which stay with nobody."""

NEVER = {
    "mark": WHILE_EDITED,
    "bulk_act": {"running"},
    "request": {"draft", "pending_not_before", "undelivered", *PASSING},
    "assignment": {"scheduled", "active", "ending"},
    "mail": {"off"},
}
"""Words for states of the reference product, for what is passing, and for what is not a row."""

NOT_YET = {
    "review_item": {"open", "keep", "end", "dont_know", "applied"},
    "mark": {"by_rule", "drift", "invited"},
    "organization": {"proposed"},
    "holder": {"unknown", "drift", "waiting", "failed", "removing"},
    "imported_role": {"made"},
}
"""States of areas that are still to come."""


@pytest.mark.parametrize("kind", sorted(BADGES))
def test_every_badge_that_can_exist_is_there(company, kind):
    missing = set(BADGES[kind]) - FOUND[kind]()

    assert missing == NEVER.get(kind, set()) | NOT_YET.get(kind, set())


def test_the_command_says_what_there_is_and_how_to_get_in(company):
    assert "Kestrel Trading has 60 people, 30 access packages" in company
    password = company.split()[-1]
    assert authenticate(email="ivo.okoro@kestrel.example", password=password) == person("ivo.okoro")
    assert not person("ana.diaz").has_usable_password()


def test_every_persona_exists_and_everybody_is_marked(company):
    emails = {persona.email for persona in personas()}

    assert User.objects.active().filter(email__in=emails, is_demo=True).count() == len(emails)
    assert not User.objects.filter(is_demo=False).exists()
    assert User.objects.people().count() == 60
    assert User.objects.services().count() == 1


def test_everybody_works_somewhere(company):
    employees = User.objects.filter(user_type="member")

    for attribute in ("department", "job_title", "cost_center", "office", "city", "employee_id"):
        assert not employees.filter(**{attribute: ""}).exists()
    assert employees.filter(manager=None).get().job_title == "Managing director"
    assert (
        User.objects.members_of_any([models.Group.objects.get(name="All staff").pk]).count()
        == employees.count()
    )


def test_nia_started_today_and_holds_nothing(company):
    nia = person("nia.new")

    assert nia.hire_date == clock.now().astimezone(clock.zone()).date()
    assert not nia.assignments.exists()
    assert not nia.requests_made.exists()


def test_ana_holds_three_packages_of_which_one_ends_in_six_days(company):
    live = person("ana.diaz").assignments.live()

    assert set(live.values_list("package__name", flat=True)) == {
        "Ledger Reader",
        "Remote Access",
        "Read access to the consolidated reports of all six companies",
    }
    left = live.get(package__name="Ledger Reader").ends_at.astimezone(clock.zone())
    assert (left.date() - clock.today_begins().date()).days == 6


def test_ana_waits_for_dev(company):
    waiting = models.AccessRequest.objects.waiting_for(person("dev.patel"))

    assert [str(access_request) for access_request in waiting] == ["Ledger Posting for Ana Diaz"]
    assert waiting.get().steps.filter(state="coming").count() == 1


def test_bo_has_six_in_his_inbox(company):
    assert models.AccessRequest.objects.waiting_for(person("bo.chen")).count() == 6


def test_gita_has_a_second_stage_that_is_due_today(company):
    waiting = models.AccessRequest.objects.waiting_for(person("gita.rao"))
    steps = models.ApprovalStep.objects.filter(access_request__in=waiting, state="waiting")

    due = steps.get(position=2).due_at
    assert clock.now() < due <= clock.day_ends(clock.today_begins().date())
    assert waiting.count() == 3


def test_something_ended_yesterday(company):
    yesterday = clock.today_begins() - timedelta(days=1)
    ended = models.Assignment.objects.filter(ended_at__range=(yesterday, clock.today_begins()))

    assert "Ledger Reader for Rosa Marsh" in {str(one) for one in ended.filter(end_reason="time")}
    assert set(models.Assignment.objects.past().values_list("end_reason", flat=True)) == {
        "time",
        "given_back",
        "removed",
        "canceled",
    }


def test_olga_owns_sales_with_a_draft_and_a_delivery_that_failed_in_part(company):
    olga = person("olga.owner")
    sales = models.Catalog.objects.visible_to(olga).get()

    assert sales.name == "Sales"
    assert models.AccessPackage.objects.visible_to(olga).filter(state="draft").exists()
    troubled = models.Assignment.objects.visible_to(olga).troubled()
    assert [str(one) for one in troubled] == ["Field Sales Kit for Mara Silva"]
    reprocessed = models.AuditEvent.objects.get(action="request.reprocessed")
    assert reprocessed.actor_name == "Olga Owner"


def test_uma_looks_into_every_catalog_and_changes_none(company):
    uma = person("uma.lund")

    assert models.Catalog.objects.visible_to(uma).count() == models.Catalog.objects.count()
    for catalog in models.Catalog.objects.all():
        assert not can(uma, "manage_packages", catalog)


def test_eli_comes_from_outside_with_two_packages(company):
    eli = User.objects.get(email="eli.weiss@blueharbour.example")

    assert eli.is_guest
    assert str(eli.organization) == "Blue Harbour"
    held = eli.assignments.live().order_by("starts_at")
    assert [str(one.package) for one in held] == ["Partner Portal", "Joint Delivery Plan"]
    assert str(eli.sponsors.get()) == "Mia Sand"


def test_somebody_waits_whom_nobody_may_answer(company):
    waiting = models.ApprovalStep.objects.annotate(asked_count=Count("asked")).filter(
        state="waiting", asked_count=0
    )

    assert waiting.get().access_request.package.name == "Personnel Files"
    lapsed = models.AccessRequest.objects.filter(state="expired", package__name="Personnel Files")
    assert lapsed.get().target == person("zoe.adler")


def test_two_policies_overlap(company):
    production = models.AccessPackage.objects.get(name="Production Support")
    open_to = models.AssignmentPolicy.objects.filter(package=production).open_to

    assert open_to(person("jon.park")).count() == 2
    assert open_to(person("ana.diaz")).get().name == "Anybody, approved by security"


def test_wanda_holds_both_of_what_clashes_and_the_owners_know(company):
    [wanda] = double_holders(models.AccessPackage.objects.all())
    told = models.Notification.objects.filter(event="clash.exception_ended")

    assert wanda == person("wanda.kos")
    assert {str(one.recipient) for one in told} == {"Bo Chen", "Tom Becker"}
    named = models.Notification.objects.filter(event="clash.named")
    assert {(str(one.recipient), one.facts["by"]) for one in named} == {
        ("Carl Voss", "Bo Chen"),
        ("Tom Becker", "Bo Chen"),
    }


def test_kai_waits_for_a_system_and_danas_mail_came_back(company):
    waiting = models.AccessRequest.objects.get(state="waiting_for_callback")
    lost = models.Notification.objects.exclude(last_error="").get()

    assert waiting.target == person("kai.lind")
    assert str(lost.recipient) == "Dana Roth"


def test_one_record_was_deleted(company):
    [event] = models.AuditEvent.objects.filter(action="request.record_deleted")

    assert event.actor_name == "Ivo Okoro"
    assert not models.AccessRequest.objects.filter(pk=event.subject_id).exists()


def test_an_extension_waits_and_another_is_done(company):
    extensions = models.AccessRequest.objects.filter(kind="user_extend")

    assert set(extensions.values_list("state", flat=True)) == {
        "pending_approval",
        "delivered",
        "canceled",
    }


def test_names_are_short_long_and_german(company):
    names = models.AccessPackage.objects.values_list("name", flat=True)

    assert max(map(len, names)) == 60
    assert any("Lohnbuchhaltung" in name for name in names)
    assert models.AccessPackage.objects.get(policies=None).state == "published"


def test_nothing_is_left_to_do_but_what_is_meant(company):
    moment = clock.now()

    mails = models.Notification.objects.filter(next_attempt_at__isnull=False)
    assert {str(mail.recipient) for mail in mails} == {"Noor Bakker"}
    assert all(mail.next_attempt_at > moment for mail in mails)
    calls = models.Callout.objects.filter(next_attempt_at__isnull=False)
    assert {str(call.extension) for call in calls} == {"Door control"}
    assert not models.AuditEvent.objects.filter(seal=None).exists()
    assert not models.Assignment.objects.overdue().exists()
    assert not models.AccessRequest.objects.start_due().exists()
    assert not models.ApprovalStep.objects.lapsing().exists()
    waiting = models.Grant.objects.filter(next_attempt_at__isnull=False)
    assert sorted(grant.shown_state for grant in waiting) == ["removing", "waiting"]
    assert models.Heartbeat.objects.get().beat_at > moment - timedelta(minutes=5)
    assert [message.task["func"] for message in OrmQ.objects.all()] == ["somebody.elses.task"]


def test_the_past_has_real_dates(company):
    events = models.AuditEvent.objects.order_by("at")

    assert events.last().at <= clock.now()
    assert events.first().at < clock.now() - timedelta(days=119)
    assert events.count() > 1500
    earlier = Window(Lag("at"), partition_by="subject_id", order_by="pk")
    backwards = events.filter(subject_type="accessrequest").annotate(earlier=earlier)
    assert not backwards.filter(earlier__gt=F("at")).exists()
    by_time = models.Assignment.objects.filter(end_reason="time")
    assert by_time.exists()
    for assignment in by_time:
        assert assignment.ended_at - assignment.ends_at < AT_ONCE + timedelta(seconds=5)


def test_every_promise_is_kept_in_the_targets_too(company):
    results = list(invariants.check(with_targets=True))

    assert [result.invariant.code for result in results if not result.holds] == []
    assert [reason for result in results for reason in result.reasons] == [
        "Stock lists: Reader for Theo Lang cannot be taken away yet: "
        "The members of Stock lists access are managed elsewhere."
    ]
