"""Stages on pages: as owners write them, as approvers and requestors read them."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from entitlements import clock, sweep
from entitlements.policies.operations import terms_of
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.requests import deciding, operations
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    StageApproverFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
POLICY = {
    "name": "Employees",
    "scope": "all_members",
    "stage_count": "1",
    "expiration": "after_days",
    "duration": "30",
    "is_enabled": "on",
    "accepts_requests": "on",
    "stage1-decision_days": "14",
}


@pytest.fixture
def package(appoint, ada):
    package = AccessPackageFactory(name="Sales Payments")
    appoint(ada, package.catalog)
    return package


@pytest.fixture
def as_ada(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def add(as_ada, package):
    def add(**fields):
        address = reverse("manage:policy_add", args=[package.pk])
        return as_ada.post(address, {**POLICY, **fields})

    return add


@pytest.fixture
def asked_of_two(bo, gita):
    """Cleo's request, which Bo and Gita have to approve, and Hugo as well after 3 days."""
    policy = AssignmentPolicyFactory(package__name="Sales Payments")
    stage = ApprovalStageFactory(
        policy=policy, position=1, approvers=[bo, gita], rule="all", escalation_days=3
    )
    hugo = UserFactory(display_name="Hugo Weiss")
    StageApproverFactory(stage=stage, user=hugo, is_alternate=True)
    return operations.submit(policy, by=UserFactory(display_name="Cleo Marsh"))


def test_everything_about_a_stage_can_be_entered_and_is_shown_again(add, as_ada, package, bo, gita):
    hugo = UserFactory(display_name="Hugo Weiss")

    response = add(
        **{
            "stage1-relations": ["manager", "resource_owners"],
            "stage1-approvers": [f"user:{bo.pk}"],
            "stage1-rule": "quorum",
            "stage1-quorum": "2",
            "stage1-fallback_relations": ["catalog_owners"],
            "stage1-fallbacks": [f"user:{gita.pk}"],
            "stage1-escalation_days": "7",
            "stage1-alternate_relations": ["second_manager"],
            "stage1-alternate_fallbacks": [f"user:{hugo.pk}"],
            "stage1-reminders": "days",
            "stage1-reminder_days": "3, 10",
        }
    )

    assert response.status_code == 302
    policy = package.policies.get()
    (stage,) = terms_of(policy).stages
    assert stage == StageTerms(
        approvers=(
            ApproverTerms("manager"),
            ApproverTerms("resource_owners"),
            ApproverTerms("user", user_id=bo.pk),
            ApproverTerms("catalog_owners", is_fallback=True),
            ApproverTerms("user", user_id=gita.pk, is_fallback=True),
            ApproverTerms("second_manager", is_alternate=True),
            ApproverTerms("user", user_id=hugo.pk, is_alternate=True, is_fallback=True),
        ),
        rule="quorum",
        quorum=2,
        escalation_days=7,
        reminder_days=(10, 3),
    )
    form = as_ada.get(reverse("manage:policy", args=[policy.pk])).context["form"]
    (shown,) = form.shown_stages
    assert (shown.opens_fallbacks, shown.opens_alternates, shown.opens_reminders) == (True,) * 3
    assert 'value="10, 3"' in str(shown["reminder_days"])


@pytest.mark.parametrize(
    ("reminders", "plan"), [("usual", None), ("none", ()), ("", None), ("days", (5,))]
)
def test_a_reminder_plan_is_chosen(add, package, bo, reminders, plan):
    fields = {"stage1-approvers": [f"user:{bo.pk}"], "stage1-reminder_days": "5"}

    add(**fields, **{"stage1-reminders": reminders})

    assert terms_of(package.policies.get()).stages[0].reminder_days == plan


def test_days_that_are_no_numbers_are_refused(add, bo):
    response = add(
        **{
            "stage1-approvers": [f"user:{bo.pk}"],
            "stage1-reminders": "days",
            "stage1-reminder_days": "soon",
        }
    )

    assert response.status_code == 422
    assert "Enter numbers with commas" in response.text


def test_alternates_in_too_short_a_stage_are_refused_with_their_codes(add, bo):
    response = add(
        **{
            "stage1-approvers": [f"user:{bo.pk}"],
            "stage1-decision_days": "3",
            "stage1-escalation_days": "2",
        }
    )

    assert response.status_code == 422
    for code in ("alternates_missing", "too_short_to_pass_on"):
        assert code in response.text


def test_the_number_is_asked_for_a_quorum_only(as_ada, package):
    address = reverse("manage:policy_add", args=[package.pk])
    refit = {**POLICY, "find": "parts"}

    assert 'name="stage1-quorum"' not in as_ada.post(address, refit).text
    assert 'name="stage1-quorum"' in as_ada.post(address, {**refit, "stage1-rule": "quorum"}).text


def test_a_policy_with_five_stages_keeps_them_when_it_is_changed(as_ada, package, bo, gita):
    policy = AssignmentPolicyFactory(package=package)
    for position in range(1, 6):
        ApprovalStageFactory(policy=policy, position=position, approvers=[bo, gita])
    address = reverse("manage:policy", args=[policy.pk])
    form = as_ada.get(address).context["form"]
    assert len(form.shown_stages) == 5
    people = [f"user:{user.pk}" for user in (bo, gita)]
    stages = {
        f"stage{position}-{name}": value
        for position in range(1, 6)
        for name, value in {"approvers": people, "decision_days": "7"}.items()
    }

    response = as_ada.post(address, {**POLICY, **stages, "stage_count": "5"})

    assert response.status_code == 302
    assert [stage.decision_days for stage in terms_of(policy).stages] == [7] * 5


def test_doubts_are_told_while_a_policy_is_edited_and_when_it_is_saved(add, as_ada, package):
    away = UserFactory(is_active=False)
    policy = AssignmentPolicyFactory(package=package, name="Old")
    ApprovalStageFactory(policy=policy, position=1, approvers=[away])

    assert "stage_undecidable" in as_ada.get(reverse("manage:policy", args=[policy.pk])).text

    alone = {"stage1-approvers": [f"user:{UserFactory(display_name='Hugo Weiss').pk}"]}
    assert "Only Hugo Weiss decides stage 1" in add(**alone, find="parts").text
    assert not package.policies.filter(name="Employees").exists()

    response = add(**alone)
    assert response.status_code == 302
    told = [str(message) for message in get_messages(response.wsgi_request)]
    assert any("Only Hugo Weiss decides stage 1" in words for words in told)


def test_what_cannot_be_read_yet_raises_no_doubts(add):
    assert add(**{"stage1-decision_days": "many"}, find="parts").context["form"].doubts == []


def test_the_card_says_how_many_have_approved(client, bo, gita, asked_of_two):
    client.force_login(gita)
    assert "0 of 2 have approved" in client.get(reverse("approvals:index")).text
    deciding.approve(asked_of_two, by=bo, justification="Agreed with the team plan.")

    for page in (
        client.get(reverse("approvals:index")),
        client.get(reverse("approvals:detail", args=[asked_of_two.pk])),
    ):
        assert "1 of 2 have approved" in page.text
        assert "Agreed with the team plan." in page.text
    client.force_login(bo)
    assert "Nothing waits for you" in client.get(reverse("approvals:index")).text


def test_one_of_two_approvals_says_that_others_decide_as_well(client, bo, gita, asked_of_two):
    client.force_login(bo)
    page = client.get(reverse("approvals:detail", args=[asked_of_two.pk]))
    assert "the others decide as well" in page.text

    address = reverse("approvals:approve", args=[asked_of_two.pk])
    card = client.post(address, headers={"HX-Request": "true"}).text

    assert "1 of 2 have approved stage 1" in card
    assert client.post(address, headers={"HX-Request": "true"}).text.count("decided_already") == 1


def test_the_story_tells_of_every_approval_and_of_passing_on(client, bo, gita, asked_of_two):
    client.force_login(asked_of_two.requestor)
    address = reverse("requests:detail", args=[asked_of_two.pk])
    assert "others are asked as well" in client.get(address).text
    deciding.approve(asked_of_two, by=bo)
    with clock.at(clock.now() + 4 * DAY):
        sweep.run()

        page = client.get(address)
        listed = client.get(reverse("requests:index"))

    assert "Bo Chen approved; 1 of 2 have approved." in page.text
    assert "Nobody had decided, so Hugo Weiss was asked as well." in page.text
    assert "Gita Rao or Hugo Weiss decides" in page.text
    for shown in (page, listed):
        assert "Passed on" in shown.text
        assert "Waiting for approval" not in shown.text


def test_the_story_hides_the_names_of_alternates_too(client, asked_of_two):
    asked_of_two.terms["shows_approvers"] = False
    asked_of_two.save()
    client.force_login(asked_of_two.requestor)
    with clock.at(clock.now() + 4 * DAY):
        sweep.run()

        page = client.get(reverse("requests:detail", args=[asked_of_two.pk]))

    assert "so others were asked as well" in page.text
    assert "Hugo Weiss" not in page.text


def test_the_story_says_that_no_one_could_be_asked_instead(client, asked_of_two):
    alternate = asked_of_two.policy.stages.get().approvers.get(is_alternate=True).user
    alternate.is_active = False
    alternate.save()
    client.force_login(asked_of_two.requestor)
    with clock.at(clock.now() + 4 * DAY):
        sweep.run()

        page = client.get(reverse("requests:detail", args=[asked_of_two.pk]))

    assert "It was to be passed on, but no one else could be asked." in page.text


def test_the_story_of_a_stage_that_nobody_else_could_approve(client, bo, gita, asked_of_two):
    deciding.approve(asked_of_two, by=bo)
    gita.is_active = False
    gita.save()
    sweep.run()
    client.force_login(asked_of_two.requestor)

    page = client.get(reverse("requests:detail", args=[asked_of_two.pk]))

    assert "Everybody who still could approved." in page.text


def test_the_package_says_how_many_have_to_approve(client, ada, bo, gita):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo, gita], rule="all")
    ApprovalStageFactory(policy=policy, position=2, approvers=[bo, gita], rule="quorum", quorum=2)
    client.force_login(ada)

    page = client.get(reverse("packages:detail", args=[policy.package.pk]))

    assert "Bo Chen or Gita Rao (all have to approve)" in page.text
    assert "Bo Chen or Gita Rao (2 have to approve)" in page.text
