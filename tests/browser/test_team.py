"""A manager and his team, and giving to many: driven and looked at in a real browser."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from entitlements import clock, models
from entitlements.requests import giving, operations
from tests.browser import scene
from tests.browser.sights import look
from tests.factories import AssignmentFactory, GroupFactory, UserFactory


@pytest.fixture
def company(site):
    company = scene.build()
    models.AssignmentPolicy.objects.update(allows_on_behalf=True)
    company.cleo = scene.person("Cleo Marsh", "Analyst", "Sales", manager=company.dev)
    analysts = company.policies.analysts
    AssignmentFactory(policy=analysts, target=company.cleo, ends_at=clock.now() + timedelta(days=9))
    AssignmentFactory(policy=company.close.policies.first(), target=company.cleo)
    AssignmentFactory(policy=company.kit.policies.get(), target=company.cleo)
    return company


def test_pages_of_a_manager_are_sound(page, sign_in, axe, shot, company):
    sign_in(page, company.dev)
    held = models.Assignment.objects.get(target=company.cleo, policy=company.policies.analysts)
    wrong = []
    for name, path in {
        "team": "/team/",
        "team-person": f"/team/{company.cleo.pk}/",
        "team-end": f"/team/access/{held.pk}/end/",
        "team-copy": f"/team/copy/?source={company.cleo.pk}&target={company.ana.pk}",
        "team-copy-empty": f"/team/copy/?target={company.ana.pk}",
        "packages-for": f"/packages/?for={company.ana.pk}",
        "package-for": f"/packages/{company.close.pk}/?for={company.ana.pk}",
        "package-held-for": f"/packages/{company.analyst.pk}/?for={company.cleo.pk}",
        "package-own": f"/packages/{company.close.pk}/",
    }.items():
        assert page.goto(path).status == 200, path
        assert page.locator("h1").count() == 1
        wrong += look(page, name, axe, shot)
    sign_in(page, UserFactory(display_name="Nobody's Manager"))
    page.goto("/team/")
    wrong += look(page, "team-nobody", axe, shot)
    assert wrong == []


def test_a_manager_asks_for_a_report_who_then_calls_it_off(
    page, open_context, sign_in, axe, company
):
    sign_in(page, company.dev).goto("/packages/")
    page.get_by_label("For whom").select_option(label="For Nia New")
    page.get_by_text("in the name of Nia New").wait_for()
    page.get_by_role("link", name="Request Finance Close").click()
    expect(page.get_by_role("heading", name="Ask for it for Nia New")).to_be_visible()
    assert axe(page) == []

    page.get_by_label("For whom?").select_option(label="Ana Diaz, Analyst")
    expect(page.get_by_role("heading", name="Ask for it for Ana Diaz")).to_be_visible()
    page.get_by_label("Why does Ana Diaz need it?").fill("Year-end close")
    page.get_by_role("button", name="Send request").click()
    expect(page).to_have_url(re.compile("/requests/"))
    expect(page.get_by_text("You asked for Finance Close for Ana Diaz.").first).to_be_visible()
    access_request = models.AccessRequest.objects.get(kind="on_behalf_add")
    assert (access_request.requestor, access_request.target) == (company.dev, company.ana)

    hers = sign_in(open_context().new_page(), company.ana)
    hers.goto(f"/requests/{access_request.pk}/")
    expect(hers.get_by_text("Dev Patel asked for Finance Close for you.")).to_be_visible()
    assert axe(hers) == []
    hers.get_by_role("link", name="Cancel request…").click()
    hers.get_by_role("button", name="Cancel request").click()
    expect(hers.get_by_text("The request is canceled.")).to_be_visible()


def test_without_script_a_person_is_chosen_with_a_button(open_context, sign_in, company):
    page = sign_in(open_context(java_script_enabled=False).new_page(), company.dev)
    page.goto(f"/packages/{company.close.pk}/")

    page.get_by_label("For whom?").select_option(label="Nia New, Trainee")
    page.get_by_role("button", name="Choose").click()

    expect(page.get_by_role("heading", name="Ask for it for Nia New")).to_be_visible()


def test_a_manager_copies_what_a_colleague_has_and_ends_it(page, sign_in, axe, shot, company):
    sign_in(page, company.dev).goto("/team/")
    page.get_by_role("link", name="Copy from a colleague for Nia New").click()
    page.get_by_label("What this person has").select_option(label="Cleo Marsh")
    page.get_by_role("button", name="Compare").click()
    assert page.get_by_role("button", name="Send requests").is_disabled()
    page.get_by_label("Sales Analyst").check()
    page.get_by_label("Contractor kit").check()
    page.get_by_label("Why?").fill("Same job as Cleo")
    page.get_by_role("button", name="Send requests").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What became of each wish")
    assert look(page, "team-asked", axe, shot) == []
    assert models.AccessRequest.objects.filter(target=company.newcomer).count() == 2

    page.goto(f"/team/{company.cleo.pk}/")
    page.get_by_role("link", name="End access… to Contractor kit").click()
    page.get_by_label("Why?").fill("The project is over")
    page.get_by_role("button", name="End access").click()
    expect(page.get_by_text("Cleo Marsh loses Contractor kit now.")).to_be_visible()
    assert (
        not models.Assignment.objects.live()
        .filter(target=company.cleo, package=company.kit)
        .exists()
    )


def test_a_file_is_checked_given_and_followed(
    page, sign_in, axe, shot, company, monkeypatch, tmp_path
):
    monkeypatch.setattr(giving, "MOST_AT_ONCE", 3)
    people = UserFactory.create_batch(6)
    file = tmp_path / "people.csv"
    lines = [f"{person.email};;;Trade fair" for person in people]
    lines += ["nobody@kestrel.example;;;", f"{people[0].email};;;", "ana.diaz@kestrel.example;x;;"]
    file.write_text("\n".join(["email;start;end;justification", *lines]), encoding="utf-8-sig")
    sign_in(page, company.olga).goto(f"/manage/packages/{company.kit.pk}/give/")
    wrong = look(page, "give", axe, shot)

    page.get_by_label("Or a CSV file").set_input_files(str(file))
    page.get_by_role("button", name="Give package").click()
    page.get_by_text("6 of 9 can be given; 3 will be left out").wait_for()
    wrong += look(page, "give-checked", axe, shot)
    page.get_by_role("link", name="Refused (3)").click()
    page.get_by_text("date_unreadable").wait_for()
    page.get_by_role("button", name="Give to 6 people").click()
    page.get_by_text("0 of 9 rows are done.").or_(page.get_by_text("3 of 9 rows")).wait_for()
    wrong += look(page, "give-running", axe, shot)
    scene.run_queue()
    page.get_by_text("6 of 9 given").wait_for()
    wrong += look(page, "give-done", axe, shot)

    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    content = download.value.path().read_text(encoding="utf-8-sig")
    assert content.count("Given") == 6
    assert content.count("named_twice") == 1
    assert wrong == []


def test_people_and_groups_are_picked_and_an_assignment_is_extended(
    page, sign_in, axe, shot, company
):
    team = GroupFactory(name="Sales interns", members=UserFactory.create_batch(2))
    sign_in(page, company.olga).goto(f"/manage/packages/{company.kit.pk}/give/")
    seek = page.get_by_placeholder("Two letters of the name")
    seek.press_sequentially("interns")
    page.get_by_label(team.name).check()
    seek.fill("")
    seek.press_sequentially("nia")
    page.get_by_label("Nia New").check()
    page.get_by_role("button", name="Give package").click()
    page.get_by_text("3 of 3 can be given").wait_for()
    page.get_by_role("button", name="Give to 3 people").click()
    page.get_by_text("3 of 3 given").wait_for()

    assignment = operations.AccessRequest.objects.get(
        target=company.newcomer, package=company.kit
    ).assignment
    page.goto(f"/manage/assignments/{assignment.pk}/")
    page.get_by_role("link", name="Extend…").click()
    assert look(page, "extend", axe, shot) == []
    page.get_by_role("button", name="Extend access").click()
    expect(page.get_by_text("Nia New keeps Contractor kit for longer.")).to_be_visible()
