"""Several policies of one package, and several versions of one policy, driven as people do."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from entitlements import models
from entitlements.policies.models import Expiration, Scope
from entitlements.policies.operations import change_policy, terms_of
from tests.browser import scene
from tests.browser.sights import look
from tests.factories import AssignmentPolicyFactory, GroupFactory


@pytest.fixture
def company(site):
    company = scene.build()
    everybody = AssignmentPolicyFactory(
        package=company.close, name="Anybody", scope=Scope.ALL_USERS, duration=7
    )
    crew = AssignmentPolicyFactory(
        package=company.close,
        name="Closing crew",
        scope=Scope.SPECIFIC,
        expiration=Expiration.NEVER,
        duration=None,
    )
    crew.allowed_groups.add(GroupFactory(name="Closing crew", members=[company.dev]))
    return SimpleNamespace(**vars(company), everybody=everybody, crew=crew)


def test_the_strictest_ways_are_offered_and_one_is_chosen(company, page, sign_in, axe, shot):
    sign_in(page, company.ana).goto(f"/packages/{company.close.pk}/")

    ways = page.get_by_role("group", name="How do you want it?")
    expect(ways.get_by_role("radio")).to_have_count(2)
    expect(ways).not_to_contain_text("Anybody")
    expect(ways).to_contain_text("For 90 days, 1 approval, dates of your choice")
    expect(ways).to_contain_text("For 2 days, no approval, fixed dates")
    assert axe(page) == []
    shot(page, "policies-choice")
    page.get_by_label("Two days, for month end").check()
    page.get_by_label("Why do you need it?").fill("The June close.")
    page.get_by_role("button", name="Send request").click()
    page.wait_for_url("**/requests/**")

    made = models.AccessRequest.objects.get(package=company.close, target=company.ana)
    assert made.policy.name == "Two days, for month end"


def test_one_way_that_is_stricter_than_others_is_taken_without_a_question(company, page, sign_in):
    sign_in(page, company.dev).goto(f"/packages/{company.close.pk}/")

    page.get_by_role("heading", name="What happens next").wait_for()
    assert page.get_by_role("radio").count() == 0
    page.get_by_text("without an end").first.wait_for()


def test_an_owner_sees_which_policy_falls_to_whom(company, page, sign_in, axe, shot):
    sign_in(page, company.olga).goto(reverse("manage:package", args=[company.close.pk]))

    page.get_by_role("link", name="Who gets it how").click()
    page.get_by_placeholder("Two letters of the name").fill("dev")
    page.get_by_label("Dev Patel").check()
    page.get_by_role("button", name="Show what would happen").click()

    page.get_by_text("“Closing crew” applies, without a question.").wait_for()
    crew = page.get_by_role("article", name="Closing crew")
    expect(crew).to_contain_text("Through Closing crew, as a member.")
    expect(page.get_by_role("article", name="Anybody")).to_contain_text("stricter_policy_applies")
    assert axe(page) == []
    shot(page, "policies-ways")


def test_an_owner_compares_versions_and_restores_one_as_a_draft(company, page, sign_in, axe, shot):
    policy, olga = company.crew, company.olga
    change_policy(policy, replace(terms_of(policy), name="Crew", scope="all_members"), by=olga)
    sign_in(page, olga).goto(reverse("manage:policy", args=[policy.pk]))

    page.get_by_role("link", name="Versions").click()
    row = page.get_by_role("row").filter(has_text="Who may ask")
    expect(row).to_contain_text("All members, without guests")
    assert axe(page) == []
    shot(page, "policies-versions")
    page.get_by_role("link", name="Restore version 1 as draft…").click()
    page.get_by_role("button", name="Restore as draft").click()
    page.get_by_text("It does nothing until you save it.").wait_for()
    assert page.get_by_label("Name").input_value() == "Closing crew"
    assert axe(page) == []
    shot(page, "policies-draft")
    policy.refresh_from_db()
    assert policy.name == "Crew"
    page.get_by_role("button", name="Save draft as the policy").click()
    page.get_by_text("Saved. Requests under way keep the policy as it was.").wait_for()

    policy.refresh_from_db()
    assert (policy.name, policy.scope) == ("Closing crew", "specific")
    assert not models.PolicyDraft.objects.exists()


def test_the_pages_fit_and_pass_axe(company, page, sign_in, axe, shot):
    policy, olga = company.crew, company.olga
    change_policy(policy, replace(terms_of(policy), name="Crew"), by=olga)
    sign_in(page, olga)
    ways = reverse("manage:package_ways", args=[company.close.pk])
    for name, path in {
        "ways": f"{ways}?person=user:{company.ana.pk}",
        "versions": reverse("manage:policy_versions", args=[policy.pk]),
        "package": reverse("manage:package", args=[company.close.pk]),
    }.items():
        page.goto(path)
        assert look(page, f"policies-{name}", axe, shot) == []
