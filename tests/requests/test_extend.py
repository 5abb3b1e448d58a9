from datetime import timedelta
from time import sleep

import pytest

from entitlements import clock
from entitlements.assignments.models import next_reminder
from entitlements.decisions import Denied
from entitlements.delivery.expiry import end_overdue
from entitlements.models import AccessRequest, Assignment, AuditEvent
from entitlements.policies.models import Expiration, Scope
from entitlements.requests import candidates, deciding, operations
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import (
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def assignment(ada, policy):
    return AssignmentFactory(policy=policy, target=ada)


def test_without_approval_the_end_moves_by_one_more_duration(ada, assignment, actions, queued):
    end = assignment.ends_at

    access_request = operations.extend(assignment, by=ada)

    assert access_request.kind == RequestKind.USER_EXTEND
    assert access_request.state == RequestState.DELIVERED
    assert access_request.completed_at is not None
    assert access_request.assignment == assignment
    assignment.refresh_from_db()
    assert assignment.ends_at == end + 90 * DAY
    assert assignment.reminder_at == next_reminder(assignment.ends_at, after=clock.now())
    assert actions() == [
        "request.extension_asked",
        "request.approved_automatically",
        "assignment.extended",
        "request.extended",
    ]
    assert queued() == ["notifications.tasks.send_due"]
    event = AuditEvent.objects.get(action="assignment.extended")
    assert event.details["ended_before"] == end.isoformat()
    assert event.details["ends_at"] == assignment.ends_at.isoformat()


def test_an_earlier_end_can_be_chosen(ada, assignment, told):
    ends_at = assignment.ends_at + DAY

    operations.extend(assignment, by=ada, ends_at=ends_at)

    assignment.refresh_from_db()
    assert assignment.ends_at == ends_at
    assert told("access.extended") == ["Ada Lovelace"]


def test_with_approval_the_end_moves_when_it_is_approved(ada, bo, assignment, told):
    assignment.policy.extension_requires_approval = True
    assignment.policy.save()
    ApprovalStageFactory(policy=assignment.policy, position=1, approvers=[bo])
    end = assignment.ends_at

    access_request = operations.extend(assignment, by=ada)

    assert access_request.state == RequestState.PENDING_APPROVAL
    assignment.refresh_from_db()
    assert assignment.ends_at == end
    assert told("approval.asked") == ["Bo Chen"]
    access_request = deciding.approve(access_request, by=bo)
    assert access_request.state == RequestState.DELIVERED
    assignment.refresh_from_db()
    assert assignment.ends_at == end + 90 * DAY


def test_stages_are_left_out_where_an_extension_needs_no_approval(ada, bo, assignment):
    ApprovalStageFactory(policy=assignment.policy, position=1, approvers=[bo])

    assert operations.extend(assignment, by=ada).state == RequestState.DELIVERED


def test_under_a_policy_without_end_access_can_be_kept_for_ever(ada, assignment):
    AssignmentPolicyFactory._meta.model.objects.filter(pk=assignment.policy_id).update(
        expiration=Expiration.NEVER, duration=None
    )

    operations.extend(assignment, by=ada)

    assignment.refresh_from_db()
    assert (assignment.ends_at, assignment.reminder_at) == (None, None)


def test_direct_access_can_be_extended_by_its_holder(ada):
    policy = AssignmentPolicyFactory(scope=Scope.NOBODY)
    assignment = AssignmentFactory(policy=policy, target=ada, is_direct=True)

    assert operations.extend(assignment, by=ada).state == RequestState.DELIVERED


REFUSED = [
    ({"allows_extension": False}, {}, {"extension_not_allowed"}),
    ({"is_enabled": False}, {}, {"extension_not_allowed"}),
    ({"scope": Scope.SPECIFIC}, {}, {"not_in_scope"}),
    ({"requires_justification": True}, {}, {"justification_missing"}),
    ({}, {"justification": "a\x00b"}, {"justification_unreadable"}),
    ({}, {"ends_at": DAY}, {"not_later"}),
    ({}, {"ends_at": 200 * DAY}, {"ends_after_limit"}),
    ({}, {"ends_at": 2_900_000 * DAY}, {"ends_after_limit", "too_far_ahead"}),
]


@pytest.mark.parametrize(("terms", "wish", "codes"), REFUSED)
def test_what_does_not_fit_is_refused(ada, actions, terms, wish, codes):
    assignment = AssignmentFactory(policy=AssignmentPolicyFactory(**terms), target=ada)
    if "ends_at" in wish:
        wish = {"ends_at": clock.now() + wish["ends_at"]}

    with pytest.raises(Denied) as denied:
        operations.extend(assignment, by=ada, **wish)

    assert denied.value.codes == codes
    assert actions() == []


def test_the_date_of_the_policy_cannot_be_passed(ada):
    ends_on = clock.now() + 30 * DAY
    policy = AssignmentPolicyFactory(expiration=Expiration.ON_DATE, duration=None, ends_on=ends_on)
    assignment = AssignmentFactory(policy=policy, target=ada, ends_at=clock.now() + DAY)

    with pytest.raises(Denied) as denied:
        operations.extend(assignment, by=ada, ends_at=ends_on + timedelta(seconds=1))
    assert denied.value.codes == {"ends_after_limit"}

    operations.extend(assignment, by=ada)
    assignment.refresh_from_db()
    assert assignment.ends_at == ends_on
    with pytest.raises(Denied) as denied:
        operations.extend(assignment, by=ada)
    assert denied.value.codes == {"not_later"}


def test_what_never_ends_cannot_be_extended(ada, policy):
    assignment = AssignmentFactory(policy=policy, target=ada, ends_at=None)

    with pytest.raises(Denied) as denied:
        operations.extend(assignment, by=ada)

    assert denied.value.codes == {"never_ends"}
    assert candidates.extension_limit(assignment) is None


def test_only_the_holder_extends(assignment, bo, gita, appoint):
    appoint(gita, assignment.package.catalog)
    for somebody in (bo, gita):
        with pytest.raises(Denied) as denied:
            operations.extend(assignment, by=somebody)
        assert denied.value.codes == {"not_holder"}


def test_a_disabled_holder_does_not_extend(policy):
    disabled = UserFactory(is_active=False)
    assignment = AssignmentFactory(policy=policy, target=disabled)

    with pytest.raises(Denied) as denied:
        operations.extend(assignment, by=disabled)

    assert denied.value.codes == {"not_holder"}


def test_ended_access_is_not_extended_whether_carried_out_or_not(ada, assignment):
    with clock.at(assignment.ends_at):
        with pytest.raises(Denied) as denied:
            operations.extend(assignment, by=ada)
        assert denied.value.codes == {"access_ended"}

        end_overdue()
        with pytest.raises(Denied) as denied:
            operations.extend(assignment, by=ada)
        assert denied.value.codes == {"access_ended"}


def test_one_extension_is_asked_for_at_a_time(ada, bo, assignment):
    assignment.policy.extension_requires_approval = True
    assignment.policy.save()
    ApprovalStageFactory(policy=assignment.policy, position=1, approvers=[bo])
    operations.extend(assignment, by=ada)

    with pytest.raises(Denied) as denied:
        operations.extend(assignment, by=ada)

    assert denied.value.codes == {"already_requested"}


def test_an_extension_that_is_approved_too_late_is_refused(ada, bo, assignment):
    assignment.policy.extension_requires_approval = True
    assignment.policy.save()
    ApprovalStageFactory(policy=assignment.policy, position=1, approvers=[bo])
    Assignment.objects.filter(pk=assignment.pk).update(ends_at=clock.now() + DAY)
    access_request = operations.extend(assignment, by=ada)

    with clock.at(clock.now() + DAY), pytest.raises(Denied) as denied:
        deciding.approve(access_request, by=bo)

    assert denied.value.codes == {"access_ended"}
    access_request.refresh_from_db()
    assert access_request.state == RequestState.PENDING_APPROVAL
    assert access_request.steps.get().state == "waiting"


@pytest.mark.django_db(transaction=True)
def test_ten_extensions_at_once_move_the_end_in_turn_and_never_twice_from_one_end(ada, assignment):
    end = assignment.ends_at
    ends_at = end + 90 * DAY

    outcomes = at_once(*[lambda: operations.extend(assignment, by=ada, ends_at=ends_at)] * 10)

    assert refusals(outcomes) == [{"not_later"}] * 9
    assignment.refresh_from_db()
    assert assignment.ends_at == ends_at
    assert AccessRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("offset", [-5, 0, 5])
def test_of_extension_and_end_the_earlier_wins(ada, policy, actions, offset):
    assignment = AssignmentFactory(
        policy=policy, target=ada, ends_at=clock.now() + timedelta(seconds=0.3)
    )
    end = assignment.ends_at

    def extend():
        sleep(max(0, (end - clock.now()).total_seconds() + offset / 1000))
        return operations.extend(assignment, by=ada)

    def expire():
        sleep(max(0, (end - clock.now()).total_seconds()))
        return end_overdue()

    extended, *_ = outcomes = at_once(extend, expire, expire)

    assignment.refresh_from_db()
    if isinstance(extended, Exception):
        assert refusals(outcomes) == [{"access_ended"}]
        with clock.at(end + timedelta(seconds=1)):
            end_overdue()
        assert actions().count("assignment.ended") == 1
        assert "assignment.extended" not in actions()
    else:
        assert assignment.ended_at is None
        assert assignment.ends_at == end + 90 * DAY
        assert "assignment.ended" not in actions()
