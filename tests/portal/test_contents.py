"""What is in a package can be kept from guests, or from everybody, until they have it."""

import pytest
from django.urls import reverse

from entitlements.directory.models import UserType
from entitlements.policies.models import Scope
from portal.checks import settings_fit_together
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def package():
    ledger = ResourceFactory(name="General ledger", kind="site")
    package = AccessPackageFactory(name="Close", roles=[ResourceRoleFactory(resource=ledger)])
    AssignmentPolicyFactory(package=package, scope=Scope.ALL_USERS)
    return package


@pytest.mark.parametrize(
    ("shown_to", "user_type", "is_shown"),
    [
        ("everyone", UserType.GUEST, True),
        ("members", UserType.MEMBER, True),
        ("members", UserType.GUEST, False),
        ("nobody", UserType.MEMBER, False),
    ],
)
def test_what_is_in_a_package_is_shown_as_the_organization_decides(
    client, settings, package, shown_to, user_type, is_shown
):
    settings.RESOURCES_SHOWN_TO = shown_to
    client.force_login(UserFactory(user_type=user_type))

    page = client.get(reverse("packages:detail", args=[package.pk])).text
    found = client.get("/packages/?q=ledger").text
    of_kind = client.get("/packages/?kind=security_group").text
    listed = client.get("/packages/").text

    assert ("General ledger" in page) is is_shown
    assert ("General ledger" in listed) is is_shown
    assert ("Close" in found) is is_shown
    assert ("Close" in of_kind) is not is_shown
    assert ("Kind of resource" in listed) is is_shown
    assert "Close" in listed
    assert ("shown to those who have it" in page) is not is_shown


def test_a_value_that_does_not_exist_stops_the_start(settings):
    settings.RESOURCES_SHOWN_TO = "friends"

    [error] = [one for one in settings_fit_together() if "RESOURCES_SHOWN_TO" in one.msg]

    assert "everyone, members or nobody" in error.hint
