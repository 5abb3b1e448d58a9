"""Attributes of people on the pages: an owner asks for them, a person gives or only sees them."""

import pytest
from django.urls import reverse

from entitlements.catalog.attributes import ResourceAttribute
from entitlements.models import AccessRequest, Group, User
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ResourceFactory,
    ResourceRoleFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def resource(bo, appoint):
    """A group that Bo owns, offered by his catalog."""
    catalog = CatalogFactory()
    appoint(bo, catalog)
    made = ResourceFactory(catalog=catalog, name="CRM")
    Group.objects.get(pk=made.external_id).owners.add(bo)
    return made


@pytest.fixture
def attribute(resource):
    return ResourceAttribute.objects.create(
        resource=resource, name="cost_center", question="Which <b>cost center</b>?"
    )


@pytest.fixture
def policy(resource, attribute):
    role = ResourceRoleFactory(resource=resource)
    package = AccessPackageFactory(catalog=resource.catalogs.get(), roles=[role])
    return AssignmentPolicyFactory(package=package)


@pytest.fixture
def as_bo(client, bo):
    client.force_login(bo)
    return client


@pytest.fixture
def as_ada(client, ada):
    client.force_login(ada)
    return client


def ask(client, policy, attribute, value, **more):
    name = f"answer-{policy.pk.hex[:8]}-{attribute.pk}"
    address = reverse("packages:ask", args=[policy.package_id])
    return client.post(address, {"policy": policy.pk, "justification": "", name: value, **more})


def page(client, policy):
    return client.get(reverse("packages:ask", args=[policy.package_id])).text


def test_an_owner_asks_for_an_attribute_and_stops(as_bo, resource):
    add = reverse("manage:attribute_add", args=[resource.pk])
    here = reverse("manage:resource", args=[resource.pk])
    assert "It asks for nothing about people." in as_bo.get(here).text
    assert as_bo.get(add).status_code == 200

    response = as_bo.post(add, {"name": "office", "question": "Which floor?", "is_editable": "on"})

    assert response.url == here
    made = resource.attributes.get()
    assert (made.name, made.is_editable) == ("office", True)
    assert "Which floor?" in as_bo.get(here).text
    remove = reverse("manage:attribute_remove", args=[resource.pk, made.pk])
    assert "Stop asking for Office?" in as_bo.get(remove).text
    assert as_bo.post(remove).url == here
    assert not resource.attributes.exists()
    assert "stopped asking for Office." in as_bo.get(here).text


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "email", "question": "Which?"},
        {"name": "office", "question": " "},
        {"name": "office", "question": "x" * 501},
        {},
    ],
)
def test_what_cannot_be_asked_for_comes_back(as_bo, resource, fields):
    add = reverse("manage:attribute_add", args=[resource.pk])

    assert as_bo.post(add, {"is_editable": "", **fields, "x": "x"}).status_code == 422
    assert not resource.attributes.exists()


def test_ten_attributes_are_enough(as_bo, resource):
    for number in range(1, 11):
        resource.attributes.create(name=f"extension_attribute_{number}", question="?")
    add = reverse("manage:attribute_add", args=[resource.pk])

    response = as_bo.post(add, {"name": "office", "question": "Which floor?"})

    assert response.status_code == 422
    assert "too_many_attributes" in response.text


def test_others_ask_for_nothing(client, ada, gita, appoint, resource, attribute):
    appoint(gita, resource.catalogs.get(), "reader")
    addresses = [
        reverse("manage:attribute_add", args=[resource.pk]),
        reverse("manage:attribute_remove", args=[resource.pk, attribute.pk]),
    ]
    for person, status in ((ada, 404), (gita, 403)):
        client.force_login(person)
        for address in addresses:
            assert client.get(address).status_code == status
            assert client.post(address).status_code == status
    assert resource.attributes.exists()


def test_somebody_without_a_value_gives_one(as_ada, ada, policy, attribute):
    assert "Which &lt;b&gt;cost center&lt;/b&gt;?" in page(as_ada, policy)

    refused = ask(as_ada, policy, attribute, "")
    too_long = ask(as_ada, policy, attribute, "x" * 101)
    sent = ask(as_ada, policy, attribute, "4711")

    assert (refused.status_code, too_long.status_code, sent.status_code) == (422, 422, 302)
    assert len(refused.context["form"].errors) == 1
    assert User.objects.get(pk=ada.pk).cost_center == "4711"


def test_a_value_that_is_fixed_is_shown_and_cannot_be_changed(as_ada, ada, policy, attribute):
    ada.cost_center = "1000"
    ada.save()

    text = page(as_ada, policy)
    sent = ask(as_ada, policy, attribute, "9999")

    assert 'value="1000"' in text
    assert "disabled" in text
    assert "From the profile; it stays as it is." in text
    assert sent.status_code == 302
    assert AccessRequest.objects.get().answers[0]["value"] == "1000"


def test_a_value_that_is_editable_is_prefilled(as_ada, ada, policy, attribute):
    ResourceAttribute.objects.update(is_editable=True)
    ada.cost_center = "1000"
    ada.save()

    assert 'value="1000"' in page(as_ada, policy)
    assert ask(as_ada, policy, attribute, "2000").status_code == 302
    assert User.objects.get(pk=ada.pk).cost_center == "2000"


def test_approvers_read_the_attributes_too(as_ada, policy, attribute):
    ask(as_ada, policy, attribute, "4711")

    story = as_ada.get(reverse("requests:detail", args=[AccessRequest.objects.get().pk])).text

    assert "Which &lt;b&gt;cost center&lt;/b&gt;?" in story
    assert "4711" in story


@pytest.mark.parametrize(("profile", "status"), [("1000", 302), ("", 422)])
def test_given_directly_the_profile_speaks_where_nothing_is_said(
    as_bo, ada, policy, attribute, profile, status
):
    ada.cost_center = profile
    ada.save()
    address = reverse("manage:give", args=[policy.package_id])
    name = f"answer-{policy.pk.hex[:8]}-{attribute.pk}"
    assert "Empty: what the profile says." in as_bo.get(address).text

    sent = as_bo.post(address, {"person": f"user:{ada.pk}", "policy": policy.pk, name: ""})

    assert sent.status_code == status
    given = [one["value"] for made in AccessRequest.objects.all() for one in made.answers]
    assert given == ([profile] if profile else [])
