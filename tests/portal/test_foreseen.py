"""Before the roles of a package change it is said what that would do, and then how far it is."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements.assignments import grants
from entitlements.catalog.incompatibilities import Incompatibility
from entitlements.models import Grant, Group
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
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def as_olga(client, sales, appoint):
    client.force_login(appoint(UserFactory(), sales))
    return client


@pytest.fixture
def role(sales):
    return ResourceRoleFactory(resource=ResourceFactory(name="Ledger", catalog=sales))


@pytest.fixture
def package(sales):
    return AccessPackageFactory(catalog=sales, name="Sales Analyst")


@pytest.fixture
def held(package, ada, bo):
    policy = AssignmentPolicyFactory(package=package)
    return [give(policy, person) for person in (ada, bo)]


def give(policy, person):
    assignment = AssignmentFactory(policy=policy, target=person)
    grants.want(assignment)
    return assignment


def held_through(catalog, name, roles, *people):
    policy = AssignmentPolicyFactory(
        package=AccessPackageFactory(catalog=catalog, name=name, roles=roles)
    )
    for person in people:
        give(policy, person)
    return policy.package


def adding(package):
    return reverse("manage:package_role_add", args=[package.pk])


def removing(package, role):
    return reverse("manage:package_role_remove", args=[package.pk, role.pk])


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_chosen_role_says_who_gets_it_and_who_would_clash(
    as_olga, sales, package, held, role, ada, bo
):
    held_through(sales, "Staff basics", [role], bo)
    approver = held_through(sales, "Finance Approver", [], ada, bo)
    Incompatibility.objects.create(package=approver, other_role=role)

    response = as_olga.get(adding(package), {"role": role.pk}, **HTMX)

    assert "<html" not in response.content.decode()
    text = words(response)
    assert "If you save now" in text
    assert "1 person gets Ledger: Member within minutes." in text
    assert "1 person has it already, through another package." in text
    assert "2 people would then clash with Finance Approver: Ada Lovelace and Bo Chen." in text
    assert f'name="seen" value="{role.pk}"' in response.content.decode()


def test_of_many_who_would_clash_the_first_are_named(as_olga, sales, package, role):
    several = [UserFactory(display_name=f"Nobody {letter}") for letter in "ABCDEFG"]
    policy = AssignmentPolicyFactory(package=package)
    for person in several:
        give(policy, person)
    approver = held_through(sales, "Finance Approver", [], *several)
    Incompatibility.objects.create(package=approver, other_role=role)

    text = words(as_olga.get(adding(package), {"role": role.pk}, **HTMX))

    assert "7 people would then clash" in text
    assert "Nobody A, Nobody B, Nobody C, Nobody D, Nobody E and 2 more." in text


def test_without_a_script_it_is_asked_once_more_with_the_numbers(as_olga, package, held, role):
    response = as_olga.post(adding(package), {"role": role.pk})

    assert response.status_code == 200
    assert "2 people get Ledger: Member within minutes." in words(response)
    assert "Nothing was added yet." in words(response)
    assert role not in package.roles.all()
    response = as_olga.post(adding(package), {"role": role.pk, "seen": role.pk})
    assert response.status_code == 302
    assert role in package.roles.all()


def test_numbers_that_were_read_for_another_role_do_not_count(as_olga, package, held, role, sales):
    other = ResourceRoleFactory(resource=ResourceFactory(catalog=sales))

    assert as_olga.post(adding(package), {"role": role.pk, "seen": other.pk}).status_code == 200
    assert package.roles.count() == 1


def test_where_nobody_holds_it_a_role_is_added_at_once(as_olga, package, role):
    text = words(as_olga.get(adding(package), {"role": role.pk}, **HTMX))
    assert "Nobody holds Sales Analyst now." in text

    assert as_olga.post(adding(package), {"role": role.pk}).status_code == 302
    assert role in package.roles.all()


@pytest.mark.parametrize("chosen", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_a_role_that_does_not_exist_says_nothing(as_olga, package, held, chosen):
    response = as_olga.get(adding(package), {"role": chosen}, **HTMX)

    assert response.status_code == 200
    assert "If you save now" not in response.content.decode()
    assert as_olga.get(adding(package), {"role": chosen}).status_code == 200
    assert as_olga.post(adding(package), {"role": chosen}).status_code == 422


def test_a_role_that_one_could_not_give_is_refused_on_the_page(
    as_olga, package, held, role, appoint
):
    behind = Group.objects.get(pk=role.resource.external_id)
    appoint(behind, CatalogFactory())

    response = as_olga.post(adding(package), {"role": role.pk, "seen": role.pk})

    assert response.status_code == 422
    assert "carries_catalog_role" in words(response)
    assert "Nothing was added yet" not in words(response)


def test_removing_says_who_loses_it_and_who_keeps_it_through_what(
    as_olga, sales, package, held, ada, bo
):
    role = package.roles.get()
    held_through(sales, "Staff basics", [role], bo)
    held_through(CatalogFactory(), "Secret", [role], bo)

    text = words(as_olga.get(removing(package, role)))

    assert "1 person loses it within minutes." in text
    assert "1 person keeps it through Staff basics and a package in another catalog." in text
    assert "Secret" not in text
    assert as_olga.post(removing(package, role)).status_code == 302
    assert not package.roles.exists()


def test_removing_says_who_had_it_before(as_olga, package, held, ada):
    role = package.roles.get()
    Grant.objects.filter(user=ada, role=role).update(held_before=True)

    text = words(as_olga.get(removing(package, role)))

    assert "1 person loses it within minutes." in text
    assert "1 person had it before, and keeps it." in text


def test_a_change_is_followed_on_the_page_of_the_package(as_olga, package, held, role, run_queue):
    page = reverse("manage:package", args=[package.pk])
    assert "hx-trigger" not in as_olga.get(page).content.decode().partition('id="recount"')[2][:200]
    as_olga.post(adding(package), {"role": role.pk, "seen": role.pk})

    html = as_olga.get(page).content.decode()
    assert "carried out for 0 of 2 people" in words(as_olga.get(page))
    assert f'hx-get="{page}"' in html
    part = as_olga.get(page, **HTMX).content.decode()
    assert part.lstrip().startswith('<div id="recount"')
    assert "hx-get" in part

    run_queue()
    part = as_olga.get(page, **HTMX).content.decode()
    assert "Everything that was changed is carried out." in part
    assert "hx-get" not in part


def test_however_many_hold_it_the_pages_take_as_many_queries(as_olga, sales, package, role):
    policy = AssignmentPolicyFactory(package=package)
    approver = held_through(sales, "Finance Approver", [])
    Incompatibility.objects.create(package=approver, other_role=role)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            as_olga.get(adding(package), {"role": role.pk})
            as_olga.get(removing(package, package.roles.get()))
        return len(captured)

    for person in UserFactory.create_batch(2):
        give(policy, person)
        give(approver.policies.get(), person)
    few = queries()
    for person in UserFactory.create_batch(12):
        give(policy, person)
        give(approver.policies.get(), person)
    assert queries() == few
