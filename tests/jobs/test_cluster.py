"""The job cluster loses a process in every way it can, and never hangs or leaves one behind."""

import os
import signal

from tests.jobs.processes import alive, children, descendants, until

IMPATIENT = (
    "from django.core.management import call_command; from portal import cluster;"
    "cluster.STUCK_AFTER = 2; call_command('qrun')"
)


def test_killed_idle_worker_ends_the_cluster_and_the_next_one_does_the_work(site):
    main, pool = site.start_cluster()
    everyone = descendants(main.pid)

    os.kill(pool[0], signal.SIGKILL)

    assert main.wait(timeout=20) == 70
    until(lambda: not alive(everyone), "no process left behind", deadline=5)
    for _ in range(3):
        site.enqueue("nothing")
    site.start_cluster()
    until(lambda: site.results("nothing") == [1, 1, 1], "the queued tasks to be done")


def test_worker_killed_while_it_holds_its_lock_ends_the_cluster(site):
    main = site.start("shell", "-c", IMPATIENT)
    site.pool_of(main.pid)
    everyone = descendants(main.pid)

    site.enqueue("die_with_timer_locked")

    assert main.wait(timeout=30) == 70
    until(lambda: not alive(everyone), "no process left behind", deadline=5)


def test_killed_monitor_ends_the_cluster(site):
    main, pool = site.start_cluster()
    everyone = descendants(main.pid)

    os.kill(pool[-2], signal.SIGKILL)

    assert main.wait(timeout=20) == 70
    until(lambda: not alive(everyone), "no process left behind", deadline=5)


def test_task_over_its_time_is_saved_as_a_failure_and_ends_the_cluster(site):
    site.environment["JOBS_TIMEOUT"] = "1"
    site.enqueue("sleep", 60)

    main, _ = site.start_cluster()
    everyone = descendants(main.pid)

    assert main.wait(timeout=30) == 70
    assert site.results("sleep") == [0]
    until(lambda: not alive(everyone), "no process left behind", deadline=5)


def test_killed_main_process_leaves_no_orphan(site):
    main, _ = site.start_cluster()
    everyone = descendants(main.pid)
    assert len(everyone) == 5

    main.kill()
    main.wait()

    until(lambda: not alive(everyone), "no process left behind", deadline=10)


def test_killed_sentinel_ends_the_cluster(site):
    main, _ = site.start_cluster()
    everyone = descendants(main.pid)

    os.kill(children(main.pid)[0], signal.SIGKILL)

    assert main.wait(timeout=20) == 70
    until(lambda: not alive(everyone), "no process left behind", deadline=5)


def test_sigterm_to_the_whole_group_ends_in_good_order(site):
    main, _ = site.start_cluster()
    everyone = descendants(main.pid)

    os.killpg(main.pid, signal.SIGTERM)

    assert main.wait(timeout=20) == 0
    assert not alive(everyone)


def test_sigterm_lets_a_running_task_finish(site):
    site.enqueue("sleep", 2)
    main, _ = site.start_cluster()
    until(lambda: site.query("SELECT 1 FROM django_q_ormq WHERE lock > '2001'"), "a start")

    main.terminate()

    assert main.wait(timeout=20) == 0
    assert site.results("sleep") == [1]


def test_idle_cluster_does_the_regular_work_and_shows_its_heartbeat(site):
    site.start_cluster()

    until(
        lambda: site.query("SELECT 1 FROM entitlements_heartbeat WHERE beat_at IS NOT NULL"),
        "a heartbeat",
    )


def test_named_cluster_takes_only_its_own_queue(site):
    site.enqueue("sleep", 0)
    site.enqueue("nothing", queue="revocations")

    site.start_cluster("--queue", "revocations")

    until(lambda: site.results("nothing") == [1], "the task of the named queue")
    assert site.results("sleep") == []


def test_stuck_sentinel_ends_the_cluster(site):
    main = site.start("shell", "-c", IMPATIENT)
    site.pool_of(main.pid)
    everyone = descendants(main.pid)

    os.kill(children(main.pid)[0], signal.SIGSTOP)

    assert main.wait(timeout=20) == 70
    until(lambda: not alive(everyone), "no process left behind", deadline=5)
