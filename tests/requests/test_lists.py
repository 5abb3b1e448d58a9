from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.requests import operations
from entitlements.requests.models import AccessRequest
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory

pytestmark = pytest.mark.django_db


def test_the_waiting_stage_and_who_is_asked_come_along_by_two_queries(
    ada, bo, gita, approved_twice, django_assert_num_queries
):
    operations.submit(approved_twice, by=ada)
    operations.submit(AssignmentPolicyFactory(), by=ada)

    with django_assert_num_queries(3):
        found = AccessRequest.objects.with_waiting_step().order_by("created_at")
        steps = [access_request.waiting_step for access_request in found]
        asked = [step.waited_for for step in steps if step]

    assert steps[0].position == 1
    assert steps[1] is None
    assert asked == [[bo]]


def test_without_that_no_stage_is_known(pending):
    assert pending.waiting_step is None


def test_the_nearest_deadline_comes_first(ada, bo, pending):
    urgent = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=urgent, approvers=[bo], decision_days=1)
    with clock.at(clock.now() + timedelta(hours=1)):
        later = operations.submit(urgent, by=ada)

    assert list(AccessRequest.objects.waiting_for(bo).first_due_first()) == [later, pending]


def test_a_request_is_closed_once_nothing_more_happens(pending, held):
    assert [one.assignment for one in AccessRequest.objects.closed()] == [held]


def test_what_is_given_back_is_being_removed(ada, held, run_queue):
    access_request = operations.give_back(held, by=ada)
    assert access_request.shown_state == "removing"

    run_queue()

    access_request.refresh_from_db()
    assert access_request.shown_state == "delivered"
