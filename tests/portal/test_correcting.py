"""The pages on which holders and managers correct answers, and what they and approvers read."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements import models
from entitlements.catalog.attributes import ResourceAttribute
from entitlements.notifications.rendering import render
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms
from entitlements.policies.questions import tidied, write_questions
from entitlements.requests import deciding, operations
from entitlements.requests.correcting import answers_of, correct_for, correct_own
from entitlements.requests.states import RequestState
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    ResourceFactory,
    ResourceRoleFactory,
)
from tests.portal.test_manage import words

pytestmark = pytest.mark.django_db
PROJECT = QuestionTerms(
    "short_text",
    "Which project?",
    is_editable=True,
    localizations={"de": "Welches Projekt?"},
    pattern="[A-Z]+",
)
REGION = QuestionTerms("choice", "Which region?", choices=(ChoiceTerms("North"),))
ABROAD = QuestionTerms("yes_no", "Abroad?")


@pytest.fixture
def policy():
    role = ResourceRoleFactory(resource=ResourceFactory())
    for name, is_editable in (("cost_center", True), ("office", False)):
        ResourceAttribute.objects.create(
            resource=role.resource, name=name, question=f"{name}?", is_editable=is_editable
        )
    package = AccessPackageFactory(name="Reports", roles=[role])
    made = AssignmentPolicyFactory(package=package, allows_correction=True)
    write_questions(made, tidied((PROJECT, REGION, ABROAD)))
    return made


@pytest.fixture
def keys(policy):
    asked = {question.text: str(question.key) for question in policy.questions.all()}
    return asked | {one.name: str(one.pk) for one in ResourceAttribute.objects.all()}


@pytest.fixture
def held(ada, policy, keys, run_queue):
    given = {"Which project?": "APOLLO", "Which region?": "North", "Abroad?": "yes"}
    given |= {"cost_center": "4711", "office": "B1"}
    asked = operations.submit(policy, by=ada, answers={keys[one]: given[one] for one in given})
    run_queue()
    asked.refresh_from_db()
    return asked.assignment


@pytest.fixture
def manager(gita, policy, appoint):
    return appoint(gita, policy.package.catalog, "assignment_manager")


@pytest.fixture
def page(client, ada):
    def page(name, *args, as_user=None, status=200, **headers):
        client.force_login(as_user or ada)
        response = client.get(reverse(name, args=args), headers=headers)
        assert response.status_code == status
        return words(response.content.decode())

    return page


@pytest.fixture
def keys_of_form(policy, keys):
    prefix = f"answer-{policy.pk.hex[:8]}-"
    return {name: f"{prefix}{key}" for name, key in keys.items()}


def post(client, name, held, as_user, fields):
    client.force_login(as_user)
    return client.post(reverse(name, args=[held.pk]), fields)


def read(held):
    return {one["text"]: one["shown"] for one in answers_of(held)}


def test_a_holder_corrects_an_answer_on_the_page_of_his_access(
    client, page, ada, held, keys_of_form
):
    assert "Correct answers…" in page("access:detail", held.pk)
    shown = page("access:correct", held.pk)
    assert "No approval is needed; it takes effect at once." in shown
    assert "It stays as it was given." in shown
    assert "From the profile; it stays as it is." in shown

    fields = {keys_of_form["Which project?"]: "GEMINI", keys_of_form["cost_center"]: "4712"}
    response = post(client, "access:correct", held, ada, {**fields, "justification": "I moved."})

    made = models.AccessRequest.objects.get(kind="user_update")
    assert response.url == reverse("requests:detail", args=[made.pk])
    assert read(held)["Which project?"] == "GEMINI"
    assert read(held)["Which region?"] == "North"
    story = page("requests:detail", made.pk)
    assert "Correct answers for Reports" in story
    assert "from “APOLLO” to “GEMINI”" in story
    assert "Before: APOLLO" in story
    assert "Before: 4711" in story
    assert "Before: North" not in story
    assert "I moved." in story
    assert "The new answers count. Access itself stays as it was." in story
    assert "GEMINI" in page("access:detail", held.pk)


def test_the_form_shows_what_was_answered_in_the_language_of_the_browser(client, ada, held):
    client.force_login(ada)

    response = client.get(
        reverse("access:correct", args=[held.pk]), headers={"Accept-Language": "de"}
    )

    html = response.content.decode()
    assert "Welches Projekt?" in html
    assert 'value="APOLLO"' in html
    assert 'value="4711"' in html


def test_what_is_wrong_stands_beside_its_field(client, ada, held, keys_of_form):
    fields = {keys_of_form["Which project?"]: "gemini", keys_of_form["cost_center"]: "4711"}

    response = post(client, "access:correct", held, ada, fields)

    assert response.status_code == 422
    html = response.content.decode()
    assert f'id="error_1_id_{keys_of_form["Which project?"]}"' in html
    assert 'value="gemini"' in html
    assert read(held)["Which project?"] == "APOLLO"


def test_what_may_not_be_corrected_stays_whatever_is_sent(client, ada, held, keys_of_form):
    fields = {
        keys_of_form["Which project?"]: "APOLLO",
        keys_of_form["Which region?"]: "South",
        keys_of_form["Abroad?"]: "no",
        keys_of_form["cost_center"]: "4711",
        keys_of_form["office"]: "Z9",
    }

    response = post(client, "access:correct", held, ada, fields)

    assert response.status_code == 422
    assert "nothing_corrected" in response.content.decode()


def test_where_the_policy_does_not_allow_it_the_page_says_who_can(client, page, ada, held):
    models.AssignmentPolicy.objects.update(allows_correction=False)

    assert "Correct answers…" not in page("access:detail", held.pk)
    shown = page("access:correct", held.pk)
    assert "Answers for Reports cannot be corrected under its policy." in shown
    assert "Why? (optional)" not in shown
    assert post(client, "access:correct", held, ada, {"justification": ""}).status_code == 422


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_corrects_the_answers_of_others(client, bo, held, manager, method):
    for person in (bo, manager):
        client.force_login(person)
        response = getattr(client, method)(reverse("access:correct", args=[held.pk]))
        assert response.status_code == 404


def test_a_manager_corrects_on_the_page_of_the_assignment(
    client, page, ada, held, manager, keys_of_form
):
    models.AssignmentPolicy.objects.update(allows_correction=False)
    shown = page("manage:assignment", held.pk, as_user=manager)
    assert "Correct answers…" in shown
    assert "APOLLO" in shown
    assert "The person is told." in page("manage:assignment_answers", held.pk, as_user=manager)
    fields = {keys_of_form["Which project?"]: "GEMINI", keys_of_form["cost_center"]: "4711"}

    response = post(client, "manage:assignment_answers", held, manager, fields)

    made = models.AccessRequest.objects.get(kind="admin_update")
    assert response.url == reverse("requests:detail", args=[made.pk])
    story = page("requests:detail", made.pk)
    assert "Correct answers for Reports" in story
    assert "Gita Rao asked to correct the answer to “Which project?”" in story
    assert "Changed by a manager" in page("access:detail", held.pk)
    wrong = post(client, "manage:assignment_answers", held, manager, {**fields})
    assert wrong.status_code == 422
    assert "nothing_corrected" in wrong.content.decode()


@pytest.mark.parametrize(("role", "status"), [("reader", 403), (None, 404)])
def test_others_do_not(client, bo, held, appoint, role, status):
    if role:
        appoint(bo, held.package.catalog, role)

    response = post(client, "manage:assignment_answers", held, bo, {"justification": "x"})

    assert response.status_code == status


def test_where_nothing_is_asked_nothing_is_offered(page, ada, manager, policy, held):
    write_questions(policy, ())
    ResourceAttribute.objects.all().delete()

    assert "Correct answers…" not in page("manage:assignment", held.pk, as_user=manager)
    assert "Nothing is asked of whoever has Reports." in page("access:correct", held.pk)


# With approval


@pytest.fixture
def waiting(ada, bo, held, policy, keys):
    """Ada's correction, which Bo decides."""
    policy.extension_requires_approval = True
    policy.save()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    return correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada, justification="I moved.")


def test_the_holder_reads_that_it_waits(page, held, waiting):
    shown = page("requests:detail", waiting.pk)
    assert "Then the new answers count." in shown
    assert "Bo Chen has had it since" in shown
    assert "A request about this access is on its way already." in page("access:correct", held.pk)


def test_approvers_read_old_and_new(page, bo, waiting):
    for name, args in (("approvals:index", []), ("approvals:detail", [waiting.pk])):
        shown = page(name, *args, as_user=bo)
        assert "Ada Lovelace corrects answers for Reports" in shown
        assert "Correction" in shown
        assert "1 answer corrected" in shown
        assert "Before: APOLLO" in shown
        assert "Approve for less" not in shown
    assert "the answers count at once." in page("approvals:detail", waiting.pk, as_user=bo)


def test_approvers_read_old_and_new_in_their_mail(bo, waiting):
    notification = models.Notification.objects.get(event="approval.asked", recipient=bo)

    mail = render(notification)

    for body in (mail.text, mail.html):
        assert "Ada Lovelace corrects answers for Reports" in body
        assert "GEMINI (before: APOLLO)" in body


def test_the_holder_is_mailed_what_others_decided(ada, bo, waiting):
    deciding.approve(waiting, by=bo)

    notification = models.Notification.objects.get(event="access.corrected", recipient=ada)
    mail = render(notification)

    assert mail.subject == "Your answers are corrected: Reports"
    for body in (mail.text, mail.html):
        assert "Your access itself stays as it was." in body
        assert f"/requests/{waiting.pk}/" in body


def test_managers_are_named_to_approvers(page, ada, bo, held, manager, policy, keys):
    policy.extension_requires_approval = True
    policy.save()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])

    correct_for(held, {keys["Which project?"]: "GEMINI"}, by=manager)

    shown = page("approvals:index", as_user=bo)
    assert "Gita Rao corrects answers of Ada Lovelace for Reports" in shown


def test_an_answer_that_is_taken_out_is_read_as_none(page, ada, policy, keys, held):
    write_questions(
        policy, [*[one.terms() for one in policy.questions.all()],
                 *tidied((QuestionTerms("number", "How many?", is_required=False,
                                        is_editable=True),))]
    )  # fmt: skip
    key = str(policy.questions.last().key)
    correct_own(held, {key: "3"}, by=ada)

    made = correct_own(held, {key: ""}, by=ada)

    assert made.state == RequestState.DELIVERED
    shown = page("requests:detail", made.pk)
    assert "How many? No answer Before: 3" in shown


def test_the_pages_cost_the_same_however_many_corrections_there_were(client, ada, held, keys):
    client.force_login(ada)

    def cost():
        with CaptureQueriesContext(connection) as captured:
            for name in ("access:detail", "access:correct"):
                assert client.get(reverse(name, args=[held.pk])).status_code == 200
        return len(captured)

    correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada)
    few = cost()
    for name in ("MERCURY", "APOLLO", "GEMINI"):
        correct_own(held, {keys["Which project?"]: name}, by=ada)

    assert cost() == few
