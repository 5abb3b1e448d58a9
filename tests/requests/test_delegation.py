"""An approver lets somebody decide in his place: for what comes, on choice for what waits."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from entitlements import clock, sweep
from entitlements.decisions import Denied
from entitlements.models import (
    AccessRequest,
    ApprovalDelegation,
    AuditEvent,
    Notification,
    StepApprover,
)
from entitlements.policies.models import DecisionRule
from entitlements.requests import deciding, escalating, operations, standing_in
from entitlements.requests.context import facts_about
from entitlements.requests.states import RequestState
from tests.factories import (
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    StageApproverFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def refused(act, *arguments, **named):
    with pytest.raises(Denied) as denied:
        act(*arguments, **named)
    return denied.value.codes


def waiting_for(user):
    return list(AccessRequest.objects.waiting_for(user))


def asked(access_request):
    """Who has a turn in the stage that waits, and for whom."""
    turns = StepApprover.objects.filter(
        step__access_request=access_request, step__state="waiting"
    ).select_related("user", "delegation__delegator")
    return {
        str(turn.user): str(turn.delegation.delegator) if turn.delegation else ""
        for turn in turns.order_by("user__display_name")
    }


def test_what_comes_reaches_the_stand_in_and_the_approver(
    ada, bo, gita, approved_by_bo, actions, told
):
    delegation = standing_in.delegate(gita, by=bo)
    assert actions() == ["delegation.begun"]
    event = AuditEvent.objects.get(action="delegation.begun")
    assert (event.actor_name, event.target_id) == ("Bo Chen", gita.pk)
    assert told("delegation.begun") == ["Gita Rao"]

    access_request = operations.submit(approved_by_bo, by=ada)

    assert str(delegation) == "Gita Rao for Bo Chen"
    assert asked(access_request) == {"Bo Chen": "", "Gita Rao": "Bo Chen"}
    assert waiting_for(bo) == waiting_for(gita) == [access_request]
    assert told("approval.asked") == ["Bo Chen", "Gita Rao"]
    facts = Notification.objects.get(event="approval.asked", recipient=gita).facts
    assert facts["stands_in_for"] == "Bo Chen"
    assert "request.stand_in_asked" in actions()
    assert AccessRequest.objects.visible_to(gita).get() == access_request


def test_a_card_says_for_whom_its_viewer_stands_in(ada, bo, gita, approved_by_bo):
    standing_in.delegate(gita, by=bo)
    operations.submit(approved_by_bo, by=ada)

    waiting = AccessRequest.objects.waiting_for
    assert [one.stands_in_for for one in facts_about(waiting(gita), viewer=gita)] == ["Bo Chen"]
    assert [one.stands_in_for for one in facts_about(waiting(bo), viewer=bo)] == [""]
    assert [one.stands_in_for for one in facts_about(waiting(gita))] == [""]


def test_a_stand_in_approves_and_whoever_asked_is_told(ada, bo, gita, approved_by_bo, told):
    standing_in.delegate(gita, by=bo)
    access_request = operations.submit(approved_by_bo, by=ada)

    deciding.approve(access_request, by=gita, justification="As agreed.")

    event = AuditEvent.objects.get(action="request.approved")
    assert (event.actor_name, event.details["stands_in_for"]) == ("Gita Rao", "Bo Chen")
    assert told("request.approved_by_stand_in") == ["Ada Lovelace"]
    assert told("approval.approved") == ["Bo Chen", "Gita Rao"]
    assert refused(deciding.approve, access_request, by=bo) == {"not_waiting"}


def test_whoever_asked_learns_no_names_that_the_policy_hides(ada, bo, gita, approved_by_bo, told):
    approved_by_bo.shows_approvers = "no"
    approved_by_bo.save()
    standing_in.delegate(gita, by=bo)

    deciding.approve(operations.submit(approved_by_bo, by=ada), by=gita)

    assert told("request.approved_by_stand_in") == []


def test_a_stand_in_denies(ada, bo, gita, approved_by_bo):
    standing_in.delegate(gita, by=bo)

    deciding.deny_request(operations.submit(approved_by_bo, by=ada), by=gita, justification="No")

    assert AuditEvent.objects.get(action="request.denied").details["stands_in_for"] == "Bo Chen"


def test_the_approver_himself_can_still_decide(ada, bo, gita, approved_by_bo):
    standing_in.delegate(gita, by=bo)

    deciding.approve(operations.submit(approved_by_bo, by=ada), by=bo)

    assert "stands_in_for" not in AuditEvent.objects.get(action="request.approved").details


def test_what_waits_already_stays_where_it_is(bo, gita, pending):
    standing_in.delegate(gita, by=bo)

    assert asked(pending) == {"Bo Chen": ""}
    assert waiting_for(gita) == []
    assert refused(deciding.approve, pending, by=gita) == {"not_approver"}


def test_on_choice_what_waits_is_passed_on_too(bo, gita, pending, told):
    standing_in.delegate(gita, by=bo, with_waiting=True)

    assert asked(pending) == {"Bo Chen": "", "Gita Rao": "Bo Chen"}
    assert told("approval.asked") == ["Bo Chen", "Gita Rao"]
    deciding.approve(pending, by=gita)


def test_what_waits_is_passed_on_only_from_the_chosen_catalog_and_never_to_those_concerned(
    ada, bo, gita, pending
):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    own = operations.submit(policy, by=gita)
    other = operations.submit(policy, by=ada)

    standing_in.delegate(gita, by=bo, catalog=policy.package.catalog, with_waiting=True)

    assert asked(pending) == asked(own) == {"Bo Chen": ""}
    assert asked(other) == {"Bo Chen": "", "Gita Rao": "Bo Chen"}


def test_a_turn_that_came_by_a_delegation_is_not_passed_on(ada, bo, gita, approved_by_bo):
    hugo = UserFactory(display_name="Hugo Weiss")
    standing_in.delegate(gita, by=bo)
    standing_in.delegate(hugo, by=gita)

    access_request = operations.submit(approved_by_bo, by=ada)
    assert asked(access_request) == {"Bo Chen": "", "Gita Rao": "Bo Chen"}

    ilse = UserFactory(display_name="Ilse Bach")
    standing_in.delegate(ilse, by=gita, catalog=CatalogFactory(), with_waiting=True)
    standing_in.delegate(ilse, by=gita, catalog=access_request.package.catalog, with_waiting=True)
    assert asked(access_request) == {"Bo Chen": "", "Gita Rao": "Bo Chen"}


def test_the_stand_in_is_never_asked_about_himself(ada, bo, gita, approved_by_bo):
    standing_in.delegate(ada, by=bo)

    assert asked(operations.submit(approved_by_bo, by=ada)) == {"Bo Chen": ""}
    assert asked(operations.submit(approved_by_bo, by=gita)) == {
        "Ada Lovelace": "Bo Chen",
        "Bo Chen": "",
    }


def test_a_disabled_stand_in_is_not_asked(ada, bo, gita, approved_by_bo):
    standing_in.delegate(gita, by=bo)
    gita.is_active = False
    gita.save()

    assert asked(operations.submit(approved_by_bo, by=ada)) == {"Bo Chen": ""}


def test_a_catalog_has_a_stand_in_of_its_own(ada, bo, gita, approved_by_bo):
    hugo = UserFactory(display_name="Hugo Weiss")
    elsewhere = CatalogFactory()
    standing_in.delegate(UserFactory(), by=bo, catalog=elsewhere)
    standing_in.delegate(gita, by=bo)
    standing_in.delegate(hugo, by=bo, catalog=approved_by_bo.package.catalog)

    access_request = operations.submit(approved_by_bo, by=ada)

    assert asked(access_request) == {"Bo Chen": "", "Hugo Weiss": "Bo Chen"}


def test_a_delegation_counts_from_its_start_to_its_end(ada, bo, gita, approved_by_bo):
    moment = clock.now()
    standing_in.delegate(gita, by=bo, starts_at=moment + DAY, ends_at=moment + 3 * DAY)

    early = operations.submit(approved_by_bo, by=ada)
    assert asked(early) == {"Bo Chen": ""}
    operations.cancel(early, by=ada)
    with clock.at(moment + 2 * DAY):
        within = operations.submit(approved_by_bo, by=ada)
        assert waiting_for(gita) == [within]
    with clock.at(moment + 3 * DAY):
        assert waiting_for(gita) == []
        assert refused(deciding.approve, within, by=gita) == {"not_approver"}
        assert waiting_for(bo) == [within]


def test_when_its_time_is_over_the_sweep_takes_the_open_turns_back(ada, bo, gita, approved_by_bo):
    moment = clock.now()
    delegation = standing_in.delegate(gita, by=bo, ends_at=moment + DAY)
    access_request = operations.submit(approved_by_bo, by=ada)
    assert not standing_in.end_overdue(delegation)

    with clock.at(moment + DAY):
        assert sweep.end_delegations() == 1
        assert not standing_in.end_overdue(delegation)

    assert asked(access_request) == {"Bo Chen": ""}
    assert not AccessRequest.objects.visible_to(gita).exists()
    event = AuditEvent.objects.get(action="delegation.ended")
    assert event.actor_id is None
    delegation.refresh_from_db()
    assert delegation.ended_at >= moment + DAY
    assert "delegation.ended" not in Notification.objects.values_list("event", flat=True)


@pytest.mark.parametrize("ender", ["bo", "gita"])
def test_either_side_ends_it_and_the_other_is_told(
    ada, bo, gita, approved_by_bo, told, ender, actions
):
    delegation = standing_in.delegate(gita, by=bo)
    access_request = operations.submit(approved_by_bo, by=ada)
    one, other = (bo, gita) if ender == "bo" else (gita, bo)

    standing_in.end_delegation(delegation, by=one)

    assert asked(access_request) == {"Bo Chen": ""}
    assert told("delegation.ended") == [str(other)]
    assert actions()[-1] == "delegation.ended"
    assert refused(standing_in.end_delegation, delegation, by=one) == {"ended_already"}
    assert asked(operations.submit(AssignmentPolicyFactory(), by=ada)) == {}


def test_what_a_stand_in_has_decided_stays_when_it_ends(ada, bo, gita):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo, ada], rule=DecisionRule.ALL)
    access_request = operations.submit(policy, by=UserFactory())
    delegation = standing_in.delegate(gita, by=bo, with_waiting=True)
    deciding.approve(access_request, by=gita)

    standing_in.end_delegation(delegation, by=bo)

    step = access_request.steps.get()
    assert (step.approvals, step.needed) == (1, 2)
    assert asked(access_request) == {"Ada Lovelace": "", "Bo Chen": "", "Gita Rao": "Bo Chen"}
    assert deciding.approve(access_request, by=ada).state == RequestState.DELIVERING


def test_an_approver_and_his_stand_in_have_one_voice(ada, bo, gita):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo, ada], rule=DecisionRule.ALL)
    standing_in.delegate(gita, by=bo)
    access_request = operations.submit(policy, by=UserFactory())

    deciding.approve(access_request, by=gita)
    access_request = deciding.approve(access_request, by=bo)

    assert access_request.state == RequestState.PENDING_APPROVAL


def test_who_stands_in_for_two_has_the_voice_of_one(bo, gita):
    hugo, ilse = UserFactory(display_name="Hugo Weiss"), UserFactory()
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo, hugo], rule=DecisionRule.ALL)
    standing_in.delegate(gita, by=bo)
    standing_in.delegate(gita, by=hugo)
    access_request = operations.submit(policy, by=ilse)

    assert asked(access_request) == {"Bo Chen": "", "Gita Rao": "Bo Chen", "Hugo Weiss": ""}
    access_request = deciding.approve(access_request, by=gita)

    assert access_request.state == RequestState.PENDING_APPROVAL


def test_alternates_have_stand_ins_too(ada, bo, gita):
    hugo = UserFactory(display_name="Hugo Weiss")
    policy = AssignmentPolicyFactory()
    stage = ApprovalStageFactory(policy=policy, position=1, approvers=[bo], escalation_days=2)
    StageApproverFactory(stage=stage, user=hugo, is_alternate=True)
    access_request = operations.submit(policy, by=ada)
    standing_in.delegate(gita, by=hugo)

    with clock.at(clock.now() + 3 * DAY):
        assert escalating.escalate(access_request.steps.get())

    assert asked(access_request) == {"Bo Chen": "", "Gita Rao": "Hugo Weiss", "Hugo Weiss": ""}


def test_what_makes_no_sense_is_refused_with_every_reason(bo, gita):
    gita.is_active = bo.is_active = False
    moment = clock.now()

    codes = refused(
        standing_in.delegate,
        gita,
        by=bo,
        starts_at=moment - 3 * DAY,
        ends_at=moment - 2 * DAY,
    )

    assert codes == {
        "account_disabled",
        "person_disabled",
        "starts_in_the_past",
        "ends_before_start",
    }


def test_what_waits_cannot_be_passed_on_by_what_starts_later(bo, gita):
    codes = refused(
        standing_in.delegate, gita, by=bo, starts_at=clock.now() + DAY, with_waiting=True
    )

    assert codes == {"waiting_only_at_once"}


def test_nobody_agrees_for_centuries(bo, gita):
    codes = refused(standing_in.delegate, gita, by=bo, ends_at=clock.now() + 40_000 * DAY)

    assert len(codes) == 1


def test_one_person_stands_in_at_a_time_in_each_catalog(bo, gita):
    hugo, catalog, moment = UserFactory(), CatalogFactory(), clock.now()
    standing_in.delegate(gita, by=bo, ends_at=moment + 3 * DAY)

    assert refused(standing_in.delegate, hugo, by=bo) == {"overlaps"}
    later = {"starts_at": moment + 2 * DAY, "ends_at": moment + 5 * DAY}
    assert refused(standing_in.delegate, hugo, by=bo, **later) == {"overlaps"}
    standing_in.delegate(hugo, by=bo, starts_at=moment + 3 * DAY)
    standing_in.delegate(hugo, by=bo, catalog=catalog)
    assert refused(standing_in.delegate, gita, by=bo, catalog=catalog) == {"overlaps"}


def test_two_people_do_not_stand_in_for_each_other(bo, gita):
    catalog, moment = CatalogFactory(), clock.now()
    standing_in.delegate(gita, by=bo, catalog=catalog, ends_at=moment + 3 * DAY)

    assert refused(standing_in.delegate, bo, by=gita) == {"circle"}
    assert refused(standing_in.delegate, bo, by=gita, catalog=catalog) == {"circle"}
    standing_in.delegate(bo, by=gita, catalog=CatalogFactory())
    standing_in.delegate(bo, by=gita, starts_at=moment + 3 * DAY)


def test_the_organization_may_forbid_it(bo, gita, settings):
    settings.APPROVAL_DELEGATION = False

    assert refused(standing_in.delegate, gita, by=bo) == {"delegation_forbidden"}


def test_strangers_end_nothing(ada, bo, gita):
    delegation = standing_in.delegate(gita, by=bo)

    assert refused(standing_in.end_delegation, delegation, by=ada) == {"not_yours"}


def row(bo, to, **changes):
    moment = clock.now()
    named = {"starts_at": moment, "created_at": moment, **changes}
    return ApprovalDelegation.objects.create(delegator=bo, delegate=to, **named)


def test_delegation_ends_after_it_starts(bo, gita):
    with pytest.raises(IntegrityError), transaction.atomic():
        row(bo, gita, ends_at=clock.now() - DAY)


def test_nobody_stands_in_for_himself(bo):
    assert refused(standing_in.delegate, bo, by=bo) == {"to_yourself"}
    with pytest.raises(IntegrityError), transaction.atomic():
        row(bo, bo)


def test_one_endless_delegation_for_all_catalogs(bo, gita):
    row(bo, gita)

    with pytest.raises(IntegrityError), transaction.atomic():
        row(bo, UserFactory())
    row(bo, UserFactory(), ended_at=clock.now())


def test_one_endless_delegation_per_catalog(bo, gita):
    catalog = CatalogFactory()
    row(bo, gita, catalog=catalog)

    with pytest.raises(IntegrityError), transaction.atomic():
        row(bo, UserFactory(), catalog=catalog)
    row(bo, UserFactory(), catalog=CatalogFactory())


@pytest.mark.django_db(transaction=True)
def test_of_two_delegations_at_once_one_counts(bo, gita):
    hugo = UserFactory()

    outcomes = at_once(
        lambda: standing_in.delegate(gita, by=bo), lambda: standing_in.delegate(hugo, by=bo)
    )

    assert refusals(outcomes) == [{"overlaps"}]


@pytest.mark.django_db(transaction=True)
def test_two_who_choose_each_other_at_once_make_no_circle(bo, gita):
    outcomes = at_once(
        lambda: standing_in.delegate(gita, by=bo), lambda: standing_in.delegate(bo, by=gita)
    )

    assert refusals(outcomes) == [{"circle"}]


@pytest.mark.django_db(transaction=True)
def test_a_decision_and_the_end_of_the_delegation_at_once_come_in_some_order(
    ada, bo, gita, approved_by_bo
):
    delegation = standing_in.delegate(gita, by=bo)
    access_request = operations.submit(approved_by_bo, by=ada)

    outcomes = at_once(
        lambda: deciding.approve(access_request, by=gita),
        lambda: standing_in.end_delegation(delegation, by=bo),
    )

    assert refusals(outcomes) in ([], [{"not_approver"}])
    decided = StepApprover.objects.filter(user=gita).exists()
    assert decided == (not refusals(outcomes))


@pytest.mark.django_db(transaction=True)
def test_a_new_request_and_the_end_of_a_delegation_do_not_wait_for_each_other(
    ada, bo, gita, approved_by_bo
):
    delegation = standing_in.delegate(gita, by=bo)

    outcomes = at_once(
        lambda: operations.submit(approved_by_bo, by=ada),
        lambda: standing_in.end_delegation(delegation, by=bo),
    )

    assert refusals(outcomes) == []
    assert waiting_for(gita) == []
