"""My team, and asking in the name of one's people."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from entitlements import clock
from entitlements.directory.models import UserType
from entitlements.models import AccessRequest, Assignment
from entitlements.policies.models import Scope
from entitlements.requests import operations
from tests.factories import (
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def dev(client, ada):
    """Ada's manager, who has signed in."""
    dev = UserFactory(display_name="Dev Patel")
    ada.manager = dev
    ada.save()
    client.force_login(dev)
    return dev


@pytest.fixture
def policy():
    return AssignmentPolicyFactory(
        package__name="Sales Analyst", name="Employees", allows_on_behalf=True
    )


def text(response):
    return " ".join(response.content.decode().split())


def queries(client, path):
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


# Asking in somebody's name


def test_the_page_of_a_package_offers_the_people_whom_it_fits(client, ada, bo, dev, policy):
    UserFactory(display_name="Left Lately", manager=dev, is_active=False)
    UserFactory(display_name="Guest Person", manager=dev, user_type=UserType.GUEST)

    page = text(client.get(f"/packages/{policy.package_id}/"))

    assert "For whom?" in page
    assert f'<option value="{ada.pk}">Ada Lovelace' in page
    for nobody in ("Left Lately", "Guest Person", "Bo Chen"):
        assert nobody not in page


def test_nobody_else_is_asked_for_whom(client, ada, policy):
    client.force_login(ada)
    assert "For whom?" not in text(client.get(f"/packages/{policy.package_id}/"))


def test_a_policy_that_does_not_allow_it_offers_nobody(client, ada, dev, policy):
    policy.allows_on_behalf = False
    policy.save()

    assert "For whom?" not in text(client.get(f"/packages/{policy.package_id}/"))
    page = text(client.get(f"/packages/{policy.package_id}/?for={ada.pk}"))
    assert "No policy lets you ask for this for Ada Lovelace" in page


def test_who_falls_under_a_stricter_policy_that_forbids_it_is_not_offered(client, ada, dev, policy):
    strict = AssignmentPolicyFactory(package=policy.package, scope=Scope.SPECIFIC)
    strict.allowed_users.add(ada)
    page = text(client.get(f"/packages/{policy.package_id}/"))
    assert "For whom?" not in page

    strict.allows_on_behalf = True
    strict.save()
    assert "Ada Lovelace" in text(client.get(f"/packages/{policy.package_id}/"))


def test_members_of_nested_groups_are_offered(client, ada, dev, policy):
    inner, outer = GroupFactory(members=[ada]), GroupFactory()
    outer.nestings.create(child=inner)
    policy.scope = Scope.SPECIFIC
    policy.save()
    policy.allowed_groups.add(outer)

    assert "Ada Lovelace" in text(client.get(f"/packages/{policy.package_id}/"))


def test_a_package_for_ones_people_only_is_shown_and_asked_for(client, ada, bo, dev, policy):
    policy.scope = Scope.SPECIFIC
    policy.save()
    policy.allowed_users.add(ada)
    ApprovalStageFactory(policy=policy, position=1, manager=True, fallbacks=[bo])
    address = f"/packages/{policy.package_id}/"
    assert "You may not ask for this for yourself" in text(client.get(address))

    page = text(client.get(f"{address}?for={ada.pk}"))
    assert "Ask for it for Ada Lovelace" in page
    assert "Ada Lovelace’s manager" in page
    assert "You may ask for this for Ada Lovelace." in page
    response = client.post(
        f"{address}request/",
        {"for": ada.pk, "policy": policy.pk, "justification": "New in the team"},
    )

    access_request = AccessRequest.objects.get()
    assert response.url == f"/requests/{access_request.pk}/"
    assert (access_request.requestor, access_request.target) == (dev, ada)
    story = text(client.get(response.url))
    assert "You asked for Sales Analyst for Ada Lovelace." in story
    assert "Dev Patel" in story
    client.force_login(ada)
    assert "Dev Patel asked for Sales Analyst for you." in text(client.get(response.url))
    client.force_login(bo)
    card = text(client.get("/approvals/"))
    assert "Dev Patel asks for Sales Analyst for Ada Lovelace" in card
    assert "asked by Dev Patel" in card


def test_what_a_person_holds_or_waits_for_is_said(client, ada, dev, policy):
    assignment = AssignmentFactory(policy=policy, target=ada)
    address = f"/packages/{policy.package_id}/?for={ada.pk}"

    page = text(client.get(address))
    assert "Ada Lovelace holds it already, until" in page
    assert f"/team/{ada.pk}/" in page
    assert "Send request" not in page

    Assignment.objects.filter(pk=assignment.pk).delete()
    ApprovalStageFactory(policy=policy, position=1)
    operations.submit(policy, by=ada)
    page = text(client.get(address))
    assert "A request for Ada Lovelace is on its way already." in page


def test_a_refusal_comes_back_with_the_form(client, ada, dev, policy):
    policy.requires_justification = True
    policy.save()

    response = client.post(
        f"/packages/{policy.package_id}/request/", {"for": ada.pk, "policy": policy.pk}
    )

    assert response.status_code == 422
    assert "A reason is required." in text(response)
    assert f'name="for" value="{ada.pk}"' in text(response)
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize("key", ["stranger", "unknown", "nonsense"])
def test_for_nobody_elses_people(client, bo, dev, policy, key):
    named = {"stranger": bo.pk, "unknown": uuid4(), "nonsense": "x"}[key]

    for address in (f"/packages/{policy.package_id}/", "/packages/"):
        assert client.get(f"{address}?for={named}").status_code == 404
    sent = {"for": named, "policy": policy.pk, "justification": "x"}
    assert client.post(f"/packages/{policy.package_id}/request/", sent).status_code == 404
    assert not AccessRequest.objects.exists()


def test_a_hidden_or_foreign_package_is_not_found(client, ada, dev, policy):
    policy.scope = Scope.SPECIFIC
    policy.save()

    assert client.get(f"/packages/{policy.package_id}/?for={ada.pk}").status_code == 404


def test_the_list_shows_what_may_be_asked_for_in_somebodys_name(client, ada, dev, policy):
    only_his = AssignmentPolicyFactory(package__name="Only for Dev", scope=Scope.SPECIFIC)
    only_his.allowed_users.add(dev)
    only_hers = AssignmentPolicyFactory(
        package__name="Only for Ada", scope=Scope.SPECIFIC, allows_on_behalf=True
    )
    only_hers.allowed_users.add(ada)
    held = AssignmentPolicyFactory(package__name="Held by Ada", allows_on_behalf=True)
    AssignmentFactory(policy=held, target=ada)

    own = text(client.get("/packages/"))
    assert "Only for Dev" in own
    assert "Only for Ada" not in own
    hers = text(client.get(f"/packages/?for={ada.pk}"))
    assert "Only for Dev" not in hers
    assert f"/packages/{only_hers.package_id}/?for={ada.pk}" in hers
    assert f"/packages/{policy.package_id}/request/?for={ada.pk}" in hers
    assert "/access/" not in hers.partition('id="packages"')[2].partition("</section>")[0]
    assert "in the name of Ada Lovelace" in hers
    AssignmentPolicyFactory._meta.model.objects.update(allows_on_behalf=False)
    assert "There is nothing to ask for" in text(client.get(f"/packages/?for={ada.pk}"))


def test_a_denied_request_is_changed_and_asked_again_for_the_same_person(
    client, ada, bo, dev, policy
):
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    access_request = operations.submit(policy, by=dev, target=ada, justification="Year-end close")
    operations.cancel(access_request, by=ada)

    page = text(client.get(f"/requests/{access_request.pk}/"))
    again = f"/packages/{policy.package_id}/request/?again=1&amp;for={ada.pk}"
    assert again in page
    assert "Year-end close" in text(client.get(again.replace("&amp;", "&")))
    response = client.post(f"/requests/{access_request.pk}/again/")
    assert response.status_code == 302
    assert AccessRequest.objects.open().get().target == ada


# My team


def test_the_entry_is_for_people_with_a_team(client, ada, dev):
    assert 'href="/team/"' in text(client.get("/"))
    client.force_login(ada)
    assert 'href="/team/"' not in text(client.get("/"))
    assert "No one reports to you in the directory" in text(client.get("/team/"))


def test_the_team_is_shown_with_what_each_holds(client, ada, bo, dev, policy):
    guest = UserFactory(display_name="Eli Weiss", user_type=UserType.GUEST)
    guest.sponsors.add(dev)
    AssignmentFactory(policy=policy, target=ada)
    AssignmentFactory(policy__package__name="Ended", target=ada, ends_at=clock.now())
    AssignmentFactory(policy__package__name="Of Bo", target=bo)

    page = text(client.get("/team/"))

    for shown in ("Ada Lovelace", "Eli Weiss", "guest", "Sales Analyst"):
        assert shown in page
    for absent in ("Bo Chen", "Of Bo", "Ended"):
        assert absent not in page
    assert "Eli Weiss" not in text(client.get("/team/?q=ada"))
    assert "Nobody in your team is called so" in text(client.get("/team/?q=zeppelin"))


def test_only_ones_own_people_have_a_page(client, ada, bo, dev, policy):
    assignment = AssignmentFactory(policy=policy, target=bo)

    assert client.get(f"/team/{ada.pk}/").status_code == 200
    assert client.get(f"/team/{bo.pk}/").status_code == 404
    assert client.get(f"/team/access/{assignment.pk}/end/").status_code == 404
    sent = {"justification": "Because"}
    assert client.post(f"/team/access/{assignment.pk}/end/", sent).status_code == 404
    assert Assignment.objects.live().count() == 1


def test_the_page_of_a_person_shows_what_is_held_and_on_its_way(client, ada, bo, dev, policy):
    fixed = AssignmentPolicyFactory(package__name="Fixed")
    AssignmentFactory(policy=policy, target=ada)
    AssignmentFactory(policy=fixed, target=ada)
    wanted = AssignmentPolicyFactory(package__name="Wanted", allows_on_behalf=True)
    ApprovalStageFactory(policy=wanted, position=1, approvers=[bo])
    mine = operations.submit(wanted, by=dev, target=ada)
    own = AssignmentPolicyFactory(package__name="Her own wish")
    ApprovalStageFactory(policy=own, position=1, approvers=[bo])
    hers = operations.submit(own, by=ada)

    page = text(client.get(f"/team/{ada.pk}/"))

    assert f"/requests/{mine.pk}/" in page
    assert "Her own wish" in page
    assert f"/requests/{hers.pk}/" not in page
    assert page.count("End access…") == 1
    assert "Its policy does not let managers end it." in page


def test_access_is_ended_with_a_reason(client, ada, dev, policy):
    assignment = AssignmentFactory(policy=policy, target=ada)
    address = f"/team/access/{assignment.pk}/end/"
    assert "End Sales Analyst for Ada Lovelace?" in text(client.get(address))

    response = client.post(address, {"justification": " "})
    assert response.status_code == 422
    assert "A reason is required." in text(response)

    response = client.post(address, {"justification": "Changed teams"})
    assert response.url == f"/team/{ada.pk}/"
    assignment.refresh_from_db()
    assert (assignment.ended_by, assignment.end_reason) == (dev, "removed_on_behalf")
    client.force_login(ada)
    page = text(client.get(f"/access/{assignment.pk}/"))
    assert "ended by a manager or sponsor of the person" in page


def test_access_under_a_policy_that_forbids_it_is_not_ended(client, ada, dev):
    assignment = AssignmentFactory(policy__name="Employees", target=ada)

    response = client.post(f"/team/access/{assignment.pk}/end/", {"justification": "x"})

    assert response.status_code == 422
    assert "on_behalf_not_allowed" in text(response)
    assert Assignment.objects.live().exists()


# What a colleague has


@pytest.fixture
def colleague(dev):
    return UserFactory(display_name="Cleo Marsh", manager=dev)


def test_what_a_colleague_has_is_asked_for_at_once(client, ada, dev, colleague, policy):
    several = AssignmentPolicyFactory(package__name="Two ways", name="Long", allows_on_behalf=True)
    short = AssignmentPolicyFactory(package=several.package, name="Short", allows_on_behalf=True)
    closed = AssignmentPolicyFactory(package__name="Closed")
    both = AssignmentPolicyFactory(package__name="Both", allows_on_behalf=True)
    for held in (policy, several, closed, both):
        AssignmentFactory(policy=held, target=colleague)
    AssignmentFactory(policy=both, target=ada)
    address = f"/team/copy/?source={colleague.pk}&target={ada.pk}"

    page = text(client.get(address))
    assert "No policy lets you ask for Ada Lovelace" in page
    assert "Ada Lovelace has it already" in page
    assert page.count('name="package"') == 2
    response = client.post(
        address,
        {
            "package": [policy.package_id, several.package_id, closed.package_id],
            f"policy-{several.package_id}": short.pk,
            "justification": "Same job",
        },
    )

    made = AccessRequest.objects.order_by("package__name")
    assert [(one.policy, one.target, one.requestor) for one in made] == [
        (policy, ada, dev),
        (short, ada, dev),
    ]
    assert all(one.reference in text(response) for one in made)


def test_each_wish_has_its_own_outcome(client, ada, dev, colleague, policy):
    strict = AssignmentPolicyFactory(
        package__name="Strict", allows_on_behalf=True, requires_justification=True
    )
    for held in (policy, strict):
        AssignmentFactory(policy=held, target=colleague)

    response = client.post(
        f"/team/copy/?source={colleague.pk}&target={ada.pk}",
        {"package": [policy.package_id, strict.package_id]},
    )

    assert AccessRequest.objects.get().policy == policy
    assert "justification_missing" in text(response)
    assert f"/packages/{strict.package_id}/request/?for={ada.pk}" in text(response)


def test_a_manager_takes_over_what_a_report_has(client, ada, dev, policy):
    AssignmentFactory(policy=policy, target=ada)
    address = f"/team/copy/?source={ada.pk}&target={dev.pk}"
    assert "What Ada Lovelace has" in text(client.get(address))

    client.post(address, {"package": policy.package_id})

    access_request = AccessRequest.objects.get()
    assert (access_request.kind, access_request.target) == ("user_add", dev)


def test_comparing_says_what_is_missing(client, ada, bo, dev, colleague, policy):
    assert "nobody copies from himself" in text(
        client.get(f"/team/copy/?source={ada.pk}&target={ada.pk}")
    )
    assert "is-invalid" not in text(client.get(f"/team/copy/?target={ada.pk}"))
    stranger = text(client.get(f"/team/copy/?source={bo.pk}&target={ada.pk}"))
    assert "What Bo Chen has" not in stranger
    assert "holds no package now" in text(
        client.get(f"/team/copy/?source={colleague.pk}&target={ada.pk}")
    )
    AssignmentFactory(policy=policy, target=colleague)
    nothing = client.post(f"/team/copy/?source={colleague.pk}&target={ada.pk}", {})
    assert nothing.status_code == 422
    assert "Choose at least one package." in text(nothing)
    assert not AccessRequest.objects.exists()


def test_my_team_costs_the_same_with_few_and_with_many(client, ada, dev, policy):
    def fill(count):
        for _ in range(count):
            person = UserFactory(manager=dev)
            for policy in AssignmentPolicyFactory.create_batch(2, allows_on_behalf=True):
                AssignmentFactory(policy=policy, target=person)
        for policy in AssignmentPolicyFactory.create_batch(count, allows_on_behalf=True):
            AssignmentFactory(policy=policy, target=ada)
            AssignmentFactory(policy=policy, target=person)

    fill(2)
    person = UserFactory(manager=dev)
    paths = [
        "/team/",
        f"/team/{ada.pk}/",
        f"/team/copy/?source={ada.pk}&target={person.pk}",
        f"/packages/{policy.package_id}/",
        f"/packages/?for={ada.pk}",
    ]
    few = [queries(client, path) for path in paths]

    fill(10)

    assert [queries(client, path) for path in paths] == few
    assert max(few) <= 18


def test_a_long_team_is_paged(client, dev):
    for number in range(25):
        UserFactory(display_name=f"Report {number:02}", manager=dev)

    assert "1–20 of 26" in text(client.get("/team/"))
    assert "Report 24" in text(client.get("/team/?page=2"))


def test_much_access_of_one_person_is_paged_and_cut_short_in_the_list(client, ada, dev):
    soon = clock.now() + timedelta(days=3)
    for number in range(22):
        AssignmentFactory(policy__package__name=f"Thing {number:02}", target=ada, ends_at=soon)

    page = text(client.get("/team/"))
    assert "All 22 packages" in page
    assert "Thing 05" not in page
    assert "1–20 of 22" in text(client.get(f"/team/{ada.pk}/"))
