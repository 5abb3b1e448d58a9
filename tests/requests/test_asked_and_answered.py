"""Asking with answers: under questions, directly, again, and for longer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.models import AccessRequest, Assignment, AssignmentPolicy
from entitlements.policies.models import Expiration
from entitlements.policies.operations import change_policy, terms_of
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms
from entitlements.policies.questions import tidied, write_questions
from entitlements.requests import operations
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory

pytestmark = pytest.mark.django_db

PROJECT = QuestionTerms("short_text", "Which project?", pattern="[A-Z]+-[0-9]+")
REGION = QuestionTerms("choice", "Which region?", choices=(ChoiceTerms("North", {"de": "Nord"}),))
SEATS = QuestionTerms("number", "How many seats?", is_required=False)


@pytest.fixture
def policy(db):
    made = AssignmentPolicyFactory(expiration=Expiration.AFTER_DAYS)
    write_questions(made, tidied((PROJECT, REGION, SEATS)))
    return made


@pytest.fixture
def keys(policy):
    return [str(question.key) for question in policy.questions.all()]


@pytest.fixture
def good(keys):
    return dict(zip(keys, ("HR-1", "North", "2"), strict=True))


def shown(access_request):
    return [(one["text"], one["shown"]) for one in access_request.answers]


def test_answers_are_kept_with_the_request_and_its_questions(policy, good, ada):
    asked = operations.submit(policy, by=ada, answers=good)

    kept = AccessRequest.objects.get(pk=asked.pk)
    assert shown(kept) == [
        ("Which project?", "HR-1"),
        ("Which region?", "North"),
        ("How many seats?", "2"),
    ]
    assert [question["text"] for question in kept.terms["questions"]] == [
        "Which project?",
        "Which region?",
        "How many seats?",
    ]


def test_every_reason_comes_at_once_beside_the_others(policy, keys, ada):
    policy.requires_justification = True
    policy.save()

    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=ada, answers={keys[0]: "hr1", keys[2]: "many", "x": "y"})

    assert denied.value.codes == {
        "justification_missing",
        "answer_unmatched",
        "answer_missing",
        "answer_no_number",
        "question_unknown",
    }
    assert not AccessRequest.objects.exists()


def test_whoever_gives_access_directly_answers(policy, good, ada, bo, appoint):
    appoint(bo, policy.package.catalog)

    with pytest.raises(Denied) as denied:
        operations.assign(policy, ada, by=bo)
    given = operations.assign(policy, ada, by=bo, answers=good)

    assert denied.value.codes == {"answer_missing"}
    assert shown(given)[0] == ("Which project?", "HR-1")


def test_an_extension_is_not_asked_the_questions_again(policy, good, ada):
    operations.submit(policy, by=ada, answers=good)
    assignment = Assignment.objects.get()

    with clock.at(clock.now() + timedelta(days=1)):
        extension = operations.extend(assignment, by=ada)

    assert extension.answers == []
    assert extension.terms["questions"] == []


def test_a_request_under_way_keeps_its_questions(policy, good, ada, bo, appoint):
    appoint(bo, policy.package.catalog)
    ApprovalStageFactory(policy=policy, approvers=[bo])
    asked = operations.submit(policy, by=ada, answers=good)

    change_policy(policy, replace(terms_of(policy), questions=()), by=bo)

    kept = AccessRequest.objects.get(pk=asked.pk)
    assert kept.terms["questions"][0]["text"] == "Which project?"
    assert len(kept.answers) == 3


def test_the_same_answers_are_sent_again(policy, good, ada, bo):
    ApprovalStageFactory(policy=policy, approvers=[bo])
    first = operations.submit(policy, by=ada, answers=good)
    first = operations.cancel(first, by=ada)

    again = operations.resubmit(first, by=ada)

    assert again.answers == first.answers


def test_sent_again_only_what_is_asked_still_counts(policy, good, ada, bo, appoint):
    appoint(bo, policy.package.catalog)
    ApprovalStageFactory(policy=policy, approvers=[bo])
    first = operations.submit(policy, by=ada, answers=good)
    first = operations.cancel(first, by=ada)
    terms = terms_of(policy)
    new = QuestionTerms("yes_no", "Have you read the rules?")
    change_policy(policy, replace(terms, questions=(terms.questions[0], new)), by=bo)
    first = AccessRequest.objects.get(pk=first.pk)

    with pytest.raises(Denied) as denied:
        operations.resubmit(first, by=ada)

    [reason] = denied.value.decision.reasons
    assert reason.code == "answer_missing"
    assert "Have you read the rules?" in reason.text


def test_without_questions_no_answers_are_kept(ada):
    plain = AssignmentPolicyFactory()

    assert operations.submit(plain, by=ada).answers == []
    with pytest.raises(Denied) as denied:
        operations.submit(
            AssignmentPolicy.objects.get(pk=AssignmentPolicyFactory().pk), by=ada, answers={"a": 1}
        )
    assert denied.value.codes == {"question_unknown"}
