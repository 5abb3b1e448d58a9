"""Questions on the pages of somebody who asks for access."""

import re
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements.models import AccessRequest
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms
from entitlements.policies.questions import terms_of_questions, tidied, write_questions
from entitlements.requests import operations
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory

pytestmark = pytest.mark.django_db

REGIONS = (ChoiceTerms("North", {"de": "Norden"}), ChoiceTerms("South", {"de": "Süden"}))
QUESTIONS = (
    QuestionTerms(
        "short_text",
        "Which project?",
        localizations={"de": "Welches Projekt?"},
        pattern="[A-Z]+-[0-9]+",
    ),
    QuestionTerms("choice", "Which region?", localizations={"de": "Welche?"}, choices=REGIONS),
    QuestionTerms("choices", "Which ledgers?", choices=REGIONS, is_required=False),
    QuestionTerms("yes_no", "Have you read the rules?"),
    QuestionTerms("number", "How many seats?", minimum="1", maximum="10", is_required=False),
    QuestionTerms("date", "Until when?", is_required=False),
    QuestionTerms("long_text", "Anything else?", is_required=False),
)
GOOD = ("HR-1", "North", ["North", "South"], "yes", "5", "2026-12-24", "<i>No</i>")


@pytest.fixture
def as_ada(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def payments(db):
    """A package whose one policy asks a question of every kind."""
    policy = AssignmentPolicyFactory(package__name="Sales Payments", name="Employees")
    write_questions(policy, tidied(QUESTIONS))
    return policy


def address_of(policy):
    return reverse("packages:ask", args=[policy.package_id])


def fields(policy):
    questions = terms_of_questions(policy)
    return [f"answer-{policy.pk.hex[:8]}-{question.key}" for question in questions]


def ask(client, policy, answers=GOOD, **more):
    sent = dict(zip(fields(policy), answers, strict=True))
    sent = {name: value for name, value in sent.items() if value is not None}
    data = {"policy": policy.pk, "justification": "", **sent, **more}
    return client.post(address_of(policy), data)


def test_every_question_of_the_policy_is_on_the_page(as_ada, payments):
    page = as_ada.get(address_of(payments)).text

    for question in QUESTIONS:
        assert question.text in page
    assert 'type="date"' in page
    assert "From 1 to 10." in page
    assert page.count('name="' + fields(payments)[0]) == 1


def test_answers_are_sent_with_the_request(as_ada, payments):
    response = ask(as_ada, payments)

    made = AccessRequest.objects.get()
    assert response.url == reverse("requests:detail", args=[made.pk])
    assert [answer["value"] for answer in made.answers] == [
        "HR-1",
        "North",
        ["North", "South"],
        True,
        "5",
        "2026-12-24",
        "<i>No</i>",
    ]


def test_every_mistake_is_beside_its_field_and_nothing_is_lost(as_ada, payments):
    wrong = ("hr one", None, ["South"], None, "many", "2026-12-24", "<b>Keep me</b>")

    response = ask(as_ada, payments, wrong, justification="Year-end close")

    errors = response.context["form"].errors
    names = fields(payments)
    assert response.status_code == 422
    assert set(errors) == {names[0], names[1], names[3], names[4]}
    assert errors[names[0]] == [
        "The answer does not have the form that is wanted. It must match [A-Z]+-[0-9]+"
    ]
    assert not AccessRequest.objects.exists()
    for kept in ("hr one", "many", "2026-12-24", "Year-end close"):
        assert kept in response.text
    assert "&lt;b&gt;Keep me&lt;/b&gt;" in response.text
    assert "<b>Keep me</b>" not in response.text
    assert response.context["form"][names[2]].value() == ["South"]


@pytest.mark.parametrize(
    "answers",
    [
        ("x" * 1_000_000, *GOOD[1:]),
        ("a\x00b", *GOOD[1:]),
        (GOOD[0], "East", *GOOD[2:]),
        (*GOOD[:2], ["East"], *GOOD[3:]),
        (*GOOD[:3], "perhaps", *GOOD[4:]),
        (*GOOD[:6], "x" * 1_000_000),
        (*GOOD[:6], "a\x00b"),
    ],
)
def test_bad_input_is_refused_politely(as_ada, payments, answers):
    response = ask(as_ada, payments, answers)

    assert response.status_code == 422
    assert len(response.context["form"].errors) == 1
    assert not AccessRequest.objects.exists()


def test_an_answer_to_somebody_elses_question_is_not_read(as_ada, payments):
    response = ask(as_ada, payments, **{"answer-5d6e9b8a-0000": "x"})

    assert response.status_code == 302


@pytest.mark.parametrize(
    ("header", "seen", "unseen"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "Welches Projekt?", "Which project?"),
        ("en-GB,en;q=0.9,de;q=0.8", "Which project?", "Welches Projekt?"),
        ("fr", "Which project?", "Welches Projekt?"),
        ("", "Which project?", "Welches Projekt?"),
        ("x" * 5000, "Which project?", "Welches Projekt?"),
    ],
)
def test_questions_are_in_the_language_that_the_browser_asks_for(
    as_ada, payments, header, seen, unseen
):
    response = as_ada.get(address_of(payments), headers={"Accept-Language": header})

    assert seen in response.text
    assert unseen not in response.text
    assert "Accept-Language" in response.headers["Vary"]


def test_choices_are_translated_and_say_so_while_their_value_stays(as_ada, payments):
    response = as_ada.get(address_of(payments), headers={"Accept-Language": "de"})

    assert '<span lang="de">Norden</span>' in response.text
    assert 'value="North"' in response.text


def test_html_in_a_question_is_text(as_ada, payments):
    evil = replace(
        QUESTIONS[1],
        text="<script>alert(1)</script>",
        localizations={"de": "<img src=x onerror=alert(1)>"},
        choices=(ChoiceTerms("<u>A</u>", {"de": '"><u>B</u>'}),),
    )
    write_questions(payments, tidied((evil,)))

    for language in ("en", "de"):
        page = as_ada.get(address_of(payments), headers={"Accept-Language": language}).text
        for tag in ("<script>alert", "<img src=x", "<u>"):
            assert tag not in page


def test_a_long_list_of_choices_is_one_to_unfold(as_ada, payments):
    many = tuple(ChoiceTerms(f"Region {number}") for number in range(30))
    write_questions(payments, tidied((replace(QUESTIONS[1], choices=many),)))

    page = as_ada.get(address_of(payments)).text

    assert '<option value="Region 29">' in page
    assert "Choose …" in page


def test_of_several_policies_only_the_chosen_ones_questions_count(as_ada, payments):
    other = AssignmentPolicyFactory(package=payments.package, name="Short")
    write_questions(other, tidied((QuestionTerms("short_text", "Which phone?"),)))

    page = as_ada.get(address_of(payments)).text
    refused = ask(as_ada, other, [""])
    sent = ask(as_ada, other, ["123"])

    assert "Which phone?" in page
    assert "Which project?" in page
    assert not re.search("<(input|select|textarea)[^>]* required", page)
    assert set(refused.context["form"].errors) == set(fields(other))
    assert sent.status_code == 302
    assert [answer["text"] for answer in AccessRequest.objects.get().answers] == ["Which phone?"]


def test_asking_again_starts_with_the_answers_of_the_last_time(as_ada, ada, bo, payments):
    ApprovalStageFactory(policy=payments, approvers=[bo])
    ask(as_ada, payments)
    operations.cancel(AccessRequest.objects.get(), by=ada)

    form = as_ada.get(f"{address_of(payments)}?again=1").context["form"]

    assert [form[name].value() for name in fields(payments)] == [
        "HR-1",
        "North",
        ["North", "South"],
        "yes",
        "5",
        "2026-12-24",
        "<i>No</i>",
    ]


def test_asked_again_under_new_questions_one_is_led_to_them(as_ada, ada, bo, payments):
    ApprovalStageFactory(policy=payments, approvers=[bo])
    ask(as_ada, payments)
    operations.cancel(AccessRequest.objects.get(), by=ada)
    questions = (*terms_of_questions(payments), QuestionTerms("short_text", "Which floor?"))
    write_questions(payments, tidied(questions))

    made = AccessRequest.objects.get()
    response = as_ada.post(reverse("requests:again", args=[made.pk]), follow=True)

    assert response.redirect_chain[-1][0] == f"{address_of(payments)}?again=1"
    assert "Look at your answers." in response.text
    assert "Which floor?" in response.text
    assert "HR-1" in response.text


@pytest.mark.parametrize("number", [1, 20])
def test_any_number_of_questions_costs_the_same(as_ada, payments, number):
    write_questions(payments, ())
    with CaptureQueriesContext(connection) as none:
        as_ada.get(address_of(payments))
    many = (QuestionTerms("short_text", f"Number {place}?") for place in range(number))
    write_questions(payments, tidied(many))

    with CaptureQueriesContext(connection) as some:
        page = as_ada.get(address_of(payments)).text

    assert f"Number {number - 1}?" in page
    assert len(some) == len(none)
