"""`manage.py up`: what it starts it watches, starts again, and takes down with it."""

import os
import signal
import socket
import urllib.error
import urllib.request
from contextlib import closing

import pytest

from portal.supervisor import RESTARTS, Child
from tests.jobs.processes import alive, children, descendants, until


@pytest.fixture
def port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def up(site, port):
    site.environment |= {"PORT": str(port), "DEMO": "0"}

    def start():
        process = site.start("up")
        until(lambda: answers(port, "/readyz"), f"an answer; the log says:\n{site.log_text()}")
        return process

    return start


def answers(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def main_of_jobs(process):
    return next(pid for pid in children(process.pid) if b"qrun" in command_line(pid))


def command_line(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


def test_up_serves_until_sigterm_and_starts_again_with_everything_kept(up, site, port):
    process = up()
    everyone = descendants(process.pid)

    process.terminate()

    assert process.wait(timeout=30) == 0
    assert not alive(everyone)
    assert not answers(port, "/healthz")
    site.enqueue("nothing")
    up()
    until(lambda: site.results("nothing") == [1], "the task that was queued while all stood still")


def test_up_starts_a_broken_job_cluster_again(up, site):
    process = up()
    first = main_of_jobs(process)

    os.kill(site.pool_of(first)[0], signal.SIGKILL)

    until(lambda: first not in children(process.pid), f"an end; the log says:\n{site.log_text()}")
    site.enqueue("nothing")
    until(lambda: site.results("nothing") == [1], "the next cluster to do the work")
    assert "status 70" in site.log_text()


def test_killed_up_leaves_no_orphan(up, port):
    process = up()
    everyone = descendants(process.pid)

    process.kill()
    process.wait()

    until(lambda: not alive(everyone), "no process left behind", deadline=20)
    assert not answers(port, "/healthz")


def test_up_says_that_the_port_is_taken_and_starts_nothing(site, port):
    site.environment["PORT"] = str(port)
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()

        done = site.run("up")

    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_up_says_that_the_database_cannot_be_reached(site, port):
    site.environment |= {
        "PORT": str(port),
        "DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/none",
    }

    done = site.run("up")

    assert done.returncode == 1
    assert "The database cannot be reached" in done.stderr
    assert "Check DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://root@127.0.0.1/portal", "DATABASE_URL must look like postgresql://"),
        ("nonsense", "DATABASE_URL must look like postgresql://"),
        ("postgresql://u:p@127.0.0.1:port/name", "DATABASE_URL cannot be read"),
        ("postgresql://u:p@127.0.0.1", "DATABASE_URL names no database"),
    ],
)
def test_up_says_what_is_wrong_with_the_database_url(site, url, sentence):
    site.environment["DATABASE_URL"] = url

    done = site.run("up")

    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_child_that_keeps_failing_waits_for_the_minute_to_pass(monkeypatch):
    moment = 1000.0
    monkeypatch.setattr("portal.supervisor.time.monotonic", lambda: moment)
    child = Child("job cluster", [])

    child.starts.extend([moment] * RESTARTS)
    assert child.pause() == 1.0

    child.starts.append(moment)
    assert child.pause() == 60.0

    moment += 61
    assert child.pause() == 1.0
