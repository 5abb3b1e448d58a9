"""The questions of a policy on its owners' page: added, put in order, tried, saved."""

import pytest
from django.urls import reverse

from entitlements.models import AssignmentPolicy
from entitlements.policies.operations import terms_of
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms
from entitlements.policies.questions import terms_of_questions, tidied, write_questions
from tests.factories import AccessPackageFactory, AssignmentPolicyFactory

pytestmark = pytest.mark.django_db

POLICY = {
    "name": "Employees",
    "scope": "all_members",
    "stage_count": "0",
    "expiration": "after_days",
    "duration": "90",
    "is_enabled": "on",
    "accepts_requests": "on",
}
PROJECT = QuestionTerms(
    "short_text",
    "Which project?",
    localizations={"de": "Welches Projekt?", "fr": "Quel projet ?"},
    pattern="[A-Z]+-[0-9]+",
)
REGION = QuestionTerms(
    "choice",
    "Which region?",
    choices=(ChoiceTerms("North", {"de": "Norden"}), ChoiceTerms("South")),
    is_required=False,
    is_editable=True,
)
SEATS = QuestionTerms("number", "How many seats?", minimum="1", maximum="10")


@pytest.fixture
def package(db):
    return AccessPackageFactory()


@pytest.fixture
def olga(gita, package, appoint):
    return appoint(gita, package.catalog)


@pytest.fixture
def policy(package):
    made = AssignmentPolicyFactory(package=package, name="Employees")
    write_questions(made, tidied((PROJECT, REGION, SEATS)))
    return made


@pytest.fixture
def send(client, olga, policy):
    """Send the policy's form with these questions, as a browser would."""
    client.force_login(olga)
    address = reverse("manage:policy", args=[policy.pk])

    def send(*questions, **more):
        data = {**POLICY, "question": [str(number) for number, _ in questions], **more}
        for number, fields in questions:
            data |= {f"question{number}-{name}": value for name, value in fields.items()}
        return client.post(address, data)

    return send


def entered(text, **fields):
    return {"text": text, "kind": "short_text", "is_required": "on", **fields}


def shown(response):
    return [form["text"].value() for form in response.context["form"].questions.shown]


def texts(policy):
    fresh = AssignmentPolicy.objects.get(pk=policy.pk)
    return [question.text for question in terms_of_questions(fresh)]


def test_what_the_page_shows_saves_the_same(client, olga, policy):
    client.force_login(olga)
    page = client.get(reverse("manage:policy", args=[policy.pk]))
    forms = page.context["form"].questions.shown
    data = {**POLICY, "question": [form.number for form in forms], "name": "Renamed"}
    for form in forms:
        for field in form:
            value = field.value()
            if value not in (None, False, ""):
                data[field.html_name] = "on" if value is True else value
    before = terms_of(policy).questions

    response = client.post(reverse("manage:policy", args=[policy.pk]), data)

    fresh = AssignmentPolicy.objects.get(pk=policy.pk)
    assert response.status_code == 302
    assert fresh.name == "Renamed"
    assert terms_of(fresh).questions == before


def test_questions_of_every_kind_are_entered(send, policy):
    response = send(
        (
            "1",
            entered("Which project?", pattern="[A-Z]+", localizations="de: Welches?\n\nFR: Quel?"),
        ),
        ("2", entered("More?", kind="long_text", is_editable="on")),
        ("4", entered("Region?", kind="choice", choices="North | de: Norden | fr: Nord\nSouth\n")),
        ("5", entered("Ledgers?", kind="choices", choices="A\nB")),
        ("6", entered("Read?", kind="yes_no")),
        ("7", entered("Seats?", kind="number", minimum="1", maximum="9.5")),
        ("8", entered("When?", kind="date", minimum="2026-01-01")),
    )

    questions = terms_of(AssignmentPolicy.objects.get(pk=policy.pk)).questions
    assert response.status_code == 302
    assert [question.kind for question in questions] == [
        "short_text",
        "long_text",
        "choice",
        "choices",
        "yes_no",
        "number",
        "date",
    ]
    assert questions[0].localizations == {"de": "Welches?", "fr": "Quel?"}
    assert questions[0].pattern == "[A-Z]+"
    assert questions[1].is_editable
    assert questions[2].choices == (
        ChoiceTerms("North", {"de": "Norden", "fr": "Nord"}),
        ChoiceTerms("South"),
    )
    assert (questions[5].minimum, questions[5].maximum) == ("1", "9.5")


def test_what_a_kind_does_not_need_is_not_read(send, policy):
    extra = {"pattern": "(", "choices": "A", "minimum": "x"}

    assert send(("1", entered("Read?", kind="yes_no", **extra))).status_code == 302
    assert texts(policy) == ["Read?"]


@pytest.mark.parametrize(
    ("button", "order"),
    [
        ("add", ["A", "B", "C", None]),
        ("up-2", ["B", "A", "C"]),
        ("up-1", ["A", "B", "C"]),
        ("down-1", ["B", "A", "C"]),
        ("down-3", ["A", "B", "C"]),
        ("remove-2", ["A", "C"]),
        ("remove-99", ["A", "B", "C"]),
        ("fold-1", ["A", "B", "C"]),
    ],
)
def test_a_button_changes_the_form_and_saves_nothing(send, policy, button, order):
    three = [(str(number), entered(text)) for number, text in enumerate("ABC", start=1)]

    response = send(*three, find=f"parts:question-{button}")

    assert response.status_code == 200
    assert shown(response) == order
    assert texts(policy) == ["Which project?", "Which region?", "How many seats?"]
    assert "needs your attention" not in response.text


def test_the_order_of_the_form_is_saved(send, policy):
    assert send(("2", entered("B")), ("1", entered("A"))).status_code == 302
    assert texts(policy) == ["B", "A"]


def test_a_policy_without_questions_in_its_form_has_none(send, policy):
    assert send().status_code == 302
    assert texts(policy) == []


def test_at_most_twenty_questions_are_offered(send, policy):
    many = [(str(number), entered(f"Question {number}")) for number in range(1, 21)]

    full = send(*many, find="parts")
    refused = send(*many, ("21", entered("One more")), ("22", entered("And more")))

    assert "question-add" not in full.text
    assert refused.status_code == 422
    assert "too_many_questions" in refused.text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": ""}, "Question 1 needs your attention."),
        ({"text": "x" * 501}, "Question 1 needs your attention."),
        ({"kind": "oracle"}, "Question 1 needs your attention."),
        ({"key": "none"}, "Question 1 needs your attention."),
        ({"text": "a\x00b"}, "Question 1 needs your attention."),
        ({"localizations": "Welches Projekt?"}, "has no language"),
        ({"kind": "choice", "choices": "North | Norden"}, "has no language"),
        ({"kind": "choice", "choices": " \n"}, "choices_missing"),
        ({"kind": "choice", "choices": "A\nA"}, "choice_twice"),
        ({"localizations": "Deutsch!: Wer?"}, "unknown_language"),
        ({"pattern": "("}, "pattern_unusable"),
        ({"pattern": r"(a)\1"}, "pattern_unusable"),
        ({"kind": "number", "minimum": "many"}, "limit_unreadable"),
        ({"kind": "date", "minimum": "2026-02-02", "maximum": "2026-01-01"}, "limits_contradict"),
    ],
)
def test_what_speaks_against_a_question_is_said_and_nothing_is_lost(send, policy, fields, words):
    response = send(("1", {**entered("Keep me?"), **fields}), description="Kept words")

    assert response.status_code == 422
    assert words in response.text
    assert "Kept words" in response.text
    assert len(texts(policy)) == 3


@pytest.mark.parametrize(
    ("pattern", "sample", "words"),
    [
        ("[A-Z]+", "ABC", "It matches."),
        ("[A-Z]+", "abc", "It does not match."),
        ("(", "abc", "The pattern cannot be read"),
        ("(a+)+$", "a" * 499 + "!", "It does not match."),
        ("", "abc", ""),
        ("[A-Z]+", "", ""),
    ],
)
def test_a_pattern_can_be_tried(send, policy, pattern, sample, words):
    response = send(("1", entered("Project?", pattern=pattern, sample=sample)), find="parts")

    [form] = response.context["form"].questions.shown
    assert response.status_code == 200
    assert form.verdict.startswith(words)
    assert bool(form.verdict) == bool(words)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("short_text", "pattern"),
        ("long_text", "pattern"),
        ("choice", "choices"),
        ("choices", "choices"),
        ("number", "minimum"),
        ("date", "minimum"),
    ],
)
def test_each_kind_shows_its_own_fields(send, kind, field):
    page = send(("1", entered("Question?", kind=kind)), find="parts").text

    for name in ("pattern", "choices", "minimum"):
        assert (f'name="question1-{name}"' in page) is (name == field)


def test_numbers_that_are_none_are_not_read(send, policy):
    response = send(("1", entered("A")), question=["1", "1", "-5", "²", "99999", "x"])

    assert response.status_code == 302
    assert texts(policy) == ["A"]


def test_markup_in_questions_is_text_for_owners_too(send):
    page = send(("1", entered("<script>alert(1)</script>")), find="parts").text

    assert "<script>alert" not in page


def test_readers_see_the_questions_and_no_buttons(client, policy, bo, appoint):
    client.force_login(appoint(bo, policy.package.catalog, "reader"))

    page = client.get(reverse("manage:policy", args=[policy.pk])).text

    assert "Which project?" in page
    assert "Add question" not in page
    assert "Move up" not in page
