"""Workers die in the middle of their work, messages are lost, and everything ends right."""

import os
import signal

import pytest

from tests.jobs.processes import alive, descendants, until

DELIVERED = "SELECT 1 FROM entitlements_accessrequest WHERE kind = ? AND state = 'delivered'"


@pytest.fixture
def company(site):
    """A site with the slow target; a lease is over soon after its worker died."""
    site.environment |= {
        "DJANGO_SETTINGS_MODULE": "tests.jobs.slow_settings",
        "WORK_LEASE_SECONDS": "2",
        "JOBS_WORKERS": "1",
    }
    return site


def act(site, call):
    done = site.run("shell", "-c", f"from tests.jobs import acts; acts.{call}")
    assert done.returncode == 0, done.stderr


def start(site, slow):
    site.environment["SLOW_SECONDS"] = str(slow)
    main, _ = site.start_cluster(workers=1)
    return main


def calls(site):
    path = site.database.parent / "calls"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def members(site):
    return sorted(path.name for path in (site.database.parent / "target" / "staff").iterdir())


def events(site, action):
    (row,) = site.query("SELECT count(*) FROM entitlements_auditevent WHERE action = ?", action)
    return row[0]


def finish(site, kind):
    until(lambda: site.query(DELIVERED, kind), f"the end; the log says:\n{site.log_text()}")


def kill_everything(site, main):
    for pid in [main.pid, *descendants(main.pid)]:
        os.kill(pid, signal.SIGKILL)
    main.wait()


def kill_the_worker(site, main):
    everyone = descendants(main.pid)
    os.kill(int(calls(site)[-1][1]), signal.SIGKILL)
    assert main.wait(timeout=20) == 70
    until(lambda: not alive(everyone), "no process left behind", deadline=10)


@pytest.mark.parametrize("kill", [kill_everything, kill_the_worker])
def test_killed_between_call_and_outcome_gives_one_grant_and_one_event(company, kill):
    act(company, "submit()")
    main = start(company, slow=60)
    until(lambda: calls(company), f"the call; the log says:\n{company.log_text()}")
    assert members(company) == ["ada"]

    kill(company, main)
    assert company.query("SELECT is_given, attempts FROM entitlements_grant") == [(0, 1)]
    assert events(company, "grant.given") == 0

    start(company, slow=0)
    finish(company, "user_add")
    assert company.query(
        "SELECT is_given, is_wanted, attempts, held_before, lease_until FROM entitlements_grant"
    ) == [(1, 1, 0, 0, None)]
    assert members(company) == ["ada"]
    assert [method for method, _ in calls(company)] == ["ensure_member"] * 2
    for action in ("assignment.begun", "grant.given", "request.delivered"):
        assert events(company, action) == 1
    assert events(company, "grant.failed") == 0


def test_killed_while_taking_away_takes_away_once(company):
    act(company, "submit()")
    main = start(company, slow=0)
    finish(company, "user_add")
    main.terminate()
    assert main.wait(timeout=20) == 0
    act(company, "give_back()")

    main = start(company, slow=60)
    until(lambda: len(calls(company)) == 2, "the call")
    kill_everything(company, main)
    assert company.query("SELECT is_given FROM entitlements_grant") == [(1,)]

    start(company, slow=0)
    finish(company, "user_remove")
    assert members(company) == []
    assert company.query("SELECT is_given, is_wanted FROM entitlements_grant") == [(0, 0)]
    for action in ("assignment.ended", "grant.given", "grant.taken"):
        assert events(company, action) == 1


def test_losing_every_message_costs_only_a_sweep(company):
    act(company, "submit()")
    company.query("DELETE FROM django_q_ormq")

    start(company, slow=0)

    finish(company, "user_add")
    assert members(company) == ["ada"]
    assert events(company, "grant.given") == 1


def test_killed_again_and_again_nothing_is_lost_and_nothing_doubled(company):
    act(company, "submit()")
    act(company, "submit_many(11)")
    for _ in range(3):
        before = len(calls(company))
        main = start(company, slow=0.2)
        until(lambda before=before: len(calls(company)) > before + 1, "some work")
        kill_everything(company, main)

    start(company, slow=0)
    until(
        lambda: company.query("SELECT count(*) FROM entitlements_grant WHERE is_given") == [(12,)],
        f"all grants; the log says:\n{company.log_text()}",
    )
    until(lambda: events(company, "request.delivered") == 12, "all requests to be settled")
    assert len(members(company)) == 12
    assert events(company, "grant.given") == 12
    assert events(company, "assignment.begun") == 12
