"""A package as one of the people finds it, before it is published and without sending anything."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements.catalog.attributes import ResourceAttribute
from entitlements.catalog.incompatibilities import Incompatibility
from entitlements.catalog.models import PackageState
from entitlements.policies.question_terms import QuestionTerms
from entitlements.policies.questions import write_questions
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def package():
    catalog = CatalogFactory(name="Sales")
    return AccessPackageFactory(
        catalog=catalog, name="Ledger", description="Reads books.", state=PackageState.DRAFT
    )


@pytest.fixture
def as_olga(client, package, appoint):
    client.force_login(appoint(UserFactory(display_name="Olga Owner"), package.catalog))
    return client


@pytest.fixture
def look(as_olga, package):
    def look(person=None):
        query = {"person": f"user:{person.pk}"} if person else {}
        return as_olga.get(reverse("manage:package_as", args=[package.pk]), query)

    return look


def words(response):
    assert response.status_code == 200
    main = response.text[response.text.index("<main") :]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def test_nobody_is_chosen_at_first(look):
    text = words(look())

    assert "As whom?" in text
    assert "What you get" not in text


def test_a_draft_is_shown_as_it_will_be_found(look, package, ada):
    policy = AssignmentPolicyFactory(package=package, name="Members", scope="all_members")
    write_questions(policy, (QuestionTerms("short_text", "Which cost centre?", key=uuid4()),))

    text = words(look(ada))

    assert "Ada Lovelace finds this once it is published and listed." in text
    assert "What you get" in text
    assert "Reads books." in text
    assert "Which cost centre?" in text
    assert "No approval is needed" in text


def test_a_published_one_is_found_now(look, package, ada):
    AssignmentPolicyFactory(package=package, scope="all_members")
    package.state = PackageState.PUBLISHED
    package.save()

    assert "Ada Lovelace finds this. Nothing can be sent from here." in words(look(ada))


def test_only_the_strictest_of_several_ways_is_shown(look, package, ada):
    AssignmentPolicyFactory(package=package, name="Members", scope="all_members")
    named = AssignmentPolicyFactory(package=package, name="Named", scope="specific")
    named.allowed_users.add(ada)

    [way] = look(ada).context["offer"].ways

    assert way.policy == named


def test_somebody_whom_no_policy_admits_finds_nothing(look, package, ada):
    text = words(look(ada))

    assert "No policy lets Ada Lovelace ask for it" in text
    assert "What you get" not in text


def test_nothing_can_be_sent_from_there(look, package, ada):
    AssignmentPolicyFactory(package=package, scope="all_members")

    html = look(ada).text

    assert reverse("packages:ask", args=[package.pk]) not in html
    assert re.search(r"<fieldset[^>]* disabled>", html)


def test_what_the_person_holds_or_is_stays_his_own(look, package, ada):
    AssignmentPolicyFactory(package=package, scope="all_members")
    rival = AccessPackageFactory(name="Secret project")
    AssignmentFactory(target=ada, policy=AssignmentPolicyFactory(package=rival))
    Incompatibility.objects.create(package=package, other_package=rival)
    resource = ResourceFactory(catalog=package.catalog)
    package.package_roles.create(role=ResourceRoleFactory(resource=resource))
    ResourceAttribute.objects.create(resource=resource, name="cost_center", question="Whose cost?")
    ada.cost_center = "CC-4711"
    ada.save()

    text = look(ada).text

    assert "Whose cost?" in text
    assert "Secret project" not in text
    assert "CC-4711" not in text
    assert "hold it already" not in text


def test_the_page_costs_the_same_for_any_number_of_questions_asked_by_policies(look, package, ada):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            look(ada)
        return len(queries)

    AssignmentPolicyFactory(package=package, scope="all_members")
    cost()
    few = cost()
    AssignmentFactory.create_batch(3, policy=package.policies.get())
    UserFactory.create_batch(3)

    assert cost() == few


@pytest.mark.parametrize(("role", "status"), [("reader", 403), ("assignment_manager", 200)])
def test_who_gives_access_may_look(client, package, bo, appoint, role, status):
    appoint(bo, package.catalog, role)
    client.force_login(bo)

    assert client.get(reverse("manage:package_as", args=[package.pk])).status_code == status


def test_strangers_find_no_such_page(client, package, bo):
    client.force_login(bo)

    assert client.get(reverse("manage:package_as", args=[package.pk])).status_code == 404
