"""Correct an answer before deciding: who may, which, and what is written down."""

import pytest

from entitlements import clock
from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.models import AccessRequest
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms
from entitlements.policies.questions import terms_of_questions, tidied, write_questions
from entitlements.requests import deciding, operations
from entitlements.requests.answers import correct
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory

pytestmark = pytest.mark.django_db

PROJECT = QuestionTerms("short_text", "Which project?", pattern="[A-Z]+", is_editable=True)
REGION = QuestionTerms("choice", "Which region?", choices=(ChoiceTerms("North"),))
SEATS = QuestionTerms("number", "How many?", is_required=False, is_editable=True)


@pytest.fixture
def policy(bo):
    made = AssignmentPolicyFactory()
    write_questions(made, tidied((SEATS, PROJECT, REGION)))
    ApprovalStageFactory(policy=made, approvers=[bo])
    return made


@pytest.fixture
def keys(policy):
    return {question.text: str(question.key) for question in terms_of_questions(policy)}


@pytest.fixture
def pending(ada, policy, keys):
    answers = {keys["Which project?"]: "APOLLO", keys["Which region?"]: "North"}
    return operations.submit(policy, by=ada, answers=answers)


def answers(access_request):
    kept = AccessRequest.objects.get(pk=access_request.pk).answers
    return [(answer["text"], answer["value"]) for answer in kept]


def test_an_approver_corrects_an_answer_and_it_is_written_down(bo, pending, keys):
    correct(pending, keys["Which project?"], " GEMINI ", by=bo)

    [event] = AuditEvent.objects.filter(action="request.answer_corrected")
    assert answers(pending) == [("Which project?", "GEMINI"), ("Which region?", "North")]
    assert (event.actor_id, event.details["question"]) == (bo.pk, "Which project?")
    assert (event.details["old"], event.details["new"]) == ("APOLLO", "GEMINI")


def test_an_answer_that_was_left_out_can_be_added_and_taken_out(bo, pending, keys):
    correct(pending, keys["How many?"], "7", by=bo)
    assert answers(pending)[0] == ("How many?", "7")

    correct(pending, keys["How many?"], "", by=bo)
    assert len(answers(pending)) == 2


def test_the_same_answer_once_more_is_no_event(bo, pending, keys, actions):
    correct(pending, keys["Which project?"], "APOLLO", by=bo)

    assert "request.answer_corrected" not in actions()


@pytest.mark.parametrize(
    ("question", "value", "code"),
    [
        ("Which region?", "North", "answer_not_editable"),
        ("Which project?", "gemini", "answer_unmatched"),
        ("Which project?", "", "answer_missing"),
        ("Which project?", "x" * 1_000_000, "answer_too_long"),
        ("How many?", "many", "answer_no_number"),
        ("", "North", "question_unknown"),
    ],
)
def test_what_does_not_fit_is_refused(bo, pending, keys, actions, question, value, code):
    with pytest.raises(Denied) as denied:
        correct(pending, keys.get(question, "?"), value, by=bo)

    assert denied.value.codes == {code}
    assert answers(pending) == [("Which project?", "APOLLO"), ("Which region?", "North")]
    assert "request.answer_corrected" not in actions()


def test_only_whoever_decides_now_corrects(ada, bo, gita, pending, keys):
    key = keys["Which project?"]

    for person, codes in ((ada, {"own_request", "not_approver"}), (gita, {"not_approver"})):
        with pytest.raises(Denied) as denied:
            correct(pending, key, "GEMINI", by=person)
        assert denied.value.codes == codes
    with clock.at(pending.steps.get().due_at), pytest.raises(Denied) as denied:
        correct(pending, key, "GEMINI", by=bo)
    assert denied.value.codes == {"lapsed"}
    deciding.approve(pending, by=bo)
    with pytest.raises(Denied) as denied:
        correct(pending, key, "GEMINI", by=bo)
    assert denied.value.codes == {"not_waiting"}
