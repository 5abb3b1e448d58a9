"""Requests that wait can be given the policy as it reads now; what was decided stays decided."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.models import ApprovalStep, Notification, StepApprover
from entitlements.policies.operations import change_policy, terms_of
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.requests import deciding, operations, reapplying
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from tests.factories import (
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(appoint, policy):
    return appoint(UserFactory(display_name="Olga Owner"), policy.package.catalog)


@pytest.fixture
def policy(bo):
    """Bo decides within 14 days, for 90 days of access."""
    policy = AssignmentPolicyFactory(name="Staff")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    return policy


@pytest.fixture
def waiting(policy, ada):
    return operations.submit(policy, by=ada)


def stage(*people, **facts):
    return StageTerms(tuple(ApproverTerms("user", person.pk) for person in people), **facts)


def change(policy, by, **changes):
    policy.refresh_from_db()
    change_policy(policy, replace(terms_of(policy), **changes), by=by)


def steps(access_request):
    found = access_request.steps.order_by("position")
    return [
        (step.position, step.state, sorted(str(user) for user in step.approvers.all()))
        for step in found
    ]


def refused(access_request, by):
    with pytest.raises(Denied) as denied:
        reapplying.apply_policy(access_request, by=by)
    return denied.value.codes


def test_a_stage_whose_approvers_changed_begins_anew(policy, waiting, olga, gita):
    with clock.at(clock.now() + timedelta(days=2)):
        change(policy, olga, stages=(stage(gita, decision_days=5),))
        reapplying.apply_policy(waiting, by=olga)
        due = clock.now() + timedelta(days=5)

    step = waiting.steps.get()
    assert steps(waiting) == [(1, StepState.WAITING, ["Gita Rao"])]
    assert abs(step.due_at - due) < timedelta(minutes=1)
    assert Notification.objects.filter(event="approval.asked", recipient=gita).exists()
    with pytest.raises(Denied):
        deciding.approve(waiting, by=UserFactory())
    assert deciding.approve(waiting, by=gita).state == RequestState.DELIVERING


def test_terms_alone_leave_the_stage_as_it_is(policy, waiting, olga, bo):
    before = waiting.steps.get()
    change(policy, olga, duration=7)

    reapplying.apply_policy(waiting, by=olga)

    step = waiting.steps.get()
    assert (step.pk, step.due_at) == (before.pk, before.due_at)
    assert Notification.objects.filter(event="approval.asked").count() == 1
    deciding.approve(waiting, by=bo)
    waiting.refresh_from_db()
    length = waiting.assignment.ends_at - waiting.assignment.starts_at
    assert abs(length - timedelta(days=7)) < timedelta(hours=2)


def test_stages_to_come_are_replaced_and_the_waiting_one_stays(policy, waiting, olga, bo, gita):
    change(policy, olga, stages=(stage(bo), stage(gita, decision_days=3)))

    reapplying.apply_policy(waiting, by=olga)

    assert steps(waiting) == [
        (1, StepState.WAITING, ["Bo Chen"]),
        (2, StepState.COMING, []),
    ]
    deciding.approve(waiting, by=bo)
    assert steps(waiting)[1] == (2, StepState.WAITING, ["Gita Rao"])


def test_decided_stages_stay_decided(policy, olga, ada, bo, gita):
    change(policy, olga, stages=(stage(bo), stage(gita)))
    policy.refresh_from_db()
    waiting = operations.submit(policy, by=ada)
    deciding.approve(waiting, by=bo)
    dora = UserFactory(display_name="Dora Dahl")
    change(policy, olga, stages=(stage(gita), stage(dora)))

    reapplying.apply_policy(waiting, by=olga)

    assert steps(waiting) == [
        (1, StepState.APPROVED, ["Bo Chen"]),
        (2, StepState.WAITING, ["Dora Dahl"]),
    ]


def test_the_act_is_one_event_with_what_was_and_what_is(policy, waiting, olga, gita, actions):
    change(policy, olga, duration=7, stages=(stage(gita),))

    reapplying.apply_policy(waiting, by=olga)

    assert actions()[-2:] == ["request.policy_applied", "request.approval_asked"]
    event = AuditEvent.objects.get(action="request.policy_applied")
    changes = {
        change["field"]: (change["old"], change["new"]) for change in event.details["changes"]
    }
    assert changes["duration"] == (90, 7)
    assert changes["stages.1.approvers"][1][0]["name"] == "Gita Rao"
    assert event.details["is_reopened"] is True


def test_a_new_name_of_the_same_approver_is_no_new_stage(policy, waiting, olga, bo):
    bo.display_name = "Bo Chen-Lee"
    bo.save()
    change(policy, olga, duration=7)

    reapplying.apply_policy(waiting, by=olga)

    assert AuditEvent.objects.get(action="request.policy_applied").details["is_reopened"] is False


def test_nothing_happens_where_nothing_differs(policy, waiting, olga):
    change(policy, olga, description="Only words.")

    assert refused(waiting, olga) == {"nothing_to_apply"}


def test_a_request_is_never_approved_by_taking_its_stages_away(policy, waiting, olga):
    change(policy, olga, stages=())

    assert refused(waiting, olga) == {"no_stage_left"}


def test_a_stage_in_which_somebody_has_decided_is_left_alone(policy, olga, ada, bo, gita):
    change(policy, olga, stages=(stage(bo, gita, rule="all"),))
    policy.refresh_from_db()
    waiting = operations.submit(policy, by=ada)
    deciding.approve(waiting, by=bo)
    change(policy, olga, duration=7)

    assert refused(waiting, olga) == {"stage_in_decision"}


def test_nobody_changes_the_approval_of_his_own_request(policy, olga):
    mine = operations.submit(policy, by=olga)
    change(policy, olga, duration=7)

    assert refused(mine, olga) == {"own_request"}


def test_only_those_who_manage_packages_apply_a_policy(policy, waiting, olga, gita, appoint):
    appoint(gita, policy.package.catalog, "assignment_manager")
    change(policy, olga, duration=7)

    assert refused(waiting, gita) == {"not_permitted"}


def test_what_does_not_wait_keeps_the_policy_as_it_was(policy, waiting, olga, ada):
    operations.cancel(waiting, by=ada)
    change(policy, olga, duration=7)

    assert refused(waiting, olga) == {"not_waiting"}


def test_after_the_deadline_it_lapses(policy, waiting, olga):
    change(policy, olga, duration=7)

    with clock.at(clock.now() + timedelta(days=15)):
        assert refused(waiting, olga) == {"lapsed"}


def test_an_extension_follows_what_the_policy_says_of_extensions(policy, olga, ada, gita):
    change(policy, olga, extension_requires_approval=True)
    policy.refresh_from_db()
    held = AssignmentFactory(policy=policy, target=ada)
    waiting = operations.extend(held, by=ada)
    change(policy, olga, extension_requires_approval=False)
    assert refused(waiting, olga) == {"no_stage_left"}
    change(policy, olga, extension_requires_approval=True, stages=(stage(gita),))

    reapplying.apply_policy(waiting, by=olga)

    assert steps(waiting) == [(1, StepState.WAITING, ["Gita Rao"])]


def test_older_terms_that_lack_something_do_not_differ_in_it(policy, waiting, olga):
    del waiting.terms["allows_on_behalf"]
    waiting.save()

    assert refused(waiting, olga) == {"nothing_to_apply"}


@pytest.mark.django_db(transaction=True)
def test_a_decision_at_the_same_moment_is_kept_or_refused(policy, ada, olga, bo, gita):
    waiting = operations.submit(policy, by=ada)
    change(policy, olga, stages=(stage(gita),))

    outcomes = at_once(
        lambda: deciding.approve(waiting, by=bo),
        lambda: reapplying.apply_policy(waiting, by=olga),
    )

    waiting.refresh_from_db()
    [codes] = refusals(outcomes)
    if waiting.state == RequestState.PENDING_APPROVAL:
        assert codes == {"not_approver"}
        assert StepApprover.objects.get().user == gita
    else:
        assert codes == {"not_waiting"}
        assert ApprovalStep.objects.get().decided_by == bo
