"""What approvers do beside deciding: ask, hand over, let somebody stand in, end what they gave."""

from datetime import timedelta

import pytest
from django.urls import reverse

from entitlements import clock
from entitlements.models import ApprovalDelegation, Inquiry
from entitlements.requests import deciding, dialogue, handing_over, operations, standing_in
from tests.factories import (
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    GroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(ada, bo, gita):
    """Ada's request, for which Bo and Gita are asked."""
    policy = AssignmentPolicyFactory(package__name="Sales Analyst")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo, gita])
    return operations.submit(policy, by=ada, justification="Year-end close")


@pytest.fixture
def viewed_by(client):
    def viewed_by(user):
        client.force_login(user)
        return client

    return viewed_by


def text_of(response):
    return response.content.decode()


def act(name, *arguments):
    return reverse(name, args=arguments)


def test_a_question_is_asked_in_the_card(viewed_by, bo, asked):
    client = viewed_by(bo)
    form = text_of(client.get(act("approvals:detail", asked.pk) + "?panel=ask"))
    assert "Your question to Ada Lovelace" in form
    assert "The deadline does not wait." in form

    page = text_of(client.post(act("approvals:ask", asked.pk), {"question": "Which ledger?"}))

    assert "We sent your question to Ada Lovelace." in page
    assert "Which ledger?" in page
    assert "Not answered yet." in page
    assert Inquiry.objects.get().asker == bo


def test_the_inbox_and_other_approvers_show_question_and_answer(viewed_by, ada, bo, gita, asked):
    dialogue.answer(dialogue.ask(asked, "Which ledger?", by=bo), "The euro one.", by=ada)

    inbox = text_of(viewed_by(gita).get(reverse("approvals:index")))

    assert "Bo Chen asked Ada Lovelace" in inbox
    assert "The euro one." in inbox


@pytest.mark.parametrize(
    ("words", "refusal"), [(" ", "The question is empty."), ("x" * 4001, "at most 4,000")]
)
def test_a_question_that_cannot_be_kept_stays_in_its_form(viewed_by, bo, asked, words, refusal):
    response = viewed_by(bo).post(act("approvals:ask", asked.pk), {"question": words})

    assert response.status_code == 422
    assert refusal in text_of(response)
    assert not Inquiry.objects.exists()


def test_a_question_with_null_characters_is_refused_in_words(viewed_by, bo, asked):
    response = viewed_by(bo).post(act("approvals:ask", asked.pk), {"question": "a\x00"})

    assert response.status_code == 422
    assert not Inquiry.objects.exists()


def test_who_asks_too_late_is_told_how_it_stands(viewed_by, bo, gita, asked):
    deciding.deny_request(asked, by=gita)

    response = viewed_by(bo).post(act("approvals:ask", asked.pk), {"question": "Why?"})

    assert response.status_code == 409
    assert "Gita Rao denied it" in text_of(response)


def test_strangers_cannot_ask(viewed_by, asked):
    response = viewed_by(UserFactory()).post(act("approvals:ask", asked.pk), {"question": "Why?"})

    assert response.status_code == 404


def test_whoever_made_the_request_answers_on_its_page(viewed_by, ada, bo, asked):
    inquiry = dialogue.ask(asked, "Which ledger?", by=bo)
    client = viewed_by(ada)
    page = text_of(client.get(act("requests:detail", asked.pk)))
    assert "Bo Chen asks you" in page
    assert "The deadline does not wait: it is" in page

    response = client.post(
        act("requests:answer", inquiry.pk), {"answer": "The euro one."}, follow=True
    )

    page = text_of(response)
    assert "Your answer was sent." in page
    assert "Bo Chen asked you:" in page
    assert "You answered:" in page
    assert page.count("The euro one.") == 1
    assert "asks you" not in page


def test_names_of_askers_are_hidden_where_the_policy_hides_them(viewed_by, ada, bo):
    policy = AssignmentPolicyFactory(shows_approvers="no")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    access_request = operations.submit(policy, by=ada)
    dialogue.ask(access_request, "Which ledger?", by=bo)

    page = text_of(viewed_by(ada).get(act("requests:detail", access_request.pk)))

    assert "An approver asks you" in page
    assert "An approver asked you:" in page
    assert "Bo Chen" not in page


def test_an_empty_answer_stays_in_its_form(viewed_by, ada, bo, gita, asked):
    inquiry = dialogue.ask(asked, "Which ledger?", by=bo)
    dialogue.ask(asked, "Since when?", by=gita)

    response = viewed_by(ada).post(act("requests:answer", inquiry.pk), {"answer": " "})

    assert response.status_code == 422
    assert text_of(response).count("The answer is empty.") == 1


def test_an_answer_with_null_characters_is_refused_in_words(viewed_by, ada, bo, asked):
    inquiry = dialogue.ask(asked, "Which ledger?", by=bo)

    response = viewed_by(ada).post(act("requests:answer", inquiry.pk), {"answer": "a\x00"})

    assert response.status_code == 422
    assert "invalid-feedback" in text_of(response)


def test_others_who_see_the_request_cannot_answer_for_its_maker(viewed_by, bo, asked):
    inquiry = dialogue.ask(asked, "Which ledger?", by=bo)

    response = viewed_by(bo).post(act("requests:answer", inquiry.pk), {"answer": "Any."})

    assert response.status_code == 409
    assert "Only whoever asked for the access can answer." in text_of(response)


def test_strangers_find_no_question(viewed_by, bo, asked):
    inquiry = dialogue.ask(asked, "Which ledger?", by=bo)

    response = viewed_by(UserFactory()).post(act("requests:answer", inquiry.pk), {"answer": "x"})

    assert response.status_code == 404


def test_who_has_the_page_open_learns_that_he_is_asked(viewed_by, ada, bo, asked):
    dialogue.ask(asked, "Which ledger?", by=bo)

    news = viewed_by(ada).get(
        act("requests:detail", asked.pk) + "?seen=old", headers={"HX-Request": "true"}
    )

    assert "You are asked something." in text_of(news)
    assert "<textarea" not in text_of(news)


def test_hostile_questions_and_answers_are_inert(viewed_by, ada, bo, asked):
    words = "<script>alert(1)</script>"
    dialogue.answer(dialogue.ask(asked, words, by=bo), words, by=ada)

    for user, name in ((bo, "approvals:detail"), (ada, "requests:detail")):
        assert "<script>alert" not in text_of(viewed_by(user).get(act(name, asked.pk)))


@pytest.fixture
def given(bo, asked):
    """Ada's access, which Bo approved."""
    return deciding.approve(asked, by=bo).assignment


def test_what_one_approved_is_ended_from_the_decided_tab(viewed_by, bo, given):
    client = viewed_by(bo)
    address = act("approvals:revoke", given.pk)
    assert address in text_of(client.get(reverse("approvals:decided")))
    page = text_of(client.get(address))
    assert "End Sales Analyst for Ada Lovelace?" in page
    assert "goes" in page

    response = client.post(address, {"justification": "He changed teams."}, follow=True)

    assert "You ended Sales Analyst for Ada Lovelace." in text_of(response)
    assert address not in text_of(response)
    given.refresh_from_db()
    assert given.end_reason == "revoked"


def test_ending_needs_words(viewed_by, bo, given):
    response = viewed_by(bo).post(act("approvals:revoke", given.pk), {"justification": ""})

    assert response.status_code == 422
    assert "A reason is required." in text_of(response)


def test_who_was_only_asked_beside_finds_no_way_to_end_it(viewed_by, gita, given):
    client = viewed_by(gita)
    address = act("approvals:revoke", given.pk)

    assert address not in text_of(client.get(reverse("approvals:decided")))
    assert client.post(address, {"justification": "x"}).status_code == 403
    assert viewed_by(UserFactory()).get(address).status_code == 404


def test_where_the_policy_keeps_it_from_approvers_nothing_is_offered(viewed_by, bo, given):
    given.policy.approver_can_remove = False
    given.policy.save()
    client = viewed_by(bo)

    assert "End access" not in text_of(client.get(reverse("approvals:decided")))
    response = client.get(act("approvals:revoke", given.pk))
    assert response.status_code == 403
    assert "approvers_cannot_end" in text_of(response)


def test_the_holder_reads_who_ended_it(viewed_by, ada, bo, given):
    ended = operations.revoke(given, by=bo, justification="He changed teams.")

    page = text_of(viewed_by(ada).get(act("requests:detail", ended.pk)))

    assert "ended the access of Ada Lovelace" in page
    assert "He changed teams." in page


def chosen(user, **sent):
    return {"person": f"user:{user.pk}", **sent}


def test_a_turn_is_handed_over_on_a_page_of_its_own(viewed_by, bo, asked):
    hugo = UserFactory(display_name="Hugo Weiss")
    client = viewed_by(bo)
    address = act("approvals:hand_over", asked.pk)
    assert address in text_of(client.get(reverse("approvals:index")))
    assert "is asked in your place" in text_of(client.get(address))

    found = client.post(address, {"person-q": "hugo", "find": "person"})
    assert found.status_code == 200
    assert "Hugo Weiss" in text_of(found)
    response = client.post(address, chosen(hugo, justification="I am on leave."), follow=True)

    assert "Hugo Weiss decides about Sales Analyst for Ada Lovelace now." in text_of(response)
    story = text_of(viewed_by(hugo).get(act("requests:detail", asked.pk)))
    assert "Bo Chen handed it over to Hugo Weiss." in story
    assert "I am on leave." in story


def test_what_speaks_against_a_person_stands_beside_the_field(viewed_by, ada, bo, asked):
    client, address = viewed_by(bo), act("approvals:hand_over", asked.pk)

    response = client.post(address, chosen(ada, justification=""))

    assert response.status_code == 422
    assert "The request is Ada Lovelace’s own." in text_of(response)
    assert "A reason is required." in text_of(response)
    response = client.post(address, {"justification": "x"})
    assert "Find somebody by name, and choose." in text_of(response)
    unknown = {"person": "user:5d6e9b8a-0000-4000-8000-000000000000", "justification": "x"}
    assert "Find somebody by name, and choose." in text_of(client.post(address, unknown))


def test_a_manager_chooses_in_whose_place(viewed_by, bo, gita, asked, appoint):
    olga = appoint(UserFactory(), asked.package.catalog)
    hugo = UserFactory(display_name="Hugo Weiss")
    client, address = viewed_by(olga), act("approvals:hand_over", asked.pk)
    assert "Choose who decides…" in text_of(client.get(act("requests:detail", asked.pk)))
    assert "In whose place?" in text_of(client.get(address))

    missing = client.post(address, chosen(hugo, justification="x"))
    assert "Choose whose turn it is." in text_of(missing)
    client.post(address, chosen(hugo, justification="Gita is ill.", giver=gita.pk))

    assert set(asked.steps.get().approvers.all()) == {bo, hugo}
    assert "handed the turn of Gita Rao over to Hugo Weiss" in text_of(
        client.get(act("requests:detail", asked.pk))
    )


def test_where_nobody_is_asked_the_page_says_so(viewed_by, ada, gita, appoint):
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[UserFactory(is_active=False)])
    access_request = operations.submit(policy, by=ada)
    olga = appoint(UserFactory(), policy.package.catalog)
    client, address = viewed_by(olga), act("approvals:hand_over", access_request.pk)
    assert "Nobody is asked at the moment." in text_of(client.get(address))

    client.post(address, chosen(gita, justification="Somebody has to."))

    assert list(access_request.steps.get().approvers.all()) == [gita]


def test_who_may_not_hand_over_is_told_why(viewed_by, ada, bo, gita, asked):
    address = act("approvals:hand_over", asked.pk)
    assert viewed_by(ada).get(address).status_code == 403
    assert viewed_by(UserFactory()).get(address).status_code == 404
    deciding.deny_request(asked, by=gita)

    response = viewed_by(bo).get(address)

    assert response.status_code == 409
    assert "Gita Rao denied it" in text_of(response)


def test_who_hands_over_too_late_is_told_how_it_stands(viewed_by, bo, gita, asked, monkeypatch):
    hugo = UserFactory()
    real = handing_over.hand_over

    def gita_is_faster(access_request, to, **arguments):
        deciding.deny_request(access_request, by=gita)
        return real(access_request, to, **arguments)

    monkeypatch.setattr(handing_over, "hand_over", gita_is_faster)
    response = viewed_by(bo).post(
        act("approvals:hand_over", asked.pk), chosen(hugo, justification="x")
    )

    assert response.status_code == 409


def test_names_are_hidden_in_what_was_handed_over(viewed_by, ada, bo, gita):
    policy = AssignmentPolicyFactory(shows_approvers="no")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    access_request = operations.submit(policy, by=ada)
    handing_over.hand_over(access_request, gita, by=bo, justification="On leave")
    hugo = UserFactory(display_name="Hugo Weiss")
    standing_in.delegate(hugo, by=gita, with_waiting=True)
    deciding.approve(access_request, by=hugo)

    page = text_of(viewed_by(ada).get(act("requests:detail", access_request.pk)))

    assert "It was handed over to another approver." in page
    assert "A stand-in was asked too." in page
    assert "An approver approved (stand-in)." in page
    assert not [name for name in ("Bo Chen", "Gita Rao", "Hugo Weiss") if name in page]


def test_somebody_stands_in_and_it_is_ended(viewed_by, ada, bo, gita, asked):
    hugo = UserFactory(display_name="Hugo Weiss")
    client, address = viewed_by(bo), reverse("approvals:delegation")
    assert "Nobody stands in for you." in text_of(client.get(address))

    response = client.post(address, chosen(hugo, with_waiting="on"), follow=True)

    assert "Hugo Weiss stands in for you." in text_of(response)
    assert "All catalogs, without an end" in text_of(response)
    client = viewed_by(hugo)
    inbox = text_of(client.get(reverse("approvals:index")))
    assert "for Bo Chen" in inbox
    assert "Hand over…" not in inbox
    assert "For whom you stand in" in text_of(client.get(address))
    deciding.approve(asked, by=hugo)
    story = text_of(viewed_by(ada).get(act("requests:detail", asked.pk)))
    assert "Hugo Weiss was asked too, standing in for Bo Chen." in story
    assert "Hugo Weiss approved for Bo Chen (stand-in)." in story
    delegation = ApprovalDelegation.objects.get()
    response = viewed_by(bo).post(act("approvals:delegation_end", delegation.pk), follow=True)
    assert "Hugo Weiss no longer stands in for Bo Chen." in text_of(response)
    assert "Nobody stands in for you." in text_of(response)


def test_a_period_and_a_catalog_are_chosen(viewed_by, bo, asked):
    hugo, catalog = UserFactory(display_name="Hugo Weiss"), asked.package.catalog
    first = clock.now().date() + timedelta(days=3)
    dates = {"starts_on": first.isoformat(), "ends_on": (first + timedelta(days=4)).isoformat()}

    response = viewed_by(bo).post(
        reverse("approvals:delegation"), chosen(hugo, catalog=catalog.pk, **dates), follow=True
    )

    page = text_of(response)
    assert str(catalog) in page
    assert "starts " in page
    delegation = ApprovalDelegation.objects.get()
    assert delegation.catalog == catalog
    assert delegation.starts_at == clock.day_begins(first)
    assert delegation.ends_at == clock.day_ends(first + timedelta(days=4))


def test_what_speaks_against_a_stand_in_stands_in_the_form(viewed_by, bo, asked):
    response = viewed_by(bo).post(reverse("approvals:delegation"), chosen(bo))

    assert response.status_code == 422
    assert "Nobody stands in for himself." in text_of(response)
    assert not ApprovalDelegation.objects.exists()


def test_where_it_is_forbidden_the_page_says_so(viewed_by, bo, asked, settings):
    settings.APPROVAL_DELEGATION = False

    page = text_of(viewed_by(bo).get(reverse("approvals:delegation")))

    assert "nobody stands in for approvers" in page
    assert "<form class" not in page.partition("<main")[2]


def test_strangers_find_no_agreement(viewed_by, ada, bo, gita):
    delegation = standing_in.delegate(gita, by=bo)

    response = viewed_by(ada).post(act("approvals:delegation_end", delegation.pk))

    assert response.status_code == 404


def test_approvers_find_people_and_no_groups_by_name(viewed_by, ada, bo, gita, asked):
    address = reverse("approvals:find") + "?field=person&kinds=user,group&single=1&person-q=gita"
    GroupFactory(name="Gita and friends")

    found = text_of(viewed_by(bo).get(address))

    assert "Gita Rao" in found
    assert "friends" not in found
    assert viewed_by(ada).get(address).status_code == 404


def test_who_was_never_asked_chooses_nobody(viewed_by, ada, gita):
    client, address = viewed_by(ada), reverse("approvals:delegation")
    assert "You have not been asked to decide anything yet." in text_of(client.get(address))

    response = client.post(address, {**chosen(gita), "person-q": "gita", "find": "person"})

    assert "Gita Rao" not in text_of(response)
    client.post(address, chosen(gita))
    assert not ApprovalDelegation.objects.exists()
