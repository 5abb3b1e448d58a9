"""The page of a policy says what it would do, while it is edited and before anything is saved."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

from entitlements import clock
from entitlements.models import AuditEvent, PolicyDraft, User
from entitlements.policies.drafts import restore_as_draft
from entitlements.policies.models import Scope
from entitlements.policies.operations import change_policy, terms_of
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CustomExtensionFactory,
    GroupFactory,
    GuestFactory,
    StageApproverFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
POLICY = {
    "name": "Employees",
    "scope": "all_members",
    "stage_count": "0",
    "expiration": "after_days",
    "duration": "30",
    "is_enabled": "on",
    "accepts_requests": "on",
}
HTMX = {"HX-Request": "true"}
QUERIES = 32
PAGE_QUERIES = 38


@pytest.fixture
def package(appoint, ada):
    package = AccessPackageFactory(name="Ledger")
    appoint(ada, package.catalog)
    return package


@pytest.fixture
def as_ada(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def policy(package, bo):
    policy = AssignmentPolicyFactory(package=package, name="Team", scope=Scope.SPECIFIC)
    policy.allowed_users.add(bo)
    return policy


def words(response):
    text = re.sub(r"<[^>]+>", " ", response.text)
    return re.sub(r"\s+", " ", unescape(text))


@pytest.fixture
def look(as_ada, policy):
    """Send what is entered over a policy, as the page does while somebody types."""

    def look(query="", **fields):
        address = reverse("manage:policy_preview", args=[policy.pk]) + query
        response = as_ada.post(address, {**POLICY, **fields}, headers=HTMX)
        assert response.status_code == 200
        return words(response)

    return look


@pytest.fixture
def look_new(as_ada, package):
    def look_new(**fields):
        address = reverse("manage:policy_preview_new", args=[package.pk])
        response = as_ada.post(address, {**POLICY, **fields}, headers=HTMX)
        assert response.status_code == 200
        return words(response)

    return look_new


def test_the_page_of_a_policy_shows_what_it_does(as_ada, policy):
    AccessRequestFactory(policy=policy, state="pending_approval")

    text = words(as_ada.get(reverse("manage:policy", args=[policy.pk])))

    assert "Who is in scope now 1 person as it is saved" in text
    assert "There is no other policy that is on." in text
    assert "1 request waits under what is saved; it stays so." in text


def test_who_would_join_and_leave_is_told_and_nothing_is_saved(look, policy, ada, bo, gita):
    before = terms_of(policy)

    text = look(scope="specific", allowed=[f"user:{ada.pk}", f"user:{gita.pk}"])

    assert "2 people +2 −1 against what is saved" in text
    assert f"Joins: {ada} and {gita}" in text
    assert f"Leaves: {bo}" in text
    assert "by name" not in text
    assert terms_of(policy) == before
    assert not AuditEvent.objects.filter(action__startswith="policy").exists()


def test_only_the_first_of_many_are_named(look, policy):
    for number in range(60):
        UserFactory(display_name=f"Member {number:02}")

    text = look()

    joining = User.objects.active().count() - 1
    assert f"and {joining - 3} more The first 50 of {joining} by name" in text
    assert "Member 45" in text
    assert "Member 59" not in text


def test_what_cannot_be_read_is_left_out_and_the_rest_is_shown(look, bo):
    text = look(
        scope="everybody there is",
        stage_count="2",
        expiration="after_days",
        duration="many",
        **{"stage1-decision_days": "many", "stage2-approvers": f"user:{bo.pk}"},
    )

    assert "No one +0 −1 against what is saved" in text
    assert "Given directly: nobody asks. Set up: how long is not said yet." in text


@pytest.mark.parametrize("fields", [{}, {"stage_count": "x"}, {"allowed": ["user:x", "?"]}])
def test_bad_input_is_no_fault_of_ours(as_ada, policy, fields):
    address = reverse("manage:policy_preview", args=[policy.pk])

    assert as_ada.post(address, fields, headers=HTMX).status_code == 200
    assert as_ada.post(address, fields).status_code == 200


def test_a_stage_that_is_new_or_wrong_is_not_complete_yet(look, bo):
    text = look(
        stage_count="2", **{"stage1-decision_days": "3", "stage1-approvers": f"user:{bo.pk}"}
    )
    assert "Stage 1 · 3 days: Bo Chen. Stage 2: not complete yet." in text

    assert "Stage 1: not complete yet." in look(stage_count="1", **{"stage1-decision_days": "no"})


def test_the_way_of_a_request_is_told_stage_by_stage(look, bo, gita):
    text = look(
        stage_count="2",
        requires_justification="on",
        allows_on_behalf="on",
        allows_extension="on",
        extension_requires_approval="on",
        **{
            "stage1-decision_days": "6",
            "stage1-relations": "manager",
            "stage1-fallbacks": f"user:{bo.pk}",
            "stage1-escalation_days": "4",
            "stage1-alternate_relations": "second_manager",
            "stage2-decision_days": "1",
            "stage2-approvers": [f"user:{bo.pk}", f"user:{gita.pk}"],
            "stage2-rule": "all",
        },
    )

    assert (
        "Asks: All members, without guests; or his manager or sponsor, in his name; says why."
    ) in text
    assert (
        "Stage 1 · 6 days: their manager; if nobody of these is to be had, Bo Chen; "
        "After 4 days also their manager’s manager."
    ) in text
    assert f"Stage 2 · 1 day: {bo} or {gita} (all have to approve)." in text
    assert "Set up: for 30 days; can be extended, which is approved again." in text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"expiration": "never"}, "Set up: without an end."),
        ({"expiration": "after_hours", "duration": "4"}, "Set up: for 4 hours; cannot be ext"),
        ({"expiration": "on_date"}, "Set up: how long is not said yet."),
        ({"allows_extension": "on"}, "Set up: for 30 days; can be extended."),
        ({}, "No approval. Set up"),
        ({"scope": "nobody"}, "Given directly: nobody asks. Set up"),
        ({"accepts_requests": ""}, "Given directly: nobody asks. Set up"),
    ],
)
def test_the_end_of_the_way_follows_the_choices(look, fields, told):
    assert told in look(**fields)


def test_many_names_are_cut_short(look, policy):
    people = [UserFactory(display_name=f"Member {number}") for number in range(8)]
    keys = [f"user:{person.pk}" for person in people]

    text = look(
        scope="specific",
        allowed=keys,
        stage_count="1",
        **{"stage1-decision_days": "3", "stage1-approvers": keys},
    )

    assert re.search(r"Asks: (Member \d, ){4}Member \d and 3 more", text)
    assert re.search(r"Stage 1 · 3 days: (Member \d, ){4}Member \d or 3 more", text)


def test_an_extension_that_decides_is_named(as_ada, package, bo):
    extension = CustomExtensionFactory(
        catalog=package.catalog,
        name="Roster",
        response="approval_stage",
        waits_for=timedelta(hours=1),
    )
    policy = AssignmentPolicyFactory(package=package, name="Asked")
    stage = ApprovalStageFactory(policy=policy, position=1, extension=extension)
    StageApproverFactory(stage=stage, user=bo, is_fallback=True)

    text = words(as_ada.get(reverse("manage:policy", args=[policy.pk])))

    assert "whoever Roster names when asked; if it gives no answer, Bo Chen" in text


def test_other_policies_are_compared(look, package, policy, bo):
    AssignmentPolicyFactory(package=package, name="Members", scope=Scope.ALL_MEMBERS)
    AssignmentPolicyFactory(package=package, name="Outside", scope=Scope.ALL_EXTERNAL)
    AssignmentPolicyFactory(
        package=package, name="Paused", scope=Scope.ALL_USERS, accepts_requests=False
    )

    text = look(scope="specific", allowed=f"user:{bo.pk}")

    assert "“Members”: 1 person fits both; this policy comes first for them." in text
    assert "“Outside”: no overlap." in text
    assert "This one is of class 1: named people" in text
    text = look()
    count = User.objects.active().count()
    assert f"“Members”: {count} people fit both; they choose." in text
    text = look(scope="all_users")
    assert f"“Members”: {count} people fit both; “Members” comes first for them." in text
    text = look(scope="all_users", is_enabled="")
    assert "“Paused”: 2 people fit both; nobody can ask under either of them now." in text


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"scope": "nobody"}, "Nobody asks under it: access is given directly."),
        ({"scope": "all_external"}, "Whoever has no account here yet is not counted."),
        ({"scope": "all_users"}, "Guests among them cannot ask"),
        ({"is_enabled": ""}, "The policy is off, so that none of them can ask."),
        ({"accepts_requests": ""}, "New requests are off, so that none of them can ask."),
    ],
)
def test_what_has_to_be_known_about_the_number_is_said(look, package, fields, note):
    package.catalog.is_external = False
    package.catalog.save()

    assert note in look(**fields)
    assert note not in look()


def test_a_person_is_tried(look, bo, gita):
    named = {"scope": "specific", "allowed": f"user:{bo.pk}"}

    assert f"{bo}: in scope Named in the policy." in look(**named, person=f"user:{bo.pk}")
    text = look(**named, person=f"user:{gita.pk}")
    assert f"{gita}: not in scope Neither named, nor in a group that is." in text
    guest = GuestFactory(display_name="Gus Guest")
    assert "A guest, and this policy is for members." in look(person=f"user:{guest.pk}")
    away = UserFactory(display_name="Al Away", is_active=False)
    assert "Al Away: not in scope The account is disabled" in look(person=f"user:{away.pk}")
    assert "in scope:" not in look(person="user:x")


def test_the_way_into_the_scope_is_told_before_it_is_saved(look, gita):
    team = GroupFactory(name="Closing crew", members=[gita])

    text = look(scope="specific", allowed=f"group:{team.pk}", person=f"user:{gita.pk}")

    assert "Through Closing crew, as a member." in text


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "No request waits for approval."), (2, "2 requests wait under what is saved; they stay")],
)
def test_open_requests_stay_under_the_old_text(look, policy, count, told):
    for _ in range(count):
        AccessRequestFactory(policy=policy, state="pending_approval")
    AccessRequestFactory(policy=policy, state="denied")

    assert told in look()


def test_a_new_policy_is_previewed_without_anything_to_compare(look_new, package, bo):
    text = look_new(scope="specific", allowed=f"user:{bo.pk}")

    assert f"1 person These are: {bo}" in text
    assert "against what is saved" not in text
    assert "Open requests" not in text
    assert not package.policies.exists()


def test_the_preview_of_a_draft_begins_with_the_draft(as_ada, policy, ada, look):
    stage = StageTerms((ApproverTerms("catalog_owners"),))
    old = change_policy(policy, terms_of_with(policy, stages=(stage,) * 5), by=ada)
    change_policy(old, terms_of_with(old, stages=()), by=ada)
    restore_as_draft(old, 2, by=ada)

    page = words(as_ada.get(reverse("manage:policy_draft", args=[policy.pk])))
    assert "Stage 5 · 14 days" in page
    stages = {f"stage{number}-decision_days": "2" for number in range(1, 6)}
    relations = {f"stage{number}-relations": "catalog_owners" for number in range(1, 6)}
    text = look("?draft=1", stage_count="5", **stages, **relations)
    assert "Stage 5 · 2 days: an owner of the catalog." in text
    assert PolicyDraft.objects.get().policy == policy


def terms_of_with(policy, **changes):
    return type(terms_of(policy))(**{**vars(terms_of(policy)), **changes})


def test_without_a_script_the_whole_page_comes_back_with_the_preview(as_ada, policy):
    address = reverse("manage:policy_preview", args=[policy.pk])

    response = as_ada.post(address, {**POLICY, "name": ""})

    assert response.status_code == 200
    assert f'action="{reverse("manage:policy", args=[policy.pk])}"' in response.text
    assert "+1 −0 against what is saved" in words(response)
    assert "Show preview" in response.text


def test_a_part_that_htmx_draws_anew_comes_without_a_preview(as_ada, policy):
    address = reverse("manage:policy", args=[policy.pk])

    response = as_ada.post(address, {**POLICY, "find": "parts"}, headers=HTMX)

    assert "preview-shown" not in response.text
    assert 'id="stages"' in response.text


def test_the_preview_costs_the_same_with_many_people(
    look, policy, package, bo, gita, django_assert_num_queries
):
    named = {"stage_count": "1", "stage1-decision_days": "3", "scope": "specific"}
    AssignmentPolicyFactory(package=package, name="Beside")
    team = GroupFactory(members=[gita])
    look()
    for _ in range(2):
        fields = {
            **named,
            "allowed": [f"group:{team.pk}"],
            "stage1-approvers": [f"user:{bo.pk}", f"group:{team.pk}"],
            "person": f"user:{gita.pk}",
        }
        with django_assert_num_queries(QUERIES):
            assert f"Leaves: {bo}" in look(**fields)
        team = GroupFactory(members=[gita, *UserFactory.create_batch(70)])
        for number in range(5):
            beside = AssignmentPolicyFactory(package=package, name=f"Beside {team} {number}")
            beside.allowed_groups.add(GroupFactory(members=UserFactory.create_batch(9)))


def test_the_page_costs_the_same_with_many_people(
    as_ada, package, policy, bo, django_assert_num_queries
):
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    AssignmentPolicyFactory(package=package, name="Beside")
    address = reverse("manage:policy", args=[policy.pk])
    as_ada.get(address)
    for size in (1, 40):
        with django_assert_num_queries(PAGE_QUERIES):
            assert "as it is saved" in as_ada.get(address).text
        for number in range(4):
            beside = AssignmentPolicyFactory(package=package, name=f"Beside {size} {number}")
            beside.allowed_groups.add(GroupFactory(members=UserFactory.create_batch(9)))
        policy.allowed_users.add(*UserFactory.create_batch(size))


def test_readers_see_the_preview_and_cannot_play_with_it(client, package, policy, gita, appoint):
    client.force_login(appoint(gita, package.catalog, "reader"))

    response = client.get(reverse("manage:policy", args=[policy.pk]))

    assert "1 person as it is saved" in words(response)
    assert "preview-refresh" not in response.text
    assert "Test a person" not in response.text
    address = reverse("manage:policy_preview", args=[policy.pk])
    assert client.post(address, POLICY).status_code == 403
    new = reverse("manage:policy_preview_new", args=[package.pk])
    assert client.post(new, POLICY).status_code == 403


def test_what_is_foreign_does_not_exist(as_ada, package):
    foreign = AssignmentPolicyFactory(name="Foreign")

    for route, key in (
        ("policy_preview", foreign.pk),
        ("policy_preview_new", foreign.package_id),
    ):
        address = reverse(f"manage:{route}", args=[key])
        assert as_ada.post(address, POLICY).status_code == 404
        assert as_ada.get(address).status_code == 405
    address = reverse("manage:policy_add", args=[package.pk])
    for query in (f"?copy={foreign.pk}", "?copy=x", "?template=x"):
        assert as_ada.get(address + query).status_code == 404


def test_a_copy_fills_the_form_and_is_saved_by_its_button_only(as_ada, package, policy, bo):
    stage = ApprovalStageFactory(policy=policy, position=1, approvers=[bo], decision_days=5)
    for number in range(2, 6):
        ApprovalStageFactory(policy=policy, position=number, approvers=[bo])
    page = as_ada.get(reverse("manage:policy", args=[policy.pk]))
    address = f"{reverse('manage:policy_add', args=[package.pk])}?copy={policy.pk}"
    assert f'href="{address}"' in page.text

    response = as_ada.get(address)

    form = response.context["form"]
    assert form["name"].value() == "Copy of Team"
    assert form.stages[0]["decision_days"].value() == stage.decision_days
    assert f'action="{address}"' in response.text
    assert package.policies.count() == 1
    fields = {f"stage{number}-decision_days": "2" for number in range(1, 6)}
    fields |= {f"stage{number}-approvers": f"user:{bo.pk}" for number in range(1, 6)}
    sent = {**POLICY, **fields, "stage_count": "5", "name": "Copy of Team"}
    assert as_ada.post(address, sent).status_code == 302
    assert package.policies.get(name="Copy of Team").stages.count() == 5


def test_a_template_fills_the_form_and_saves_nothing(as_ada, package):
    address = reverse("manage:policy_add", args=[package.pk])
    plain = as_ada.get(address)
    assert f'href="{address}?template=contractor"' in plain.text
    assert "Begin with a template" in plain.text

    response = as_ada.get(f"{address}?template=contractor")

    text = words(response)
    assert response.context["form"]["name"].value() == "Contractor"
    assert 'aria-current="page">Contractor' in response.text
    assert "Stage 1 · 7 days: their manager" in text
    assert "Stage 2 · 7 days: one of their sponsors" in text
    assert "for 90 days" in text
    assert "scope_fits_nobody" in text
    assert not package.policies.exists()


def test_the_end_on_a_day_is_told(look):
    day = clock.now() + timedelta(days=40)

    assert f"Set up: until {day:%a}" in look(expiration="on_date", ends_on=f"{day:%Y-%m-%d}")
