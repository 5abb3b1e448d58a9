"""Points of the acceptance list that no other test shows alone."""

import pytest
from django.urls import reverse

from entitlements.audit.models import AuditEvent
from entitlements.catalog.models import AccessPackage
from entitlements.directory.models import UserType
from entitlements.policies.models import AssignmentPolicy, Scope
from entitlements.requests import operations
from tests.factories import AccessPackageFactory, AssignmentPolicyFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def package(gita, appoint):
    """A published package, whose catalog Gita owns."""
    package = AccessPackageFactory(
        catalog__name="Ledgers", catalog__description="Every booking of every company."
    )
    appoint(gita, package.catalog)
    return package


def test_the_page_of_a_package_names_and_describes_its_catalog(client, ada, package):
    AssignmentPolicyFactory(package=package)
    client.force_login(ada)

    text = client.get(reverse("packages:detail", args=[package.pk])).text

    assert "Ledgers" in text
    assert "Every booking of every company." in text


def test_a_link_to_a_package_is_kept_through_the_sign_in(client, ada, package):
    AssignmentPolicyFactory(package=package)
    address = reverse("packages:detail", args=[package.pk])

    to_sign_in = client.get(address).url
    client.force_login(ada)

    assert to_sign_in == f"{reverse('account_login')}?next={address}"
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("user_type", UserType)
def test_a_package_that_is_only_given_directly_is_listed_for_nobody(package, user_type):
    AssignmentPolicyFactory(package=package, scope=Scope.NOBODY)
    open_policies = AssignmentPolicy.objects.open_to(UserFactory(user_type=user_type))

    assert package in AccessPackage.objects.listed()
    assert package not in open_policies.packages()


def test_a_package_without_a_policy_can_be_given_to_nobody(package, ada, gita):
    """Access is asked for and given under a policy of the package, and there is none."""
    assert package.state == "published"
    assert not AssignmentPolicy.objects.open_to(ada).filter(package=package).exists()
    assert not AssignmentPolicy.objects.visible_to(gita).filter(package=package).exists()


def test_a_reason_is_recorded_with_access_that_is_given_directly(package, ada, gita):
    policy = AssignmentPolicyFactory(package=package, scope=Scope.NOBODY)

    access_request = operations.assign(policy, ada, by=gita, justification="Covers for Bo.")

    assert access_request.justification == "Covers for Bo."
    event = AuditEvent.objects.get(action="request.given_directly")
    assert (event.actor_id, event.details["justification"]) == (gita.pk, "Covers for Bo.")
