"""Whoever decides about a group reads what comes with it: on its page, and before offering it."""

import re

import pytest
from django.urls import reverse

from entitlements.catalog.appointments import give_role
from tests.factories import (
    AccessPackageFactory,
    CatalogFactory,
    GroupFactory,
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
def finance():
    return CatalogFactory(name="Finance secret")


@pytest.fixture
def olga(sales, appoint):
    return appoint(UserFactory(), sales)


@pytest.fixture
def group(olga):
    group = GroupFactory(name="Sales desk")
    group.owners.add(olga)
    return group


@pytest.fixture
def nested(group):
    """The group is in another one."""
    around = GroupFactory(name="All of sales")
    around.nested.add(group)
    return around


@pytest.fixture
def as_olga(client, olga):
    client.force_login(olga)
    return client


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def offering(catalog):
    return reverse("manage:resource_add", args=[catalog.pk])


def test_the_page_of_a_group_names_what_one_sees_and_counts_the_rest(
    as_olga, group, nested, sales, finance
):
    resource = ResourceFactory(group=group, catalog=sales)
    AccessPackageFactory(catalog=finance, roles=[ResourceRoleFactory(resource=resource)])
    give_role(nested, sales, "reader")
    give_role(group, finance, "owner")

    text = words(as_olga.get(reverse("manage:resource", args=[resource.pk])))

    assert "What comes with the group" in text
    assert "Nested in All of sales" in text
    assert "Reader of Sales , through All of sales" in text
    assert "1 role in other catalogs" in text
    assert "1 package of other catalogs" in text
    assert "Finance secret" not in text


def test_a_group_on_which_nothing_depends_says_so(as_olga, group, sales):
    resource = ResourceFactory(group=group, catalog=sales)

    text = words(as_olga.get(reverse("manage:resource", args=[resource.pk])))

    assert "Nothing else in this portal depends on it." in text


@pytest.mark.parametrize("role", ["assignment_manager", "reader"])
def test_whoever_decides_nothing_about_it_does_not_read_it(
    client, group, nested, sales, bo, appoint, role
):
    resource = ResourceFactory(group=group, catalog=sales)
    client.force_login(appoint(bo, sales, role))

    page = client.get(reverse("manage:resource", args=[resource.pk]))

    assert page.status_code == 200
    assert "What comes with the group" not in words(page)


def test_before_a_group_is_offered_it_says_what_comes_with_it(as_olga, group, nested, sales):
    response = as_olga.get(offering(sales), {"group": group.pk}, **HTMX)

    html = response.content.decode()
    assert "<html" not in html
    assert "All of sales" in html
    assert f'name="seen" value="{group.pk}"' in html


def test_without_a_script_it_is_asked_once_more(as_olga, group, nested, sales):
    response = as_olga.post(offering(sales), {"group": group.pk})

    assert response.status_code == 200
    assert "Nothing was added yet." in words(response)
    assert not sales.resources.exists()
    response = as_olga.post(offering(sales), {"group": group.pk, "seen": group.pk})
    assert response.status_code == 302
    assert sales.resources.get().name == "Sales desk"


def test_a_group_on_which_nothing_depends_is_offered_at_once(as_olga, group, sales):
    assert as_olga.post(offering(sales), {"group": group.pk}).status_code == 302
    assert sales.resources.exists()


@pytest.mark.parametrize("chosen", ["", "x"])
def test_a_group_that_does_not_exist_says_nothing(as_olga, sales, chosen):
    response = as_olga.get(offering(sales), {"group": chosen}, **HTMX)

    assert response.status_code == 200
    assert response.content.decode().strip() == ""
    assert as_olga.post(offering(sales), {"group": chosen}).status_code == 422


def test_of_a_group_that_is_not_ones_own_nothing_is_said(as_olga, sales):
    foreign = GroupFactory(name="Board")
    GroupFactory(name="Around the board").nested.add(foreign)

    response = as_olga.get(offering(sales), {"group": foreign.pk}, **HTMX)

    assert "board" not in response.content.decode()


def test_an_administrator_reads_it_for_whatever_group_he_finds(client, group, nested, sales):
    client.force_login(UserFactory(is_superuser=True))

    response = client.get(offering(sales), {"group": f"group:{group.pk}"}, **HTMX)

    assert "All of sales" in response.content.decode()


def test_adding_a_role_of_a_group_leads_to_what_comes_with_it(as_olga, group, nested, sales):
    role = ResourceRoleFactory(resource=ResourceFactory(group=group, catalog=sales))
    package = AccessPackageFactory(catalog=sales)
    address = reverse("manage:package_role_add", args=[package.pk])

    html = as_olga.get(address, {"role": role.pk}, **HTMX).content.decode()

    assert f"{reverse('manage:resource', args=[role.resource_id])}#indirect" in html
