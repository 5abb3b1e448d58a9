"""Somebody who is asked gives his turn to another; managers give anybody's, or a first one."""

import pytest

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.models import AccessRequest, AuditEvent, Notification, StepApprover
from entitlements.policies.models import DecisionRule
from entitlements.requests import deciding, handing_over, operations, standing_in
from entitlements.requests.states import RequestState
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory, UserFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
WHY = "I am on leave."


@pytest.fixture
def hugo(db):
    return UserFactory(display_name="Hugo Weiss")


@pytest.fixture
def olga(pending, appoint):
    """Who manages assignments in the catalog of Ada's request."""
    olga = UserFactory(display_name="Olga Owner")
    return appoint(olga, pending.package.catalog, "assignment_manager")


def refused(*arguments, **named):
    named.setdefault("justification", WHY)
    with pytest.raises(Denied) as denied:
        handing_over.hand_over(*arguments, **named)
    return denied.value.codes


def waiting_for(user):
    return list(AccessRequest.objects.waiting_for(user))


def test_a_turn_goes_to_somebody_else(bo, gita, pending, actions, told, queued):
    before = len(actions())

    turn = handing_over.hand_over(pending, gita, by=bo, justification=" I am on leave. ")

    assert (turn.user, turn.handed_over_by) == (gita, bo)
    assert waiting_for(gita) == [pending]
    assert waiting_for(bo) == []
    assert actions()[before:] == ["request.handed_over"]
    event = AuditEvent.objects.get(action="request.handed_over")
    assert event.actor_name == "Bo Chen"
    assert (event.details["asked"], event.details["words"]) == (["Gita Rao"], WHY)
    assert told("approval.asked") == ["Bo Chen", "Gita Rao"]
    facts = Notification.objects.get(event="approval.asked", recipient=gita).facts
    assert (facts["handed_over_by"], facts["words"]) == ("Bo Chen", WHY)
    assert told("approval.handed_over") == []
    assert queued()[-1] == "notifications.tasks.send_due"
    assert deciding.approve(pending, by=gita).state == RequestState.DELIVERING


def test_who_gave_the_turn_away_decides_no_more_and_can_still_look(bo, gita, pending):
    handing_over.hand_over(pending, gita, by=bo, justification=WHY)

    with pytest.raises(Denied) as denied:
        deciding.approve(pending, by=bo)
    assert denied.value.codes == {"not_approver"}
    assert AccessRequest.objects.visible_to(bo).get() == pending
    assert refused(pending, bo, by=bo) == {"not_approver"}


def test_a_turn_can_be_given_back(bo, gita, pending):
    handing_over.hand_over(pending, gita, by=bo, justification=WHY)
    handing_over.hand_over(pending, bo, by=gita, justification="You know him.")

    assert waiting_for(bo) == [pending]


def test_the_deadline_stays(bo, gita, pending):
    due_at = pending.steps.get().due_at

    handing_over.hand_over(pending, gita, by=bo, justification=WHY)

    assert pending.steps.get().due_at == due_at


def test_the_number_of_voices_stays(ada, bo, gita, hugo):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo, gita], rule=DecisionRule.ALL)
    access_request = operations.submit(policy, by=ada)
    assert refused(access_request, gita, by=bo) == {"asked_already"}

    handing_over.hand_over(access_request, hugo, by=bo, justification=WHY)

    deciding.approve(access_request, by=hugo)
    assert refused(access_request, UserFactory(), by=hugo) == {"decided_already"}
    assert deciding.approve(access_request, by=gita).state == RequestState.DELIVERING


def test_it_goes_to_nobody_concerned_or_disabled_and_needs_a_reason(ada, bo, hugo, pending):
    hugo.is_active = False
    hugo.save()

    assert refused(pending, ada, by=bo) == {"about_himself"}
    assert refused(pending, bo, by=bo) == {"to_yourself", "asked_already"}
    assert refused(pending, hugo, by=bo, justification=" ") == {
        "person_disabled",
        "justification_missing",
    }


def test_only_who_is_asked_gives_his_turn(ada, bo, gita, hugo, pending):
    assert refused(pending, hugo, by=gita) == {"not_approver"}
    assert refused(pending, hugo, by=ada) == {"own_request"}
    bo.is_active = False
    bo.save()
    assert refused(pending, hugo, by=bo) == {"account_disabled"}


def test_approvers_do_not_give_the_turns_of_others(ada, bo, gita, hugo):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo, gita])
    access_request = operations.submit(policy, by=ada)

    assert refused(access_request, hugo, by=bo, giver=gita) == {"not_your_turn"}


def test_nothing_is_handed_over_after_the_decision_or_the_deadline(bo, gita, pending):
    with clock.at(pending.steps.get().due_at):
        assert refused(pending, gita, by=bo) == {"lapsed"}
    deciding.deny_request(pending, by=bo)

    assert refused(pending, gita, by=bo) == {"not_waiting"}


def test_a_manager_gives_anybodys_turn_and_he_is_told(bo, gita, olga, pending, told):
    assert handing_over.givers(pending) == [bo]

    turn = handing_over.hand_over(pending, gita, by=olga, justification=WHY, giver=bo)

    assert (turn.user, turn.handed_over_by) == (gita, olga)
    assert told("approval.handed_over") == ["Bo Chen"]
    assert AuditEvent.objects.get(action="request.handed_over").details["giver"] == "Bo Chen"
    assert handing_over.givers(pending) == [gita]


def test_a_manager_says_whose_turn_it_is_and_never_takes_it_himself(bo, gita, hugo, olga, pending):
    assert refused(pending, gita, by=olga) == {"giver_missing"}
    assert refused(pending, gita, by=olga, giver=hugo) == {"not_asked"}
    assert refused(pending, olga, by=olga, giver=bo) == {"to_yourself"}


def test_a_manager_does_not_choose_who_decides_about_himself(bo, gita, olga, approved_by_bo):
    own = operations.submit(approved_by_bo, by=olga)

    assert refused(own, gita, by=olga, giver=bo) == {"own_request"}


def test_a_manager_helps_where_nobody_is_asked(ada, gita, appoint, told):
    leaver = UserFactory(is_active=False)
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[leaver])
    access_request = operations.submit(policy, by=ada)
    olga = appoint(UserFactory(), policy.package.catalog)
    assert handing_over.givers(access_request) == []

    handing_over.hand_over(access_request, gita, by=olga, justification="Bo has left.")

    assert waiting_for(gita) == [access_request]
    assert deciding.approve(access_request, by=gita).state == RequestState.DELIVERING


def test_who_has_left_loses_his_turn_through_a_manager(bo, gita, olga, pending):
    bo.is_active = False
    bo.save()

    handing_over.hand_over(pending, gita, by=olga, justification="Bo has left.", giver=bo)

    assert StepApprover.objects.get().user == gita


def test_a_stand_in_hands_nothing_over_and_goes_with_the_turn(ada, bo, gita, hugo, approved_by_bo):
    standing_in.delegate(gita, by=bo)
    access_request = operations.submit(approved_by_bo, by=ada)
    assert refused(access_request, hugo, by=gita) == {"stands_in"}

    handing_over.hand_over(access_request, hugo, by=bo, justification=WHY)

    assert waiting_for(gita) == []
    assert waiting_for(hugo) == [access_request]


def test_whoever_takes_over_has_his_own_stand_in(bo, gita, hugo, pending):
    standing_in.delegate(hugo, by=gita)

    handing_over.hand_over(pending, gita, by=bo, justification=WHY)

    assert waiting_for(hugo) == [pending]


@pytest.mark.django_db(transaction=True)
def test_a_decision_and_a_handing_over_at_once_come_one_after_the_other(bo, gita, pending):
    outcomes = at_once(
        lambda: deciding.approve(pending, by=bo),
        lambda: handing_over.hand_over(pending, gita, by=bo, justification=WHY),
    )

    [codes] = refusals(outcomes)
    assert codes in ({"not_approver"}, {"not_waiting"})
    pending.refresh_from_db()
    is_decided = pending.state == RequestState.DELIVERING
    assert (codes == {"not_waiting"}) == is_decided


@pytest.mark.django_db(transaction=True)
def test_of_two_who_are_given_a_turn_at_once_one_has_it(bo, gita, hugo, pending):
    outcomes = at_once(
        *(
            lambda to=to: handing_over.hand_over(pending, to, by=bo, justification=WHY)
            for to in (gita, hugo)
        )
    )

    assert refusals(outcomes) == [{"not_approver"}]
    assert StepApprover.objects.count() == 1
