"""An extension says who approves, and answers are corrected: with a browser, in both themes."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from entitlements import clock, models
from entitlements.callouts.models import Callout
from entitlements.callouts.signing import signed_headers
from entitlements.catalog.attributes import ResourceAttribute
from entitlements.catalog.operations import create_catalog
from entitlements.catalog.terms import CatalogTerms
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms
from entitlements.policies.questions import tidied, write_questions
from entitlements.requests import operations
from entitlements.requests.callbacks import resume
from entitlements.requests.correcting import correct_own
from tests.browser.scene import run_queue
from tests.browser.sights import look
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CustomExtensionFactory,
    StageApproverFactory,
    UserFactory,
)
from tests.receivers import make_receiver, receiver

__all__ = ["make_receiver", "receiver"]

WIDE = {"width": 1366, "height": 900}
DAY = timedelta(days=1)
QUESTIONS = (
    QuestionTerms("short_text", "Which project is it for?", is_editable=True),
    QuestionTerms("choice", "Which region?", choices=(ChoiceTerms("North"), ChoiceTerms("South"))),
    QuestionTerms("yes_no", "Have you read the rules?"),
)


@pytest.fixture
def olga(site):
    return UserFactory(display_name="Olga Owner", is_superuser=True, department="Sales")


@pytest.fixture
def package(olga):
    catalog = create_catalog(CatalogTerms("Sales", "What sales uses."), by=olga)
    return AccessPackageFactory(catalog=catalog, name="Sales Analyst")


def said(call, *people):
    """Answer a call as its receiver would; return what to send."""
    named = [{"@odata.type": "#microsoft.graph.singleUser", "email": one.email} for one in people]
    stage = {"durationBeforeAutomaticDenial": "P2D", "primaryApprovers": named}
    message = {"callout": call["callout"], "detail": "Region North.", "approvalStage": stage}
    body = json.dumps(message).encode()
    keys = models.CustomExtension.objects.get().secrets()
    return {"data": body, "headers": signed_headers(keys, "msg-1", body, moment=clock.now())}


def test_an_extension_is_made_named_asked_and_says_who_approves(
    open_context, sign_in, axe, site, olga, ada, bo, package, receiver, settings
):
    settings.PORTAL_URL = site
    page = sign_in(open_context(viewport=WIDE).new_page(), olga)
    page.goto(reverse("manage:extension_add", args=[package.catalog.pk]))
    page.get_by_label("Name").fill("Approval desk")
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_label("Call it and wait for its answer").check()
    page.get_by_label("Who approves: one whole stage of approval").check()
    page.get_by_text("A stage of a policy names it.").wait_for()
    assert page.get_by_label("How long we wait for its answer").input_value() == "3"
    page.get_by_label("Those decide whom the stage names instead; if none, it fails").check()
    assert axe(page) == []
    page.get_by_role("button", name="Create extension").click()
    page.get_by_role("link", name="I have copied it").click()
    assert page.get_by_role("heading", name="What it has to answer").is_visible()

    page.goto(reverse("manage:policy_add", args=[package.pk]))
    page.get_by_label("Name").fill("Employees")
    page.get_by_label("All members, without guests").check()
    page.locator("#id_stage_count").select_option("1")
    stage = page.get_by_role("group", name="Stage 1")
    stage.get_by_label("Who says who decides").select_option("The extension “Approval desk”")
    stage.get_by_role("group", name="Who decides instead").wait_for()
    assert stage.get_by_text("Alternates: who is asked").count() == 0
    page.get_by_text("nobody decides stage 1, and the request fails").wait_for()
    stage.get_by_label("Owners of the catalog").check()
    page.get_by_text("nobody decides stage 1, and the request fails").wait_for(state="detached")
    assert axe(page) == []
    page.get_by_role("button", name="Add policy").click()
    page.get_by_text("was added to").wait_for()
    assert page.get_by_text("whoever Approval desk names when asked").is_visible()

    package.refresh_from_db()
    mine = sign_in(open_context(viewport=WIDE).new_page(), ada)
    mine.goto(reverse("packages:detail", args=[package.pk]))
    assert mine.get_by_text("Whoever Approval desk names when asked").is_visible()
    mine.get_by_label("Why do you need it?").fill("Year-end close")
    mine.get_by_role("button", name="Send request").click()
    mine.get_by_text("Approval desk is asked who approves.").wait_for()
    assert axe(mine) == []
    run_queue()

    call = receiver.calls[-1].json["data"]
    answer = mine.request.post(call["resume_url"], **said(call, bo))
    assert (answer.status, answer.json()["state"]) == (200, "done")
    mine.reload()
    assert mine.get_by_text("Approval desk said who approves.").is_visible()
    his = sign_in(open_context(viewport=WIDE).new_page(), bo)
    his.goto(reverse("approvals:index"))
    assert his.get_by_text("Region North.").is_visible()
    his.get_by_role("button", name="Approve", exact=True).click()
    his.get_by_text("You approved").first.wait_for()
    run_queue()
    mine.reload()
    assert mine.get_by_text("Everything is set up.").first.is_visible()


@pytest.fixture
def held(ada, package):
    """Ada's access, for which she answered questions and gave her cost center."""
    policy = AssignmentPolicyFactory(package=package, name="Employees", allows_correction=True)
    write_questions(policy, tidied(QUESTIONS))
    resource = package.roles.get().resource
    attribute = ResourceAttribute.objects.create(
        resource=resource, name="cost_center", question="Your cost center?", is_editable=True
    )
    keys = [str(question.key) for question in policy.questions.all()]
    answers = {
        **dict(zip(keys, ("Apollo", "North", "yes"), strict=True)),
        str(attribute.pk): "4711",
    }
    asked = operations.submit(policy, by=ada, answers=answers)
    run_queue()
    asked.refresh_from_db()
    return asked.assignment


def test_a_holder_corrects_his_answers_and_reads_both(open_context, sign_in, axe, ada, held):
    page = sign_in(open_context(viewport=WIDE).new_page(), ada)
    page.goto(reverse("access:detail", args=[held.pk]))
    page.get_by_role("link", name="Correct answers…").click()
    assert page.get_by_label("North").is_disabled()
    page.get_by_label("Which project is it for?").fill("Gemini")
    page.get_by_label("Your cost center?").fill("4712")
    assert axe(page) == []
    page.get_by_role("button", name="Correct answers").click()
    page.get_by_text("The new answers count.").wait_for()
    assert page.get_by_text("Before: Apollo").is_visible()
    assert page.get_by_text("Before: 4711").is_visible()
    assert axe(page) == []
    assert models.User.objects.get(pk=ada.pk).cost_center == "4712"


def test_every_page_about_them_is_fit_to_be_seen(
    open_context, sign_in, axe, shot, olga, ada, bo, gita, package, held
):
    desk = CustomExtensionFactory(
        catalog=package.catalog, name="Approval desk", response="approval_stage",
        waits_for=3 * DAY, on_timeout="continue",
        description="Knows who is on duty in which region.",
    )  # fmt: skip
    other = AccessPackageFactory(catalog=package.catalog, name="Sales Payments")
    policy = AssignmentPolicyFactory(package=other, name="Staff")
    stage = ApprovalStageFactory(policy=policy, position=1, extension=desk)
    StageApproverFactory(stage=stage, user=gita, is_fallback=True)
    ApprovalStageFactory(policy=policy, position=2, approvers=[gita])
    waiting = operations.submit(policy, by=ada, justification="Year-end close")
    answered = operations.submit(policy, by=UserFactory(display_name="Nia New"))
    calls = Callout.objects.order_by("created_at")
    named = [{"@odata.type": "singleUser", "id": str(bo.pk)}]
    said = {"durationBeforeAutomaticDenial": "P2D", "primaryApprovers": named}
    resume(calls[1], answer_id="m", approval_stage=said, detail="Bo is on duty in the north.")
    held.policy.extension_requires_approval = True
    held.policy.save()
    ApprovalStageFactory(policy=held.policy, position=1, approvers=[bo])
    project = str(held.policy.questions.all()[0].key)
    correction = correct_own(held, {project: "Gemini"}, by=ada, justification="I have moved.")
    seen = {
        olga: {
            "extension": reverse("manage:extension", args=[desk.pk]),
            "edit": reverse("manage:extension_edit", args=[desk.pk]),
            "policy": reverse("manage:policy", args=[policy.pk]),
            "ways": reverse("manage:package_ways", args=[other.pk]) + f"?person=user:{ada.pk}",
            "in_its_place": reverse("manage:callout_answer", args=[calls[0].pk]),
            "told": reverse("requests:detail", args=[answered.pk]),
            "assignment": reverse("manage:assignment", args=[held.pk]),
            "correct_for": reverse("manage:assignment_answers", args=[held.pk]),
        },
        ada: {
            "waiting": reverse("requests:detail", args=[waiting.pk]),
            "access": reverse("access:detail", args=[held.pk]),
            "busy": reverse("access:correct", args=[held.pk]),
            "correction": reverse("requests:detail", args=[correction.pk]),
        },
        bo: {"card": reverse("approvals:detail", args=[correction.pk])},
    }
    found = []
    for person, addresses in seen.items():
        page = sign_in(open_context().new_page(), person)
        for title, address in addresses.items():
            page.goto(address)
            found += look(page, f"deciders-{title}", axe, shot)
    operations.cancel(correction, by=ada)
    page = sign_in(open_context().new_page(), ada)
    page.goto(reverse("access:correct", args=[held.pk]))
    found += look(page, "deciders-correct", axe, shot)
    assert found == []
