from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from entitlements import clock, heartbeat
from portal import health

pytestmark = pytest.mark.django_db


def test_alive_answers_without_sign_in(client):
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {"status": "alive"}


def test_alive_does_not_ask_the_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/healthz")


def test_ready_answers_without_sign_in_while_jobs_run(client):
    heartbeat.beat()

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok", "jobs": "ok"},
    }


def test_not_ready_before_the_first_heartbeat(client):
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["jobs"] == "no heartbeat yet"


def test_not_ready_when_the_heartbeat_is_three_minutes_old(client):
    beat_at = clock.now()
    with clock.at(beat_at):
        heartbeat.beat()

    with clock.at(beat_at + timedelta(seconds=175)):
        young = client.get("/readyz")
    with clock.at(beat_at + timedelta(seconds=185)):
        old = client.get("/readyz")

    assert young.status_code == 200
    assert old.status_code == 503
    assert old.json()["checks"]["jobs"] == "last heartbeat 185 seconds ago"


def test_not_ready_while_a_migration_is_missing(client):
    heartbeat.beat()
    recorder = MigrationRecorder(connection)
    for app, name in recorder.applied_migrations():
        if app == "entitlements":
            recorder.record_unapplied(app, name)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["migrations"].endswith("not applied")
    assert response.json()["checks"]["jobs"] == "not checked"


def test_not_ready_while_the_database_is_away(client, monkeypatch):
    def away():
        raise OperationalError("connection refused by 10.0.0.5")

    monkeypatch.setattr(health.connection, "ensure_connection", away)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"] == {
        "database": "unreachable",
        "migrations": "not checked",
        "jobs": "not checked",
    }
    assert "10.0.0.5" not in response.content.decode()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_only_answers_questions(client, path):
    assert client.post(path).status_code == 405
