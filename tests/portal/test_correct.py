"""An approver corrects an answer: the page, what it refuses, and the line of the story."""

import pytest
from django.urls import reverse

from entitlements.models import AccessRequest
from entitlements.policies.question_terms import QuestionTerms
from entitlements.policies.questions import terms_of_questions, tidied, write_questions
from entitlements.requests import deciding, operations
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory

pytestmark = pytest.mark.django_db

QUESTIONS = (
    QuestionTerms("short_text", "Which project?", pattern="[A-Z]+", is_editable=True),
    QuestionTerms("yes_no", "Have you read the rules?"),
    QuestionTerms("number", "How many seats?", is_required=False, is_editable=True),
)


@pytest.fixture
def pending(ada, bo):
    policy = AssignmentPolicyFactory()
    write_questions(policy, tidied(QUESTIONS))
    ApprovalStageFactory(policy=policy, approvers=[bo])
    keys = [str(question.key) for question in terms_of_questions(policy)]
    return operations.submit(policy, by=ada, answers={keys[0]: "APOLLO", keys[1]: True})


@pytest.fixture
def addresses(pending):
    """The addresses for correcting the three answers."""
    keys = [question["key"] for question in pending.terms["questions"]]
    return [reverse("approvals:correct", args=[pending.pk, key]) for key in keys]


@pytest.fixture
def as_bo(client, bo):
    client.force_login(bo)
    return client


def shown(pending):
    return [one["shown"] for one in AccessRequest.objects.get(pk=pending.pk).answers]


def test_the_card_links_to_what_may_be_corrected(as_bo, pending, addresses):
    page = as_bo.get(reverse("approvals:detail", args=[pending.pk])).text
    inbox = as_bo.get(reverse("approvals:index")).text

    assert [address in page for address in addresses] == [True, False, True]
    assert not any(address in inbox for address in addresses)
    assert "No answer" in page


def test_an_answer_is_corrected_and_whoever_asked_reads_it(as_bo, client, ada, pending, addresses):
    assert 'value="APOLLO"' in as_bo.get(addresses[0]).text

    response = as_bo.post(addresses[0], {"answer": "GEMINI"})

    assert response.url == reverse("approvals:detail", args=[pending.pk])
    assert shown(pending) == ["GEMINI", "Yes"]
    client.force_login(ada)
    story = client.get(reverse("requests:detail", args=[pending.pk])).text
    assert "corrected the answer to “Which project?” from “APOLLO” to “GEMINI”" in story


def test_an_answer_that_was_left_out_is_added(as_bo, pending, addresses):
    as_bo.post(addresses[2], {"answer": "7"})

    assert shown(pending) == ["APOLLO", "Yes", "7"]


def test_a_wrong_answer_comes_back(as_bo, pending, addresses):
    response = as_bo.post(addresses[0], {"answer": "<b>gemini</b>"})

    assert response.status_code == 422
    assert "It must match [A-Z]+" in response.text
    assert "&lt;b&gt;gemini&lt;/b&gt;" in response.text
    assert shown(pending) == ["APOLLO", "Yes"]


def test_what_may_not_be_corrected_has_no_page(as_bo, pending, addresses):
    unknown = reverse("approvals:correct", args=[pending.pk, pending.pk])

    for address in (addresses[1], unknown):
        assert as_bo.get(address).status_code == 404
        assert as_bo.post(address, {"answer": "no"}).status_code == 404


def test_others_have_no_page(client, ada, gita, addresses):
    for person in (ada, gita):
        client.force_login(person)
        assert client.post(addresses[0], {"answer": "GEMINI"}).status_code == 404


def test_after_the_decision_it_is_too_late(as_bo, bo, pending, addresses):
    deciding.deny_request(pending, by=bo, justification="No")

    assert as_bo.get(addresses[0]).url == reverse("approvals:detail", args=[pending.pk])
    response = as_bo.post(addresses[0], {"answer": "GEMINI"})
    assert response.status_code == 409
    assert "denied" in response.text
