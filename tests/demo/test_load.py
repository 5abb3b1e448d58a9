"""When the demo company may be loaded, reset and removed, and what stays then."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from random import Random

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection

from entitlements import clock, heartbeat, invariants, models
from entitlements.audit import sealing
from entitlements.decisions import Denied
from entitlements.demo import operations, people
from entitlements.demo.calendar import Calendar
from tests.factories import CatalogFactory, ConnectedSystemFactory, GroupFactory, UserFactory

pytestmark = pytest.mark.django_db

KEPT = {
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "django_q_ormq",
    "django_session",
    "entitlements_auditevent",
    "entitlements_auditseal",
    "entitlements_catalog",
    "entitlements_connectedsystem",
    "entitlements_heartbeat",
    "sqlite_sequence",
}


@pytest.fixture
def in_demo_mode(settings):
    settings.DEMO = True


@pytest.fixture
def short_story(monkeypatch, in_demo_mode):
    """Instead of four months, one person and a group."""

    def live(count, chance):
        UserFactory(is_demo=True, display_name=f"One of {count}, {chance.random():.3f}")
        GroupFactory()

    monkeypatch.setattr(operations, "_live", live)


def codes(act, **options):
    with pytest.raises(Denied) as denied:
        act(**options)
    return denied.value.codes


def filled_tables():
    filled = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")
            if cursor.fetchone():
                filled.add(table)
    return filled


def test_outside_demo_mode_nothing_can_be_done(settings):
    settings.DEMO = False

    assert codes(operations.load) == {"not_demo_mode"}
    assert "not_demo_mode" in codes(operations.reset)
    assert "not_demo_mode" in codes(operations.remove)
    with pytest.raises(CommandError, match="Set DEMO=1"):
        call_command("demo", "load")


@pytest.mark.parametrize(
    "make",
    [
        UserFactory,
        GroupFactory,
        CatalogFactory,
        lambda: ConnectedSystemFactory(kind="ldap", name="Real"),
    ],
)
def test_a_database_that_is_in_use_is_refused(in_demo_mode, make):
    make()

    assert codes(operations.load) == {"not_empty"}
    assert codes(operations.remove) == {"not_a_demo"}
    assert codes(operations.reset) == {"not_a_demo"}


def test_a_demo_with_real_people_in_it_is_left_alone(in_demo_mode):
    UserFactory(is_demo=True)
    UserFactory()

    assert codes(operations.load) == {"not_empty"}
    assert codes(operations.remove) == {"not_a_demo"}
    assert models.User.objects.count() == 2


def test_it_is_loaded_only_once(short_story):
    operations.load()

    assert codes(operations.load) == {"loaded_already"}


@pytest.mark.parametrize("count", [0, people.FEWEST - 1, people.MOST + 1])
def test_a_company_has_a_possible_size(short_story, count):
    assert codes(operations.load, count=count) == {"wrong_count"}
    operations.load()
    assert codes(operations.reset, count=count) == {"wrong_count"}
    assert models.User.objects.exists()


def test_it_is_not_done_while_a_job_cluster_runs(short_story):
    heartbeat.tick()

    assert codes(operations.load) == {"cluster_runs"}
    with clock.at(clock.now() + timedelta(minutes=1)):
        assert operations.load().people == 1


def test_a_broken_attempt_leaves_nothing_behind(in_demo_mode, monkeypatch):
    def live(count, chance):
        UserFactory(is_demo=True)
        CatalogFactory()
        raise KeyboardInterrupt

    monkeypatch.setattr(operations, "_live", live)
    before = filled_tables()

    with pytest.raises(KeyboardInterrupt):
        operations.load()

    assert filled_tables() == before


def test_reset_makes_it_new(short_story):
    operations.load(count=40, seed=1)
    before = models.User.objects.get()

    operations.reset(count=50, seed=1)

    after = models.User.objects.get()
    assert after.pk != before.pk
    assert before.display_name.startswith("One of 40")
    assert after.display_name == before.display_name.replace("40", "50")


def test_everybody_has_a_name_of_his_own_and_the_same_seed_gives_the_same_people():
    crowd = [person.name for person in people.everybody(people.MOST, Random(7))]

    assert len(set(crowd)) == len(crowd) == people.MOST
    assert crowd == [person.name for person in people.everybody(people.MOST, Random(7))]
    assert crowd != [person.name for person in people.everybody(people.MOST, Random(8))]


def test_what_lies_ahead_does_not_happen(db):
    happened = []

    def life(calendar):
        yield calendar.when(1)
        happened.append("yesterday")
        yield calendar.present + timedelta(minutes=5)
        happened.append("later")

    calendar = Calendar()
    calendar.begin([life(calendar)])
    calendar.run()

    assert happened == ["yesterday"]


LATE_ON_A_LEAP_DAY = datetime(2028, 2, 29, 22, 20, tzinfo=UTC)


@pytest.fixture
def leap_day(in_demo_mode, settings):
    """Twenty past eleven in the evening of 29 February in Paris."""
    settings.ORGANIZATION_TIME_ZONE = "Europe/Paris"
    with time_machine.travel(LATE_ON_A_LEAP_DAY, tick=True), clock.at(LATE_ON_A_LEAP_DAY):
        yield


def test_a_company_loaded_on_another_day_has_the_dates_of_that_day(leap_day):
    Session.objects.create(session_key="kept", expire_date=clock.now())
    general = models.Catalog.objects.general()
    before = filled_tables()

    call_command("demo", "load", people=people.FEWEST, stdout=StringIO())

    end_of_day = clock.day_ends(LATE_ON_A_LEAP_DAY.astimezone(clock.zone()).date())
    due = models.ApprovalStep.objects.filter(state="waiting", due_at__lte=end_of_day)
    assert [str(step.access_request) for step in due] == ["Ledger Posting for Rosa Marsh"]
    ends = models.Assignment.objects.live().filter(target__email="ana.diaz@kestrel.example")
    assert ends.get(package__name="Ledger Reader").ends_at.isoformat().startswith("2028-03-06")
    assert models.User.objects.get(display_name="Nia New").hire_date.isoformat() == "2028-02-29"
    assert all(result.holds for result in invariants.check())
    events = models.AuditEvent.objects.count()
    assert events > 1000

    call_command("demo", "remove", stdout=StringIO())

    assert filled_tables() - before <= KEPT
    assert before <= filled_tables()
    assert list(models.Catalog.objects.all()) == [general]
    assert models.ConnectedSystem.objects.get().kind == "directory"
    assert models.AuditEvent.objects.count() == events
    assert list(sealing.verify()) == []
    assert all(result.holds for result in invariants.check())
