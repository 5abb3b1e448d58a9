"""What is written stays as it is, whoever writes and however."""

import pytest
from django.db import DatabaseError, connection, transaction

from entitlements.audit import trail
from entitlements.audit.sealing import seal_new
from entitlements.models import AuditEvent, AuditSeal

pytestmark = pytest.mark.django_db
TABLES = ["entitlements_auditevent", "entitlements_auditseal"]


@pytest.fixture
def sealed(ada):
    event = trail.record("user.tested", ada, by=ada)
    seal_new()
    return event


def refused():
    return pytest.raises(DatabaseError, match="append-only")


def test_events_are_not_changed(sealed):
    sealed.action = "user.forged"
    with refused(), transaction.atomic():
        sealed.save()
    with refused(), transaction.atomic():
        AuditEvent.objects.update(actor_name="Nobody")
    with refused(), transaction.atomic():
        AuditEvent.objects.bulk_update([sealed], ["action"])

    assert AuditEvent.objects.get().action == "user.tested"


def test_events_are_not_deleted(ada):
    event = trail.record("user.tested", ada, by=ada)

    with refused(), transaction.atomic():
        event.delete()
    with refused(), transaction.atomic():
        AuditEvent.objects.all().delete()

    assert AuditEvent.objects.exists()


def test_seals_are_not_changed_or_deleted(sealed):
    seal = AuditSeal.objects.get()
    seal.digest = "0" * 64
    with refused(), transaction.atomic():
        seal.save()
    with refused(), transaction.atomic():
        seal.delete()

    assert AuditSeal.objects.get().digest != "0" * 64


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE {table} SET {column} = {column}",
        "DELETE FROM {table}",
        "DELETE FROM {table} WHERE 1 = 1",
    ],
)
def test_plain_sql_is_refused_too(sealed, table, sql):
    column = {"entitlements_auditevent": "action", "entitlements_auditseal": "digest"}[table]

    with refused(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(table=table, column=column))

    assert AuditEvent.objects.count() == AuditSeal.objects.count() == 1


def test_inserting_over_an_event_is_refused(sealed):
    """`ON CONFLICT DO UPDATE` is an update by another name."""
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO entitlements_auditevent (id, at, action, actor_name, subject_type,"
            " subject_id, subject_name, details)"
            " SELECT id, at, 'user.forged', actor_name, subject_type, subject_id, subject_name,"
            " details FROM entitlements_auditevent WHERE 1 = 1"
            " ON CONFLICT (id) DO UPDATE SET action = 'user.forged'"
        )

    assert AuditEvent.objects.get().action == "user.tested"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases have no such statement")
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT OR REPLACE INTO entitlements_auditevent (id, at, action, actor_name, subject_type,"
        " subject_id, subject_name, details) SELECT id, at, 'user.forged', actor_name,"
        " subject_type, subject_id, subject_name, details FROM entitlements_auditevent",
        "REPLACE INTO entitlements_auditseal (position, event_id, digest)"
        " SELECT position, event_id, '0' FROM entitlements_auditseal",
        "REPLACE INTO entitlements_auditseal (position, event_id, digest)"
        " SELECT position + 1, event_id, '0' FROM entitlements_auditseal",
    ],
)
def test_replacing_is_refused(sealed, sql):
    with refused(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert AuditEvent.objects.get().action == "user.tested"
    assert len(AuditSeal.objects.get().digest) == 64


def test_an_event_without_an_act_is_not_written(ada):
    with transaction.atomic():
        trail.record("user.tested", ada, by=ada)
        transaction.set_rollback(True)

    assert not AuditEvent.objects.exists()
