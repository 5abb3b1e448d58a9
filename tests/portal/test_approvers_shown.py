"""Whether whoever asks reads who decides: the policy says it, or leaves it to the organization."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from entitlements.decisions import Denied
from entitlements.models import AssignmentPolicy, PolicyVersion
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.operations import change_policy, terms_of
from entitlements.policies.terms import PolicyTerms
from entitlements.requests import operations, reapplying
from entitlements.versions import number_of
from portal.manage.policy_words import Line, changes
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

CASES = [
    ("organization", True, True),
    ("organization", False, False),
    ("yes", False, True),
    ("yes", True, True),
    ("no", True, False),
    ("no", False, False),
]


def asks(policy, person):
    ApprovalStageFactory(policy=policy, position=1, approvers=[person])
    return policy


@pytest.fixture
def olga(appoint, policy):
    return appoint(UserFactory(display_name="Olga Owner"), policy.package.catalog)


@pytest.fixture
def policy(bo):
    return asks(AssignmentPolicyFactory(), bo)


def form_page(policy):
    return reverse("manage:policy", args=[policy.pk])


def entered(policy, **more):
    """What the form of a policy without stages sends."""
    return {
        "name": policy.name,
        "scope": policy.scope,
        "stage_count": "0",
        "expiration": policy.expiration,
        "duration": policy.duration,
        "is_enabled": "on",
    } | more


@pytest.mark.parametrize(("word", "default", "is_shown"), CASES)
def test_the_policy_decides_before_the_organization(
    client, settings, ada, bo, word, default, is_shown
):
    settings.APPROVERS_SHOWN = default
    policy = asks(AssignmentPolicyFactory(shows_approvers=word), bo)
    client.force_login(ada)

    offered = client.get(reverse("packages:detail", args=[policy.package_id])).text
    access_request = operations.submit(policy, by=ada)
    told = client.get(reverse("requests:detail", args=[access_request.pk])).text
    listed = client.get(reverse("requests:index")).text
    card = client.get(reverse("packages:index")).text

    for text in (offered, told, listed, card):
        assert ("Bo Chen" in text) is is_shown
    assert policy.names_approvers is is_shown


def test_without_a_word_of_anybody_names_are_shown(settings):
    assert settings.APPROVERS_SHOWN is True
    assert AssignmentPolicy().shows_approvers == "organization"
    assert AssignmentPolicy().names_approvers
    assert PolicyTerms("New").shows_approvers == "organization"


def test_a_request_keeps_what_was_decided_when_it_was_made(client, settings, ada, policy):
    access_request = operations.submit(policy, by=ada)
    assert access_request.terms["shows_approvers"] is True
    settings.APPROVERS_SHOWN = False
    client.force_login(ada)

    text = client.get(reverse("requests:detail", args=[access_request.pk])).text

    assert "Bo Chen" in text
    assert frozen_terms(policy)["shows_approvers"] is False


def test_what_the_organization_has_changed_reaches_a_request_when_it_is_told(
    settings, ada, policy, olga
):
    access_request = operations.submit(policy, by=ada)
    settings.APPROVERS_SHOWN = False
    [difference] = reapplying.differences(access_request)
    assert (difference.old, difference.new) == (True, False)

    reapplying.apply_policy(access_request, by=olga)

    access_request.refresh_from_db()
    assert access_request.terms["shows_approvers"] is False


def test_owners_choose_one_of_three_and_read_what_the_organization_does(
    client, settings, policy, olga
):
    settings.APPROVERS_SHOWN = False
    client.force_login(olga)

    text = client.get(form_page(policy)).text

    assert "As the organization decides: no" in text
    assert '<option value="organization" selected' in text
    sent = entered(policy, shows_approvers="yes")
    assert client.post(form_page(policy), sent).status_code == 302
    policy.refresh_from_db()
    assert policy.shows_approvers == "yes"


def test_a_choice_that_does_not_exist_is_refused(client, policy, olga):
    client.force_login(olga)

    sent = entered(policy, shows_approvers="perhaps")
    assert client.post(form_page(policy), sent).status_code == 422
    with pytest.raises(Denied) as denied:
        change_policy(policy, replace(terms_of(policy), shows_approvers="perhaps"), by=olga)
    assert denied.value.codes == {"unknown_naming"}


@pytest.mark.parametrize("word", ["organization", "yes", "no"])
def test_a_policy_without_stages_keeps_its_word(client, policy, olga, word):
    change_policy(policy, replace(terms_of(policy), shows_approvers=word), by=olga)
    client.force_login(olga)

    assert client.post(form_page(policy), entered(policy)).status_code == 302

    policy.refresh_from_db()
    assert policy.shows_approvers == word


def test_a_new_policy_leaves_it_to_the_organization(client, appoint):
    package = AccessPackageFactory()
    client.force_login(appoint(UserFactory(), package.catalog))
    sent = entered(AssignmentPolicy(name="New"))

    client.post(reverse("manage:policy_add", args=[package.pk]), sent)

    assert package.policies.get().shows_approvers == "organization"


def test_versions_keep_the_word_and_tell_it(policy, olga):
    before = terms_of(policy)
    change_policy(policy, replace(before, shows_approvers="no"), by=olga)

    newest = PolicyVersion.objects.get(number=number_of(policy))
    assert newest.read().shows_approvers == "no"
    assert changes(before, newest.read()) == [
        Line("Approvers are named", "as the organization decides", "no")
    ]


def test_policy_says_whether_approvers_are_shown():
    with pytest.raises(IntegrityError), transaction.atomic():
        AssignmentPolicyFactory(shows_approvers="perhaps")
