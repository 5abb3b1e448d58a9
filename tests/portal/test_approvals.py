"""The approver's pages: decide one or many, see what became of it, and never one's own."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements import clock
from entitlements.models import AccessRequest, ApprovalStep, Assignment, StepApprover
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.models import Expiration
from entitlements.requests import deciding, operations
from entitlements.requests.context import facts_about
from entitlements.requests.states import RequestState
from portal.approvals import views
from portal.templatetags.approvals import sentence
from tests.factories import (
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    UserFactory,
)
from tests.volumes import gather_statistics

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
INBOX = "/approvals/"


@pytest.fixture
def bos(client, bo):
    client.force_login(bo)
    return client


@pytest.fixture
def ask(bo, gita):
    """Ask for a package of its own, for which Bo and Gita are asked together."""

    def ask(by=None, *, stage=None, then=(), justification="Year-end close", **attributes):
        policy = AssignmentPolicyFactory(**attributes)
        ApprovalStageFactory(policy=policy, position=1, approvers=[bo, gita], **stage or {})
        for position, approvers in enumerate(then, start=2):
            ApprovalStageFactory(policy=policy, position=position, approvers=approvers)
        return operations.submit(policy, by=by or UserFactory(), justification=justification)

    return ask


def address(name, access_request):
    return reverse(f"approvals:{name}", args=[access_request.pk])


def state_of(access_request):
    return AccessRequest.objects.get(pk=access_request.pk).state


# The inbox


def test_the_inbox_shows_who_asks_what_why_and_what_helps_to_decide(bos, ask, bo):
    ana = UserFactory(
        display_name="Ana Diaz",
        department="Sales North",
        job_title="Analyst",
        manager=bo,
        hire_date=clock.now().date() - timedelta(days=800),
    )
    access_request = ask(ana, package__name="Sales Analyst", justification="For the June close")
    AssignmentFactory(policy=access_request.policy, target__department="Sales North")
    access_request.package.roles.update(is_privileged=True)

    page = bos.get(INBOX).content.decode()

    for words in (
        "(1) Approvals",
        "Ana Diaz asks for Sales Analyst",
        "For the June close",
        "90 days once approved",
        "1 person",
        "1 of 1 others in Sales North",
        "Analyst, Sales North, 2 years",
        "manager Bo Chen",
        "Nothing yet",
        "Privileged",
        "in 14 days",
    ):
        assert words in page


def test_an_empty_inbox_says_what_would_be_here_and_what_was_last(bos, ask, bo):
    assert "Nothing waits for you" in bos.get(INBOX).content.decode()

    deciding.approve(ask(UserFactory(display_name="Ana Diaz")), by=bo)

    page = bos.get(INBOX).content.decode()
    assert "Nothing waits for you" in page
    assert "Last: " in page
    assert "Ana Diaz" in page


def test_what_is_due_first_comes_first_unless_sorted_otherwise(bos, ask):
    late = ask(UserFactory(display_name="Zoe"), package__name="Alpha")
    soon = ask(UserFactory(display_name="Ana"), package__name="Beta", stage={"decision_days": 1})

    def order(query=""):
        page = bos.get(f"{INBOX}{query}").content.decode()
        return re.findall(r'id="request-([0-9a-f-]{36})"', page)

    assert order() == [str(soon.pk), str(late.pk)]
    assert order("?sort=package") == [str(late.pk), str(soon.pk)]
    assert order("?sort=requester") == [str(soon.pk), str(late.pk)]
    assert order("?sort=nonsense") == order()


def test_what_is_due_today_is_counted(bos, ask):
    noon = clock.today_begins() + timedelta(days=2, hours=12)
    ask().steps.update(due_at=noon)
    ask()

    with clock.at(noon - timedelta(hours=1)):
        assert "1 due today." in bos.get(INBOX).content.decode()


def test_the_inbox_comes_in_pages(bos, ask, monkeypatch):
    monkeypatch.setattr(views, "CARDS_ON_A_PAGE", 2)
    for _ in range(3):
        ask()

    first, second = bos.get(INBOX), bos.get(f"{INBOX}?page=2")

    assert len(first.context["cards"]) == 2
    assert len(second.context["cards"]) == 1
    assert "1–2 of 3" in first.content.decode()


def test_nobody_sees_own_lapsed_or_others_requests(bos, ask, bo, gita):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[gita])
    operations.submit(policy, by=UserFactory())
    own = ask(UserFactory())
    AccessRequest.objects.filter(pk=own.pk).update(requestor=bo)
    late = ask()

    with clock.at(late.steps.get().due_at):
        assert bos.get(INBOX).context["counts"]["total"] == 0


def test_only_approvers_find_the_way_in_and_its_count(client, ask, bo, ada):
    ask()

    client.force_login(ada)
    assert 'href="/approvals/"' not in client.get("/help/").content.decode()
    client.force_login(bo)
    page = client.get("/help/").content.decode()
    assert 'href="/approvals/"' in page
    assert '<span class="count">1</span>' in page


def test_pages_cost_as_many_queries_for_100_requests_as_for_10(bos, bo):
    paths = [INBOX, "/approvals/decided/", "/notifications/"]

    def ask(count):
        policies = []
        for _ in range(5):
            policy = AssignmentPolicyFactory()
            ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
            policies.append(policy)
        for number in range(count):
            department = f"Department {number % 3}"
            by = UserFactory(department=department, manager=bo, hire_date=clock.now().date())
            access_request = operations.submit(policies[number % 5], by=by)
            if number % 2:
                deciding.approve(access_request, by=bo)

    def costs():
        gather_statistics()
        return [cost(path) for path in paths]

    def cost(path):
        with CaptureQueriesContext(connection) as captured:
            assert bos.get(path).status_code == 200
        return len(captured)

    ask(10)
    few = costs()
    ask(90)

    assert costs() == few
    assert max(few) <= 15


# Deciding one


def test_approving_without_script_leads_back_to_the_inbox(bos, ask):
    access_request = ask()
    ask()

    response = bos.post(address("approve", access_request), follow=True)

    assert response.redirect_chain == [(INBOX, 302)]
    assert f"You approved {access_request}. 1 left." in response.content.decode()
    assert state_of(access_request) == RequestState.DELIVERING


def test_approving_with_htmx_swaps_the_card_for_its_outcome(bos, ask, gita):
    access_request = ask(then=[[gita]])

    response = bos.post(address("approve", access_request), headers=HTMX)

    page = response.content.decode()
    assert response.status_code == 200
    assert page.lstrip().startswith("<article")
    assert f"You approved {access_request}. Stage 2 of 2 is asked now." in page
    assert "Nothing is left." in page
    assert 'id="messages"' in page
    assert "<button" not in page


def test_denying_needs_words_and_keeps_them(bos, ask):
    access_request = ask()

    refused = bos.post(address("deny", access_request), {"justification": " "}, headers=HTMX)
    assert refused.status_code == 422
    assert "Say why." in refused.content.decode()
    assert state_of(access_request) == RequestState.PENDING_APPROVAL

    bos.post(address("deny", access_request), {"justification": "Ask your lead first."})
    assert state_of(access_request) == RequestState.DENIED
    assert ApprovalStep.objects.get().justification == "Ask your lead first."


def test_a_stage_that_asks_for_a_reason_gets_one(bos, ask):
    access_request = ask(stage={"requires_justification": True})
    assert "Approve…" in bos.get(INBOX).content.decode()

    refused = bos.post(address("approve", access_request), {"justification": ""})
    assert refused.status_code == 422
    assert "A reason is required." in refused.content.decode()
    assert "<h1" in refused.content.decode()

    bos.post(address("approve", access_request), {"justification": "Agreed"})
    assert state_of(access_request) == RequestState.DELIVERING


def test_approving_for_less_ends_the_access_with_that_day(bos, ask):
    access_request = ask()
    day = (clock.today_begins() + timedelta(days=10)).date()

    bos.post(address("shorten", access_request), {"ends_on": day.isoformat()})

    assert Assignment.objects.get().ends_at == clock.day_ends(day)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (None, "Choose the day on which the access ends."),
        (-1, "The end is in the past."),
        (90, "The end is not earlier than what was asked for."),
        (400_000, "Choose a day between"),
    ],
)
def test_approving_for_less_says_how_to_be_right(bos, ask, days, words):
    access_request = ask()
    day = "" if days is None else (clock.today_begins() + timedelta(days=days)).date().isoformat()

    response = bos.post(
        address("shorten", access_request),
        {"ends_on": day, "justification": "Only the close"},
        headers=HTMX,
    )

    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    assert "Only the close" in page
    assert 'aria-invalid="true"' in page
    assert state_of(access_request) == RequestState.PENDING_APPROVAL


def test_what_ends_today_cannot_be_shortened_and_offers_nothing_of_the_kind(bos, ask):
    with clock.at(clock.today_begins() + timedelta(hours=12)):
        ask(expiration=Expiration.AFTER_HOURS, duration=1)

        assert "Approve for less" not in bos.get(INBOX).content.decode()


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("x" * 1_000_000, "at most 10,000 are kept"),
        ("a\x00b", "Null characters are not allowed."),
    ],
)
@pytest.mark.parametrize("choice", ["approve", "deny"])
def test_a_megabyte_and_null_characters_are_refused_in_words(bos, ask, words, refusal, choice):
    access_request = ask()

    response = bos.post(address(choice, access_request), {"justification": words})

    assert response.status_code == 422
    assert refusal in response.content.decode()


def test_hostile_words_are_inert(bos, ask, gita):
    evil = "<script>alert(1)</script>\"'=cmd|'/c calc'!A1"
    ana = UserFactory(display_name=evil, department=evil, job_title=evil)
    access_request = ask(ana, package__name=evil[:60], justification=evil, then=[[gita]])
    for path in (INBOX, address("detail", access_request)):
        assert "<script>alert" not in bos.get(path).content.decode()

    bos.post(address("approve", access_request), {"justification": evil})

    for path in ("/approvals/decided/", address("detail", access_request), "/notifications/"):
        assert "<script>alert" not in bos.get(path).content.decode()


def test_the_decide_page_shows_everything_around_the_request(bos, ask, gita):
    access_request = ask(
        package__description="Run the sales reports.", then=[[gita]], name="Employees"
    )

    page = bos.get(address("detail", access_request)).content.decode()

    for words in (
        str(access_request),
        access_request.reference,
        "Run the sales reports.",
        "Under the policy Employees.",
        "1. Bo Chen or Gita Rao",
        "2. Gita Rao",
        "the next stage is asked",
        "Approve for less…",
        "Deny…",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("panel", "button"),
    [("approve", "Approve request"), ("shorten", "Approve until then"), ("deny", "Deny request")],
)
def test_a_way_to_answer_unfolds_its_form_in_the_card_and_on_the_page(bos, ask, panel, button):
    path = f"{address('detail', ask())}?panel={panel}"

    part = bos.get(path, headers=HTMX).content.decode()
    whole = bos.get(path).content.decode()

    assert "<h1" not in part
    assert "<h1" in whole
    for page in (part, whole):
        assert button in page
        assert 'action="/approvals/' in page


def test_a_way_to_answer_that_does_not_exist_unfolds_nothing(bos, ask):
    page = bos.get(f"{address('detail', ask())}?panel=destroy").content.decode()

    assert "<textarea" not in page


def test_the_decide_page_tells_an_extension_and_who_gives_access_to_whom(
    bos, bo, appoint, ada, gita
):
    policy = AssignmentPolicyFactory(extension_requires_approval=True)
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    appoint(gita, policy.package.catalog)
    given = operations.assign(policy, ada, by=gita)
    page = bos.get(address("detail", given)).content.decode()
    assert f"Gita Rao gives Ada Lovelace {policy.package}" in page
    assert "asked by Gita Rao" in page

    held = AssignmentFactory(policy=policy)
    longer = operations.extend(held, by=held.target)
    page = bos.get(address("detail", longer)).content.decode()
    assert f"asks to keep {policy.package}" in page
    assert "the end moves at once" in page


def test_after_the_decision_the_page_shows_who_decided_and_offers_nothing(bos, ask, gita):
    access_request = ask()
    deciding.deny_request(access_request, by=gita, justification="Ask your lead first.")

    page = bos.get(address("detail", access_request)).content.decode()

    assert "Gita Rao" in page
    assert "Ask your lead first." in page
    assert "Deny…" not in page


# Too late


def test_whoever_is_too_late_is_told_who_was_faster(bos, ask, gita):
    access_request = ask()
    deciding.deny_request(access_request, by=gita, justification="No.")

    swapped = bos.post(address("approve", access_request), headers=HTMX)
    assert swapped.status_code == 200
    assert "Gita Rao denied it" in swapped.content.decode()
    assert "<button" not in swapped.content.decode()

    whole = bos.post(address("approve", access_request))
    assert whole.status_code == 409
    assert "Gita Rao denied it" in whole.content.decode()
    assert address("detail", access_request) in whole.content.decode()
    assert state_of(access_request) == RequestState.DENIED


def test_after_the_deadline_nothing_can_be_decided(bos, ask):
    access_request = ask()

    with clock.at(access_request.steps.get().due_at):
        assert "Deny…" not in bos.get(address("detail", access_request)).content.decode()
        response = bos.post(address("approve", access_request), headers=HTMX)

    assert "The deadline has passed" in response.content.decode()
    assert state_of(access_request) == RequestState.PENDING_APPROVAL


def test_who_decided_a_stage_is_not_asked_in_the_next(bos, ask, gita):
    access_request = ask(then=[[gita]])
    bos.post(address("approve", access_request))

    response = bos.post(address("approve", access_request), headers=HTMX)

    assert "You are not asked to decide this stage." in response.content.decode()
    assert ApprovalStep.objects.filter(state="approved").count() == 1


# Nobody else


@pytest.mark.parametrize("name", ["detail", "confirm"])
def test_a_strangers_look_finds_nothing(client, ada, ask, name):
    client.force_login(ada)

    assert client.get(address(name, ask())).status_code == 404
    assert client.get(reverse(f"approvals:{name}", args=[uuid4()])).status_code == 404


@pytest.mark.parametrize("choice", ["approve", "shorten", "deny"])
def test_a_strangers_forged_decision_finds_nothing(client, ada, ask, choice):
    access_request = ask()
    client.force_login(ada)

    response = client.post(
        address(choice, access_request), {"justification": "x", "ends_on": "2027-01-01"}
    )

    assert response.status_code == 404
    assert state_of(access_request) == RequestState.PENDING_APPROVAL


@pytest.mark.parametrize("choice", ["approve", "deny"])
@pytest.mark.parametrize("role", ["requestor", "target"])
def test_nobody_decides_about_himself_by_a_forged_post(bos, bo, ask, choice, role):
    access_request = ask(by=bo if role == "target" else None)
    requestor = UserFactory() if role == "target" else bo
    AccessRequest.objects.filter(pk=access_request.pk).update(requestor=requestor)
    StepApprover.objects.get_or_create(step=access_request.steps.get(), user=bo)

    one = bos.post(address(choice, access_request), {"justification": "x"})
    many = bos.post(
        "/approvals/decide/", {"choice": choice, "request": access_request.pk, "justification": "x"}
    )

    assert one.status_code == 404
    assert many.status_code == 302
    assert state_of(access_request) == RequestState.PENDING_APPROVAL


@pytest.mark.parametrize("choice", ["approve", "shorten", "deny"])
def test_deciding_takes_a_post_with_its_token(ask, bo, choice):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(bo)
    access_request = ask()

    assert strict.get(address(choice, access_request)).status_code == 405
    assert strict.post(address(choice, access_request)).status_code == 403
    assert state_of(access_request) == RequestState.PENDING_APPROVAL


# Many at once


def together(client, choice, *requests, post=False, **sent):
    values = {"choice": choice, "request": [one.pk for one in requests], **sent}
    return (client.post if post else client.get)("/approvals/decide/", values)


def test_several_are_shown_before_they_are_decided_and_some_are_left_out(bos, ask, gita):
    plain, privileged = ask(), ask()
    privileged.package.roles.update(is_privileged=True)
    own_reason = ask(stage={"requires_justification": True})
    gone = ask()
    deciding.deny_request(gone, by=gita, justification="No.")

    response = together(bos, "approve", plain, privileged, own_reason, gone)

    page = response.content.decode()
    assert "Approve 1 request?" in page
    assert [facts.access_request for facts in response.context["batch"].included] == [plain]
    assert "it gives a privileged role" in page
    assert "its stage asks for a reason of its own" in page
    assert "does not wait for you any more" in page
    assert state_of(plain) == RequestState.PENDING_APPROVAL


def test_several_are_approved_with_one_word_and_each_says_what_became_of_it(
    bos, ask, gita, monkeypatch
):
    first, second, privileged = ask(), ask(), ask()
    privileged.package.roles.update(is_privileged=True)
    approve = deciding.approve

    def gita_is_faster(access_request, **arguments):
        if access_request == second:
            deciding.deny_request(access_request, by=gita, justification="No.")
        return approve(access_request, **arguments)

    monkeypatch.setattr(deciding, "approve", gita_is_faster)

    response = together(
        bos, "approve", first, second, privileged, post=True, justification="Planned"
    )

    page = response.content.decode()
    assert [bool(outcome.decision) for outcome in response.context["outcomes"]] == [True, False]
    assert "Gita Rao denied it" in page
    assert state_of(first) == RequestState.DELIVERING
    assert state_of(second) == RequestState.DENIED
    assert state_of(privileged) == RequestState.PENDING_APPROVAL
    assert ApprovalStep.objects.get(access_request=first).justification == "Planned"


def test_several_are_denied_only_with_words(bos, ask):
    first, second = ask(), ask()

    refused = together(bos, "deny", first, second, post=True, justification="")
    assert refused.status_code == 422
    assert "Say why." in refused.content.decode()
    assert state_of(first) == RequestState.PENDING_APPROVAL

    together(bos, "deny", first, second, post=True, justification="Not this year")
    assert {state_of(first), state_of(second)} == {RequestState.DENIED}


def test_when_all_must_be_looked_at_alone_there_is_nothing_to_confirm(bos, ask):
    page = together(bos, "approve", ask(stage={"requires_justification": True})).content.decode()

    assert "Nothing left to decide together" in page


@pytest.mark.parametrize("query", ["", "?choice=approve", "?choice=approve&request=nonsense"])
def test_choosing_nothing_leads_back_with_a_hint(bos, query):
    response = bos.get(f"/approvals/decide/{query}", follow=True)

    assert response.redirect_chain[0][0] == INBOX
    assert "Select at least one request first." in response.content.decode()


def test_requests_of_strangers_do_not_enter_a_batch(client, ada, ask):
    access_request = ask()
    client.force_login(ada)

    assert together(client, "approve", access_request, post=True).status_code == 302
    assert state_of(access_request) == RequestState.PENDING_APPROVAL


# Looking back


def test_decided_stages_of_mine_and_of_others_are_listed(bos, ask, bo, gita):
    deciding.approve(ask(UserFactory(display_name="Ana Diaz")), by=bo)
    deciding.deny_request(ask(), by=gita, justification="Ask your lead first.")
    late = ask()
    with clock.at(late.steps.get().due_at):
        deciding.lapse(late.steps.get())

        page = bos.get("/approvals/decided/").content.decode()

    for words in ("Ana Diaz", "Approved", "you", "Gita Rao", "Ask your lead first.", "Lapsed"):
        assert words in page
    assert "nobody in time" in page


def test_without_decisions_the_page_says_so(bos):
    assert "No decisions yet" in bos.get("/approvals/decided/").content.decode()


@pytest.mark.parametrize(
    ("kind", "corrects", "words"),
    [
        ("user_add", False, "Ana Diaz asks for Reports"),
        ("admin_add", False, "Bo Chen gives Ana Diaz Reports"),
        ("on_behalf_add", False, "Bo Chen asks for Reports for Ana Diaz"),
        ("system_add", False, "Ana Diaz is to get Reports automatically"),
        ("user_extend", False, "Ana Diaz asks to keep Reports"),
        ("admin_update", False, "Bo Chen lets Ana Diaz keep Reports"),
        ("system_update", False, "Ana Diaz is to keep Reports automatically"),
        ("user_update", True, "Ana Diaz corrects answers for Reports"),
        ("admin_update", True, "Bo Chen corrects answers of Ana Diaz for Reports"),
        ("system_update", True, "Answers of Ana Diaz for Reports are corrected automatically"),
    ],
)
def test_every_kind_of_request_is_said_in_one_line(bo, kind, corrects, words):
    policy = AssignmentPolicyFactory(package__name="Reports")
    ana = UserFactory(display_name="Ana Diaz")
    made = AccessRequestFactory(
        kind=kind,
        policy=policy,
        requestor=bo,
        target=ana,
        assignment=AssignmentFactory(policy=policy, target=ana),
        terms={**frozen_terms(policy), "corrects": corrects},
    )

    (facts,) = facts_about(AccessRequest.objects.filter(pk=made.pk))

    assert sentence(facts) == words
