"""Answers where people read them: timeline, approvals, mails; other people's words do no harm."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements.models import Notification
from entitlements.notifications.rendering import render
from entitlements.policies.question_terms import QuestionTerms
from entitlements.policies.questions import terms_of_questions, tidied, write_questions
from entitlements.requests import operations
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory, UserFactory

pytestmark = pytest.mark.django_db

QUESTIONS = (
    QuestionTerms("short_text", "Which <b>project</b>?"),
    QuestionTerms("long_text", "What for?"),
)
EVIL = ("<script>alert(1)</script>", "=HYPERLINK(A1)\nhttps://evil.example")


@pytest.fixture
def ask(bo):
    """Ask under two questions, for which Bo decides."""

    def ask(answers=EVIL, by=None):
        policy = AssignmentPolicyFactory()
        write_questions(policy, tidied(QUESTIONS))
        ApprovalStageFactory(policy=policy, approvers=[bo])
        keys = [str(question.key) for question in terms_of_questions(policy)]
        given = dict(zip(keys, answers, strict=True))
        return operations.submit(policy, by=by or UserFactory(), answers=given)

    return ask


@pytest.mark.parametrize("name", ["requests:detail", "approvals:detail", "approvals:index"])
def test_answers_are_read_and_their_markup_is_text(client, bo, ask, name):
    made = ask()
    client.force_login(bo)
    address = reverse(name, args=[] if name == "approvals:index" else [made.pk])

    page = client.get(address).text

    assert "Which &lt;b&gt;project&lt;/b&gt;?" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "=HYPERLINK(A1)" in page
    assert "<script>alert" not in page


def test_whoever_asked_reads_his_answers(client, ada, ask):
    made = ask(("Apollo", "Tests"), by=ada)
    client.force_login(ada)

    page = client.get(reverse("requests:detail", args=[made.pk])).text

    assert "Apollo" in page
    assert "Answers" in page


def test_the_inbox_shows_the_beginning_of_a_long_answer_and_its_page_all(client, bo, ask):
    made = ask(("Apollo", "word " * 1000 + "the end"))
    client.force_login(bo)

    assert "the end" not in client.get("/approvals/").text
    assert "the end" in client.get(reverse("approvals:detail", args=[made.pk])).text


def test_approvers_read_the_answers_in_their_mail_without_links(bo, ask):
    ask()
    notification = Notification.objects.select_related("recipient").get(event="approval.asked")

    mail = render(notification)

    for text in (mail.text, mail.html):
        assert "HYPERLINK" in text
        assert "https://evil.example" not in text
    assert "<script>" in mail.text
    assert "<script>" not in mail.html


def test_answers_cost_the_inbox_no_query(client, bo, ask):
    client.force_login(bo)
    ask()
    client.get("/approvals/")
    with CaptureQueriesContext(connection) as one:
        client.get("/approvals/")
    for _ in range(4):
        ask()

    with CaptureQueriesContext(connection) as five:
        client.get("/approvals/")

    assert len(five) == len(one) <= 15
