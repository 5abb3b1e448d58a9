from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from entitlements import clock
from entitlements.assignments.models import AssignmentState
from entitlements.requests import deciding, operations
from tests.factories import ApprovalStageFactory, AssignmentFactory, AssignmentPolicyFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(client, ada):
    """Read Ada's home page, or somebody else's."""

    def home(viewer=ada):
        client.force_login(viewer)
        return " ".join(strip_tags(client.get("/").text).split())

    return home


@pytest.fixture
def pending(ada, bo):
    policy = AssignmentPolicyFactory(package__name="Sales Payments")
    ApprovalStageFactory(policy=policy, approvers=[bo])
    return operations.submit(policy, by=ada, justification="Covering for Dev")


def test_who_is_new_reads_how_it_works(home):
    text = home()

    assert "Hello, Ada Lovelace" in text
    assert "Nothing needs you today." in text
    assert "How it works" in text
    assert "Find access" in text


def test_who_needs_to_do_nothing_is_told_so(home, ada):
    AssignmentFactory(target=ada)

    text = home()

    assert "Nothing needs you" in text
    assert "How it works" not in text


def test_an_approver_sees_what_waits_for_him_the_first_deadline_first(home, client, ada, bo):
    for name, days in (("Later", 9), ("Sooner", 2)):
        policy = AssignmentPolicyFactory(package__name=name)
        ApprovalStageFactory(policy=policy, approvers=[bo], decision_days=days)
        access_request = operations.submit(policy, by=ada, justification=f"Why {name}")

    text = home(bo)

    assert text.index("Ada Lovelace: Sooner") < text.index("Ada Lovelace: Later")
    assert "Why Sooner" in text
    assert "due in 2 days" in text
    assert "How it works" not in text
    assert reverse("approvals:detail", args=[access_request.pk]) in client.get("/").text


def test_what_one_asked_for_is_on_the_way(home, pending):
    text = home()

    assert "On the way" in text
    assert "Sales Payments Waiting for approval" in text
    assert "Bo Chen" in text
    assert "Recent requests" not in text


def test_what_was_decided_is_recent(home, bo, pending):
    deciding.deny_request(pending, by=bo)

    text = home()

    assert "On the way" not in text
    assert "Recent requests" in text
    assert "Denied" in text


def test_access_that_ends_soon_can_be_extended_from_here(home, client, ada):
    noon_in_three_days = clock.today_begins() + timedelta(days=3, hours=12)
    soon = AssignmentFactory(target=ada, ends_at=noon_in_three_days)
    AssignmentFactory(target=ada, policy__package__name="Long lasting")

    text = home()

    assert f"{soon.package} ends in 3 days" in text
    assert "Long lasting" not in text
    assert f"{reverse('access:detail', args=[soon.pk])}#extend" in client.get("/").text


def test_access_that_ended_this_second_does_not_end_soon(home, ada):
    soon = AssignmentFactory(target=ada, ends_at=clock.now() + timedelta(days=3))

    with clock.at(soon.ends_at):
        assert "Ends soon" not in home()


def test_access_that_cannot_be_extended_does_not_offer_it(home, ada):
    AssignmentFactory(
        target=ada,
        ends_at=clock.now() + timedelta(days=3),
        policy__allows_extension=False,
    )

    text = home()

    assert "Ends soon" in text
    assert "Extend…" not in text


def test_managers_see_what_could_not_be_set_up_in_their_catalogs(home, ada, bo, gita, appoint):
    failed = AssignmentFactory(target=ada, state=AssignmentState.PARTIALLY_DELIVERED)
    AssignmentFactory(target=bo, state=AssignmentState.DELIVERY_FAILED)
    appoint(gita, failed.package.catalog)

    text = home(gita)

    assert f"Could not be set up All deliveries Ada Lovelace: {failed.package}" in text
    assert "Bo Chen" not in text
    assert "Could not be set up" not in home(ada)


def test_the_page_only_looks(client, ada):
    client.force_login(ada)

    assert client.post("/").status_code == 405
