"""Stages of approval for which an extension says who approves (checklist 80)."""

from datetime import timedelta

import pytest

from entitlements import clock, invariants, sweep
from entitlements.callouts.models import Callout, CalloutState
from entitlements.decisions import Denied
from entitlements.models import AccessRequest, ApprovalStep, AuditEvent, Notification
from entitlements.policies.operations import change_policy, terms_of
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.requests import (
    deciding,
    handing_over,
    operations,
    permissions,
    reapplying,
    standing_in,
)
from entitlements.requests.callbacks import resume, resume_by_hand, time_out
from entitlements.requests.states import RequestState
from tests.factories import (
    ApprovalStageFactory,
    AssignmentFactory,
    GroupFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def hugo(db):
    return UserFactory(display_name="Hugo Weiss")


def fresh(access_request):
    return AccessRequest.objects.get(pk=access_request.pk)


def codes(act):
    with pytest.raises(Denied) as denied:
        act()
    return denied.value.codes


def told(event):
    found = Notification.objects.filter(event=event)
    return sorted(found.values_list("recipient__display_name", flat=True))


def person(user):
    return {"@odata.type": "#microsoft.graph.singleUser", "id": str(user.pk)}


def stage_of(*people, **fields):
    return {
        "durationBeforeAutomaticDenial": "P2D",
        "primaryApprovers": [person(one) for one in people],
        **fields,
    }


def answer(*people, message="m", callout=None, **fields):
    callout = callout or Callout.objects.get(state__in=["planned", "waiting", "given_up"])
    return resume(callout, answer_id=message, approval_stage=stage_of(*people, **fields))


def broken():
    """What must hold and does not."""
    return [result.sentences for result in invariants.check() if not result.holds]


def asked():
    step = ApprovalStep.objects.get(state="waiting")
    return sorted(str(user) for user in step.approvers.all())


def test_when_the_stage_is_reached_the_extension_is_asked_and_the_request_waits(
    undetermined, receiver, run_queue, actions
):
    """Checklist 80: an external service supplies one whole approval stage."""
    assert undetermined.state == RequestState.WAITING_FOR_CALLBACK
    assert actions() == ["request.submitted", "request.waits_for_callback"]
    event = AuditEvent.objects.get(action="request.waits_for_callback")
    assert (event.details["extensions"], event.details["step"]) == (["Deciders"], 1)
    assert (event.details["source"], event.details["state"]) == (
        "submitted",
        "waiting_for_callback",
    )
    run_queue()

    (call,) = receiver.calls
    assert call.json["type"] == "access.determining_approval"
    assert call.json["data"]["approval"] == {"stage": 1, "of": 1}
    assert call.json["data"]["resume_url"].endswith(f"/{Callout.objects.get().pk}/resume")
    assert told("approval.asked") == []


def test_the_stage_opens_with_exactly_the_answered_terms(undetermined, bo, gita, hugo, actions):
    team = GroupFactory(members=[hugo])
    group = {"@odata.type": "#microsoft.graph.groupMembers", "id": str(team.pk)}

    answer(
        bo,
        durationBeforeAutomaticDenial="P5D",
        fallbackPrimaryApprovers=[person(gita)],
        escalationApprovers=[group],
        isEscalationEnabled=True,
        durationBeforeEscalation="P2D",
        isApproverJustificationRequired=True,
    )

    access_request = fresh(undetermined)
    assert access_request.state == RequestState.PENDING_APPROVAL
    step = access_request.steps.get()
    assert (step.decision_days, step.escalation_days, step.requires_justification) == (5, 2, True)
    assert (step.rule, step.quorum, step.needed) == ("any", None, 1)
    assert round((step.due_at - step.opened_at) / DAY, 3) == 5
    assert step.escalate_at - step.opened_at == 2 * DAY
    assert asked() == ["Bo Chen"]
    assert told("approval.asked") == ["Bo Chen"]
    (frozen,) = access_request.terms["stages"]
    assert [one["name"] for one in frozen["approvers"]] == ["Bo Chen", "Gita Rao", str(team)]
    assert (frozen["extension"]["name"], frozen["is_settled"]) == ("Deciders", True)
    event = AuditEvent.objects.get(action="request.callback")
    assert (event.details["approvers"], event.details["step"]) == (
        ["Bo Chen", "Gita Rao", str(team)],
        1,
    )
    assert (event.details["source"], event.details["state"]) == (
        "waiting_for_callback",
        "pending_approval",
    )
    assert actions()[-2:] == ["request.callback", "request.approval_asked"]


def test_reminders_and_alternates_and_the_deadline_follow_the_answer(undetermined, bo, gita):
    answer(
        bo,
        durationBeforeAutomaticDenial="P4D",
        escalationApprovers=[person(gita)],
        isEscalationEnabled=True,
        durationBeforeEscalation="P1D",
    )
    opened_at = ApprovalStep.objects.get().opened_at

    with clock.at(opened_at + 1.1 * DAY):
        sweep.run()
    assert told("approval.passed_on") == ["Gita Rao"]
    with clock.at(opened_at + 2.1 * DAY):
        sweep.run()
    assert told("approval.reminder") == ["Bo Chen", "Gita Rao"]
    with clock.at(opened_at + 4.1 * DAY):
        sweep.run()

    assert fresh(undetermined).state == RequestState.EXPIRED
    assert told("request.lapsed") == ["Ada Lovelace"]


def test_who_is_named_approves_hands_over_or_lets_somebody_stand_in(undetermined, bo, gita, hugo):
    standing_in.delegate(gita, by=bo)
    answer(bo)
    assert asked() == ["Bo Chen", "Gita Rao"]
    handing_over.hand_over(undetermined, hugo, by=bo, justification="On leave.")

    decided = deciding.approve(undetermined, by=hugo)

    assert decided.state == RequestState.DELIVERING
    assert permissions.can_revoke(hugo, decided.assignment)


def test_who_is_named_denies(undetermined, bo):
    answer(bo)

    assert deciding.deny_request(undetermined, by=bo).state == RequestState.DENIED


def test_nobody_decides_his_own_request_whatever_is_answered(undetermined, ada, bo):
    answer(ada, bo)

    assert asked() == ["Bo Chen"]
    assert codes(lambda: deciding.approve(undetermined, by=ada)) == {
        "own_request",
        "not_approver",
    }


@pytest.mark.parametrize("is_known", [True, False])
def test_relations_are_those_of_the_target(undetermined, ada, bo, gita, is_known):
    manager = {"@odata.type": "#microsoft.graph.requestorManager", "managerLevel": 1}
    if is_known:
        ada.manager = bo
        ada.save()

    answer(primaryApprovers=[manager], fallbackPrimaryApprovers=[person(gita)])

    assert asked() == ["Bo Chen" if is_known else "Gita Rao"]


def test_a_later_stage_asks_when_it_is_reached(ada, bo, gita, policy, decide, actions, receiver):
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    decide(policy, 2)
    access_request = operations.submit(policy, by=ada)
    assert access_request.state == RequestState.PENDING_APPROVAL
    assert not Callout.objects.exists()

    deciding.approve(access_request, by=bo)

    assert fresh(access_request).state == RequestState.WAITING_FOR_CALLBACK
    assert Callout.objects.get().payload["approval"] == {"stage": 2, "of": 2}
    answer(gita)
    assert deciding.approve(access_request, by=gita).state == RequestState.DELIVERING
    assert actions()[:7] == [
        "request.submitted",
        "request.approval_asked",
        "request.stage_approved",
        "request.waits_for_callback",
        "request.callback",
        "request.approval_asked",
        "request.approved",
    ]
    assert broken() == []


def test_two_stages_are_answered_each_on_its_own(ada, bo, gita, policy, decide):
    decide(policy, 1, name="First")
    decide(policy, 2, name="Second")
    access_request = operations.submit(policy, by=ada)

    answer(bo, message="one")
    deciding.approve(access_request, by=bo)
    answer(gita, message="two")

    assert asked() == ["Gita Rao"]
    assert Callout.objects.filter(state="done").count() == 2


def test_one_extension_may_say_who_approves_two_stages(ada, bo, gita, policy, decide):
    extension = decide(policy, 1)
    ApprovalStageFactory(policy=policy, position=2, extension=extension)
    access_request = operations.submit(policy, by=ada)

    answer(bo, message="one")
    deciding.approve(access_request, by=bo)
    answer(gita, message="two")

    assert asked() == ["Gita Rao"]


def test_a_second_answer_is_refused_and_the_same_message_changes_nothing(undetermined, bo, gita):
    callout = answer(bo)

    assert answer(gita, callout=callout).state == CalloutState.DONE
    assert asked() == ["Bo Chen"]
    assert codes(lambda: answer(gita, message="other", callout=callout)) == {"answered_already"}
    assert asked() == ["Bo Chen"]


def test_an_answer_for_a_request_that_was_canceled_is_refused(undetermined, ada, bo):
    callout = Callout.objects.get()
    operations.cancel(undetermined, by=ada)

    assert codes(lambda: answer(bo, callout=callout)) == {"answered_already"}
    assert fresh(undetermined).state == RequestState.CANCELED
    assert not ApprovalStep.objects.filter(state="waiting").exists()


def away():
    return UserFactory(is_active=False, display_name="Away")


DAYS = {"decision_days_out_of_range"}
ALTERNATES = {"escalation_days_missing", "nobody_to_decide"}
BAD_STAGES = [
    (lambda ada, bo: None, {"approval_stage_missing"}),
    (lambda ada, bo: [], {"stage_unreadable"}),
    (lambda ada, bo: stage_of(), {"stage_without_approver"}),
    (lambda ada, bo: stage_of(away()), {"person_disabled"}),
    (lambda ada, bo: stage_of(bo, durationBeforeAutomaticDenial="P15D"), DAYS),
    (lambda ada, bo: stage_of(bo, durationBeforeAutomaticDenial="P0D"), DAYS),
    (lambda ada, bo: stage_of(ada), {"nobody_to_decide"}),
    (
        lambda ada, bo: stage_of(
            primaryApprovers=[{"@odata.type": "requestorManager", "managerLevel": 2}]
        ),
        {"nobody_to_decide"},
    ),
    (lambda ada, bo: stage_of(bo, escalationApprovers=[person(ada)]), ALTERNATES),
    (
        lambda ada, bo: stage_of(
            bo,
            durationBeforeAutomaticDenial="P4D",
            isEscalationEnabled=True,
            durationBeforeEscalation="P4D",
        ),
        {"alternates_missing", "escalation_days_out_of_range"},
    ),
]


@pytest.mark.parametrize(("make", "expected"), BAD_STAGES)
def test_an_answer_that_cannot_be_taken_is_refused_and_changes_nothing(
    undetermined, ada, bo, make, expected, actions
):
    before = actions()
    callout = Callout.objects.get()

    refused = codes(lambda: resume(callout, answer_id="m", approval_stage=make(ada, bo)))

    assert refused == expected
    assert actions() == before
    assert fresh(undetermined).state == RequestState.WAITING_FOR_CALLBACK
    assert "is_settled" not in fresh(undetermined).terms["stages"][0]
    callout.refresh_from_db()
    assert (callout.state, callout.answer_id) == (CalloutState.PLANNED, "")
    answer(bo)
    assert asked() == ["Bo Chen"]


def test_an_answer_about_approvers_denies_nothing(undetermined, bo):
    callout = Callout.objects.get()

    assert codes(
        lambda: resume(callout, answer_id="m", denies=True, approval_stage=stage_of(bo))
    ) == {"cannot_deny"}


def test_a_call_that_does_not_ask_who_approves_takes_no_stage(waiting, bo):
    callout = Callout.objects.get()

    assert codes(lambda: answer(bo, callout=callout)) == {"approval_stage_unexpected"}


OUTCOMES = [
    ("fail", RequestState.DELIVERY_FAILED, "request.callback_timed_out", "request.unanswered"),
    ("deny", RequestState.DENIED, "request.denied_without_callback", "request.denied"),
    ("continue", RequestState.DELIVERY_FAILED, "request.callback_timed_out", "request.unanswered"),
]


@pytest.mark.parametrize(("on_timeout", "state", "action", "mail"), OUTCOMES)
def test_without_an_answer_nobody_is_never_enough(
    ada, policy, decide, actions, on_timeout, state, action, mail
):
    decide(policy, on_timeout=on_timeout, waits_for=14 * DAY)
    access_request = operations.submit(policy, by=ada)

    with clock.at(clock.now() + 14 * DAY + timedelta(minutes=1)):
        sweep.run()
        sweep.run()

    ended = fresh(access_request)
    assert ended.state == state
    assert ended.outcome_reason.startswith("“Deciders” gave no answer in time.")
    is_nobody_named = "Nobody is named who decides instead." in ended.outcome_reason
    assert is_nobody_named is (on_timeout == "continue")
    assert actions().count(action) == 1
    assert told(mail) == ["Ada Lovelace"]
    assert set(ended.steps.values_list("state", flat=True)) == {"closed"}


def test_where_the_rule_is_to_go_on_the_fallbacks_decide(ada, gita, policy, decide, actions):
    decide(policy, on_timeout="continue", fallbacks=[gita])
    access_request = operations.submit(policy, by=ada)

    with clock.at(clock.now() + 4 * DAY):
        sweep.time_out_what_nobody_answered()
        assert fresh(access_request).state == RequestState.PENDING_APPROVAL
        assert asked() == ["Gita Rao"]
        assert deciding.approve(access_request, by=gita).state == RequestState.DELIVERING
        assert broken() == []

    assert actions()[2:4] == ["request.callback_missed", "request.approval_asked"]
    assert AuditEvent.objects.get(action="request.callback_missed").details["step"] == 1


def test_fallbacks_do_not_decide_where_the_rule_is_another(ada, gita, policy, decide):
    decide(policy, on_timeout="deny", fallbacks=[gita])
    access_request = operations.submit(policy, by=ada)

    with clock.at(clock.now() + 4 * DAY):
        sweep.time_out_what_nobody_answered()

    assert fresh(access_request).state == RequestState.DENIED


@pytest.mark.parametrize("position", [1, 2])
def test_where_the_extension_is_off_the_fallbacks_decide(
    ada, bo, gita, policy, decide, actions, position
):
    if position == 2:
        ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    decide(policy, position, is_enabled=False, fallbacks=[gita])
    access_request = operations.submit(policy, by=ada)
    if position == 2:
        deciding.approve(access_request, by=bo)

    assert fresh(access_request).state == RequestState.PENDING_APPROVAL
    assert asked() == ["Gita Rao"]
    assert actions()[-2:] == ["request.decided_by_fallbacks", "request.approval_asked"]
    assert not Callout.objects.exists()


@pytest.mark.parametrize("position", [1, 2])
def test_where_it_is_off_and_nobody_is_named_instead_the_request_fails(
    ada, bo, policy, decide, actions, position
):
    if position == 2:
        ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    decide(policy, position, is_enabled=False)
    access_request = operations.submit(policy, by=ada)
    if position == 2:
        deciding.approve(access_request, by=bo)

    failed = fresh(access_request)
    assert failed.state == RequestState.DELIVERY_FAILED
    assert failed.outcome_reason == "“Deciders” is off, and nobody is named who decides instead."
    assert failed.was_not_granted
    assert actions()[-1] == "request.undeterminable"
    assert told("request.unanswered") == ["Ada Lovelace"]
    assert broken() == []


def test_a_call_that_was_given_up_times_out_too(undetermined):
    Callout.objects.update(state=CalloutState.GIVEN_UP, next_attempt_at=None)

    with clock.at(clock.now() + 4 * DAY):
        assert time_out(Callout.objects.get())

    assert fresh(undetermined).state == RequestState.DELIVERY_FAILED


def test_a_manager_of_assignments_says_it_in_its_place(undetermined, bo, gita, appoint, actions):
    catalog = undetermined.package.catalog
    appoint(gita, catalog, "assignment_manager")
    appoint(bo, catalog, "reader")
    callout = Callout.objects.get()
    terms = StageTerms((ApproverTerms("user", user_id=bo.pk),), decision_days=7)

    assert codes(lambda: resume_by_hand(callout, by=bo, terms=terms)) == {"not_permitted"}
    assert codes(lambda: resume_by_hand(callout, by=gita)) == {"approval_stage_missing"}
    resume_by_hand(callout, by=gita, terms=terms)

    assert asked() == ["Bo Chen"]
    assert ApprovalStep.objects.get().decision_days == 7
    assert AuditEvent.objects.get(action="request.callback").actor_name == "Gita Rao"


@pytest.mark.parametrize("role", ["requestor", "target"])
def test_nobody_says_by_hand_who_approves_his_own_request(
    ada, bo, gita, policy, decide, appoint, role
):
    decide(policy)
    appoint(ada, policy.package.catalog)
    access_request = (
        operations.submit(policy, by=ada)
        if role == "target"
        else operations.assign(policy, gita, by=ada)
    )
    terms = StageTerms((ApproverTerms("user", user_id=bo.pk),))

    refused = codes(lambda: resume_by_hand(Callout.objects.get(), by=ada, terms=terms))

    assert refused == {"own_request"}
    assert fresh(access_request).state == RequestState.WAITING_FOR_CALLBACK


def test_by_hand_nobody_who_is_gone_is_named(undetermined, gita, appoint):
    appoint(gita, undetermined.package.catalog)
    terms = StageTerms(
        (
            ApproverTerms("user", user_id=away().pk),
            ApproverTerms("group", group_id=undetermined.pk, is_fallback=True),
        )
    )

    refused = codes(lambda: resume_by_hand(Callout.objects.get(), by=gita, terms=terms))

    assert refused == {"person_unknown", "group_unknown", "nobody_to_decide"}


def test_a_request_to_extend_asks_as_well(ada, bo, policy, decide):
    policy.extension_requires_approval = True
    policy.save()
    decide(policy)
    assignment = AssignmentFactory(policy=policy, target=ada)

    longer = operations.extend(assignment, by=ada, ends_at=assignment.ends_at + DAY)
    assert longer.state == RequestState.WAITING_FOR_CALLBACK
    answer(bo)

    assert deciding.approve(longer, by=bo).state == RequestState.DELIVERED


def test_created_comes_before_who_approves_and_approved_after_it(ada, bo, policy, attach, decide):
    attach(policy, "created", "approved", waits_for=DAY)
    decide(policy)
    access_request = operations.submit(policy, by=ada)
    resume(Callout.objects.get(stage="created"), answer_id="one")

    answer(bo)
    deciding.approve(access_request, by=bo)

    assert fresh(access_request).state == RequestState.WAITING_FOR_CALLBACK
    resume(Callout.objects.get(stage="approved"), answer_id="two")
    assert fresh(access_request).state == RequestState.DELIVERING


# When the policy changes meanwhile


@pytest.fixture
def owned(policy, gita, appoint):
    appoint(gita, policy.package.catalog)
    return policy


def replace_stages(policy, by, *stages, **changes):
    terms = terms_of(policy)
    return change_policy(policy, type(terms)(**{**vars(terms), "stages": stages, **changes}), by=by)


def test_a_policy_of_now_leaves_an_answered_stage_as_it_was_answered(
    ada, bo, gita, owned, decide, undetermined
):
    answer(bo)
    replace_stages(owned, gita, *terms_of(owned).stages, duration=7)

    reapplying.apply_policy(fresh(undetermined), by=gita)

    assert asked() == ["Bo Chen"]
    assert fresh(undetermined).terms["stages"][0]["is_settled"]
    assert fresh(undetermined).terms["duration"] == 7


def test_a_stage_that_becomes_dynamic_asks_the_extension(ada, bo, gita, owned, decide):
    ApprovalStageFactory(policy=owned, position=1, approvers=[bo])
    access_request = operations.submit(owned, by=ada)
    extension = decide(owned, 2)
    replace_stages(owned, gita, StageTerms((), extension_id=extension.pk))

    reapplying.apply_policy(fresh(access_request), by=gita)

    assert fresh(access_request).state == RequestState.WAITING_FOR_CALLBACK
    answer(gita)
    assert asked() == ["Gita Rao"]


def test_another_extension_is_asked_anew_and_the_first_one_again(ada, bo, gita, owned, decide):
    first = decide(owned, 1)
    second = decide(owned, 2, name="Other")
    replace_stages(owned, gita, StageTerms((), extension_id=first.pk))
    access_request = operations.submit(owned, by=ada)
    answer(bo, message="one")

    for extension in (second, first):
        replace_stages(owned, gita, StageTerms((), extension_id=extension.pk))
        reapplying.apply_policy(fresh(access_request), by=gita)
        assert fresh(access_request).state == RequestState.WAITING_FOR_CALLBACK
        answer(bo, message=f"again {extension}")

    assert asked() == ["Bo Chen"]
    assert Callout.objects.filter(extension=first).count() == 2


# What two do at once


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_one_counts(undetermined, bo, gita, actions):
    callout = Callout.objects.get()

    outcomes = at_once(
        lambda: answer(bo, message="one", callout=callout),
        lambda: answer(gita, message="two", callout=callout),
    )

    assert refusals(outcomes) == [{"answered_already"}]
    assert asked() in (["Bo Chen"], ["Gita Rao"])
    assert actions().count("request.callback") == 1


@pytest.mark.django_db(transaction=True)
def test_an_answer_and_the_end_of_its_time_at_once_leave_one_outcome(ada, bo, policy, decide):
    decide(policy)
    access_request = operations.submit(policy, by=ada)
    callout = Callout.objects.get()
    Callout.objects.update(answer_by=clock.now() - DAY)

    at_once(lambda: answer(bo, callout=callout), lambda: time_out(callout))

    callout.refresh_from_db()
    assert (fresh(access_request).state, callout.state) in [
        (RequestState.PENDING_APPROVAL, CalloutState.DONE),
        (RequestState.DELIVERY_FAILED, CalloutState.TIMED_OUT),
    ]


@pytest.mark.django_db(transaction=True)
def test_an_answer_and_a_cancellation_at_once_leave_one_outcome(undetermined, ada, bo):
    callout = Callout.objects.get()

    at_once(lambda: answer(bo, callout=callout), lambda: operations.cancel(undetermined, by=ada))

    assert fresh(undetermined).state == RequestState.CANCELED
    assert not ApprovalStep.objects.filter(state="waiting").exists()
