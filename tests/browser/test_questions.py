"""Questions in a real browser: written by owners, answered in German, corrected before deciding."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from entitlements import models
from entitlements.policies.operations import terms_of
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)


@pytest.fixture
def people(site):
    names = ("Olga Owner", "Ana Diaz", "Bo Chen")
    return [UserFactory(display_name=name, department="Sales") for name in names]


@pytest.fixture
def package(people, appoint):
    """A package whose one policy asks Bo."""
    catalog = CatalogFactory(name="Sales")
    appoint(people[0], catalog)
    made = AccessPackageFactory(catalog=catalog, name="Sales Payments")
    policy = AssignmentPolicyFactory(package=made, name="Employees")
    ApprovalStageFactory(policy=policy, position=1, approvers=[people[2]])
    return made


def question(page, number):
    return page.get_by_role("group", name=f"Question {number}", exact=True)


def write(page, policy):
    """Write two questions, and bring the second to the front."""
    page.goto(reverse("manage:policy", args=[policy.pk]))
    page.get_by_role("button", name="Add question").click()
    first = question(page, 1)
    first.get_by_label("Question", exact=False).first.fill("Which project?")
    first.get_by_label("The answer may be corrected").check()
    first.get_by_text("Pattern and other languages").click()
    first.get_by_label("Pattern that the whole answer must match").fill("[A-Z]+-[0-9]+")
    first.get_by_label("Try the pattern with").press_sequentially("hr1")
    expect(first.get_by_text("It does not match.")).to_be_visible()
    first.get_by_label("In other languages").fill("de: Welches Projekt?")
    page.get_by_role("button", name="Add question").click()
    second = question(page, 2)
    second.get_by_label("Question", exact=False).first.fill("Which region?")
    second.get_by_label("Answer", exact=False).first.select_option("One of several answers")
    second.get_by_label("Answers to choose from").fill("North | de: Norden\nSouth | de: Süden")
    second.get_by_role("button", name="Move up").click()
    moved = question(page, 1).get_by_label("Answers to choose from")
    expect(moved).to_have_value("North | de: Norden\nSouth | de: Süden")


def test_a_question_is_written_answered_in_german_and_corrected(
    people, package, page, open_context, sign_in, sound
):
    olga, ana, bo = people
    policy = package.policies.get()
    write(sign_in(page, olga), policy)
    sound(page, "editor")
    page.get_by_role("button", name="Save policy").click()
    page.get_by_text("Saved.").wait_for()
    texts = [one.text for one in terms_of(models.AssignmentPolicy.objects.get()).questions]
    assert texts == ["Which region?", "Which project?"]

    german = sign_in(open_context(locale="de-DE").new_page(), ana)
    german.goto(reverse("packages:ask", args=[package.pk]))
    german.get_by_label("Welches Projekt?").fill("hr one")
    sound(german, "asked")
    german.get_by_label("Norden").check()
    german.get_by_role("button", name="Send request").click()
    german.get_by_text("does not have the form that is wanted").first.wait_for()
    sound(german, "refused")
    expect(german.get_by_label("Norden")).to_be_checked()
    german.get_by_label("Welches Projekt?").fill("HR-1")
    german.get_by_role("button", name="Send request").click()
    german.get_by_text("You asked for Sales Payments.").first.wait_for()
    sound(german, "story")

    deciding = sign_in(open_context().new_page(), bo)
    deciding.goto("/approvals/")
    expect(deciding.get_by_text("HR-1")).to_be_visible()
    sound(deciding, "inbox")
    deciding.get_by_role("link", name="All facts").click()
    sound(deciding, "card")
    deciding.get_by_role("link", name="Correct… Which project?").click()
    deciding.get_by_label("Which project?").fill("HR-2")
    sound(deciding, "correct")
    deciding.get_by_role("button", name="Save answer").click()
    deciding.get_by_text("The answer is corrected.").wait_for()
    german.reload()
    expect(german.get_by_text("from “HR-1” to “HR-2”")).to_be_visible()
    sound(german, "corrected")


def test_questions_are_written_and_answered_without_script(people, package, open_context, sign_in):
    olga, ana, _ = people
    page = sign_in(open_context(java_script_enabled=False).new_page(), olga)
    page.goto(reverse("manage:policy", args=[package.policies.get().pk]))
    page.get_by_role("button", name="Add question").click()
    first = question(page, 1)
    first.get_by_label("Question", exact=False).first.fill("How many seats?")
    first.get_by_label("Answer", exact=False).first.select_option("Number")
    page.get_by_role("button", name="Show the fields for these choices").click()
    question(page, 1).get_by_label("At most").fill("10")
    page.get_by_role("button", name="Save policy").click()

    plain = sign_in(open_context(java_script_enabled=False).new_page(), ana)
    plain.goto(reverse("packages:ask", args=[package.pk]))
    plain.get_by_label("How many seats?").fill("11")
    plain.get_by_role("button", name="Send request").click()
    expect(plain.get_by_text("The most is 10.").first).to_be_visible()
    plain.get_by_label("How many seats?").fill("9")
    plain.get_by_role("button", name="Send request").click()

    assert [one["shown"] for one in models.AccessRequest.objects.get().answers] == ["9"]


def test_an_owner_asks_for_an_attribute_and_a_person_gives_it(
    people, page, open_context, sign_in, appoint, sound
):
    olga, ana, _ = people
    catalog = CatalogFactory(name="Sales")
    appoint(olga, catalog)
    crm = ResourceFactory(catalog=catalog, name="CRM")
    models.Group.objects.get(pk=crm.external_id).owners.add(olga)
    package = AccessPackageFactory(catalog=catalog, roles=[ResourceRoleFactory(resource=crm)])
    AssignmentPolicyFactory(package=package)
    sign_in(page, olga).goto(reverse("manage:resource", args=[crm.pk]))
    page.get_by_role("link", name="Ask for an attribute").click()
    page.get_by_label("Attribute").select_option("Cost center")
    page.get_by_label("Question").fill("Which cost center pays?")
    sound(page, "attribute")
    page.get_by_role("button", name="Ask for it").click()
    page.get_by_text("Cost center is asked for from now on.").wait_for()
    sound(page, "resource")

    asking = sign_in(open_context().new_page(), ana)
    asking.goto(reverse("packages:ask", args=[package.pk]))
    asking.get_by_label("Which cost center pays?").fill("4711")
    asking.get_by_role("button", name="Send request").click()
    asking.get_by_text("4711").wait_for()
    assert models.User.objects.get(pk=ana.pk).cost_center == "4711"
