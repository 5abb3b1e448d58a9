"""An approver asks whoever made the request, who answers; both stay as they were said."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.models import AccessRequest, AuditEvent, Inquiry, Notification
from entitlements.requests import deciding, dialogue, operations
from entitlements.requests.context import facts_about
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory, UserFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked_of_both(ada, bo, gita):
    """Ada's request, for which Bo and Gita are asked."""
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo, gita])
    return operations.submit(policy, by=ada)


def refused(act, *arguments, **named):
    with pytest.raises(Denied) as denied:
        act(*arguments, **named)
    return denied.value.codes


def test_an_approver_asks_and_whoever_asked_for_the_access_is_told(bo, pending, actions, told):
    before = len(actions())

    inquiry = dialogue.ask(pending, "  For which ledger? ", by=bo)

    assert (inquiry.question, inquiry.asker, inquiry.answer) == ("For which ledger?", bo, "")
    assert inquiry.step == pending.steps.get()
    assert actions()[before:] == ["request.question_asked"]
    event = AuditEvent.objects.get(action="request.question_asked")
    assert (event.actor_name, event.details["words"]) == ("Bo Chen", "For which ledger?")
    assert told("request.question_asked") == ["Ada Lovelace"]
    facts = Notification.objects.get(event="request.question_asked").facts
    assert (facts["by"], facts["words"]) == ("Bo Chen", "For which ledger?")


def test_the_answer_goes_back_to_the_asker(ada, bo, pending, actions, told, queued):
    inquiry = dialogue.ask(pending, "For which ledger?", by=bo)
    before = len(actions())

    inquiry = dialogue.answer(inquiry, " The euro one. ", by=ada)

    assert (inquiry.answer, inquiry.answered_by) == ("The euro one.", ada)
    assert inquiry.answered_at <= clock.now()
    assert actions()[before:] == ["request.question_answered"]
    event = AuditEvent.objects.get(action="request.question_answered")
    assert event.details["question"] == "For which ledger?"
    assert event.details["words"] == "The euro one."
    assert told("request.question_answered") == ["Bo Chen"]
    assert queued()[-1] == "notifications.tasks.send_due"


def test_the_deadline_does_not_stop_for_a_question(bo, pending):
    due_at = pending.steps.get().due_at

    dialogue.ask(pending, "For which ledger?", by=bo)

    assert pending.steps.get().due_at == due_at
    with clock.at(due_at):
        assert deciding.lapse(pending.steps.get())


def test_who_asks_stays_unknown_where_the_policy_hides_approvers(ada, bo):
    policy = AssignmentPolicyFactory(shows_approvers="no")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])

    dialogue.ask(operations.submit(policy, by=ada), "Why?", by=bo)

    assert Notification.objects.get(event="request.question_asked").facts["by"] == "An approver"


def test_nobody_asks_a_second_question_before_the_first_is_answered(ada, bo, gita, asked_of_both):
    inquiry = dialogue.ask(asked_of_both, "For which ledger?", by=bo)

    assert refused(dialogue.ask, asked_of_both, "And why?", by=bo) == {"asked_already"}
    dialogue.ask(asked_of_both, "Since when?", by=gita)
    dialogue.answer(inquiry, "The euro one.", by=ada)
    dialogue.ask(asked_of_both, "And why?", by=bo)

    assert asked_of_both.inquiries.unanswered().count() == 2


@pytest.mark.parametrize(
    ("words", "code"), [("  ", "missing"), ("x" * 4001, "too_long"), ("a\x00", "unreadable")]
)
def test_words_that_cannot_be_kept_are_refused(ada, bo, pending, words, code):
    assert refused(dialogue.ask, pending, words, by=bo) == {f"question_{code}"}
    inquiry = dialogue.ask(pending, "x" * 4000, by=bo)

    assert refused(dialogue.answer, inquiry, words, by=ada) == {f"answer_{code}"}
    dialogue.answer(inquiry, "x" * 4000, by=ada)


def test_only_who_is_asked_to_decide_asks(ada, gita, pending):
    assert refused(dialogue.ask, pending, "Why?", by=gita) == {"not_approver"}
    assert refused(dialogue.ask, pending, "Why?", by=ada) == {"own_request", "not_approver"}


def test_nobody_asks_after_the_decision_or_the_deadline(bo, pending):
    with clock.at(pending.steps.get().due_at):
        assert refused(dialogue.ask, pending, "Why?", by=bo) == {"lapsed"}
    deciding.deny_request(pending, by=bo)

    assert refused(dialogue.ask, pending, "Why?", by=bo) == {"not_waiting"}


def test_only_who_made_the_request_answers_and_only_once(ada, bo, gita, pending):
    inquiry = dialogue.ask(pending, "Why?", by=bo)

    assert refused(dialogue.answer, inquiry, "Because.", by=gita) == {"not_requestor"}
    dialogue.answer(inquiry, "Because.", by=ada)
    assert refused(dialogue.answer, inquiry, "I mean, no.", by=ada) == {"answered_already"}
    inquiry.refresh_from_db()
    assert inquiry.answer == "Because."


def test_the_disabled_do_not_answer(ada, bo, pending):
    inquiry = dialogue.ask(pending, "Why?", by=bo)
    ada.is_active = False
    ada.save()

    assert refused(dialogue.answer, inquiry, "Because.", by=ada) == {"not_requestor"}


def test_nobody_answers_after_the_decision(ada, bo, pending):
    inquiry = dialogue.ask(pending, "Why?", by=bo)
    assert list(Inquiry.objects.open_to(ada)) == [inquiry]
    deciding.approve(pending, by=bo)

    assert refused(dialogue.answer, inquiry, "Because.", by=ada) == {"not_waiting"}
    assert list(Inquiry.objects.open_to(ada)) == []


def test_a_question_is_answered_also_while_the_next_stage_waits(ada, bo, gita, approved_twice):
    access_request = operations.submit(approved_twice, by=ada)
    inquiry = dialogue.ask(access_request, "Why?", by=bo)
    deciding.approve(access_request, by=bo)

    dialogue.answer(inquiry, "Because.", by=ada)

    [facts] = facts_about(AccessRequest.objects.waiting_for(gita))
    assert facts.exchange == {"asker": "Bo Chen", "question": "Why?", "answer": "Because."}


def test_a_card_tells_the_last_question(ada, bo, gita, asked_of_both):
    with clock.at(clock.now() - timedelta(hours=1)):
        dialogue.answer(dialogue.ask(asked_of_both, "Why?", by=gita), "Because.", by=ada)
    dialogue.ask(asked_of_both, "Since when?", by=bo)

    [facts] = facts_about(AccessRequest.objects.waiting_for(gita))

    assert facts.exchange == {"asker": "Bo Chen", "question": "Since when?", "answer": ""}


def test_without_questions_a_card_tells_none(bo, pending):
    [facts] = facts_about(AccessRequest.objects.waiting_for(bo))

    assert facts.exchange is None


def test_one_unanswered_inquiry_per_asker(bo, pending):
    inquiry = dialogue.ask(pending, "Why?", by=bo)
    inquiry.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        Inquiry.objects.create(
            access_request=pending,
            step=inquiry.step,
            asker=bo,
            question="Again?",
            asked_at=clock.now(),
        )


@pytest.mark.parametrize(
    "change", [{"answer": "Because."}, {"answered_at": clock.now()}, {"asker": None}]
)
def test_answered_inquiry_says_who_and_what(ada, bo, pending, change):
    dialogue.ask(pending, "Why?", by=bo)

    with pytest.raises(IntegrityError), transaction.atomic():
        Inquiry.objects.update(**change)


def test_an_inquiry_names_its_asker_and_its_request(bo, pending):
    inquiry = dialogue.ask(pending, "Why?", by=bo)

    assert str(inquiry) == f"Bo Chen about {pending}"


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_one_counts(ada, bo, pending, actions):
    inquiry = dialogue.ask(pending, "Why?", by=bo)

    outcomes = at_once(
        lambda: dialogue.answer(inquiry, "Because.", by=ada),
        lambda: dialogue.answer(inquiry, "It was you.", by=ada),
    )

    assert refusals(outcomes) == [{"answered_already"}]
    assert actions().count("request.question_answered") == 1
    inquiry.refresh_from_db()
    [counted] = [one.answer for one in outcomes if isinstance(one, Inquiry)]
    assert inquiry.answer == counted


@pytest.mark.django_db(transaction=True)
def test_a_question_and_a_decision_at_once_come_one_after_the_other(ada, bo, gita, asked_of_both):
    outcomes = at_once(
        lambda: dialogue.ask(asked_of_both, "Why?", by=bo),
        lambda: deciding.deny_request(asked_of_both, by=gita),
    )

    assert refusals(outcomes) in ([], [{"not_waiting"}])
    asked = AuditEvent.objects.filter(action="request.question_asked").count()
    assert asked == Inquiry.objects.count() == 1 - len(refusals(outcomes))


@pytest.mark.django_db(transaction=True)
def test_one_person_asks_once_at_a_time(bo, pending):
    outcomes = at_once(*(lambda: dialogue.ask(pending, "Why?", by=bo) for _ in range(4)))

    assert refusals(outcomes) == [{"asked_already"}] * 3
    assert Inquiry.objects.count() == 1


def test_strangers_see_no_question(bo, pending):
    dialogue.ask(pending, "Why?", by=bo)

    assert not Inquiry.objects.open_to(UserFactory()).exists()
