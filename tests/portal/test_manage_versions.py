"""The versions of a policy on the pages of owners, and two who edit one policy at once."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from entitlements import clock
from entitlements.models import PolicyDraft, User
from entitlements.policies import drafts
from entitlements.policies.operations import change_policy, create_policy, terms_of
from entitlements.policies.question_terms import QuestionTerms
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import PolicyTerms
from portal.manage.policy_words import Line, changes, summary
from tests.factories import AccessPackageFactory, AssignmentPolicyFactory, GroupFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def package():
    return AccessPackageFactory(name="Ledger")


@pytest.fixture
def olga(gita, package, appoint):
    return appoint(gita, package.catalog)


@pytest.fixture
def as_olga(client, olga):
    client.force_login(olga)
    return client


@pytest.fixture
def policy(package, olga):
    """A policy that was changed once."""
    policy = create_policy(package, PolicyTerms("Staff", scope="all_members"), by=olga)
    return change_policy(policy, replace(terms_of(policy), duration=30), by=olga)


def address(name, policy, *more):
    return reverse(f"manage:{name}", args=[policy.pk, *more])


def entered(policy, **changes):
    """What the form of a policy sends."""
    fields = {
        "name": policy.name,
        "description": "",
        "scope": policy.scope,
        "stage_count": "0",
        "expiration": policy.expiration,
        "duration": policy.duration,
        "is_enabled": "on",
        "accepts_requests": "on",
    }
    return fields | changes


def test_versions_are_listed_with_who_saved_them_and_what_changed(as_olga, policy):
    response = as_olga.get(address("policy_versions", policy))

    assert [entry.version.number for entry in response.context["entries"]] == [2, 1]
    assert "Gita Rao" in response.text
    assert "Days or hours of access" in response.text
    assert Line("Days or hours of access", "365", "30") in response.context["lines"]


def test_any_two_versions_can_be_compared_in_either_direction(as_olga, policy, olga):
    change_policy(policy, replace(terms_of(policy), name="All staff"), by=olga)

    forth = as_olga.get(address("policy_versions", policy), {"old": 1, "new": 3})
    back = as_olga.get(address("policy_versions", policy), {"old": 3, "new": 1})
    same = as_olga.get(address("policy_versions", policy), {"old": 2, "new": 2})

    assert [line.what for line in forth.context["lines"]] == ["Name", "Days or hours of access"]
    assert back.context["lines"][0] == Line("Name", "All staff", "Staff")
    assert "Nothing differs between these two." in same.text


def test_a_policy_never_changed_has_one_version(as_olga, package):
    policy = AssignmentPolicyFactory(package=package)

    text = as_olga.get(address("policy_versions", policy)).text

    assert "was not changed since it was made" in text
    assert "before versions were kept" in text


@pytest.mark.parametrize("query", [{"old": 1, "new": 9}, {"old": "x", "new": 1}, {"old": 1}])
def test_versions_that_do_not_exist_are_not_found(as_olga, policy, query):
    assert as_olga.get(address("policy_versions", policy), query).status_code == 404


def test_a_version_is_restored_as_a_draft_and_saved(as_olga, policy):
    asked = as_olga.get(address("policy_restore", policy, 1))
    assert "Nothing changes until you save it" in asked.text

    response = as_olga.post(address("policy_restore", policy, 1))

    assert response.url == address("policy_draft", policy)
    editor = as_olga.get(response.url)
    assert editor.context["form"]["duration"].value() == 365
    assert "does nothing until you save it" in editor.text
    policy.refresh_from_db()
    assert policy.duration == 30
    assert "There is a draft" in as_olga.get(address("policy", policy)).text

    saved = as_olga.post(response.url, entered(policy, duration=365, version=2))

    assert saved.status_code == 302
    policy.refresh_from_db()
    assert policy.duration == 365
    assert not PolicyDraft.objects.exists()


def test_what_was_entered_is_kept_as_a_draft_from_the_page(as_olga, policy):
    sent = entered(policy, duration=60, version=2, keep="draft")

    response = as_olga.post(address("policy", policy), sent)

    assert response.url == address("policy_draft", policy)
    policy.refresh_from_db()
    assert policy.duration == 30
    assert "This is a draft, kept by" in as_olga.get(response.url).text
    assert "There is a draft, kept by" in as_olga.get(address("policy", policy)).text

    refused = as_olga.post(response.url, {**sent, "duration": 99_999})
    assert refused.status_code == 422
    assert policy.draft.read().duration == 60


def test_a_draft_that_could_not_be_saved_is_refused_on_the_page(as_olga, policy):
    sent = entered(policy, scope="specific", version=2, keep="draft")

    response = as_olga.post(address("policy", policy), sent)

    assert response.status_code == 422
    assert not PolicyDraft.objects.exists()


def test_a_draft_is_thrown_away(as_olga, policy, olga):
    drafts.restore_as_draft(policy, 1, by=olga)
    assert (
        "Throw the draft of Staff away?" in as_olga.get(address("policy_throw_away", policy)).text
    )

    as_olga.post(address("policy_throw_away", policy))

    assert not PolicyDraft.objects.exists()
    assert as_olga.get(address("policy_draft", policy)).url == address("policy", policy)
    assert "threw the draft away" in as_olga.get(address("policy", policy)).text


def test_saving_over_somebody_elses_version_shows_what_he_saved(as_olga, policy, bo, appoint):
    appoint(bo, policy.package.catalog)
    change_policy(policy, replace(terms_of(policy), name="Everybody"), by=bo)

    refused = as_olga.post(address("policy", policy), entered(policy, duration=7, version=2))

    assert refused.status_code == 422
    assert "(policy_changed_meanwhile)" in refused.text
    assert "Bo Chen saved version 3" in refused.text
    assert refused.context["conflict"] == [Line("Name", "Staff", "Everybody")]
    policy.refresh_from_db()
    assert policy.duration == 30

    again = entered(policy, duration=7, version=refused.context["version"])
    assert as_olga.post(address("policy", policy), again).status_code == 302
    policy.refresh_from_db()
    assert policy.duration == 7


def test_another_mistake_does_not_hide_that_there_is_a_newer_version(as_olga, policy, bo, appoint):
    appoint(bo, policy.package.catalog)
    change_policy(policy, replace(terms_of(policy), name="Everybody"), by=bo)

    wrong = as_olga.post(address("policy", policy), entered(policy, duration=0, version=2))

    assert wrong.context["version"] == 2
    assert wrong.context["conflict"] == []


def test_readers_see_versions_and_restore_none(client, policy, bo, appoint):
    client.force_login(appoint(bo, policy.package.catalog, "reader"))

    assert "Restore" not in client.get(address("policy_versions", policy)).text
    for name, more in (("policy_restore", [1]), ("policy_throw_away", []), ("policy_draft", [])):
        assert client.post(address(name, policy, *more)).status_code == 403


def test_differences_are_told_in_words(ada, bo):
    group, gone = GroupFactory(name="Team"), uuid4()
    before = PolicyTerms(
        "Staff",
        scope="specific",
        allowed_user_ids=(ada.pk, bo.pk),
        stages=(StageTerms((ApproverTerms("user", ada.pk),)),),
        questions=(QuestionTerms("yes_no", "Sure?", uuid4()),),
    )
    end = clock.now() + timedelta(days=1)
    after = replace(
        before,
        description="Short.",
        allowed_user_ids=(bo.pk,),
        allowed_group_ids=(group.pk, gone),
        is_enabled=False,
        expiration="on_date",
        duration=None,
        ends_on=end,
        stages=(
            StageTerms((ApproverTerms("manager"), ApproverTerms("user", bo.pk, None, True))),
            StageTerms((ApproverTerms("group", group_id=group.pk),), decision_days=3),
        ),
        questions=(),
    )

    lines = {line.what: (line.old, line.new) for line in changes(before, after)}

    assert lines["Description"] == ("–", "Short.")
    assert lines["Named people"] == ("Ada Lovelace", "–")
    assert lines["Named groups"] == ("–", "Team; somebody or something that is gone")
    assert lines["On"] == ("yes", "no")
    assert lines["Access ends"] == ("After a number of days", "On a date")
    assert lines["Stage 1: Who decides"] == ("Ada Lovelace", "Manager; Bo Chen (instead)")
    assert lines["Stage 2"][1].startswith("who decides: Team, days to decide: 3")
    assert lines["Question 1"] == ("Sure?", "–")
    assert User.objects.count() == 2


def test_a_summary_names_the_first_changes():
    lines = [Line(name, "1", "2") for name in "ABCDEF"]

    assert summary(lines[:2]) == "A and B"
    assert summary(lines) == "A, B, C, D and more"
