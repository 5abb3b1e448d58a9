"""What an approver is shown beside a request: true, and at the same cost for one as for many."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from entitlements import clock
from entitlements.assignments.models import AssignmentState, EndReason
from entitlements.models import AccessRequest, Assignment
from entitlements.policies.models import Expiration
from entitlements.requests import deciding, operations
from entitlements.requests.context import (
    Share,
    facts_about,
    facts_for_mail,
    period_of,
    shorter_days,
)
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import (
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def facts_of(access_request):
    [facts] = facts_about(AccessRequest.objects.filter(pk=access_request.pk))
    return facts


def ended(policy, target, *, days_ago=30, **attributes):
    return AssignmentFactory(
        policy=policy,
        target=target,
        starts_at=clock.now() - timedelta(days=days_ago + 10),
        ends_at=clock.now() - timedelta(days=days_ago),
        **attributes,
    )


def test_the_stage_that_waits_and_those_around_it_are_told(ada, bo, approved_twice):
    access_request = operations.submit(approved_twice, by=ada)
    deciding.approve(access_request, by=bo, justification="Fine")

    facts = facts_of(access_request)

    assert facts.step.position == 2
    assert [voice.name for voice in facts.voices] == [str(bo)]
    assert facts.coming == 0
    assert not facts.requires_justification
    assert not facts.is_extension


def test_a_request_that_is_decided_has_no_stage_that_waits(pending, bo):
    deciding.deny_request(pending, by=bo)

    facts = facts_of(pending)

    assert facts.step is None
    assert not facts.is_overdue
    assert not facts.is_urgent


def test_others_who_hold_the_package_are_counted_with_their_share_of_the_department(
    pending, ada, approved_by_bo
):
    ada.department = "Sales"
    ada.save()
    AssignmentFactory(policy=approved_by_bo, target__department="Sales")
    AssignmentFactory(policy=approved_by_bo, target__department="Finance")
    ended(approved_by_bo, UserFactory(department="Sales"))
    UserFactory(department="Sales", is_active=False)
    AssignmentFactory(target__department="Sales")

    facts = facts_of(pending)

    assert facts.holders == 2
    assert facts.peers == Share(1, 3)


@pytest.mark.parametrize("department", ["", "Nobody else here"])
def test_without_colleagues_no_share_is_told(pending, ada, department):
    ada.department = department
    ada.save()

    assert facts_of(pending).peers is None


def test_who_asks_to_keep_access_does_not_count_among_its_holders(ada, bo):
    policy = AssignmentPolicyFactory(extension_requires_approval=True)
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    ada.department = "Sales"
    ada.save()
    UserFactory(department="Sales")
    assignment = AssignmentFactory(policy=policy, target=ada)

    facts = facts_of(operations.extend(assignment, by=ada))

    assert facts.is_extension
    assert facts.holders == 0
    assert facts.peers == Share(0, 1)
    assert facts.held_until is None


def test_only_answered_requests_count_as_earlier_ones(pending, ada):
    for state in (RequestState.DELIVERED, RequestState.DENIED, RequestState.EXPIRED):
        AccessRequestFactory(requestor=ada, state=state)
    AccessRequestFactory(requestor=ada, state=RequestState.CANCELED)
    AccessRequestFactory(requestor=ada, state=RequestState.PENDING_APPROVAL)
    gone = AssignmentFactory(target=ada)
    AccessRequestFactory(
        requestor=ada,
        policy=gone.policy,
        assignment=gone,
        kind=RequestKind.USER_REMOVE,
        state=RequestState.DELIVERED,
    )

    assert facts_of(pending).earlier == Share(1, 3)


def test_a_decided_request_is_not_its_own_predecessor(pending, bo):
    deciding.approve(pending, by=bo)

    assert facts_of(pending).earlier == Share(0, 0)


def test_the_last_time_that_somebody_held_the_package_is_told(pending, ada, approved_by_bo):
    ended(approved_by_bo, ada, days_ago=40, **_carried_out(EndReason.TIME))
    last = ended(approved_by_bo, ada, days_ago=20)
    ended(AssignmentPolicyFactory(), ada, days_ago=1)

    assert facts_of(pending).held_until == last.ends_at


def test_access_that_was_given_back_ended_when_it_was(pending, ada, approved_by_bo):
    back = AssignmentFactory(
        policy=approved_by_bo, target=ada, **_carried_out(EndReason.GIVEN_BACK)
    )

    assert facts_of(pending).held_until == back.ended_at


def _carried_out(reason):
    return {
        "state": AssignmentState.EXPIRED,
        "ended_at": clock.now() - 2 * DAY,
        "end_reason": reason,
    }


def test_roles_come_in_their_order_and_privileged_ones_are_marked(pending):
    role = pending.package.roles.get()
    assert not facts_of(pending).is_privileged

    role.is_privileged = True
    role.save()

    facts = facts_of(pending)
    assert facts.roles == (role,)
    assert facts.is_privileged


def test_a_deadline_within_a_day_is_urgent_and_one_that_passed_is_over(pending):
    due_at = pending.steps.get().due_at

    for moment, is_urgent, is_overdue in (
        (due_at - 2 * DAY, False, False),
        (due_at - DAY / 2, True, False),
        (due_at + DAY, True, True),
    ):
        with clock.at(moment):
            facts = facts_of(pending)
            assert (facts.is_urgent, facts.is_overdue) == (is_urgent, is_overdue)


def test_a_stage_may_ask_for_a_reason(pending):
    pending.steps.update(requires_justification=True)

    assert facts_of(pending).requires_justification


def test_a_mail_gets_the_same_facts_and_nothing_about_what_is_gone(pending):
    assert facts_for_mail(pending.pk).access_request == pending
    assert facts_for_mail(pending.package_id) is None


def test_nothing_is_read_about_nothing(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert facts_about(AccessRequest.objects.all()) == []


def test_facts_cost_as_many_queries_for_thirty_requests_as_for_one(bo):
    def ask(count):
        for _ in range(count):
            policy = AssignmentPolicyFactory()
            ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
            operations.submit(policy, by=UserFactory(department="Sales", manager=bo))

    def cost():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            found = facts_about(AccessRequest.objects.waiting_for(bo))
            for facts in found:
                assert facts.roles
                assert facts.access_request.target.manager == bo
                assert facts.shorter_days
        return len(captured), len(found)

    ask(1)
    few = cost()
    ask(29)

    assert few == (8, 1)
    assert cost() == (8, 30)


@pytest.mark.parametrize(
    ("policy", "length"),
    [
        ({"duration": 90}, 90 * DAY),
        ({"expiration": Expiration.AFTER_HOURS, "duration": 8}, timedelta(hours=8)),
        ({"expiration": Expiration.NEVER, "duration": None}, None),
    ],
)
def test_a_period_is_the_policys_where_nothing_was_chosen(ada, policy, length):
    access_request = AccessRequestFactory(requestor=ada, policy=AssignmentPolicyFactory(**policy))

    period = period_of(access_request)

    assert period.length == length
    assert period.starts_at is period.ends_at is None


def test_a_period_ends_with_the_earliest_of_what_was_chosen(ada):
    end = datetime(2027, 3, 1, tzinfo=UTC)
    policy = AssignmentPolicyFactory(expiration=Expiration.ON_DATE, ends_on=end, duration=None)

    assert period_of(AccessRequestFactory(requestor=ada, policy=policy)).ends_at == end
    shorter = AccessRequestFactory(requestor=ada, ends_at=end - DAY, shortened_to=end - 2 * DAY)
    assert period_of(shorter).ends_at == end - 2 * DAY


def test_an_extension_lasts_until_what_was_asked_for(ada):
    assignment = AssignmentFactory(target=ada)
    wanted = assignment.ends_at + 30 * DAY
    access_request = AccessRequestFactory(
        requestor=ada,
        kind=RequestKind.USER_EXTEND,
        policy=assignment.policy,
        assignment=assignment,
        ends_at=wanted,
    )

    facts = facts_of(access_request)

    assert facts.period.ends_at == wanted
    first, last = facts.shorter_days
    assert clock.day_ends(first) > assignment.ends_at
    assert clock.day_ends(last) < wanted


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "chosen", "expected"),
    [
        ({"duration": 90}, None, (date(2026, 11, 23), date(2027, 2, 20))),
        ({"expiration": Expiration.NEVER, "duration": None}, None, (date(2026, 11, 23), None)),
        ({"expiration": Expiration.AFTER_HOURS, "duration": 8}, None, None),
        (
            {"expiration": Expiration.AFTER_HOURS, "duration": 48},
            None,
            (date(2026, 11, 23), date(2026, 11, 24)),
        ),
        ({"duration": 90}, NOON + DAY, (date(2026, 11, 23), date(2026, 11, 23))),
        (
            {"duration": 90},
            datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC),
            (date(2026, 11, 23), date(2026, 11, 24)),
        ),
    ],
)
def test_access_can_be_shortened_to_days_between_now_and_its_end(ada, policy, chosen, expected):
    with clock.at(NOON):
        access_request = AccessRequestFactory(
            requestor=ada, policy=AssignmentPolicyFactory(**policy), ends_at=chosen
        )

        assert shorter_days(access_request) == expected


def test_at_the_very_end_of_a_day_shortening_begins_with_the_next(ada, monkeypatch):
    access_request = AccessRequestFactory(
        requestor=ada, policy=AssignmentPolicyFactory(duration=90)
    )
    last_moment = datetime(2026, 11, 23, 23, 59, 59, 900_000, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: last_moment)

    assert shorter_days(access_request)[0] == date(2026, 11, 24)


def test_what_can_be_chosen_is_accepted(pending, bo):
    first, last = facts_of(pending).shorter_days

    deciding.approve(pending, by=bo, ends_at=clock.day_ends(last))

    assert first < last
    assert Assignment.objects.get().ends_at == clock.day_ends(last)
