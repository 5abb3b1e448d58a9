"""A worker dies in the middle of a call, and the system called gets the same message again."""

import pytest

from tests.jobs.processes import until
from tests.jobs.test_crash import act, company, events, kill_everything, start
from tests.receivers import make_receiver, never_answers, ok

__all__ = ["company", "make_receiver"]

ROWS = "SELECT state, attempts, lease_until FROM entitlements_callout"


@pytest.fixture
def receiver(company, make_receiver):
    company.environment["CALLOUT_ALLOWED_NETWORKS"] = "127.0.0.0/8"
    return make_receiver()


def test_a_call_in_the_middle_of_which_the_worker_dies_is_made_again_under_its_id(
    company, receiver
):
    receiver.answer = never_answers(receiver)
    act(company, f"submit_and_call({receiver.url!r})")
    main = start(company, slow=0)
    until(lambda: receiver.calls, f"the call; the log says:\n{company.log_text()}")

    kill_everything(company, main)
    ((state, attempts, lease),) = company.query(ROWS)
    assert (state, attempts) == ("planned", 1)
    assert lease is not None

    receiver.answer = ok
    start(company, slow=0)
    until(
        lambda: company.query(f"{ROWS} WHERE state = 'waiting'"),
        f"the call to be taken; the log says:\n{company.log_text()}",
    )
    first, again = receiver.calls
    assert (first.id, first.body) == (again.id, again.body)
    assert company.query(ROWS) == [("waiting", 2, None)]
    assert events(company, "callout.sent") == 1
    assert company.query("SELECT state FROM entitlements_accessrequest") == [
        ("waiting_for_callback",)
    ]


def test_a_message_that_is_lost_costs_a_sweep(company, receiver):
    act(company, f"submit_and_call({receiver.url!r})")
    company.query("DELETE FROM django_q_ormq")

    start(company, slow=0)

    until(lambda: receiver.calls, f"the call; the log says:\n{company.log_text()}")
