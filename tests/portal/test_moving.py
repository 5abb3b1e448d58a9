"""The page on which a package moves to another catalog."""

import re

import pytest
from django.urls import reverse

from entitlements import models
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def finance():
    return CatalogFactory(name="Finance")


@pytest.fixture
def package(sales):
    return AccessPackageFactory(catalog=sales, name="Sales Analyst")


@pytest.fixture
def as_olga(client, sales, finance, appoint):
    olga = UserFactory(display_name="Olga Owner")
    for catalog in (sales, finance):
        appoint(olga, catalog)
    client.force_login(olga)
    return client


def address(package):
    return reverse("manage:package_move", args=[package.pk])


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def offer(package, catalog):
    for role in package.roles.all():
        models.CatalogResource.objects.create(catalog=catalog, resource=role.resource)


def test_it_says_what_moves_and_offers_only_catalogs_that_one_manages(as_olga, package):
    CatalogFactory(name="Board")
    policy = AssignmentPolicyFactory(package=package)
    AssignmentFactory(policy=policy)
    AccessRequestFactory(policy=policy)

    text = words(as_olga.get(address(package)))

    assert "It is in Sales now." in text
    assert "what is held (1 person) and what waits (1 request)." in text
    assert "Finance" in text
    assert "Board" not in text
    detail = as_olga.get(reverse("manage:package", args=[package.pk])).content.decode()
    assert address(package) in detail


def test_a_package_moves_and_both_catalogs_tell_of_it(as_olga, package, sales, finance):
    offer(package, finance)

    response = as_olga.post(address(package), {"catalog": finance.pk})

    assert response["Location"] == reverse("manage:package", args=[package.pk])
    assert "You moved the package from Sales to Finance." in words(
        as_olga.get(response["Location"])
    )
    left = words(as_olga.get(reverse("manage:catalog", args=[sales.pk])))
    assert "You moved the package Sales Analyst to Finance." in left
    came = words(as_olga.get(reverse("manage:catalog", args=[finance.pk])))
    assert "You moved the package Sales Analyst here from Sales." in came


def test_all_that_speaks_against_it_stands_on_the_page(as_olga, package, finance):
    AccessPackageFactory(catalog=finance, name="Sales Analyst")

    response = as_olga.post(address(package), {"catalog": finance.pk})

    assert response.status_code == 422
    text = words(response)
    for code in ("name_taken", "not_in_catalog"):
        assert code in text
    assert "2 things need your attention" in text
    assert models.AccessPackage.objects.get(pk=package.pk).catalog != finance


@pytest.mark.parametrize("which", ["none", "nonsense", "foreign", "same"])
def test_a_catalog_that_is_not_offered_is_not_taken(as_olga, package, sales, which):
    chosen = {"none": "", "nonsense": "x", "foreign": CatalogFactory().pk, "same": sales.pk}

    response = as_olga.post(address(package), {"catalog": chosen[which]})

    assert response.status_code == 422
    assert models.AccessPackage.objects.get(pk=package.pk).catalog == sales


def test_strangers_find_nothing_and_readers_are_refused(client, package, sales, bo, appoint):
    client.force_login(bo)
    assert client.get(address(package)).status_code == 404
    assert client.post(address(package)).status_code == 404

    appoint(bo, sales, "reader")
    assert client.get(address(package)).status_code == 403
    assert client.post(address(package)).status_code == 403
