"""A worker that changes many rows is killed in the middle, and everything ends right."""

from tests.jobs.processes import until
from tests.jobs.test_crash import act, company, events, kill_everything, start

__all__ = ["company"]
NUMBER = 150
ROWS = "SELECT count(*) FROM entitlements_bulkactrow WHERE state = ?"


def in_state(site, state):
    (row,) = site.query(ROWS, state)
    return row[0]


def test_whoever_is_killed_halfway_loses_nothing_and_repeats_nothing(company):
    act(company, f"end_many({NUMBER})")
    main = start(company, slow=0)
    until(lambda: in_state(company, "done") > 5, f"a few rows; the log:\n{company.log_text()}")

    kill_everything(company, main)
    left = in_state(company, "waiting")
    assert 0 < left < NUMBER
    assert events(company, "assignment.ended") == NUMBER - left
    assert events(company, "bulk_act.finished") == 0

    start(company, slow=0)
    until(lambda: events(company, "bulk_act.finished"), f"the end:\n{company.log_text()}")
    assert in_state(company, "done") == NUMBER
    for action in ("assignment.ended", "request.removal_asked"):
        assert events(company, action) == NUMBER
    assert events(company, "bulk_act.finished") == 1
