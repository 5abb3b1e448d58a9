"""Requests under way beside a policy that was changed, and giving them the new terms."""

from dataclasses import replace

import pytest
from django.urls import reverse

from entitlements.policies.operations import change_policy, terms_of
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.requests import operations
from portal.manage.policy_words import Line
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(bo):
    policy = AssignmentPolicyFactory(name="Staff")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    return policy


@pytest.fixture
def olga(policy, appoint):
    return appoint(UserFactory(display_name="Olga Owner"), policy.package.catalog)


@pytest.fixture
def as_olga(client, olga):
    client.force_login(olga)
    return client


def address(policy):
    return reverse("manage:policy_pending", args=[policy.pk])


def change(policy, by, **changes):
    change_policy(policy, replace(terms_of(policy), **changes), by=by)


def test_what_would_change_for_each_is_told_before(as_olga, policy, olga, ada, gita):
    operations.submit(policy, by=ada)
    stages = (StageTerms((ApproverTerms("user", gita.pk),)),)
    change(policy, olga, duration=7, stages=stages)

    response = as_olga.get(address(policy))

    [row] = response.context["rows"]
    assert row.lines == [
        Line("Days or hours of access", "90", "7"),
        Line("Stage 1: Who decides", "Bo Chen", "Gita Rao"),
    ]
    assert "Give it the policy of now" in response.text


def test_chosen_requests_get_the_new_terms_and_others_keep_theirs(as_olga, policy, olga, ada, gita):
    one, other = (operations.submit(policy, by=person) for person in (ada, gita))
    change(policy, olga, duration=7)

    response = as_olga.post(address(policy), {"id": [str(one.pk), "nonsense"]})

    assert "1 of 1 updated" in response.text
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.terms["duration"], other.terms["duration"]) == (7, 90)


def test_what_speaks_against_it_is_told_with_its_code(as_olga, policy, olga, ada):
    waiting = operations.submit(policy, by=ada)

    assert "(nothing_to_apply)" in as_olga.get(address(policy)).text
    refused = as_olga.post(address(policy), {"id": [str(waiting.pk)]})

    assert "0 of 1 updated" in refused.text
    assert "nothing_to_apply" in refused.text


def test_where_nothing_waits_the_page_says_so(as_olga, policy):
    assert "No request waits under this policy" in as_olga.get(address(policy)).text


def test_the_page_of_a_policy_leads_to_what_waits(as_olga, policy, ada):
    operations.submit(policy, by=ada)

    text = as_olga.get(reverse("manage:policy", args=[policy.pk])).text

    assert address(policy) in text
    assert "1 request under way" in text


def test_the_timeline_tells_it(as_olga, policy, olga, ada):
    waiting = operations.submit(policy, by=ada)
    change(policy, olga, duration=7)
    as_olga.post(address(policy), {"id": [str(waiting.pk)]})

    text = as_olga.get(reverse("requests:detail", args=[waiting.pk])).text

    assert "gave it the policy as it reads now" in text


@pytest.mark.parametrize(("role", "status"), [("assignment_manager", 403), (None, 404)])
def test_only_those_who_manage_packages_may_look(client, policy, gita, appoint, role, status):
    if role:
        appoint(gita, policy.package.catalog, role)
    client.force_login(gita)

    assert client.get(address(policy)).status_code == status
