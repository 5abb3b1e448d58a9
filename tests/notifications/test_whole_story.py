"""The mails of whole stories, from the operations through the queue to a real mail server."""

import re
from contextlib import contextmanager
from datetime import timedelta

import pytest

from entitlements import clock, sweep
from entitlements.models import Assignment
from entitlements.requests import deciding, operations
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory

pytestmark = pytest.mark.django_db

DAY = re.compile(r" [A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2}(?=:)")
ADA, BO, GITA = ("ada@kestrel.example", "bo@kestrel.example", "gita@kestrel.example")


@pytest.fixture
def policy(bo, gita):
    """Sales Analyst for 90 days: Bo decides within 14 days, and then Gita."""
    policy = AssignmentPolicyFactory(package__name="Sales Analyst", duration=90)
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    ApprovalStageFactory(policy=policy, position=2, approvers=[gita])
    return policy


@pytest.fixture
def later(run_queue):
    """Do something a number of days after the start, and then what the clock brings."""
    start = clock.now()

    @contextmanager
    def later(days):
        with clock.at(start + timedelta(days=days)):
            yield
            sweep.run()
            run_queue()

    return later


@pytest.fixture
def arrived(sink):
    """Who was mailed what since the last look, without the days in the subjects."""

    def arrived():
        letters = [
            (recipient, DAY.sub("", str(letter["Subject"]).strip()))
            for recipients, letter in sink.letters
            for recipient in recipients
        ]
        sink.letters.clear()
        return sorted(letters)

    return arrived


def test_a_request_through_two_stages_to_the_end_of_the_access(
    ada, bo, gita, policy, later, arrived
):
    with later(0):
        access_request = operations.submit(policy, by=ada)
    assert arrived() == [(BO, "Approve by: Ada Lovelace → Sales Analyst")]

    with later(7.01):
        pass
    assert arrived() == [(BO, "Reminder (1): approve by: Ada Lovelace → Sales Analyst")]

    with later(8):
        deciding.approve(access_request, by=bo)
    assert arrived() == [
        (BO, "Stage 1 approved by Bo Chen: Ada Lovelace → Sales Analyst"),
        (GITA, "Approve by: Ada Lovelace → Sales Analyst"),
    ]

    with later(21.5):
        pass
    assert arrived() == [(GITA, "Reminder (1): approve by: Ada Lovelace → Sales Analyst")]

    with later(21.6):
        deciding.approve(access_request, by=gita)
    assert arrived() == [
        (ADA, "You have access: Sales Analyst"),
        (BO, "Approved by Gita Rao: Ada Lovelace → Sales Analyst"),
        (GITA, "Approved by Gita Rao: Ada Lovelace → Sales Analyst"),
    ]

    for days in (98, 111):
        with later(days):
            pass
        assert arrived() == [(ADA, "Ends on: Sales Analyst")]

    with later(111.1):
        operations.extend(Assignment.objects.get(), by=ada)
    assert arrived() == [(ADA, "Extended until: Sales Analyst")]

    for days, subject in ((188, "Ends on"), (201, "Ends on"), (202, "Ended")):
        with later(days):
            pass
        assert arrived() == [(ADA, f"{subject}: Sales Analyst")]
    with later(203):
        pass
    assert arrived() == []


def test_a_denial_is_told_to_whoever_asked(ada, bo, policy, later, arrived):
    with later(0):
        access_request = operations.submit(policy, by=ada)
    arrived()

    with later(1):
        deciding.deny_request(access_request, by=bo, justification="Ask your lead first.")

    assert arrived() == [(ADA, "Denied by Bo Chen: Sales Analyst for Ada Lovelace")]


@pytest.mark.parametrize(("stage", "days", "approver"), [(1, 14.01, BO), (2, 16.01, GITA)])
def test_a_lapse_is_told_to_whoever_asked_and_to_those_who_were_asked(
    ada, bo, policy, later, arrived, stage, days, approver
):
    with later(0):
        access_request = operations.submit(policy, by=ada)
    if stage == 2:
        with later(2):
            deciding.approve(access_request, by=bo)
    arrived()

    with later(days):
        pass

    assert arrived() == [
        (ADA, "Lapsed, nobody decided: Sales Analyst for Ada Lovelace"),
        (approver, "Lapsed, nobody decided: Ada Lovelace → Sales Analyst"),
    ]


def test_a_policy_may_keep_the_news_about_access_to_itself(ada, bo, gita, policy, later, arrived):
    policy.sends_notifications = False
    policy.save()
    with later(0):
        access_request = operations.submit(policy, by=ada)
    with later(1):
        deciding.approve(access_request, by=bo)
    with later(2):
        deciding.approve(access_request, by=gita)
    for days in (78, 91, 92.1):
        with later(days):
            pass

    assert ADA not in {recipient for recipient, _ in arrived()}
