"""The sections of a policy say how many things are to mend in each, beside their headings."""

import re

import pytest
from django.urls import reverse

from entitlements.catalog.models import AccessPackage
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    CustomExtensionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
SOUND = {
    "name": "Staff",
    "scope": "all_members",
    "stage_count": "0",
    "expiration": "after_days",
    "duration": "9",
    "is_enabled": "on",
}


@pytest.fixture
def package() -> AccessPackage:
    return AccessPackageFactory()


@pytest.fixture
def send(client, package, appoint):
    client.force_login(appoint(UserFactory(), package.catalog))

    def send(route="policy_add", thing=package, **fields):
        response = client.post(reverse(f"manage:{route}", args=[thing.pk]), {**SOUND, **fields})
        assert response.status_code == 422
        return to_mend(response.text)

    return send


def to_mend(html):
    """How many things are to mend, by the heading beside which that stands."""
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", html, flags=re.DOTALL)
    words = [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in headings]
    counted = (word.partition(" To mend: ") for word in words)
    return {heading: int(number) for heading, found, number in counted if found}


def test_each_section_counts_its_own(send):
    assert send(name="", duration="soon") == {"In words": 1, "3. How long": 1}


def test_what_the_rules_refuse_is_counted_where_it_stands(send):
    assert send(scope="specific") == {"1. Who may ask": 1}


def test_stages_are_counted_with_what_is_wrong_in_them(send):
    wrong = {"stage1-decision_days": "", "stage1-rule": "rubbish"}

    assert send(stage_count="1", **wrong) == {"2. Who approves": 2}
    assert send(stage_count="1") == {"2. Who approves": 1}


def test_questions_and_other_systems_are_counted_too(send, package):
    extension = CustomExtensionFactory(catalog=package.catalog)
    asked = {"question": "1", "question1-kind": "short_text", "question1-text": ""}

    wrong = send(**asked, **{f"callouts-{extension.pk}": "rubbish"})

    assert wrong == {"Questions": 1, "Other systems": 1}


def test_a_policy_that_exists_counts_in_the_same_way(send, package):
    policy = AssignmentPolicyFactory(package=package)

    assert send("policy", policy, name="") == {"In words": 1}
