from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.models import (
    AccessRequest,
    ApprovalStep,
    AssignmentPolicy,
    AuditEvent,
    StepApprover,
    User,
)
from entitlements.policies.models import Expiration
from entitlements.requests import deciding, operations
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from tests.factories import (
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_the_last_approval_starts_delivery(bo, pending, actions, queued, told):
    before = len(actions())

    access_request = deciding.approve(pending, by=bo, justification="Needed")

    assert access_request.state == RequestState.DELIVERING
    assert access_request.assignment.is_live
    step = access_request.steps.get()
    assert (step.state, step.decided_by, step.justification) == (StepState.APPROVED, bo, "Needed")
    assert actions()[before:] == [
        "request.approved",
        "assignment.begun",
        "request.delivery_started",
    ]
    assert queued()[-2:] == ["notifications.tasks.send_due", "delivery.tasks.deliver"]
    assert told("approval.approved") == ["Bo Chen"]
    event = AuditEvent.objects.get(action="request.approved")
    assert event.actor_name == "Bo Chen"
    assert event.details["step"] == 1
    assert (event.details["source"], event.details["state"]) == ("pending_approval", "approved")


def test_days_count_from_the_approval(ada, bo, pending):
    with clock.at(clock.now() + 10 * DAY):
        assignment = deciding.approve(pending, by=bo).assignment

    assert assignment.ends_at == assignment.starts_at + 90 * DAY
    assert assignment.starts_at > clock.now() + 9 * DAY


def test_stages_are_asked_in_order(ada, bo, gita, approved_twice, actions, told):
    access_request = operations.submit(approved_twice, by=ada)
    with pytest.raises(Denied) as denied:
        deciding.approve(access_request, by=gita)
    assert denied.value.codes == {"not_approver"}

    access_request = deciding.approve(access_request, by=bo)

    assert access_request.state == RequestState.PENDING_APPROVAL
    assert [step.state for step in access_request.steps.all()] == ["approved", "waiting"]
    assert told("approval.asked") == ["Bo Chen", "Gita Rao"]
    assert told("approval.stage_approved") == ["Bo Chen"]
    assert actions()[-2:] == ["request.stage_approved", "request.approval_asked"]
    with pytest.raises(Denied) as denied:
        deciding.approve(access_request, by=bo)
    assert denied.value.codes == {"not_approver"}

    access_request = deciding.approve(access_request, by=gita)
    assert access_request.state == RequestState.DELIVERING
    assert told("approval.approved") == ["Bo Chen", "Gita Rao"]


def test_whoever_is_asked_in_a_later_stage_is_found_when_it_opens(ada, bo):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    ApprovalStageFactory(policy=policy, position=2, manager=True)
    access_request = operations.submit(policy, by=ada)
    manager = UserFactory()
    User.objects.filter(pk=ada.pk).update(manager=manager)

    access_request = deciding.approve(access_request, by=bo)

    assert access_request.steps.get(position=2).approvers.get() == manager


def test_one_of_several_approvers_is_enough(ada, bo, gita):
    policy = AssignmentPolicyFactory()
    stage = ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    stage.approvers.create(kind="group", group=GroupFactory(members=[bo, gita, ada]))
    access_request = operations.submit(policy, by=ada)
    assert set(access_request.steps.get().approvers.all()) == {bo, gita}

    deciding.approve(access_request, by=gita)

    with pytest.raises(Denied) as denied:
        deciding.approve(access_request, by=bo)
    assert denied.value.codes == {"not_waiting"}
    assert "Gita Rao approved it" in str(denied.value)
    assert not AccessRequest.objects.waiting_for(bo).exists()
    assert AccessRequest.objects.decided_with(bo).get() == access_request


def test_nobody_approves_their_own_request(ada, gita, pending, approved_by_bo, appoint):
    StepApprover.objects.create(step=pending.steps.get(), user=ada)

    with pytest.raises(Denied) as denied:
        deciding.approve(pending, by=ada)

    assert denied.value.codes == {"own_request"}
    assert not AccessRequest.objects.waiting_for(ada).exists()


def test_whoever_gives_access_directly_does_not_approve_it(bo, approved_by_bo, appoint, ada):
    appoint(bo, approved_by_bo.package.catalog)
    access_request = operations.assign(approved_by_bo, ada, by=bo)
    StepApprover.objects.create(step=access_request.steps.get(), user=bo)

    with pytest.raises(Denied) as denied:
        deciding.approve(access_request, by=bo)

    assert denied.value.codes == {"own_request"}


def test_superusers_and_owners_who_are_not_asked_do_not_decide(gita, pending, appoint):
    appoint(gita, pending.package.catalog)
    for somebody in (gita, UserFactory(is_superuser=True)):
        with pytest.raises(Denied) as denied:
            deciding.approve(pending, by=somebody)
        assert denied.value.codes == {"not_approver"}


def test_a_disabled_approver_does_not_decide(bo, pending):
    bo.is_active = False
    bo.save()

    with pytest.raises(Denied) as denied:
        deciding.approve(pending, by=bo)

    assert denied.value.codes == {"account_disabled"}


def test_after_the_deadline_nobody_decides(bo, pending, actions):
    before = actions()
    with clock.at(pending.steps.get().due_at), pytest.raises(Denied) as denied:
        deciding.approve(pending, by=bo)

    assert denied.value.codes == {"lapsed"}
    assert actions() == before


def test_a_stage_may_require_a_reason(ada, bo):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo], requires_justification=True)
    access_request = operations.submit(policy, by=ada)

    with pytest.raises(Denied) as denied:
        deciding.approve(access_request, by=bo)

    assert denied.value.codes == {"justification_missing"}
    assert deciding.approve(access_request, by=bo, justification="Yes").assignment


def test_a_disabled_person_gets_nothing_by_a_late_approval(ada, bo, pending):
    ada.is_active = False
    ada.save()

    with pytest.raises(Denied) as denied:
        deciding.approve(pending, by=bo)

    assert denied.value.codes == {"account_disabled"}
    pending.refresh_from_db()
    assert pending.state == RequestState.PENDING_APPROVAL
    assert pending.steps.get().state == StepState.WAITING


def test_what_is_held_meanwhile_is_not_given_twice(ada, bo, pending):
    AssignmentFactory(policy=pending.policy, target=ada)

    with pytest.raises(Denied) as denied:
        deciding.approve(pending, by=bo)

    assert denied.value.codes == {"already_held"}


def test_access_for_a_period_that_is_over_is_not_given(ada, bo, approved_by_bo):
    approved_by_bo.allows_custom_dates = True
    approved_by_bo.save()
    ends_at = clock.now() + DAY
    access_request = operations.submit(approved_by_bo, by=ada, ends_at=ends_at)

    with clock.at(ends_at), pytest.raises(Denied) as denied:
        deciding.approve(access_request, by=bo)

    assert denied.value.codes == {"period_over"}


def test_an_approved_start_in_the_future_is_scheduled(ada, bo, approved_by_bo):
    approved_by_bo.allows_custom_dates = True
    approved_by_bo.save()
    access_request = operations.submit(approved_by_bo, by=ada, starts_at=clock.now() + 3 * DAY)

    assert deciding.approve(access_request, by=bo).state == RequestState.SCHEDULED


def test_an_approver_may_shorten(ada, bo, pending):
    ends_at = clock.now() + 7 * DAY

    access_request = deciding.approve(pending, by=bo, ends_at=ends_at)

    assert access_request.shortened_to == ends_at
    assert access_request.assignment.ends_at == ends_at
    event = AuditEvent.objects.get(action="request.approved")
    assert event.details["ends_at"] == ends_at.isoformat()


def test_each_stage_may_shorten_what_is_left(ada, bo, gita, approved_twice):
    access_request = operations.submit(approved_twice, by=ada)
    moment = clock.now()
    deciding.approve(access_request, by=bo, ends_at=moment + 7 * DAY)

    with pytest.raises(Denied) as denied:
        deciding.approve(access_request, by=gita, ends_at=moment + 8 * DAY)
    assert denied.value.codes == {"not_shorter"}

    access_request = deciding.approve(access_request, by=gita, ends_at=moment + 6 * DAY)
    assert access_request.assignment.ends_at == moment + 6 * DAY


def test_what_an_earlier_stage_shortened_stays_short(ada, bo, gita, approved_twice):
    access_request = operations.submit(approved_twice, by=ada)
    ends_at = clock.now() + 7 * DAY
    deciding.approve(access_request, by=bo, ends_at=ends_at)

    assert deciding.approve(access_request, by=gita).assignment.ends_at == ends_at


@pytest.mark.parametrize(
    ("days", "code"),
    [(-1, "ends_in_the_past"), (90.5, "not_shorter"), (2_900_000, "too_far_ahead")],
)
def test_shortening_means_an_earlier_end(bo, pending, days, code):
    with pytest.raises(Denied) as denied:
        deciding.approve(pending, by=bo, ends_at=clock.now() + days * DAY)

    assert denied.value.codes == {code}
    assert pending.steps.get().state == StepState.WAITING


def test_shortened_access_still_ends_after_its_start(ada, bo, approved_by_bo):
    approved_by_bo.allows_custom_dates = True
    approved_by_bo.save()
    starts_at = clock.now() + 3 * DAY
    access_request = operations.submit(approved_by_bo, by=ada, starts_at=starts_at)

    with pytest.raises(Denied) as denied:
        deciding.approve(access_request, by=bo, ends_at=starts_at - DAY)

    assert denied.value.codes == {"ends_before_start"}


@pytest.fixture
def extension(ada, bo, gita):
    """Ada's request to keep access for longer, which two stages approve."""
    policy = AssignmentPolicyFactory(extension_requires_approval=True)
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    ApprovalStageFactory(policy=policy, position=2, approvers=[gita])
    assignment = AssignmentFactory(policy=policy, target=ada, ends_at=clock.now() + 10 * DAY)
    return operations.extend(assignment, by=ada)


def test_an_extension_may_be_shortened_but_not_below_what_is_held(bo, gita, extension):
    held_until = extension.assignment.ends_at
    for days, code in ((-1, "not_later"), (0, "not_later"), (90, "not_shorter")):
        with pytest.raises(Denied) as denied:
            deciding.approve(extension, by=bo, ends_at=held_until + days * DAY)
        assert denied.value.codes == {code}

    deciding.approve(extension, by=bo, ends_at=held_until + 20 * DAY)
    with pytest.raises(Denied) as denied:
        deciding.approve(extension, by=gita, ends_at=held_until + 21 * DAY)
    assert denied.value.codes == {"not_shorter"}

    deciding.approve(extension, by=gita)
    extension.assignment.refresh_from_db()
    assert extension.assignment.ends_at == held_until + 20 * DAY


def test_access_without_end_may_be_given_one(ada, bo):
    policy = AssignmentPolicyFactory(expiration=Expiration.NEVER, duration=None)
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    access_request = operations.submit(policy, by=ada)
    ends_at = clock.now() + 400 * DAY

    assert deciding.approve(access_request, by=bo, ends_at=ends_at).assignment.ends_at == ends_at


def test_what_the_policy_says_now_does_not_matter(bo, pending):
    AssignmentPolicy.objects.filter(pk=pending.policy_id).update(duration=1, is_enabled=False)

    assignment = deciding.approve(pending, by=bo).assignment

    assert assignment.ends_at - assignment.starts_at == 90 * DAY


def test_many_are_decided_one_by_one(ada, bo, gita, approved_by_bo, actions):
    mine = operations.submit(approved_by_bo, by=ada)
    second = operations.submit(approved_by_bo, by=UserFactory())
    other = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=other, position=1, approvers=[gita])
    foreign = operations.submit(other, by=ada)

    outcomes = deciding.decide_many(
        [mine, foreign, second], by=bo, approves=True, justification="All"
    )

    assert [bool(outcome.decision) for outcome in outcomes] == [True, False, True]
    assert outcomes[1].decision.codes == {"not_approver"}
    assert outcomes[1].access_request == foreign
    assert outcomes[0].access_request.state == RequestState.DELIVERING
    assert actions().count("request.approved") == 2


def test_many_are_denied(ada, bo, pending):
    (outcome,) = deciding.decide_many([pending], by=bo, approves=False)

    assert outcome.access_request.state == RequestState.DENIED


def test_one_waiting_step_per_request(pending):
    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalStep.objects.create(
            access_request=pending, position=2, state=StepState.WAITING, decision_days=1
        )


def test_one_step_per_position(pending):
    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalStep.objects.create(access_request=pending, position=1, decision_days=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": StepState.APPROVED},
        {"state": StepState.DENIED, "decided_at": True},
        {"state": StepState.WAITING, "decided_at": True, "decided_by": True},
        {"state": StepState.LAPSED, "decided_by": True},
    ],
)
def test_decided_step_says_who_and_when(bo, pending, wrong):
    values = {"decided_at": clock.now(), "decided_by": bo}
    wrong = {name: values.get(name, value) for name, value in wrong.items()}

    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalStep.objects.filter(access_request=pending).update(**wrong)


def test_asked_once_per_step(bo, pending):
    with pytest.raises(IntegrityError), transaction.atomic():
        StepApprover.objects.create(step=pending.steps.get(), user=bo)
