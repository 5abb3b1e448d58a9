"""Access of many people is extended from the list of assignments, each on his own."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from entitlements import clock, models
from entitlements.requests.states import RequestKind, RequestState
from portal.forms import day_of
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
ADDRESS = "manage:assignments_extend"
WEEK = timedelta(days=7)


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def policy(sales):
    return AssignmentPolicyFactory(package=AccessPackageFactory(catalog=sales, name="Analyst"))


@pytest.fixture
def end():
    return clock.day_ends(day_of(clock.now() + timedelta(days=10)))


@pytest.fixture
def held(policy, ada, end):
    return AssignmentFactory(policy=policy, target=ada, ends_at=end)


@pytest.fixture
def as_olga(client, sales, appoint):
    client.force_login(appoint(UserFactory(), sales, "assignment_manager"))
    return client


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_chosen_access_is_extended_row_by_row_to_one_day(as_olga, held, ada, end):
    never = AssignmentFactory(policy=held.policy, ends_at=None)
    chosen = [held.pk, never.pk]
    listing = reverse("manage:entitlements_assignment_changelist")
    fields = {"action": "extend_access", "index": "0", "_selected_action": chosen}
    page = as_olga.get(as_olga.post(listing, fields)["Location"])
    assert "Ada Lovelace" in words(page)

    sent = {"id": chosen, "ends_on": f"{day_of(end + WEEK)}", "justification": "The fair"}
    response = as_olga.post(reverse(ADDRESS), sent)

    assert "1 of 2 extended" in words(response)
    assert "never_ends" in words(response)
    held.refresh_from_db()
    assert held.ends_at == end + WEEK
    access_request = models.AccessRequest.objects.get(assignment=held)
    assert (access_request.kind, access_request.state) == (
        RequestKind.ADMIN_UPDATE,
        RequestState.DELIVERED,
    )
    assert access_request.justification == "The fair"


def test_each_row_keeps_the_limit_of_its_own_policy(as_olga, held, policy, end):
    short = AssignmentPolicyFactory(package=policy.package, expiration="after_days", duration=3)
    other = AssignmentFactory(policy=short, ends_at=end)

    sent = {"id": [held.pk, other.pk], "ends_on": f"{day_of(end + WEEK)}"}
    response = as_olga.post(reverse(ADDRESS), sent)

    assert "1 of 2 extended" in words(response)
    assert "ends_after_limit" in words(response)
    other.refresh_from_db()
    assert other.ends_at == end


def test_the_last_day_of_a_policy_ends_when_its_limit_does(as_olga, held):
    held.ends_at = clock.now() + timedelta(days=10)
    held.save()
    limit = held.ends_at + timedelta(days=held.policy.duration)

    as_olga.post(reverse(ADDRESS), {"id": held.pk, "ends_on": f"{day_of(limit)}"})

    held.refresh_from_db()
    assert held.ends_at == limit


def test_what_waits_for_approvers_is_not_called_extended(as_olga, held, bo, end):
    held.policy.extension_requires_approval = True
    held.policy.save()
    ApprovalStageFactory(policy=held.policy, approvers=[bo])

    sent = {"id": held.pk, "ends_on": f"{day_of(end + WEEK)}"}
    response = as_olga.post(reverse(ADDRESS), sent)

    assert "0 of 1 extended" in words(response)
    assert "waits for approval" in words(response)
    assert models.AccessRequest.objects.get().state == RequestState.PENDING_APPROVAL
    held.refresh_from_db()
    assert held.ends_at == end


@pytest.mark.parametrize("day", ["", "soon", "0001-01-01"])
def test_without_a_day_nothing_is_sent(as_olga, held, day):
    response = as_olga.post(reverse(ADDRESS), {"id": held.pk, "ends_on": day})

    assert response.status_code == 422
    assert not models.AccessRequest.objects.exists()


def test_whoever_only_reads_extends_nothing(client, sales, held, bo, appoint, end):
    client.force_login(appoint(bo, sales, "reader"))

    sent = {"id": held.pk, "ends_on": f"{day_of(end + WEEK)}"}
    response = client.post(reverse(ADDRESS), sent)

    assert "not_permitted" in words(response)
    held.refresh_from_db()
    assert held.ends_at == end
