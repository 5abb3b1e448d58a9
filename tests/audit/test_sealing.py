from contextlib import contextmanager

import pytest
from django.db import connection

from entitlements import sweep
from entitlements.audit import sealing, trail
from entitlements.audit.sealing import seal_new, verify
from entitlements.models import AuditEvent, AuditSeal
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def write(ada):
    """Write so many events."""

    def write(number):
        return [trail.record("user.tested", ada, by=ada, number=n) for n in range(number)]

    return write


@contextmanager
def as_a_forger():
    """Change audit tables as somebody can who owns the database."""
    tables = ("entitlements_auditevent", "entitlements_auditseal")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield cursor
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
            yield cursor
            for _, sql in triggers:
                cursor.execute(sql)


def test_every_event_is_chained_to_the_one_before(write):
    write(3)

    assert seal_new() == 3
    assert seal_new() == 0

    assert [seal.position for seal in AuditSeal.objects.all()] == [1, 2, 3]
    assert len({seal.digest for seal in AuditSeal.objects.all()}) == 3
    assert str(AuditSeal.objects.first()).startswith("1: ")
    assert list(verify()) == []


def test_the_chain_goes_on_where_it_ended(write):
    write(2)
    seal_new()
    write(2)
    seal_new()

    assert AuditSeal.objects.count() == 4
    assert list(verify()) == []


def test_an_empty_trail_verifies():
    assert seal_new() == 0
    assert list(verify()) == []


def test_seals_are_made_in_batches(write, monkeypatch):
    write(5)

    assert seal_new(limit=2) == 2
    monkeypatch.setattr(sweep, "SEALS", 2)
    monkeypatch.setattr(sweep, "seal_new", lambda: seal_new(limit=2))
    assert sweep.seal_what_happened() == 3

    assert list(verify()) == []


def test_a_sweep_seals_no_more_than_it_should(write, monkeypatch):
    write(4)
    monkeypatch.setattr(sweep, "SEALS", 1)
    monkeypatch.setattr(sweep, "MOST_SEALS", 3)
    monkeypatch.setattr(sweep, "seal_new", lambda: seal_new(limit=1))

    assert sweep.seal_what_happened() == 3


def test_an_event_that_committed_late_is_sealed_after_those_that_overtook_it(write):
    first, second, third = write(3)
    with as_a_forger() as cursor:
        cursor.execute("DELETE FROM entitlements_auditevent WHERE id = %s", [second.pk])
    seal_new()

    second.save(force_insert=True)
    assert seal_new() == 1

    sealed = list(AuditSeal.objects.values_list("event", flat=True))
    assert sealed == [first.pk, third.pk, second.pk]
    assert list(verify()) == []


@pytest.mark.parametrize(
    "forgery",
    [
        "action = 'user.forged'",
        "actor_name = 'Nobody'",
        "actor_id = NULL",
        "target_id = actor_id",
        "subject_name = 'Other'",
        "subject_type = 'group'",
        "details = '{\"number\": 8}'",
        "at = '2020-01-01 00:00:00+00'",
    ],
)
def test_a_changed_event_is_found(write, forgery):
    events = write(3)
    seal_new()
    with as_a_forger() as cursor:
        cursor.execute(
            f"UPDATE entitlements_auditevent SET {forgery} WHERE id = %s", [events[1].pk]
        )

    (found,) = verify()

    assert found.position == 2
    assert str(events[1].pk) in found.text


def test_a_changed_seal_is_found(write):
    write(3)
    seal_new()
    with as_a_forger() as cursor:
        cursor.execute(
            "UPDATE entitlements_auditseal SET digest = %s WHERE position = 2", ["0" * 64]
        )

    assert [found.position for found in verify()] == [2, 3]


def test_a_deleted_event_is_found(write):
    events = write(3)
    seal_new()
    with as_a_forger() as cursor:
        cursor.execute("DELETE FROM entitlements_auditseal WHERE event_id = %s", [events[1].pk])
        cursor.execute("DELETE FROM entitlements_auditevent WHERE id = %s", [events[1].pk])

    found = list(verify())

    assert found[0].position == 2
    assert found[0].text == "A seal is missing."


def test_events_that_changed_places_are_found(write):
    events = write(3)
    seal_new()
    with as_a_forger() as cursor:
        for old, new in ((1, -1), (2, 1), (-1, 2)):
            cursor.execute(
                "UPDATE entitlements_auditseal SET position = %s WHERE position = %s", [new, old]
            )

    assert list(verify())
    assert len(events) == 3


def test_what_is_written_since_is_not_part_of_the_chain_yet(write):
    write(2)
    seal_new()
    write(1)

    assert list(verify()) == []


def test_an_event_that_was_passed_over_is_found(write, monkeypatch):
    monkeypatch.setattr(sealing, "LOOK_BACK", 2)
    events = write(1)
    with as_a_forger() as cursor:
        cursor.execute("DELETE FROM entitlements_auditevent WHERE id = %s", [events[0].pk])
    write(5)
    seal_new()
    events[0].save(force_insert=True)

    assert seal_new() == 0
    (found,) = verify()
    assert found.text == f"Event {events[0].pk} was never sealed."


def test_digests_do_not_depend_on_the_order_of_details(ada):
    event = trail.record("user.tested", ada, by=ada, b=1, a={"d": 1, "c": "ü"})
    seal_new()
    digest = sealing.digest_of(event, sealing.GENESIS)
    event.refresh_from_db()

    assert sealing.digest_of(event, sealing.GENESIS) == digest == AuditSeal.objects.get().digest


@pytest.mark.django_db(transaction=True)
def test_sealed_by_many_at_once_the_chain_is_one(write):
    write(60)

    outcomes = at_once(*[lambda: seal_new(limit=10)] * 6, lambda: len(write(20)))

    assert sum(outcomes[:6]) == 60
    while seal_new():
        pass
    assert list(verify()) == []
    assert AuditSeal.objects.count() == AuditEvent.objects.count() == 80
