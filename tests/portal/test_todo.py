"""What needs a person in one catalog: each number leads to the list that makes it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements import clock, models
from entitlements.callouts.models import CalloutState
from portal.manage.todo import todos, todos_in
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    CustomExtensionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def troubled(name):
    """A catalog without an owner, in which everything that can needs somebody."""
    catalog = CatalogFactory(name=name)
    AccessPackageFactory(catalog=catalog, name=f"{name} without policy")
    package = AccessPackageFactory(catalog=catalog, name=f"{name} package")
    policy = AssignmentPolicyFactory(package=package, name=f"{name} undecidable")
    ApprovalStageFactory(policy=policy)
    person = UserFactory(display_name=f"{name} person")
    AssignmentFactory(policy=policy, target=person, ends_at=clock.now() + timedelta(days=3))
    models.Grant.objects.create(
        user=person, role=package.roles.get(), last_error=f"{name} is away", error_code="away"
    )
    extension = CustomExtensionFactory(catalog=catalog, name=f"{name} desk")
    models.Callout.objects.create(
        extension=extension,
        stage="test",
        about_type="customextension",
        about_id=extension.pk,
        created_at=clock.now(),
        state=CalloutState.GIVEN_UP,
    )
    return catalog


@pytest.fixture
def sales():
    return troubled("Sales")


@pytest.fixture
def finance():
    return troubled("Finance")


@pytest.fixture
def as_reader(client, sales, finance, appoint):
    """Whoever reads both catalogs: nobody owns either."""
    person = UserFactory()
    for catalog in (sales, finance):
        appoint(person, catalog, "reader")
    client.force_login(person)
    client.person = person
    return client


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_a_catalog_counts_what_needs_somebody_in_it(as_reader, sales, finance):
    text = words(as_reader.get(reverse("manage:catalog", args=[sales.pk])))

    for line in (
        "1 catalog without an owner",
        "1 role could not be set up",
        "1 call to another system could not be made",
        "1 policy in which nobody can approve",
        "1 package without a policy",
        "1 assignment ends within 14 days",
    ):
        assert line in text


def test_each_number_leads_to_its_list_in_this_catalog_alone(as_reader, sales, finance):
    lines = todos_in(sales)

    assert len(lines) == 6
    for line in lines:
        listed = words(as_reader.get(line.url))
        assert "Sales" in listed, line
        for name in ("person", "desk", "package", "undecidable", "without policy", "is away"):
            assert f"Finance {name}" not in listed, line


def test_the_overview_sums_what_the_catalogs_count(as_reader, sales, finance):
    """But for owners, whom only those are told of who can appoint them."""
    summed = {line.icon: line.number for line in todos(as_reader.person)}

    for icon, number in summed.items():
        lines = [line for one in (sales, finance) for line in todos_in(one)]
        assert sum(line.number for line in lines if line.icon == icon) == number == 2, icon
    assert "people" not in summed
    administrator = UserFactory(is_superuser=True)
    assert {line.icon: line.number for line in todos(administrator)}["people"] == 2


def test_a_catalog_in_order_says_so(client, appoint):
    catalog = CatalogFactory()
    client.force_login(appoint(UserFactory(), catalog))

    page = words(client.get(reverse("manage:catalog", args=[catalog.pk])))

    assert "Nothing needs you." in page


@pytest.mark.parametrize("name", ["deliveries", "calls"])
def test_lists_are_not_narrowed_to_what_one_does_not_look_into(client, sales, appoint, name):
    client.force_login(appoint(UserFactory(), CatalogFactory(), "reader"))
    address = reverse(f"manage:{name}")

    assert client.get(address).status_code == 200
    assert client.get(address, {"catalog": ""}).status_code == 200
    assert client.get(address, {"catalog": sales.pk}).status_code == 404
    assert client.get(address, {"catalog": "x"}).status_code == 404


def test_however_much_there_is_the_page_takes_as_many_queries(as_reader, sales):
    page = reverse("manage:catalog", args=[sales.pk])

    def queries():
        with CaptureQueriesContext(connection) as captured:
            as_reader.get(page)
        return len(captured)

    few = queries()
    package = sales.packages.get(name="Sales package")
    AccessPackageFactory.create_batch(5, catalog=sales)
    for policy in AssignmentPolicyFactory.create_batch(5, package=package):
        ApprovalStageFactory(policy=policy)
        AssignmentFactory(policy=policy, ends_at=clock.now() + timedelta(days=3))
    assert queries() == few
